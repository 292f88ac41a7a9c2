//! Times and kinds in words.

use rounds_study::card::Kind;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// When something is due that is `ms` away.
pub fn due_in(ms: i64) -> String {
    let plural = |number: i64, unit: &str| match number {
        1 => format!("in 1 {unit}"),
        _ => format!("in {number} {unit}s"),
    };
    match ms {
        ..=0 => "now".into(),
        1..MINUTE => "in less than a minute".into(),
        MINUTE..HOUR => plural((ms + MINUTE / 2) / MINUTE, "minute"),
        HOUR..DAY => plural((ms + HOUR / 2) / HOUR, "hour"),
        _ => plural((ms + DAY / 2) / DAY, "day"),
    }
}

/// What a kind of card asks for, as a title.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Question => "Question",
        Kind::Choice => "Choose one",
        Kind::Spot => "Spot it",
        Kind::Occlusion => "What is covered?",
        Kind::Compare => "Compare",
        Kind::Staged => "Case",
    }
}

/// The letter of an answer to choose, from `a`.
pub fn letter(at: usize) -> char {
    let letters = b'a'..=b'z';
    letters.clone().nth(at).map_or('?', char::from)
}

/// The place of the answer that a letter chooses, from 0.
pub fn place_of(letter: char) -> Option<usize> {
    let place = u32::from(letter.to_ascii_lowercase()).checked_sub(u32::from('a'))?;
    usize::try_from(place).ok().filter(|place| *place < 26)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_times_are_sentences() {
        for (ms, words) in [
            (-5, "now"),
            (1, "in less than a minute"),
            (MINUTE, "in 1 minute"),
            (9 * MINUTE, "in 9 minutes"),
            (14 * HOUR, "in 14 hours"),
            (DAY, "in 1 day"),
            (3 * DAY, "in 3 days"),
        ] {
            assert_eq!(due_in(ms), words);
        }
    }
}
