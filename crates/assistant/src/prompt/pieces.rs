//! Where in a prompt its shots stand.

use tokenizers::Tokenizer;

use super::{Template, token_ids};
use rounds_index::Example;
use rounds_model::error::ModelError;

impl Template {
    /// How many tokens a prompt has before its first shot, up to the end of each shot, and in all: `shots + 2` numbers. `shots` are in prompt
    /// order. A token that reaches over a border counts to the piece it begins in.
    pub fn borders(
        &self,
        tokenizer: &Tokenizer,
        begin: &str,
        shots: &[Example],
        question: &str,
        images: usize,
    ) -> Result<Vec<usize>, ModelError> {
        let (template, begin) = &self.with_begin(begin);
        let mut text = format!("{begin}{}", template.header);
        let shots = shots.iter().map(|example| template.shot(example));
        let pieces = shots.chain([template.query(question, images)]);
        let mut borders = vec![token_ids(tokenizer, &text)?.len()];
        for piece in pieces {
            text.push_str(&piece);
            borders.push(token_ids(tokenizer, &text)?.len());
        }
        Ok(borders)
    }
}
