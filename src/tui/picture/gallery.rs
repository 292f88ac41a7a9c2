//! Pictures that are ready to draw, and a list of those that are wanted.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::encode::{Encoded, How, Screen};
use super::view_transform::Look;
use rounds_imaging::Picture;
use rounds_index::Example;

/// Ready images that are kept: character cells are small, graphics are not.
const MAX_CACHED_CELL_IMAGES: usize = 128;
const MAX_CACHED_GRAPHICS: usize = 24;

/// Where an image comes from.
#[derive(Clone, Debug)]
pub enum Source {
    Image(Arc<Picture>),
    Example {
        example: Box<Example>,
        sha256: String,
    },
    File(PathBuf),
    Case(String),
}

/// What makes two drawings the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// SHA-256, or a path.
    pub id: String,
    pub transform: Look,
    pub columns: u16,
    pub rows: u16,
}

/// An image that was not ready.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub request: Request,
    pub source: Source,
}

/// The images that are ready.
pub struct Gallery {
    screen: Screen,
    ready: HashMap<Request, Encoded>,
    /// Oldest first.
    order: VecDeque<Request>,
    wanted: Vec<Wanted>,
    /// Numbers of images that kitty may forget.
    dropped: Vec<u32>,
    /// No graphics now: a window lies above.
    pub covered: bool,
    /// Counts the kinds of screen and the indexes there were; what was made for an earlier one is not taken.
    pub generation: u64,
}

impl Gallery {
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

    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// Another kind of screen: everything is made again.
    pub fn set_screen(&mut self, screen: Screen) {
        self.screen = screen;
        self.generation += 1;
        let old: Vec<Encoded> = self.ready.drain().map(|(_, encoded)| encoded).collect();
        self.order.clear();
        old.into_iter().for_each(|encoded| self.forget(encoded));
    }

    /// What could not be read may be in the index that was opened now: it is wanted again. What is still on its way was read
    /// without that index.
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

    /// Keeps an image that was made ready.
    pub fn put(&mut self, request: Request, encoded: Encoded) {
        let kept = match self.screen.protocol {
            How::Cells | How::None => MAX_CACHED_CELL_IMAGES,
            How::Kitty | How::Iterm2 | How::Sixel => MAX_CACHED_GRAPHICS,
        };
        if self.order.len() >= kept
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

    /// What is missing since the last call.
    pub fn take_wanted(&mut self) -> Vec<Wanted> {
        std::mem::take(&mut self.wanted)
    }

    /// Numbers of images that the terminal may forget.
    pub fn take_dropped(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.dropped)
    }

    /// Draws an image, or what stands in its place. Returns a word where there is no picture: why.
    pub fn draw(
        &mut self,
        area: Rect,
        buffer: &mut Buffer,
        id: &str,
        transform: Look,
        source: impl FnOnce() -> Source,
    ) -> Option<&str> {
        let graphics = !matches!(self.screen.protocol, How::Cells | How::None);
        if area.width == 0
            || area.height == 0
            || self.screen.protocol == How::None
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
            // Until it is ready, an older look of the same image is better than nothing.
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
        let said = gallery.draw(area, &mut buffer, "shot", Look::default(), source);
        said.map(str::to_string)
    }

    #[test]
    fn what_failed_is_tried_again_with_the_next_index() {
        let mut gallery = Gallery::new(Screen {
            protocol: How::Cells,
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
            "what is on its way is not taken"
        );
    }
}
