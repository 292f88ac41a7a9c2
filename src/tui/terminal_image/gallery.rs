//! A cache of images ready to draw, and the list of missing ones.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::encode::{Encoded, ImageProtocol, Screen};
use super::view_transform::ViewTransform;
use rounds_imaging::Image;
use rounds_index::Example;

/// Cached images: character cells are small, graphics are not.
const MAX_CACHED_CELL_IMAGES: usize = 128;
const MAX_CACHED_GRAPHICS: usize = 24;

/// Where to read an image from.
#[derive(Clone, Debug)]
pub enum Source {
    Image(Arc<Image>),
    Example {
        example: Box<Example>,
        sha256: String,
    },
    File(PathBuf),
    Case(String),
}

/// The cache key of an encoded image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// SHA-256 of the image, a path, or a case name.
    pub id: String,
    /// Zoom, pan, brightness and contrast.
    pub transform: ViewTransform,
    pub columns: u16,
    pub rows: u16,
}

/// An image that was missing from the cache when drawn.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub request: Request,
    pub source: Source,
}

/// The image cache.
pub struct Gallery {
    screen: Screen,
    ready: HashMap<Request, Encoded>,
    /// Least recently used first.
    order: VecDeque<Request>,
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
            ready: HashMap::new(),
            order: VecDeque::new(),
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
        let old: Vec<Encoded> = self.ready.drain().map(|(_, encoded)| encoded).collect();
        self.order.clear();
        old.into_iter().for_each(|encoded| self.forget(encoded));
    }

    /// After another index was opened: images that failed are requested again, since the new index may have them. Those
    /// still being encoded were read without it and are discarded.
    pub fn index_changed(&mut self) {
        self.generation += 1;
        self.ready
            .retain(|_, encoded| !matches!(encoded, Encoded::Failed(_)));
        self.order.retain(|known| self.ready.contains_key(known));
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
        let capacity = match self.screen.protocol {
            ImageProtocol::Cells | ImageProtocol::None => MAX_CACHED_CELL_IMAGES,
            ImageProtocol::Kitty | ImageProtocol::Iterm2 | ImageProtocol::Sixel => {
                MAX_CACHED_GRAPHICS
            }
        };
        if self.order.len() >= capacity
            && let Some(oldest) = self.order.pop_front()
            && let Some(old) = self.ready.remove(&oldest)
        {
            self.forget(old);
        }
        self.order.retain(|known| *known != request);
        self.order.push_back(request.clone());
        if let Some(old) = self.ready.insert(request, encoded) {
            self.forget(old);
        }
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
        id: &str,
        transform: ViewTransform,
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
            id: id.to_string(),
            transform,
            columns: area.width,
            rows: area.height,
        };
        if !self.ready.contains_key(&request) {
            // Until it is ready, show the same image with an older transform.
            let older = self
                .order
                .iter()
                .rev()
                .find(|r| r.id == id && (r.columns, r.rows) == (area.width, area.height));
            let older = older.and_then(|r| self.ready.get(r));
            self.wanted.push(Wanted {
                request,
                source: source(),
            });
            let Some(older) = older else {
                return Some("…");
            };
            older.draw(area, buffer);
            return None;
        }
        if let Some(at) = self.order.iter().position(|r| *r == request)
            && let Some(used) = self.order.remove(at)
        {
            self.order.push_back(used);
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

    fn drawn(gallery: &mut Gallery) -> Option<String> {
        let area = Rect::new(0, 0, 4, 4);
        let mut buffer = Buffer::empty(area);
        let source = || Source::Case("any".into());
        let message = gallery.draw(area, &mut buffer, "shot", ViewTransform::default(), source);
        message.map(str::to_string)
    }

    #[test]
    fn a_failed_image_is_requested_again_after_the_index_changes() {
        let mut gallery = Gallery::new(Screen {
            protocol: ImageProtocol::Cells,
            cell: (10, 20),
            tmux: false,
            depth: ColourDepth::True,
        });
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
