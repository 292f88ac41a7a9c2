//! Confirmation before something is deleted permanently.

use rounds_support::Failure;
use std::io::{BufRead, IsTerminal, Write};

/// Asks the user at a terminal. Without a terminal nothing is deleted unless `yes` is set.
pub fn confirm_deletion(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Failure::usage(
            "nothing was deleted: cannot ask for confirmation without a terminal",
        )
        .hint("add --yes to delete without asking"));
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
        _ => Err(Failure::usage("nothing was deleted")),
    }
}
