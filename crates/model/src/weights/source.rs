//! A set of published weights: a file, shards with an index, or a folder with either.

use candle_core::quantized::GgmlDType;
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::gguf::{GgufFile, Kind};
use super::pickle::TorchFile;
use super::safetensors::SafetensorsFile;
use super::{Dtype, WeightError};
use rounds_support::files;

enum Reader {
    Safetensors(SafetensorsFile),
    Torch(TorchFile),
    Gguf(GgufFile),
}

struct Entry {
    file: usize,
    index: usize,
    /// Type after reading; quantised blocks are read as f32.
    dtype: Dtype,
    shape: Vec<usize>,
}

/// Published tensors by name.
pub struct Source {
    readers: Vec<Reader>,
    entries: BTreeMap<String, Entry>,
    origin: String,
}

/// Names of a folder's weights, in order of preference.
const FOLDER_FILES: [&str; 6] = [
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
    "checkpoint.pt",
    "model.pt",
];

/// Prefixes that training code puts before the names of a state dict.
const WRAPPERS: [&str; 2] = ["model_state_dict.", "state_dict."];

impl Source {
    /// A source without tensors.
    pub(crate) fn empty() -> Self {
        Self {
            readers: Vec::new(),
            entries: BTreeMap::new(),
            origin: String::new(),
        }
    }

    /// Opens a weights file, or the weights in a folder.
    pub fn open(path: &Path) -> Result<Self, WeightError> {
        let origin = path.to_string_lossy().into_owned();
        let path = match path.is_dir() {
            false => path.to_path_buf(),
            true => {
                let found = FOLDER_FILES
                    .iter()
                    .map(|n| path.join(n))
                    .find(|p| p.exists());
                let wanted = || format!("it has none of {}", FOLDER_FILES.join(", "));
                found.ok_or_else(|| WeightError::format(&origin, wanted()))?
            }
        };
        let mut source = Self {
            readers: Vec::new(),
            entries: BTreeMap::new(),
            origin,
        };
        for file in source.files(&path)? {
            source.add(&file)?;
        }
        source.unwrap_names()?;
        Ok(source)
    }

    fn files(&self, path: &Path) -> Result<Vec<PathBuf>, WeightError> {
        if path.extension().is_none_or(|e| e != "json") {
            return Ok(vec![path.to_path_buf()]);
        }
        let wrong = |reason: &str| WeightError::format(&path.to_string_lossy(), reason);
        let text = files::read_limited(path, 64 << 20).map_err(|e| wrong(&e.to_string()))?;
        let index: Index = serde_json::from_slice(&text).map_err(|e| wrong(&e.to_string()))?;
        let mut names: Vec<&String> = index.weight_map.values().collect();
        names.sort();
        names.dedup();
        if names.len() > 1 && names.iter().any(|name| name.ends_with(".gguf")) {
            let reason = "a GGUF file cannot be one of several; merge them with llama.cpp's llama-gguf-split --merge";
            return Err(wrong(reason));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        names
            .into_iter()
            .map(|name| match name.contains(['/', '\\']) {
                true => Err(wrong("the name of a shard points outside the folder")),
                false => Ok(folder.join(name)),
            })
            .collect()
    }

    fn add(&mut self, path: &Path) -> Result<(), WeightError> {
        let file = self.readers.len();
        let mut found = Vec::new();
        let is = |end: &str| path.extension().is_some_and(|e| e == end);
        if is("safetensors") {
            let reader = SafetensorsFile::open(path)?;
            found.extend(
                reader
                    .tensors()
                    .map(|(name, dtype, shape)| (name.to_string(), dtype, shape.to_vec())),
            );
            self.readers.push(Reader::Safetensors(reader));
        } else if is("gguf") {
            let reader = GgufFile::open(path)?;
            found.extend(reader.tensors().iter().map(|t| {
                let dtype = match t.kind {
                    Kind::Float(_) => Dtype::F32,
                    Kind::Other(dtype) => dtype,
                };
                (t.name.clone(), dtype, t.shape.clone())
            }));
            self.readers.push(Reader::Gguf(reader));
        } else {
            let reader = TorchFile::open(path)?;
            found.extend(
                reader
                    .tensors()
                    .iter()
                    .map(|t| (t.name.clone(), t.dtype, t.shape.clone())),
            );
            self.readers.push(Reader::Torch(reader));
        }
        for (index, (name, dtype, shape)) in found.into_iter().enumerate() {
            let entry = Entry {
                file,
                index,
                dtype,
                shape,
            };
            if self.entries.insert(name.clone(), entry).is_some() {
                let reason = format!("the tensor {name} occurs twice");
                return Err(WeightError::format(&path.to_string_lossy(), reason));
            }
        }
        Ok(())
    }

    /// Removes the prefixes that training code puts before names.
    ///
    /// Errors where two names become the same.
    fn unwrap_names(&mut self) -> Result<(), WeightError> {
        for wrapper in WRAPPERS {
            if self.entries.keys().any(|name| name.starts_with(wrapper)) {
                // Other entries, such as the optimiser's state, are not weights.
                self.entries.retain(|name, _| name.starts_with(wrapper));
                self.rename(|name| name.trim_start_matches(wrapper).to_string())?;
            }
        }
        if self.entries.keys().any(|name| name.starts_with("module.")) {
            self.rename(|name| name.strip_prefix("module.").unwrap_or(name).to_string())?;
        }
        Ok(())
    }

    fn rename(&mut self, new: impl Fn(&str) -> String) -> Result<(), WeightError> {
        for (name, entry) in std::mem::take(&mut self.entries) {
            let name = new(&name);
            if self.entries.insert(name.clone(), entry).is_some() {
                let reason = format!("the tensor {name} occurs twice, with and without a prefix");
                return Err(WeightError::format(&self.origin, reason));
            }
        }
        Ok(())
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether there is a tensor with that name.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Shape of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|e| e.shape.as_slice())
    }

