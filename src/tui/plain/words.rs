//! Texts of the line mode.

use crate::tui::journal::Attached;
use crate::tui::state::{COMMANDS, Finished};
use rounds_assistant::INTENDED_USE;
use rounds_imaging::Brightness;
use rounds_support::errors::bytes;

/// The first line. It says what [`INTENDED_USE`] says.
pub const FIRST: &str = "rounds: education and research only, not for diagnosis. Type a question; /help lists all commands.";
pub const PROMPT: &str = "> ";
/// Where a line goes on.
pub const MORE: &str = "... ";
pub const NO_RATIONALE: &str = "(the model gave no rationale)";

/// A picture by its technical facts.
pub fn picture(attached: &Attached) -> String {
    let picture = &attached.picture;
    let source = &picture.source;
    let bits = source.original_mode.bits();
    let bits = bits.map_or(String::new(), |bits| format!(" ({bits} bits a channel)"));
    let brightness = Brightness::of(picture);
    let blank = match brightness.is_blank() {
        true => ", looks blank",
        false => "",
    };
    format!(
        "{}: {}, {} x {} pixels, {}{bits}, {}, mean brightness {:.0} of 255{blank}",
        source.name,
        source.format.name(),
        picture.width,
        picture.height,
        source.original_mode.name(),
        bytes(source.bytes),
        brightness.mean,
    )
}

/// A whole answer that was not streamed, or is said again.
pub fn answer(done: &Finished) -> Vec<String> {
    let rationale = match &done.rationale {
        Some(rationale) => format!("Rationale: {rationale}"),
        None => NO_RATIONALE.into(),
    };
    vec![rationale, format!("Answer: {}", done.answer)]
}

/// The last line of an answer.
pub fn foot(done: &Finished) -> String {
    format!(
        "{INTENDED_USE} | {} tokens in {:.2} s",
        done.generated_tokens,
        done.total_ms / 1000.0
    )
}

/// All commands.
pub fn help() -> Vec<String> {
    let mut lines: Vec<String> = COMMANDS
        .iter()
        .map(|row| {
            let shown = format!("{} {}", row.name, row.shown);
            let screen = if row.of_screen {
                " (full screen only)"
            } else {
                ""
            };
            format!("{}: {}{screen}", shown.trim(), row.help)
        })
        .collect();
    lines.push(
        "anything else is a question; a line that waits for an answer is done after it".into(),
    );
    lines.push(
        "a line that ends in a backslash goes on in the next one; to end in a backslash, type two"
            .into(),
    );
    lines.push("Ctrl-C stops an answer; at rest, or a second time, it leaves".into());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_what_it_is_for() {
        assert!(FIRST.contains(INTENDED_USE));
    }
}
