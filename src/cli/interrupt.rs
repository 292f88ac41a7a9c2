//! Ctrl-C: a command that looks at the flag is asked to end; any other, and a question that waits for an answer, is ended by
//! the system at once.
//!
//! Nothing may listen to the signal that does not hand the flag to whoever works: a first Ctrl-C would do nothing then.

use std::sync::OnceLock;

use rounds_support::Cancel;

/// The flag that Ctrl-C raises.
#[derive(Default)]
pub struct Interrupt {
    flag: Cancel,
    heard: OnceLock<()>,
}

impl Interrupt {
    /// The flag. From the first call on, Ctrl-C raises it and does not end the program; a second one does.
    pub fn flag(&self) -> &Cancel {
        self.heard.get_or_init(|| listen(&self.flag));
        &self.flag
    }

    /// Whether Ctrl-C was pressed.
    pub fn happened(&self) -> bool {
        self.flag.is_cancelled()
    }
}

fn listen(flag: &Cancel) {
    let flag = flag.clone();
    let handler = ctrlc::set_handler(move || {
        if flag.is_cancelled() {
            std::process::exit(130);
        }
        flag.cancel();
    });
    if handler.is_err() {
        tracing::warn!("no handler for Ctrl-C");
    }
}
