//! `rounds script`.

use super::{Common, Failure, Outcome};
use rounds_support::{Cancel, Lines};

pub fn run(common: &Common, cancel: &Cancel) -> Outcome {
    let settings = common.settings()?;
    let assistant = common.start()?;
    let input = Lines::read(|| std::io::stdin().lock()).map_err(|e| Failure::io(&e))?;
    let mut output = std::io::stdout().lock();
    crate::script::run(&assistant, &settings, &input, &mut output, cancel)
        .map(u8::from)
        .map_err(|e| Failure::io(&e))
}
