//! Finding things on a captured screen.

/// Edges of panes and windows.
const EDGES: [char; 2] = ['│', '║'];

/// The lines of one pane: `number` counts panes from the left, from 0.
pub fn pane(screen: &str, number: usize) -> Vec<&str> {
    // Left edge, pane, right edge and left edge of the next, pane, …
    let place = 2 * number + 1;
    screen
        .lines()
        .filter_map(|line| line.split(EDGES).nth(place))
        .map(|line| without_thumb(line.trim()).trim_end())
        .collect()
}

/// A line without the scroll bar's thumb at its end; the bar of a score is more than one block, or goes on in another.
fn without_thumb(line: &str) -> &str {
    line.strip_suffix('█')
        .filter(|rest| !rest.ends_with('█'))
        .unwrap_or(line)
}

/// All text without its blanks: where lines are broken does not matter.
pub fn squeezed<T: AsRef<str>>(lines: &[T]) -> String {
    let all = lines.iter().flat_map(|line| line.as_ref().chars());
    all.filter(|letter| !letter.is_whitespace()).collect()
}

/// The lines of the answer that streams at the end of the conversation, which is pane `number`; none where none does.
pub fn streamed(screen: &str, number: usize) -> Vec<&str> {
    let lines = pane(screen, number);
    let Some(end) = lines.iter().rposition(|line| *line == "answering …") else {
        return Vec::new();
    };
    let above = lines.get(..end).unwrap_or_default();
    let start = above
        .iter()
        .rposition(|line| line.starts_with("rounds"))
        .map_or(0, |head| head + 1);
    above.get(start..).unwrap_or_default().to_vec()
}

/// How many answers are finished: each says what it is for and how many tokens it has.
pub fn answers(screen: &str) -> usize {
    screen.matches(" tokens, ").count()
}

/// Whether `number` answers are finished and all of that is drawn: the status line is drawn last.
pub fn is_answered(screen: &str, number: usize) -> bool {
    answers(screen) == number && screen.contains(" ready |")
}