    /// Number of elements of a tensor; 0 if it does not exist.
    pub fn elements(&self, name: &str) -> u64 {
        self.shape(name)
            .map_or(0, |s| s.iter().map(|&d| d as u64).product())
    }

    /// Whether a tensor is of a floating-point type; masks and positions are not.
    pub fn is_float(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|e| e.dtype.is_float())
    }

    /// The GGUF file, if the source is one.
    pub fn gguf(&self) -> Option<&GgufFile> {
        match self.readers.first() {
            Some(Reader::Gguf(file)) => Some(file),
            _ => None,
        }
    }

    /// The quantised type of a tensor; `None` if it does not exist or is not quantised.
    pub fn packing(&self, name: &str) -> Option<GgmlDType> {
        let info = self.gguf()?.tensors().get(self.entries.get(name)?.index)?;
        match info.kind {
            Kind::Float(GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16) => None,
            Kind::Float(dtype) => Some(dtype),
            Kind::Other(_) => None,
        }
    }

    /// The blocks of a quantised tensor as stored. Only [`Self::tensor`] checks its values.
    pub fn packed(&self, name: &str) -> Result<Vec<u8>, WeightError> {
        let missing = || WeightError::format(&self.origin, format!("{name} is missing"));
        let entry = self.entries.get(name).ok_or_else(missing)?;
        self.gguf().ok_or_else(missing)?.bytes(entry.index)
    }

    /// Path of the weights, for messages.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A tensor in f32 on the CPU, dequantised if necessary.
    ///
    /// Errors where it does not exist, is not of a floating-point type, or has an infinite or NaN value.
    pub fn tensor(&self, name: &str) -> Result<Tensor, WeightError> {
        let wrong = |reason: String| WeightError::format(&self.origin, format!("{name}: {reason}"));
        let entry = self
            .entries
            .get(name)
            .ok_or_else(|| wrong("it is missing".into()))?;
        let bytes = match self.readers.get(entry.file) {
            Some(Reader::Safetensors(file)) => file.read(entry.index)?,
            Some(Reader::Torch(file)) => file.read(entry.index)?,
            Some(Reader::Gguf(file)) => return self.require_finite(name, file.read(entry.index)?),
            None => return Err(wrong("it is missing".into())),
        };
        let dtype = match entry.dtype {
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            Dtype::F32 => DType::F32,
            Dtype::F64 => DType::F64,
            other => {
                return Err(wrong(format!(
                    "it has type {other}, which is not a type of weights"
                )));
            }
        };
        let tensor = Tensor::from_raw_buffer(&bytes, dtype, &entry.shape, &Device::Cpu)
            .and_then(|t| t.to_dtype(DType::F32))
            .map_err(|e| wrong(e.to_string()))?;
        self.require_finite(name, tensor)
    }

    /// Returns `tensor` if all its values are finite.
    fn require_finite(&self, name: &str, tensor: Tensor) -> Result<Tensor, WeightError> {
        let wrong = |reason: String| WeightError::format(&self.origin, format!("{name}: {reason}"));
        let values = tensor
            .flatten_all()
            .and_then(|t| t.to_vec1::<f32>())
            .map_err(|e| wrong(e.to_string()))?;
        match values.iter().position(|v| !v.is_finite()) {
            Some(at) => Err(wrong(format!("element {at} is {}", values[at]))),
            None => Ok(tensor),
        }
    }
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(files: &[(&str, &[u8])]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        Source::open(folder.path()).err().unwrap().to_string()
    }

    #[test]
    fn tensors_whose_names_become_the_same_are_refused() {
        let tensor = |fill: f32| Tensor::full(fill, 2, &Device::Cpu).unwrap();
        let tensors = [("module.a", tensor(1.0)), ("a", tensor(2.0))];
        let blob = safetensors::serialize(tensors, None).unwrap();
        let refused = refusal(&[("model.safetensors", &blob)]);
        assert!(refused.contains("a occurs twice"), "{refused}");
    }

    #[test]
    fn gguf_shards_are_refused() {
        let index = br#"{"weight_map": {"a": "1.gguf", "b": "2.gguf"}}"#;
        let refused = refusal(&[("model.safetensors.index.json", index)]);
        assert!(refused.contains("cannot be one of several"), "{refused}");
    }
}
