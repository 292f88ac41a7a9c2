//! Vision towers.

mod clip;

pub use clip::{ClipTower, VisionActivation, VisionConfig, VisionOutput};
