//! Pictures on the screen: how they are looked at, made ready on a worker, kept, and drawn.
//!
//! Making an image ready (crop, tones, resize, encode) is work for a worker; drawing only takes what is ready and notes
//! what is missing. Nothing here changes what a model sees.

mod cells;
mod encode;
mod gallery;
mod view_transform;
mod render;

pub use encode::{Encoded, How, Screen, encode};
pub use gallery::{Gallery, Request, Source, Wanted};
pub use view_transform::Look;
