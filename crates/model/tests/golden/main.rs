//! Model families against golden tensors that the reference implementations made (tests/reference).

mod bert_score;
mod encoders;
mod gguf;
mod learner;
mod medvint;
mod pixels;
mod prefix;
mod probing;
mod published;
#[path = "../../../../tests/common/word_tokenizer.rs"]
mod word_tokenizer;
