//! Meeting an answer in its middle, though it ends by itself after a few seconds.
//!
//! Nothing here may trust that this process is given time while an answer runs: who comes too late tries again from the
//! start, and what is done to the program with signals is done while it stands still.

use std::io::Write;

use super::look::{answers, pane, streamed};
use super::pane::{Home, LONG, Pane, there_is_tmux};

pub const QUESTION: &str = "What is there to say?";
/// More than any machine needs: each takes as long as one answer and starts at its beginning.
const ATTEMPTS: usize = 20;

/// Attempts until one comes in time; `None` says that the answer was over too early.
pub fn in_time<T>(attempt: impl Fn() -> Option<T>) -> T {
    for number in 1..=ATTEMPTS {
        if let Some(found) = attempt() {
            return found;
        }
        // Past the test harness, which shows nothing of a test that passes: this must not become a habit.
        let _ = writeln!(
            std::io::stderr(),
            "an answer was over too early (attempt {number} of {ATTEMPTS})"
        );
    }
    panic!("{ATTEMPTS} answers were over too early");
}

/// The first screen for which `until` holds; `None` where the answer was over before.
pub fn during(chat: &Pane, what: &str, until: impl Fn(&str) -> bool) -> Option<String> {
    let screen = chat.wait(what, |screen| answers(screen) > 0 || until(screen));
    (answers(&screen) == 0).then_some(screen)
}

/// Asks for an answer that goes on, and waits until some of it is there. Its beginning still is: nothing has moved up.
pub fn answering(chat: &Pane) -> Option<String> {
    chat.line(QUESTION);
    during(chat, "three lines of an answer", |screen| {
        pane(screen, 0).contains(&"You") && streamed(screen, 0).len() >= 3
    })
}

/// Attempts with a chat of 120 by 40 in a long answer, and its screen, until one comes in time.
pub fn in_an_answer(attempt: impl Fn(&Home, &Pane, &str) -> Option<()>) {
    if !there_is_tmux() {
        return;
    }
    in_time(|| {
        let home = Home::used();
        let chat = Pane::ready(&home, (120, 40), &LONG);
        let screen = answering(&chat)?;
        attempt(&home, &chat, &screen)
    });
}

/// Stops the program where it is, and looks whether it stands in the middle of the answer.
pub fn frozen(chat: &Pane) -> Option<u32> {
    let pid = chat.freeze();
    (!streamed(&chat.screen(), 0).is_empty()).then_some(pid)
}
