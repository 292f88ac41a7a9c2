//! Vision towers.

mod clip;
mod efficientnet;
mod output;
mod patches;
mod tower;

pub use clip::{ClipConfig, ClipTower, VisionActivation};
pub use efficientnet::{Architecture, EfficientNetConfig, EfficientNetTower, Maps, StageConfig};
pub use output::VisionOutput;
pub use patches::unfold;
pub use tower::{VisionConfig, VisionTower};
