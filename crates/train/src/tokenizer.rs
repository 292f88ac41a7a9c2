//! The built-in model's tokenizer: byte-level BPE, trained on the phantoms' questions and answers.
//!
//! Byte-level, so that any text can be encoded; words and numbers the phantoms use take few tokens.

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer, TokenizerImpl};

use super::episodes::{BINDING_QUESTIONS, all_names};
use rounds_phantom::questions::ask;
use rounds_phantom::{KINDS, render};
use rounds_support::rng::Rng;

/// Special tokens, in order of their ids.
pub const SPECIAL: [&str; 4] = ["<|endofchunk|>", "<image>", "<PAD>", "<s>"];

/// The training text: questions, rationales and answers of phantoms, and every made-up name.
pub fn corpus(seed: u64, phantoms: usize) -> Vec<String> {
    let mut rng = Rng::new(seed);
    let mut lines = Vec::new();
    for i in 0..phantoms {
        let phantom = render(i % KINDS.len(), super::pool::seeds::TRAIN + i as u64, 8);
        for _ in 0..6 {
            let qa = ask(&phantom, &mut rng);
            lines.push(format!(
                "Question: {} Rationale: {} Answer: {}",
                qa.question, qa.rationale, qa.answer
            ));
        }
    }
    for name in all_names() {
        let question = rng.pick(&BINDING_QUESTIONS);
        lines.push(format!(
            "Question: {question} Rationale: I see this, called {name}. Answer: {name}"
        ));
    }
    lines
}

/// Trains a tokenizer with `vocab_size` entries.
pub fn train(lines: &[String], vocab_size: usize) -> Result<Tokenizer, String> {
    let special: Vec<AddedToken> = SPECIAL.iter().map(|s| AddedToken::from(*s, true)).collect();
    let mut trainer = BpeTrainer::builder()
        .vocab_size(vocab_size)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(special.clone())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let byte_level = ByteLevel::new(false, true, true);
    let mut tokenizer = TokenizerImpl::<
        BPE,
        tokenizers::NormalizerWrapper,
        ByteLevel,
        tokenizers::PostProcessorWrapper,
        ByteLevel,
    >::new(BPE::default());
    tokenizer
        .with_pre_tokenizer(Some(byte_level))
        .with_decoder(Some(byte_level));
    tokenizer
        .train(&mut trainer, lines.iter().map(String::as_str))
        .map_err(|e| e.to_string())?;
    tokenizer
        .add_special_tokens(special)
        .map_err(|e| e.to_string())?;
    let text = tokenizer.to_string(false).map_err(|e| e.to_string())?;
    text.parse::<Tokenizer>().map_err(|e| e.to_string())
}
