//! `rounds script`: the command line of [`crate::script`].

use super::answer_args::AnswerArgs;
use super::failure::Outcome;
use rounds_support::{Cancel, Failure, Lines};

pub fn run(answer_args: &AnswerArgs, cancel: &Cancel) -> Outcome {
    let settings = answer_args.settings()?;
    let assistant = answer_args.start()?;
    let input = Lines::read(|| std::io::stdin().lock()).map_err(|e| Failure::io(&e))?;
    let mut output = std::io::stdout().lock();
    crate::script::run(&assistant, &settings, &input, &mut output, cancel)
        .map(u8::from)
        .map_err(|e| Failure::io(&e))
}
