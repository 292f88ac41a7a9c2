//! Vision towers.

mod clip;
mod patches;

pub use clip::{ClipTower, VisionActivation, VisionConfig, VisionOutput};
pub use patches::unfold;
