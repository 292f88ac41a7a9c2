//! The terminal: taken over, drawn on, and given back whatever happens.
//!
//! Only the thread that draws writes here. A panic of that thread gives the terminal back before it is reported; a panic
//! of another thread is only logged, because its message would tear through the screen.

use std::io::{self, BufWriter, Stdout, Write};
use std::panic;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::Frame;

use super::backend::PositioningBackend;

/// Whether the terminal is ours at this moment.
static ACTIVE: AtomicBool = AtomicBool::new(false);
/// The thread that draws.
static DRAW_THREAD: OnceLock<ThreadId> = OnceLock::new();
static PANIC_HOOK: OnceLock<()> = OnceLock::new();

/// Large enough for a whole frame, so that it leaves in few pieces.
const BUFFER: usize = 1 << 18;

/// The terminal in our hands.
pub struct Terminal {
    inner: ratatui::Terminal<PositioningBackend<BufWriter<Stdout>>>,
}

impl Terminal {
    /// Takes the terminal over.
    pub fn enter() -> io::Result<Self> {
        let _ = DRAW_THREAD.set(std::thread::current().id());
        install_hook();
        take_over()?;
        let backend = PositioningBackend::new(BufWriter::with_capacity(BUFFER, io::stdout()));
        match ratatui::Terminal::new(backend) {
            Ok(inner) => Ok(Self { inner }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Takes it over again after [`Terminal::leave`].
    pub fn reenter(&mut self) -> io::Result<()> {
        take_over()?;
        self.clear();
        Ok(())
    }

    /// Gives it back. Can be called twice.
    pub fn leave(&mut self) {
        let _ = Write::flush(self.inner.backend_mut());
        give_back();
    }

    /// Draws a frame as one update, so that nothing flickers.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> io::Result<()> {
        crossterm::queue!(self.inner.backend_mut(), BeginSynchronizedUpdate)?;
        let drawn = self.inner.draw(draw).map(|_| ());
        crossterm::queue!(self.inner.backend_mut(), EndSynchronizedUpdate)?;
        Write::flush(self.inner.backend_mut())?;
        drawn
    }

    /// Forgets what is on the screen, so that the next frame draws everything.
    pub fn clear(&mut self) {
        // Not `Terminal::clear`, which asks the terminal where its cursor is and waits for the answer.
        if let Ok(size) = self.inner.size() {
            let _ = self
                .inner
                .resize(ratatui::layout::Rect::new(0, 0, size.width, size.height));
        }
    }

    /// Writes a control sequence of our own.
    pub fn write(&mut self, sequence: &str) {
        let backend = self.inner.backend_mut();
        let _ = backend
            .write_all(sequence.as_bytes())
            .and_then(|()| backend.flush());
    }

    /// Tells kitty to free images.
    pub fn delete_images(&mut self, numbers: &[u32], tmux: bool) {
        for number in numbers {
            let sequence = tmux_passthrough(&format!("\x1b_Ga=d,d=I,i={number},q=2\x1b\\"), tmux);
            self.write(&sequence);
        }
    }

    /// Tells kitty to free all images.
    pub fn delete_all_images(&mut self, tmux: bool) {
        let sequence = tmux_passthrough("\x1b_Ga=d,d=A,q=2\x1b\\", tmux);
        self.write(&sequence);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Wraps a sequence so that tmux hands it on to the terminal.
pub fn tmux_passthrough(sequence: &str, tmux: bool) -> String {
    if tmux {
        format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"))
    } else {
        sequence.to_string()
    }
}

fn take_over() -> io::Result<()> {
    enable_raw_mode()?;
    ACTIVE.store(true, Ordering::SeqCst);
    let taken = crossterm::execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableMouseCapture,
        // Shift-Enter and the like; terminals that do not know it ignore it.
        PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES),
    );
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Gives the terminal back if it is ours. Errors are of no use here: the terminal may be gone.
fn give_back() {
    if !ACTIVE.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = crossterm::execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        PopKeyboardEnhancementFlags,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        crossterm::cursor::Show,
    );
    let _ = disable_raw_mode();
}

fn install_hook() {
    PANIC_HOOK.get_or_init(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if ACTIVE.load(Ordering::SeqCst) && DRAW_THREAD.get() != Some(&std::thread::current().id()) {
                tracing::error!("panic on a worker: {info}");
                return;
            }
            give_back();
            before(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tmux_hands_a_sequence_on_when_its_escapes_are_doubled() {
        assert_eq!(tmux_passthrough("\x1b_Gx\x1b\\", false), "\x1b_Gx\x1b\\");
        assert_eq!(
            tmux_passthrough("\x1b_Gx\x1b\\", true),
            "\x1bPtmux;\x1b\x1b_Gx\x1b\x1b\\\x1b\\"
        );
    }
}
