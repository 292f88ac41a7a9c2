//! MedVInT: visual instruction tuning for medical visual question answering, <https://arxiv.org/abs/2305.10415>, as PMC-VQA publishes it
//! (<https://github.com/xiaoman-zhang/PMC-VQA>, commit 1678ec2).
//!
//! A vision tower (PMC-CLIP's ResNet, or a CLIP) and a query decoder turn an image into a few embeddings. In MedVInT-TD they stand in front
//! of the text, and the language model writes the answer. In MedVInT-TE a fusion block fills in the masked tokens of the answer. Both
//! were trained on one image and one question: shots and further images put their embeddings and texts one after the other, which is
//! outside what the models were trained on, and a notice must say so.

mod blocks;
mod config;
mod masked;
mod queries;
mod scorers;
mod td;
mod td_learner;
mod te;
mod te_learner;

pub use config::{FusionConfig, MedvintConfig, TdConfig, TeConfig};
pub use masked::{MaskedText, mask_answer};
pub use queries::{QueryConfig, QueryDecoder};
pub use scorers::{last_letter, most_similar, published_choice, similarity};
pub use td::MedvintTd;
pub use td_learner::TdLearner;
pub use te::MedvintTe;
pub use te_learner::TeLearner;
