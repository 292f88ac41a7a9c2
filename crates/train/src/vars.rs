//! Trainable weights, seeded by name.
//!
//! Candle's own variable map draws initial weights from an unseeded generator. Here every tensor's initial values depend only on
//! the recipe's seed and its name, so a training run can be repeated and does not change when a layer is added.

use candle_core::{DType, Device, Result, Shape, Tensor, Var};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use rounds_model::store::Store;
use rounds_support::rng::Rng;

/// All variables of a run, by tensor name.
#[derive(Default)]
pub(crate) struct Vars {
    seed: u64,
    map: Mutex<BTreeMap<String, Var>>,
    /// Weights to start from; all others are drawn at random.
    given: HashMap<String, Tensor>,
    /// Weights that are never trained and are no variables.
    constants: HashMap<String, Tensor>,
}

struct Backend(Arc<Vars>);

fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3)
    })
}

impl Vars {
    /// An empty set of variables; `given` weights are used if their names match.
    pub(crate) fn new(seed: u64, given: HashMap<String, Tensor>) -> Arc<Self> {
        Arc::new(Self {
            seed,
            map: Mutex::default(),
            given,
            constants: HashMap::new(),
        })
    }

    /// [`Self::new`] with `constants`, which a store gives out as they are.
    pub(crate) fn with_constants(
        seed: u64,
        given: HashMap<String, Tensor>,
        constants: HashMap<String, Tensor>,
    ) -> Arc<Self> {
        Arc::new(Self {
            seed,
            map: Mutex::default(),
            given,
            constants,
        })
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        self.map.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A store that creates variables as a model asks for them.
    pub(crate) fn store(self: &Arc<Self>, device: &Device) -> Store<'static> {
        let backend = Box::new(Backend(self.clone()));
        Store::full(VarBuilder::from_backend(
            backend,
            DType::F32,
            device.clone(),
        ))
    }

    /// Every variable whose name `wanted` accepts, in order of name.
    pub(crate) fn select(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, Var)> {
        self.locked()
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, var)| (name.clone(), var.clone()))
            .collect()
    }

    fn start(&self, shape: &Shape, name: &str, init: Init, device: &Device) -> Result<Tensor> {
        if let Some(tensor) = self.given.get(name) {
            if tensor.shape() != shape {
                candle_core::bail!("{name}: expected {shape:?}, found {:?}", tensor.shape());
            }
            return tensor.to_dtype(DType::F32)?.to_device(device);
        }
        let mut rng = Rng::new(self.seed ^ name_hash(name));
        let count = shape.elem_count();
        let values: Vec<f32> = match init {
            Init::Const(value) => vec![value as f32; count],
            Init::Randn { mean, stdev } => (0..count)
                .map(|_| mean as f32 + stdev as f32 * rng.normal())
                .collect(),
            Init::Uniform { lo, up } => (0..count)
                .map(|_| rng.range(lo as f32, up as f32))
                .collect(),
            Init::Kaiming { .. } => candle_core::bail!("{name}: unexpected initialisation"),
        };
        Tensor::from_vec(values, shape, device)
    }
}

impl SimpleBackend for Backend {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        _: DType,
        device: &Device,
    ) -> Result<Tensor> {
        if let Some(constant) = self.0.constants.get(name) {
            if constant.shape() != &shape {
                candle_core::bail!("{name}: expected {shape:?}, found {:?}", constant.shape());
            }
            return constant.to_device(device);
        }
        let mut map = self.0.locked();
        if let Some(var) = map.get(name) {
            return Ok(var.as_tensor().clone());
        }
        let var = Var::from_tensor(&self.0.start(&shape, name, init, device)?)?;
        let tensor = var.as_tensor().clone();
        map.insert(name.to_string(), var);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        match self.0.locked().get(name) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => candle_core::bail!("no variable {name}"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.locked().contains_key(name)
    }
}
