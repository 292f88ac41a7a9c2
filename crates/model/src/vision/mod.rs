//! Vision towers.

mod clip;
mod efficientnet;
mod output;
mod patches;
mod resnet;
mod tower;

pub use clip::{ClipConfig, ClipTower, VisionActivation};
pub use efficientnet::{Architecture, EfficientNetConfig, EfficientNetTower, Maps, StageConfig};
pub use output::VisionOutput;
pub use patches::unfold;
pub use resnet::{ResnetArchitecture, ResnetConfig, ResnetTower};
pub use tower::{VisionConfig, VisionTower};
