//! Takes over the terminal, draws on it, and restores it whatever happens.
//!
//! Only the drawing thread writes here. A panic on that thread restores the terminal before it is reported; a panic on
//! another thread is only logged, because its message would garble the screen.

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

use super::positioning_backend::PositioningBackend;

/// Whether the terminal is taken over at the moment.
static ACTIVE: AtomicBool = AtomicBool::new(false);
/// The drawing thread.
static DRAW_THREAD: OnceLock<ThreadId> = OnceLock::new();
static PANIC_HOOK: OnceLock<()> = OnceLock::new();

/// Large enough for a whole frame, so that it takes few writes.
const BUFFER: usize = 1 << 18;

/// The terminal while it is taken over.
pub struct Terminal {
    inner: ratatui::Terminal<PositioningBackend<BufWriter<Stdout>>>,
}

impl Terminal {
    /// Takes over the terminal.
    pub fn enter() -> io::Result<Self> {
        let _ = DRAW_THREAD.set(std::thread::current().id());
        install_hook();
        take_over()?;
        let backend = PositioningBackend::new(BufWriter::with_capacity(BUFFER, io::stdout()));
        match ratatui::Terminal::new(backend) {
            Ok(inner) => Ok(Self { inner }),
            Err(error) => {
                restore();
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

    /// Restores it. Can be called twice.
    pub fn leave(&mut self) {
        let _ = Write::flush(self.inner.backend_mut());
        restore();
    }

    /// Draws a frame as one synchronized update, so that nothing flickers.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> io::Result<()> {
        crossterm::queue!(self.inner.backend_mut(), BeginSynchronizedUpdate)?;
        let drawn = self.inner.draw(draw).map(|_| ());
        crossterm::queue!(self.inner.backend_mut(), EndSynchronizedUpdate)?;
        Write::flush(self.inner.backend_mut())?;
        drawn
    }

    /// Forgets what is on the screen, so that the next frame draws everything.
    pub fn clear(&mut self) {
        // Not `Terminal::clear`, which queries the cursor position and waits for the reply.
        if let Ok(size) = self.inner.size() {
            let _ = self
                .inner
                .resize(ratatui::layout::Rect::new(0, 0, size.width, size.height));
        }
    }

    /// Writes a control sequence.
    pub fn write(&mut self, sequence: &str) {
        let backend = self.inner.backend_mut();
        let _ = backend
            .write_all(sequence.as_bytes())
            .and_then(|()| backend.flush());
    }

    /// Tells kitty to free images by id.
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

/// Wraps a sequence so that tmux passes it through to the terminal.
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
        // To recognise Shift-Enter and the like; other terminals ignore it.
        PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES),
    );
    if taken.is_err() {
        restore();
    }
    taken
}

/// Restores the terminal if it is taken over. Ignores errors: the terminal may be gone.
fn restore() {
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
            if ACTIVE.load(Ordering::SeqCst)
                && DRAW_THREAD.get() != Some(&std::thread::current().id())
            {
                tracing::error!("worker thread panicked: {info}");
                return;
            }
            restore();
            before(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_doubled_to_pass_through_tmux() {
        assert_eq!(tmux_passthrough("\x1b_Gx\x1b\\", false), "\x1b_Gx\x1b\\");
        assert_eq!(
            tmux_passthrough("\x1b_Gx\x1b\\", true),
            "\x1bPtmux;\x1b\x1b_Gx\x1b\x1b\\\x1b\\"
        );
    }
}
