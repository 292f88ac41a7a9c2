//! How one of our tensors is made from published ones. Which recipe a tensor has is decided in [`super::key_map`].

/// One of the sources of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The checkpoint itself.
    Checkpoint,
    /// The base language model.
    Language,
    /// The vision tower.
    Vision,
}

/// A published tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorRef {
    /// Which source has it.
    pub role: Role,
    /// Its published name.
    pub name: String,
}

/// How a tensor is made from published ones. Of several candidates the first that exists is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Recipe {
    /// As published.
    Copy(Vec<TensorRef>),
    /// The same values in the same order, with other axes of length 1.
    Reshaped(Vec<TensorRef>),
    /// Rows removed, or zero rows added: resized vocabularies.
    Resized(Vec<TensorRef>),
    /// One of three equal blocks of rows (queries, keys, values), by index.
    FusedQkv(Vec<TensorRef>, usize),
    /// Rows interleaved by head, each head with queries, keys and values: index of the part, and number of heads.
    InterleavedQkv(Vec<TensorRef>, usize, usize),
    /// Rows of each head in pairs, one of its first half and one of its second (llama.cpp's rotary layout), to be sorted back; number
    /// of heads.
    RopePairs(Vec<TensorRef>, usize),
    /// The rows of all candidates, one after the other.
    Concat(Vec<TensorRef>),
    /// Rows and columns swapped.
    Transposed(Vec<TensorRef>),
    /// One of three equal blocks of columns (queries, keys, values) of a weight `[in, out]`, by index, with rows and columns swapped.
    ConvQkv(Vec<TensorRef>, usize),
    /// The first row, whatever the number of rows.
    First(Vec<TensorRef>),
    /// A weight with an addition of low rank (LoRA): `base + alpha / rank up down`.
    Merged {
        /// The weight as `base` reads it, then `down` `[rank, in]` and `up` `[out, rank]`.
        refs: Vec<TensorRef>,
        /// How the weight itself is made.
        base: Box<Recipe>,
        /// Which of three equal blocks of the rows of `up` belongs to it.
        part: Option<usize>,
        /// Numerator of the factor.
        alpha: u32,
    },
    /// `alpha / rank up` of an addition of low rank, `up` `[out, rank]`: all rows, or one of three equal blocks of them.
    LowRankUp(Vec<TensorRef>, Option<usize>, u32),
    /// What p-tuning's encoder gives: embeddings, then weights and biases of three linear layers with ReLU between them.
    PromptEncoder(Vec<TensorRef>),
    /// A convolution with the batch norm after it folded into its weight: the weight, then the norm's weight and variance.
    FoldedWeight(Vec<TensorRef>, BatchNorm),
    /// The bias that remains of a folded batch norm: its bias, mean, weight and variance.
    FoldedBias(Vec<TensorRef>, BatchNorm),
}

/// Whose batch norms a checkpoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchNorm {
    /// Those of TensorFlow's EfficientNets.
    TensorFlow,
    /// PyTorch's.
    PyTorch,
}

impl BatchNorm {
    /// What is added to the variance.
    pub(crate) fn epsilon(self) -> f64 {
        match self {
            Self::TensorFlow => 1e-3,
            Self::PyTorch => 1e-5,
        }
    }
}

/// The list of published tensors of a recipe, borrowed as the recipe is.
macro_rules! candidates_of {
    ($recipe:expr) => {
        match $recipe {
            Recipe::Copy(p)
            | Recipe::Reshaped(p)
            | Recipe::Resized(p)
            | Recipe::FusedQkv(p, _)
            | Recipe::InterleavedQkv(p, _, _)
            | Recipe::RopePairs(p, _)
            | Recipe::Concat(p)
            | Recipe::Transposed(p)
            | Recipe::ConvQkv(p, _)
            | Recipe::First(p)
            | Recipe::Merged { refs: p, .. }
            | Recipe::LowRankUp(p, _, _)
            | Recipe::PromptEncoder(p)
            | Recipe::FoldedWeight(p, _)
            | Recipe::FoldedBias(p, _) => p,
        }
    };
}

impl Recipe {
    /// The published tensors that it may use.
    pub(crate) fn candidates(&self) -> &[TensorRef] {
        candidates_of!(self)
    }

    /// Whether all candidates are used, not only the first that exists.
    pub(crate) fn needs_all(&self) -> bool {
        matches!(
            self,
            Self::Concat(_)
                | Self::FoldedWeight(..)
                | Self::FoldedBias(..)
                | Self::Merged { .. }
                | Self::PromptEncoder(_)
        )
    }

    /// The same recipe for other tensors.
    pub(crate) fn with_candidates(mut self, refs: Vec<TensorRef>) -> Self {
        *candidates_of!(&mut self) = refs;
        self
    }
}

/// Naming scheme of a published language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LanguageLayout {
    /// LLaMA.
    Llama,
    /// GPT-NeoX.
    Neox,
    /// MosaicGPT, as MPT-1B was published.
    Mosaic,
    /// MPT in transformers.
    Mpt,
    /// GPT-2.
    Gpt2,
    /// BioGPT.
    BioGpt,
}
