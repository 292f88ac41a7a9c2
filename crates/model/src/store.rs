//! Where a model takes its tensors from: full tensors, and packed (quantised) linear layers.
//!
//! The same loading code serves training (variables created on first use), inference from files, and the importer, which runs it
//! on a store without data that only records the requests. So the list of tensors a bundle must have cannot differ from what the
//! model reads.

use candle_core::quantized::QTensor;
use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::ops::{Linear, Q4Weight};

/// A quantised weight.
#[derive(Clone)]
pub enum Packed {
    /// In candle's own memory.
    Candle(Arc<QTensor>),
    /// In Q4_1 blocks that stay where they are, on the CPU.
    Q4(Q4Weight),
}

impl Packed {
    fn dequantised(&self, device: &Device) -> Result<Tensor> {
        match self {
            Self::Candle(weight) => weight.dequantize(device),
            Self::Q4(weight) => weight.dequantised(),
        }
    }

    fn dims(&self) -> Vec<usize> {
        match self {
            Self::Candle(weight) => weight.shape().dims().to_vec(),
            Self::Q4(weight) => vec![weight.out(), weight.input()],
        }
    }
}

/// A store of tensors, seen from one prefix of their names.
#[derive(Clone)]
pub struct Store<'a> {
    full: VarBuilder<'a>,
    packed: Arc<HashMap<String, Packed>>,
    recorded: Option<Arc<Mutex<Vec<TensorSpec>>>>,
}

/// Name and shape of a tensor that a model needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Full name.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Whether it is the weight of a linear layer, which may be quantised.
    pub linear: bool,
}

impl<'a> Store<'a> {
    /// A store of full tensors only.
    pub fn full(full: VarBuilder<'a>) -> Self {
        Self::with_packed(full, HashMap::new())
    }

    /// A store of full tensors and packed linear weights.
    pub fn with_packed(full: VarBuilder<'a>, packed: HashMap<String, Packed>) -> Self {
        Self {
            full,
            packed: Arc::new(packed),
            recorded: None,
        }
    }

    /// The same store with `name` added to the prefix.
    pub fn pp(&self, name: impl ToString) -> Self {
        Self {
            full: self.full.pp(name),
            packed: self.packed.clone(),
            recorded: self.recorded.clone(),
        }
    }

    /// The device of the tensors.
    pub fn device(&self) -> &Device {
        self.full.device()
    }

    /// A tensor of `shape` in the store's dtype; a trainer initialises it with `init`.
    ///
    /// Errors where it is missing or has another shape.
    pub fn get(&self, shape: impl Into<Shape>, name: &str, init: Init) -> Result<Tensor> {
        let shape = shape.into();
        if let Some(packed) = self.packed.get(&self.path(name)) {
            let mut full = packed.dequantised(self.full.device())?;
            // A packed head may have more rows than the vocabulary, as `linear` knows too.
            let padded = matches!(packed, Packed::Candle(_)) && full.rank() == 2;
            if padded && shape.rank() == 2 && full.dim(0)? > shape.dims()[0] {
                full = full.narrow(0, 0, shape.dims()[0])?.contiguous()?;
            }
            if full.shape() != &shape {
                candle_core::bail!(
                    "{} has shape {:?}, but {shape:?} was expected",
                    self.path(name),
                    full.shape()
                );
            }
            return full.to_dtype(self.full.dtype());
        }
        self.record(name, &shape, false);
        self.full.get_with_hints(shape, name, init)
    }

    /// A linear layer without bias; `shape` of its weight is `[out, in]`.
    ///
    /// Errors where the weight is missing or has another shape.
    pub fn linear(&self, shape: (usize, usize), name: &str, init: Init) -> Result<Linear> {
        if let Some(weight) = self.packed.get(&self.path(name)) {
            let dims = weight.dims();
            let exact = matches!(weight, Packed::Q4(_));
            if dims.get(1) != Some(&shape.1) || exact && dims[0] != shape.0 {
                candle_core::bail!(
                    "{} has shape {dims:?}, but [{}, {}] was expected",
                    self.path(name),
                    shape.0,
                    shape.1
                );
            }
            return match weight {
                Packed::Candle(weight) => Linear::packed(weight.clone(), shape.0),
                Packed::Q4(weight) => Ok(Linear::q4(weight.clone())),
            };
        }
        self.record(name, &shape.into(), true);
        Ok(Linear::full(self.full.get_with_hints(shape, name, init)?))
    }

    fn path(&self, name: &str) -> String {
        match self.full.prefix() {
            prefix if prefix.is_empty() => name.to_string(),
            prefix => format!("{prefix}.{name}"),
        }
    }

    fn record(&self, name: &str, shape: &Shape, linear: bool) {
        if let Some(recorded) = &self.recorded {
            let entry = TensorSpec {
                name: self.path(name),
                shape: shape.dims().to_vec(),
                linear,
            };
            recorded
                .lock()
                .unwrap_or_else(|e| e.into_inner())
                .push(entry);
        }
    }
}

/// The tensors that `load` takes from a store, sorted by name, without allocating them.
pub fn required_tensors(
    load: impl FnOnce(Store<'static>) -> Result<()>,
) -> Result<Vec<TensorSpec>> {
    let recorded = Arc::new(Mutex::new(Vec::new()));
    let full = VarBuilder::from_backend(Box::new(ZeroBackend), DType::F32, Device::Cpu);
    load(Store {
        full,
        packed: Arc::default(),
        recorded: Some(recorded.clone()),
    })?;
    let mut list = recorded.lock().unwrap_or_else(|e| e.into_inner()).clone();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list.dedup();
    Ok(list)
}

/// Broadcasts a single zero to every requested shape.
struct ZeroBackend;

impl SimpleBackend for ZeroBackend {
    fn get(&self, shape: Shape, _: &str, _: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("no tensor {name}")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
