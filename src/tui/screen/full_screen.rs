//! What a mode has of the screen: the terminal while it is taken over, the images on it, and the theme.

use std::io;
use std::sync::mpsc::SyncSender;

use anyhow::Context;
use ratatui::Frame;

use super::image_worker::ImageWorker;
use super::terminal::Terminal;
use super::{Look, clipboard, detect, input};
use crate::tui::detected::Detected;
use crate::tui::effects;
use crate::tui::message::Message;
use crate::tui::terminal_image::{Encoded, Gallery, ImageProtocol, Request};
use crate::tui::view::Theme;
use crate::tui::{Colours, ExitReason, ImageMode, ThemeChoice};
use rounds_index::Images;
use rounds_support::Failure;

/// The screen of a mode. Dropping it restores the terminal.
pub struct FullScreen {
    terminal: Terminal,
    gallery: Gallery,
    image_worker: ImageWorker,
    theme: Theme,
    /// The choice that `theme` was built for.
    applied_theme: ThemeChoice,
    look: Look,
    detected: Detected,
    leaving: Option<ExitReason>,
    suspending: bool,
}

impl FullScreen {
    /// Takes over the terminal. From now on signals, keys and images come as messages to `sender`.
    ///
    /// Fails if there is no terminal.
    pub fn enter<N: Send + 'static>(
        look: Look,
        sender: &SyncSender<Message<N>>,
    ) -> anyhow::Result<Self> {
        let detected = Detected::from_environment();
        let depth = detect::colour_depth(look.colours);
        // Before taking over the terminal: from then on every signal must restore it first.
        effects::listen(sender.clone())?;
        // A guess until the terminal has replied: the first frame must not wait for that.
        let protocol = detect::image_protocol(look.images, None);
        Ok(Self {
            gallery: Gallery::new(detect::screen(protocol, &detected, depth)),
            image_worker: ImageWorker::start(sender.clone())?,
            theme: Theme::new(depth, look.theme),
            applied_theme: look.theme,
            terminal: Terminal::enter().context("could not set up the terminal")?,
            look,
            detected,
            leaving: None,
            suspending: false,
        })
    }

    /// Ends the loop.
    pub fn leave(&mut self, reason: ExitReason) {
        self.leaving = Some(reason);
    }

    /// Stops the process after this message, as Ctrl-Z does in a shell. When it goes on, the mode is told so.
    pub fn suspend(&mut self) {
        self.suspending = true;
    }

    /// Forgets what is on the screen, so that the next frame draws everything.
    pub fn redraw(&mut self) {
        self.terminal.clear();
    }

    /// Copies text to the clipboard, through the terminal.
    pub fn copy(&mut self, text: &str) -> Result<(), Failure> {
        let sequence = clipboard::sequence(text, self.detected.tmux)?;
        self.terminal.write(&sequence);
        Ok(())
    }

    /// Changes how images are drawn.
    pub fn set_images(&mut self, mode: ImageMode) {
        self.look.images = mode;
        self.follow_terminal();
    }

    /// Changes the theme.
    pub fn set_theme(&mut self, theme: ThemeChoice) {
        self.look.theme = theme;
        let wanted = resolved(theme, self.detected.light);
        if self.applied_theme != wanted {
            self.applied_theme = wanted;
            self.theme = Theme::new(self.gallery.screen().depth, wanted);
        }
    }

    /// Sets where images of examples are read, after another index was opened.
    pub fn set_reader(&mut self, reader: Images) {
        self.image_worker.set_reader(reader);
        self.gallery.index_changed();
    }

    /// Queries the terminal's capabilities, then starts reading input.
    pub(super) fn listen<N: Send + 'static>(
        &mut self,
        sender: SyncSender<Message<N>>,
    ) -> io::Result<()> {
        let wanted = self.look.images == ImageMode::Auto || self.look.theme == ThemeChoice::Auto;
        let query_terminal = wanted && detect::can_query();
        if query_terminal {
            let colours = self.look.colours != Colours::None;
            let query = detect::query(self.detected.tmux, colours);
            self.terminal.write(&query);
        }
        input::listen(sender, query_terminal.then(|| self.detected.clone()))
    }

    pub(super) fn leaving(&self) -> Option<ExitReason> {
        self.leaving
    }

    pub(super) fn take_suspending(&mut self) -> bool {
        std::mem::take(&mut self.suspending)
    }

    pub(super) fn image_ready(&mut self, generation: u64, request: Request, encoded: Encoded) {
        if generation == self.gallery.generation {
            self.gallery.put(request, encoded);
        }
    }

    pub(super) fn detected(&mut self, detected: Detected) {
        self.detected = detected;
        self.follow_terminal();
    }

    /// Applies what is known about the terminal to images and theme.
    fn follow_terminal(&mut self) {
        let protocol = detect::image_protocol(self.look.images, Some(&self.detected));
        let screen = detect::screen(protocol, &self.detected, self.gallery.screen().depth);
        if screen != self.gallery.screen() {
            self.gallery.set_screen(screen);
        }
        // The background colour may now be known.
        self.set_theme(self.look.theme);
    }

    /// Draws a frame, then frees the images that it no longer shows and requests those that it misses.
    pub(super) fn draw_with(
        &mut self,
        draw: impl FnOnce(&mut Frame, &mut Gallery, &Theme),
    ) -> io::Result<()> {
        let (gallery, theme) = (&mut self.gallery, &self.theme);
        let drawn = self.terminal.draw(|frame| draw(frame, gallery, theme));
        self.image_worker
            .follow(&mut self.gallery, &mut self.terminal, self.detected.tmux);
        drawn
    }

    /// Restores the terminal and stops the process; takes the terminal over again when it goes on.
    pub(super) fn stop_process(&mut self) -> io::Result<()> {
        self.terminal.leave();
        effects::stop_here();
        self.terminal.reenter()?;
        // The terminal may have lost its images.
        let screen = self.gallery.screen();
        self.gallery.set_screen(screen);
        Ok(())
    }

    /// Restores the terminal.
    pub(super) fn restore(mut self) {
        if self.gallery.screen().protocol == ImageProtocol::Kitty {
            self.terminal.delete_all_images(self.detected.tmux);
        }
        self.terminal.leave();
    }
}

/// The theme chosen by the user, or else by the terminal's background.
fn resolved(chosen: ThemeChoice, light: Option<bool>) -> ThemeChoice {
    match (chosen, light) {
        (ThemeChoice::Auto, Some(true)) => ThemeChoice::Light,
        (ThemeChoice::Auto, _) => ThemeChoice::Dark,
        (chosen, _) => chosen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_decides_only_where_the_user_did_not() {
        use ThemeChoice::{Auto, Dark, Light};

        assert_eq!(resolved(Auto, Some(true)), Light);
        assert_eq!(resolved(Auto, Some(false)), Dark);
        assert_eq!(resolved(Auto, None), Dark);
        assert_eq!(resolved(Dark, Some(true)), Dark);
        assert_eq!(resolved(Light, Some(false)), Light);
    }
}
