//! Turns signals (interrupt, termination, suspend) into messages.

use std::sync::mpsc::SyncSender;

#[cfg(unix)]
use crate::tui::message::Input;
use crate::tui::message::Message;
use crate::tui::state::Event;

#[cfg(unix)]
use crate::tui::ExitReason;
#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

/// Starts listening for the full-screen interface, which must restore the terminal before the process stops.
#[cfg(unix)]
pub fn listen<N: Send + 'static>(sender: SyncSender<Message<N>>) -> std::io::Result<()> {
    let all = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP];
    start(sender, &all, |signal| match signal {
        SIGTSTP => Message::Suspend,
        signal => Message::Input(Input::Terminate(ExitReason::Signal(signal))),
    })
}

/// Starts listening for the line mode, where an interrupt stops the answer.
#[cfg(unix)]
pub fn listen_to_lines(sender: SyncSender<Message>) -> std::io::Result<()> {
    let all = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
    start(sender, &all, |signal| match signal {
        SIGINT => Message::event(Event::Interrupt),
        signal => Message::Input(Input::Terminate(ExitReason::Signal(signal))),
    })
}

#[cfg(unix)]
fn start<N: Send + 'static>(
    sender: SyncSender<Message<N>>,
    signals: &[i32],
    to_message: fn(i32) -> Message<N>,
) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new(signals)?;
    let work = move || {
        for signal in signals.forever() {
            if sender.send(to_message(signal)).is_err() {
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
    let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
}

#[cfg(not(unix))]
pub fn listen<N>(_sender: SyncSender<Message<N>>) -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub fn listen_to_lines(sender: SyncSender<Message>) -> std::io::Result<()> {
    let interrupt = move || {
        let _ = sender.send(Message::event(Event::Interrupt));
    };
    ctrlc::set_handler(interrupt).map_err(std::io::Error::other)
}

#[cfg(not(unix))]
pub fn stop_here() {}
