//! Safetensors files, mapped and not copied.
//!
//! The `safetensors` crate checks the header: offsets in order, without overlap or gap, shapes that fit, no more header than
//! 100 MB. Nothing is read of a file that fails.

use memmap2::Mmap;
use safetensors::SafeTensors;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Dtype, WeightError};

/// A checked file.
pub struct SafetensorsFile {
    path: PathBuf,
    map: Mmap,
    tensors: Vec<Entry>,
}

struct Entry {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: std::ops::Range<usize>,
}

fn dtype(found: safetensors::Dtype) -> Option<Dtype> {
    use safetensors::Dtype as D;
    Some(match found {
        D::F16 => Dtype::F16,
        D::BF16 => Dtype::BF16,
        D::F32 => Dtype::F32,
        D::F64 => Dtype::F64,
        D::U8 => Dtype::U8,
        D::I8 => Dtype::I8,
        D::I16 => Dtype::I16,
        D::I32 => Dtype::I32,
        D::I64 => Dtype::I64,
        D::BOOL => Dtype::Bool,
        _ => return None,
    })
}

impl SafetensorsFile {
    /// Maps and checks `path`.
    pub fn open(path: &Path) -> Result<Self, WeightError> {
        let name = path.to_string_lossy();
        let file = File::open(path).map_err(|e| WeightError::io(path, &e))?;
        // SAFETY: weights are opened for reading only; a program that changes them meanwhile changes what is read, no more.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| WeightError::io(path, &e))?;
        let tensors = entries(&map).map_err(|reason| WeightError::format(&name, reason))?;
        Ok(Self {
            path: path.to_path_buf(),
            tensors,
            map,
        })
    }

    /// Name, type and shape of every tensor, in the file's order.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Dtype, &[usize])> {
        self.tensors
            .iter()
            .map(|t| (t.name.as_str(), t.dtype, t.shape.as_slice()))
    }

    /// Bytes of the `index`-th tensor.
    pub fn read(&self, index: usize) -> Result<&[u8], WeightError> {
        let missing = || WeightError::format(&self.path.to_string_lossy(), "no such tensor");
        let entry = self.tensors.get(index).ok_or_else(missing)?;
        self.map.get(entry.bytes.clone()).ok_or_else(missing)
    }
}

/// What a header says; also the fuzzer's way in.
fn entries(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let (header, _) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    for (name, view) in tensors.iter() {
        let kind = dtype(view.dtype())
            .ok_or_else(|| format!("{name} is of type {:?}, which is not read", view.dtype()))?;
        // Offsets come from the view's place in the map, so they were checked by the crate.
        let start = (view.data().as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
        debug_assert!(start >= header);
        out.push(Entry {
            name: name.to_string(),
            dtype: kind,
            shape: view.shape().to_vec(),
            bytes: start..start + view.data().len(),
        });
    }
    out.sort_by_key(|e| e.bytes.start);
    Ok(out)
}

/// Checks bytes as a file would be; how many tensors there are.
pub fn check(bytes: &[u8]) -> Result<usize, String> {
    entries(bytes).map(|e| e.len())
}
