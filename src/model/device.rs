//! Which device a model runs on.

use candle_core::Device;

use super::error::ModelError;

/// What [`open`] takes.
pub const NAMES: [&str; 4] = ["auto", "cpu", "cuda", "metal"];

/// Opens `auto`, `cpu`, `cuda` or `metal`. `auto` takes the first that works.
pub fn open(name: &str) -> Result<(Device, &'static str), ModelError> {
    let missing = || ModelError::Device(crate::support::sanitise::clean_line(name));
    match name {
        "cpu" => Ok((Device::Cpu, "cpu")),
        "cuda" => Device::new_cuda(0)
            .map(|d| (d, "cuda"))
            .map_err(|_| missing()),
        "metal" => Device::new_metal(0)
            .map(|d| (d, "metal"))
            .map_err(|_| missing()),
        "auto" => Ok(open("cuda")
            .or_else(|_| open("metal"))
            .unwrap_or((Device::Cpu, "cpu"))),
        _ => Err(missing()),
    }
}
