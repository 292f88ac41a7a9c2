//! Reads how a published encoder's images are prepared.
//!
//! Only bicubic resizing is supported. Another filter would give other vectors, so it is an error.

use serde_json::Value;
use std::path::Path;

use super::config_reader::ConfigReader;
use super::defaults::Defaults;
use crate::bundle::{Fit, Pixels};
use crate::import::ImportError;
use crate::import::infer_config::JsonConfig;

/// Pixels as in open_clip's configuration.
pub(super) fn open_clip_pixels(reader: &ConfigReader) -> Result<Pixels, ImportError> {
    reader.require_known(&[
        ("preprocess_cfg.interpolation", &["bicubic"]),
        ("preprocess_cfg.resize_mode", &["shortest"]),
    ])?;
    let mut pixels = Pixels::clip(Fit::Crop);
    if let Some(json) = reader.json {
        numbers(json, "preprocess_cfg.mean", &mut pixels.mean)?;
        numbers(json, "preprocess_cfg.std", &mut pixels.std)?;
    }
    Ok(pixels)
}

/// Pixels as in transformers' `preprocessor_config.json`, or the defaults if there is none.
pub(super) fn processor_pixels(folder: &Path, defaults: &Defaults) -> Result<Pixels, ImportError> {
    let mut pixels = Pixels::clip(defaults.fit);
    if defaults.fit == Fit::Squash {
        (pixels.mean, pixels.std) = ([0.5; 3], [0.5; 3]);
    }
    let path = folder.join("preprocessor_config.json");
    if !path.exists() {
        return Ok(pixels);
    }
    let json = JsonConfig::from_file(&path)?;
    // Pillow's id of its bicubic filter.
    if json
        .find(&["resample"])
        .and_then(Value::as_u64)
        .is_some_and(|n| n != 3)
    {
        let reason = "its images are resized with another filter than bicubic";
        return Err(ImportError::config(json.path(), reason.into()));
    }
    numbers(&json, "image_mean", &mut pixels.mean)?;
    numbers(&json, "image_std", &mut pixels.std)?;
    Ok(pixels)
}

fn numbers(json: &JsonConfig, name: &str, into: &mut [f32; 3]) -> Result<(), ImportError> {
    let Some(configured) = json.find(&[name]).filter(|v| !v.is_null()) else {
        return Ok(());
    };
    let list: Option<Vec<f32>> = configured
        .as_array()
        .and_then(|list| list.iter().map(|v| v.as_f64().map(|v| v as f32)).collect());
    match list.and_then(|list| <[f32; 3]>::try_from(list).ok()) {
        Some(found) => {
            *into = found;
            Ok(())
        }
        None => Err(ImportError::config(
            json.path(),
            format!("{name} is not three numbers"),
        )),
    }
}
