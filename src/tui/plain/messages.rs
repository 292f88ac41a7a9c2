//! Message texts of the line mode.

use crate::tui::journal::Attached;
use crate::tui::state::{COMMANDS, Finished, has_words};
use rounds_assistant::WITHHELD_TEXT;
use rounds_imaging::Brightness;
use rounds_support::errors::bytes;
use rounds_support::errors::count;

/// The first line. It states the intended use.
pub const BANNER: &str = "rounds: education and research only, not for diagnosis. Type a question; /help lists all commands.";
pub const PROMPT: &str = "> ";
/// The prompt of a continued line.
pub const CONTINUATION_PROMPT: &str = "... ";
pub const NO_RATIONALE: &str = "(the model gave no rationale)";
/// Follows an answer that was printed before its confidence was known.
pub const UNSURE: &str = "(not sure of this answer)";

/// The technical facts of an attached image.
pub fn image_facts(attached: &Attached) -> String {
    let image = &attached.image;
    let source = &image.source;
    let bits = source.original_mode.bits();
    let bits = bits.map_or(String::new(), |bits| format!(" ({bits} bits per channel)"));
    let brightness = Brightness::of(image);
    let blank = match brightness.is_blank() {
        true => ", looks blank",
        false => "",
    };
    format!(
        "{}: {}, {} x {} pixels, {}{bits}, {}, mean brightness {:.0} of 255{blank}",
        source.name,
        source.format.name(),
        image.width,
        image.height,
        source.original_mode.name(),
        bytes(source.bytes),
        brightness.mean,
    )
}

/// A complete answer, for when it was not streamed.
pub fn answer(done: &Finished) -> Vec<String> {
    let rationale = match &done.rationale {
        Some(rationale) => Some(format!("Rationale: {rationale}")),
        None => done.lacks_rationale().then(|| NO_RATIONALE.into()),
    };
    rationale.into_iter().chain([answer_line(done)]).collect()
}

fn answer_line(done: &Finished) -> String {
    match (done.answer.is_empty(), done.is_unsure()) {
        (true, _) => done.no_answer().into(),
        (false, true) => format!("Answer (not sure): {}", done.answer),
        (false, false) => format!("Answer: {}", done.answer),
    }
}

/// What a streamed answer lacks.
pub fn missing(done: &Finished) -> Vec<String> {
    let lacking = [
        done.lacks_rationale().then_some(NO_RATIONALE),
        match done.is_withheld && done.generated_tokens > 0 {
            true => Some(WITHHELD_TEXT),
            false => done.answer.is_empty().then(|| done.no_answer()),
        },
        done.is_unsure().then_some(UNSURE),
    ];
    lacking.into_iter().flatten().map(String::from).collect()
}

/// The last line of an answer.
pub fn footer(done: &Finished) -> String {
    format!(
        "{} in {:.2} s",
        count(done.generated_tokens, "token"),
        done.total_ms / 1000.0
    )
}

/// The help: all commands, then hints about input; only the lines with `words`, if there are any.
pub fn help(words: &str) -> Vec<String> {
    let mut lines: Vec<String> = COMMANDS
        .iter()
        .map(|row| {
            let usage = format!("{} {}", row.name, row.argument_hint);
            let screen = if row.full_screen_only {
                " (full screen only)"
            } else {
                ""
            };
            format!("{}: {}{screen}", usage.trim(), row.help)
        })
        .collect();
    lines.push("anything else is a question; lines typed during an answer run after it".into());
    lines.push(
        "end a line with a backslash to continue it on the next; type two for a literal backslash there"
            .into(),
    );
    lines.push(
        "Ctrl-C stops the answer; press it again, or when nothing is running, to quit".into(),
    );
    lines.retain(|line| has_words(line, words));
    if lines.is_empty() {
        lines.push("no line of the help has these words; /help shows all".into());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsure_answer_says_so_before_it_or_after_it_if_it_was_streamed() {
        let unsure = Finished {
            answer: "yes".into(),
            rationale: Some("It is round.".into()),
            sure: Some(false),
            ..Finished::default()
        };
        assert_eq!(
            answer(&unsure),
            ["Rationale: It is round.", "Answer (not sure): yes"]
        );
        assert_eq!(missing(&unsure), [UNSURE]);
        for sure in [None, Some(true)] {
            let sure = Finished {
                sure,
                ..unsure.clone()
            };
            assert_eq!(answer(&sure), ["Rationale: It is round.", "Answer: yes"]);
            assert!(missing(&sure).is_empty());
        }
    }

    #[test]
    fn a_withheld_answer_is_not_said_to_be_missing() {
        let withheld = Finished {
            is_withheld: true,
            ..Finished::default()
        };
        assert_eq!(answer(&withheld), ["(no answer is shown)"]);
        assert_eq!(missing(&withheld), ["(no answer is shown)"]);
        let broken = Finished {
            generated_tokens: 40,
            ..withheld
        };
        assert_eq!(missing(&broken), [WITHHELD_TEXT]);
        let none = Finished::default();
        assert_eq!(missing(&none), [NO_RATIONALE, rounds_assistant::NO_ANSWER]);
    }

    #[test]
    fn the_first_line_states_the_intended_use() {
        assert!(BANNER.contains(rounds_assistant::INTENDED_USE));
    }
}
