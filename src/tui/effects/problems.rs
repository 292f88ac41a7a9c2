//! Lists the problems that ship and reads one with its images, on a worker thread.

use super::files::attached;
use crate::tui::state::{Event, OpenedProblem, ProblemName};
use rounds_eval::problems;
use rounds_support::Failure;
use rounds_support::sanitise::clean_line;

/// The problems that ship; none if they cannot be read, which a test excludes.
pub fn shipped_problems() -> Vec<ProblemName> {
    let all = problems::shipped_set().unwrap_or_default();
    let name = |problem: problems::Problem| ProblemName {
        words: match problem.topic.as_str() {
            "" => clean_line(&problem.question),
            topic => clean_line(&format!("{topic}: {}", problem.question)),
        },
        id: problem.id,
    };
    all.into_iter().map(name).collect()
}

/// Reads a problem: `ID` of those that ship, or `FILE#ID`.
pub fn open(name: &str) -> Event {
    Event::Problem(read(name).map(Box::new))
}

fn read(name: &str) -> Result<OpenedProblem, Failure> {
    let problem = problems::find(name)?;
    let mut images = Vec::new();
    for (number, image) in problem.images.iter().enumerate() {
        // The name of a file could give the answer away.
        let title = match problem.images.len() {
            1 => format!("problem {}", problem.id),
            _ => format!("problem {}, image {}", problem.id, number + 1),
        };
        images.push(attached(image.bytes()?.into(), &title, None)?);
    }
    Ok(OpenedProblem {
        id: problem.id,
        background: problem.background,
        images,
        question: problem.question,
        reference: match problem.rationale.as_str() {
            "" => problem.answer,
            rationale => format!("{}\n\n{rationale}", problem.answer),
        },
    })
}
