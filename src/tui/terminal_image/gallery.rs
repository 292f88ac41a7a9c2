//! A cache of images ready to draw, and the list of missing ones.

use std::num::NonZeroUsize;

use lru::LruCache;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::encode::{Encoded, ImageProtocol, Screen};
use super::request::{Appearance, Request, Source, Wanted};

/// Cached images: character cells are small, graphics are not.
const MAX_CACHED_CELL_IMAGES: NonZeroUsize = NonZeroUsize::new(128).unwrap();
const MAX_CACHED_GRAPHICS: NonZeroUsize = NonZeroUsize::new(24).unwrap();

fn capacity(protocol: ImageProtocol) -> NonZeroUsize {
    match protocol {
        ImageProtocol::Cells | ImageProtocol::None => MAX_CACHED_CELL_IMAGES,
        ImageProtocol::Kitty | ImageProtocol::Iterm2 | ImageProtocol::Sixel => MAX_CACHED_GRAPHICS,
    }
}

/// The image cache.
pub struct Gallery {
    screen: Screen,
    ready: LruCache<Request, Encoded>,
    wanted: Vec<Wanted>,
    /// Ids of evicted images that kitty can free.
    dropped: Vec<u32>,
    /// Suppresses graphics while a window covers them.
    pub covered: bool,
    /// Increases whenever the screen or the index changes; images encoded for an older generation are discarded.
    pub generation: u64,
}

impl Gallery {
    /// An empty cache for a screen.
    pub fn new(screen: Screen) -> Self {
        Self {
            screen,
            ready: LruCache::new(capacity(screen.protocol)),
            wanted: Vec::new(),
            dropped: Vec::new(),
            covered: false,
            generation: 0,
        }
    }

    /// The screen that images are encoded for.
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// Switches to another screen: everything is encoded again.
    pub fn set_screen(&mut self, screen: Screen) {
        self.screen = screen;
        self.generation += 1;
        while let Some((_, encoded)) = self.ready.pop_lru() {
            self.forget(encoded);
        }
        self.ready.resize(capacity(screen.protocol));
    }

    /// After another index was opened: images that failed are requested again, since the new index may have them. Those
    /// still being encoded were read without it and are discarded.
    pub fn index_changed(&mut self) {
        self.generation += 1;
        self.ready
            .retain(|_, encoded| !matches!(encoded, Encoded::Failed(_)));
    }

    fn forget(&mut self, encoded: Encoded) {
        if let Encoded::Graphics {
            kitty: Some(number),
            ..
        } = encoded
        {
            self.dropped.push(number);
        }
    }

    /// Adds an encoded image, evicting the least recently used one if full.
    pub fn put(&mut self, request: Request, encoded: Encoded) {
        if let Some((_, old)) = self.ready.push(request, encoded) {
            self.forget(old);
        }
    }

    /// Whether an image was encoded without its marked regions, because they were marked in an image of another size.
    pub fn has_unplaced_boxes(&self, shown: &Appearance) -> bool {
        let mut encoded = self.ready.iter().filter(|(r, _)| r.appearance == *shown);
        encoded.any(|(_, encoded)| encoded.has_unplaced_boxes())
    }

    /// Takes the images found missing since the last call.
    pub fn take_wanted(&mut self) -> Vec<Wanted> {
        std::mem::take(&mut self.wanted)
    }

    /// Takes the kitty ids of images evicted since the last call.
    pub fn take_dropped(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.dropped)
    }

    /// Draws an image, or an outdated version of it. Otherwise returns the text to show in its place.
    pub fn draw(
        &mut self,
        area: Rect,
        buffer: &mut Buffer,
        shown: &Appearance,
        source: impl FnOnce() -> Source,
    ) -> Option<&str> {
        let graphics = !matches!(
            self.screen.protocol,
            ImageProtocol::Cells | ImageProtocol::None
        );
        if area.width == 0
            || area.height == 0
            || self.screen.protocol == ImageProtocol::None
            || (self.covered && graphics)
        {
            return None;
        }
        let request = Request {
            appearance: shown.clone(),
            columns: area.width,
            rows: area.height,
        };
        if !self.ready.contains(&request) {
            // Until it is ready, show the same image as it was last, or the last of the same scan.
            let older = self.ready.iter().find(|(known, _)| {
                (known.appearance.id == shown.id
                    || (shown.scan.is_some() && known.appearance.scan == shown.scan))
                    && (known.columns, known.rows) == (area.width, area.height)
            });
            self.wanted.push(Wanted {
                request,
                source: source(),
            });
            let Some((_, older)) = older else {
                return Some("…");
            };
            older.draw(area, buffer);
            return None;
        }
        match self.ready.get(&request) {
            Some(Encoded::Failed(reason)) => Some(reason),
            Some(encoded) => {
                encoded.draw(area, buffer);
                None
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_imaging::ColourDepth;

    fn drawn_image(gallery: &mut Gallery, id: &str) -> Option<String> {
        let area = Rect::new(0, 0, 4, 4);
        let mut buffer = Buffer::empty(area);
        let source = || Source::Case("any".into());
        let message = gallery.draw(area, &mut buffer, &Appearance::whole(id), source);
        message.map(str::to_string)
    }

    fn drawn(gallery: &mut Gallery) -> Option<String> {
        drawn_image(gallery, "shot")
    }

    fn screen(protocol: ImageProtocol) -> Screen {
        Screen {
            protocol,
            cell: (10, 20),
            tmux: false,
            depth: ColourDepth::True,
        }
    }

    #[test]
    fn the_image_that_was_not_drawn_for_longest_is_forgotten_first() {
        let mut gallery = Gallery::new(screen(ImageProtocol::Kitty));
        for number in 0..MAX_CACHED_GRAPHICS.get() + 1 {
            drawn_image(&mut gallery, &number.to_string());
            let wanted = gallery.take_wanted().remove(0);
            gallery.put(wanted.request, Encoded::Failed("drawn".into()));
            drawn_image(&mut gallery, "0");
        }
        assert_eq!(drawn_image(&mut gallery, "0"), Some("drawn".into()));
        assert_eq!(drawn_image(&mut gallery, "1"), Some("…".into()));
        assert_eq!(drawn_image(&mut gallery, "2"), Some("drawn".into()));
    }

    #[test]
    fn a_failed_image_is_requested_again_after_the_index_changes() {
        let mut gallery = Gallery::new(screen(ImageProtocol::Cells));
        assert_eq!(drawn(&mut gallery), Some("…".into()));
        let wanted = gallery.take_wanted().remove(0);
        gallery.put(wanted.request, Encoded::Failed("no index is open".into()));
        assert_eq!(drawn(&mut gallery), Some("no index is open".into()));
        assert!(gallery.take_wanted().is_empty());
        let before = gallery.generation;
        gallery.index_changed();
        assert_eq!(drawn(&mut gallery), Some("…".into()));
        assert_eq!(gallery.take_wanted().len(), 1);
        assert_ne!(
            gallery.generation, before,
            "images still being encoded must be discarded"
        );
    }
}
