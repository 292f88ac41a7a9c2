//! Ctrl-C: commands that poll the flag stop cleanly. All others, and prompts for confirmation, are ended by the system at
//! once.
//!
//! Ask for the flag only where it is passed on to the work; otherwise the first Ctrl-C would do nothing.

use std::sync::OnceLock;

use rounds_support::Cancel;

/// The cancel flag that Ctrl-C sets.
#[derive(Default)]
pub struct Interrupt {
    flag: Cancel,
    installed: OnceLock<()>,
}

impl Interrupt {
    /// The flag. From the first call on, Ctrl-C sets it instead of ending the program; a second Ctrl-C ends the program.
    pub fn flag(&self) -> &Cancel {
        self.installed.get_or_init(|| install_handler(&self.flag));
        &self.flag
    }

    /// Whether Ctrl-C was pressed.
    pub fn happened(&self) -> bool {
        self.flag.is_cancelled()
    }
}

fn install_handler(flag: &Cancel) {
    let flag = flag.clone();
    let handler = ctrlc::set_handler(move || {
        if flag.is_cancelled() {
            std::process::exit(130);
        }
        flag.cancel();
    });
    if handler.is_err() {
        tracing::warn!("cannot install a Ctrl-C handler");
    }
}
