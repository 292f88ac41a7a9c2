//! Asking before something is deleted for good.

use std::io::{BufRead, IsTerminal, Write};

use super::Failure;

/// Asks at a terminal; elsewhere the flag must say it.
pub fn sure(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Failure::usage(
            "nothing was deleted: nobody can be asked here",
            Some("say --yes".into()),
        ));
    }
    let mut err = std::io::stderr();
    let _ = write!(err, "{question} [y/N] ");
    let _ = err.flush();
    let mut answer = String::new();
    input
        .lock()
        .read_line(&mut answer)
        .map_err(|e| Failure::io(&e))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::usage("nothing was deleted", None)),
    }
}
