//! Signals: the end of the program, and suspending it.

use std::sync::mpsc::SyncSender;

use super::Message;

/// Starts listening for signals.
#[cfg(unix)]
pub fn listen(sender: SyncSender<Message>) -> std::io::Result<()> {
    use crate::tui::ExitReason;
    use crate::tui::state::Event;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

    let mut signals =
        signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP])?;
    let work = move || {
        for signal in signals.forever() {
            let message = match signal {
                SIGTSTP => Message::Suspend,
                signal => Message::Event(Event::EndNow(ExitReason::Signal(signal))),
            };
            if sender.send(message).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(work)
        .map(|_| ())
}

/// Stops this process until it is continued.
#[cfg(unix)]
pub fn stop_here() {
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP);
}

#[cfg(not(unix))]
pub fn listen(_sender: SyncSender<Message>) -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub fn stop_here() {}
