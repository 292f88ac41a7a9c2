//! Which device a model runs on.

use candle_core::Device;

use super::error::ModelError;
use rounds_support::sanitise::clean_line_max;

/// Most characters of a device name or reason in a message.
const MAX_MESSAGE: usize = 200;

/// Device names that [`open`] accepts.
pub const NAMES: [&str; 4] = ["auto", "cpu", "cuda", "metal"];

/// Opens one of [`NAMES`] and returns it with its actual name. `auto` tries CUDA, then Metal, then the CPU.
///
/// Errors where the device is unknown or not available.
pub fn open(name: &str) -> Result<(Device, &'static str), ModelError> {
    let missing = |reason: &str| ModelError::Device {
        name: clean_line_max(name, MAX_MESSAGE),
        reason: clean_line_max(reason, MAX_MESSAGE),
    };
    let opened = |device: Result<Device, candle_core::Error>, name| match device {
        Ok(device) => Ok((device, name)),
        Err(error) => Err(missing(&error.to_string())),
    };
    match name {
        "cpu" => Ok((Device::Cpu, "cpu")),
        "cuda" => opened(Device::new_cuda(0), "cuda"),
        "metal" => opened(Device::new_metal(0), "metal"),
        "auto" => Ok(open("cuda")
            .or_else(|_| open("metal"))
            .unwrap_or((Device::Cpu, "cpu"))),
        _ => Err(missing("")),
    }
}
