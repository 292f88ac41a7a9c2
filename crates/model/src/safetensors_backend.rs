//! Unquantised tensors of a bundle's safetensors files, each read when the model asks for it.
//!
//! A tensor's bytes are freed as soon as the tensor is made, so loading needs memory for the model and one tensor more. Mapped files
//! would be in memory a second time while the model loads.

use candle_core::{DType, Device, Error, Result, Shape, Tensor};
use candle_nn::Init;
use candle_nn::var_builder::SimpleBackend;
use std::collections::HashMap;
use std::path::PathBuf;

use super::weights::safetensors::SafetensorsFile;
use super::weights::{Dtype, WeightError};

/// Opened safetensors files.
pub(crate) struct SafetensorsBackend {
    files: Vec<SafetensorsFile>,
    locations: HashMap<String, TensorLocation>,
}

struct TensorLocation {
    file: usize,
    index: usize,
    dtype: DType,
    shape: Vec<usize>,
}

impl SafetensorsBackend {
    /// Opens and checks every file. An error comes with the path of its file.
    pub(crate) fn open(paths: &[PathBuf]) -> std::result::Result<Self, (PathBuf, WeightError)> {
        let (mut files, mut locations) = (Vec::new(), HashMap::new());
        for (file, path) in paths.iter().enumerate() {
            let opened = SafetensorsFile::open(path).map_err(|e| (path.clone(), e))?;
            for (index, (name, dtype, shape)) in opened.tensors().enumerate() {
                let Some(dtype) = candle_dtype(dtype) else {
                    let reason = format!("{name} has type {dtype}, which is not a type of weights");
                    let error = WeightError::format(&path.to_string_lossy(), reason);
                    return Err((path.clone(), error));
                };
                let location = TensorLocation {
                    file,
                    index,
                    dtype,
                    shape: shape.to_vec(),
                };
                locations.insert(name.to_string(), location);
            }
            files.push(opened);
        }
        Ok(Self { files, locations })
    }
}

fn candle_dtype(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        _ => return None,
    })
}

impl SimpleBackend for SafetensorsBackend {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, on: &Device) -> Result<Tensor> {
        let tensor = self.get_unchecked(name, dtype, on)?;
        match tensor.shape() == &shape {
            true => Ok(tensor),
            false => {
                candle_core::bail!(
                    "{name} has shape {:?}, but {shape:?} was expected",
                    tensor.shape()
                )
            }
        }
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let missing = || Error::CannotFindTensor {
            path: name.to_string(),
        };
        let location = self.locations.get(name).ok_or_else(missing)?;
        let file = self.files.get(location.file).ok_or_else(missing)?;
        let bytes = file.read(location.index).map_err(Error::wrap)?;
        Tensor::from_raw_buffer(&bytes, location.dtype, &location.shape, device)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.locations.contains_key(name)
    }
}
