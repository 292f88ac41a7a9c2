//! Images on the screen: view transform, rendering, encoding for the terminal, caching and drawing.
//!
//! A worker thread crops, adjusts, resizes and encodes; drawing only uses what is cached and records what is missing.
//! Nothing here changes what a model sees.

mod cells;
mod encode;
mod gallery;
mod outline;
mod palette;
mod print;
mod render;
mod request;
mod view_transform;

pub use encode::{Encoded, ImageProtocol, Screen, encode};
pub use gallery::Gallery;
pub use outline::{MarkedBox, outline_colour, outline_letter};
pub use print::{Lines, lines};
pub use render::Placed;
pub use request::{Appearance, Cross, Request, Source, Wanted};
pub use view_transform::ViewTransform;
