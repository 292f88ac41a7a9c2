//! Ranks given options by their likelihood.

use std::collections::HashSet;
use std::sync::Arc;

use super::Request;
use crate::engine::Engine;
use crate::prompt::{self, Prompt};
use crate::types::{Answer, AssistantError, Ranked};
use rounds_model::EncodedImage;
use rounds_model::error::ModelError;
use rounds_model::generate::StopReason;
use rounds_model::generate::score::rank;

impl Engine {
    /// Ranks the options of a question, if it has any. `written` is the text that was generated as its answer.
    pub(super) fn rank_options(
        &mut self,
        request: &Request,
        built: &Prompt,
        written: &str,
        media: &[Arc<EncodedImage>],
        answer: &mut Answer,
    ) -> Result<(), AssistantError> {
        if request.settings.options.is_empty() || answer.stop == StopReason::Cancelled {
            return Ok(());
        }
        match self.ranking(request, built, written, media) {
            Ok(ranking) => answer.ranking = ranking,
            Err(AssistantError::Model(ModelError::TooLong { tokens, limit })) => {
                answer.notices.push(format!(
                    "the options were not ranked: they need {tokens} tokens, but the context window holds {limit}"
                ));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The options, most likely first; empty if cancelled.
    fn ranking(
        &mut self,
        request: &Request,
        built: &Prompt,
        written: &str,
        media: &[Arc<EncodedImage>],
    ) -> Result<Vec<Ranked>, AssistantError> {
        let text = self.text_before_answer(built, written);
        let ids = self.ids(&text)?;
        let options = distinct(&request.settings.options);
        let continuations = options
            .iter()
            .enumerate()
            .map(|(at, option)| {
                let option = self.template.ranked(at, option);
                self.continuation(&text, &ids, &option)
            })
            .collect::<Result<Vec<_>, ModelError>>()?;
        let longest = continuations.iter().map(Vec::len).max().unwrap_or(0);
        let taken = self.learner.positions(&ids);
        let (tokens, limit) = (taken + longest, self.learner.context());
        if tokens > limit {
            return Err(ModelError::TooLong { tokens, limit }.into());
        }
        let likelihoods = self
            .learner
            .prefill(&ids, media, request.cancel)
            .and_then(|logits| {
                rank(
                    self.learner.as_mut(),
                    &logits,
                    &continuations,
                    request.cancel,
                )
            });
        let likelihoods = match likelihoods {
            Err(ModelError::Cancelled) => return Ok(Vec::new()),
            other => other?,
        };
        let mut ranked: Vec<Ranked> = options
            .into_iter()
            .zip(likelihoods)
            .map(|(option, likelihood)| Ranked {
                option,
                log_probability: likelihood.sum,
                per_token: likelihood.mean,
            })
            .collect();
        ranked.sort_by(|a, b| b.per_token.total_cmp(&a.per_token));
        Ok(ranked)
    }

    /// The text before the answer: the prompt, followed by the model's own rationale if the template puts that first.
    pub(super) fn text_before_answer(&self, built: &Prompt, written: &str) -> String {
        let marker = self.template.answer_marker.as_str();
        match self.template.rationale_first() {
            false => built.marked.clone(),
            true => {
                // Text that the model wrote is untrusted too: a special token that it spelled out must not become one.
                let rationale = prompt::plain(written.split(marker).next().unwrap_or(""));
                match rationale.is_empty() {
                    true => format!("{} {marker}", built.marked),
                    false => format!("{} {rationale} {marker}", built.marked),
                }
            }
        }
    }

    /// The tokens that the option adds to `text`. Encoding the option alone could differ in spaces and merges.
    pub(super) fn continuation(
        &self,
        text: &str,
        ids: &[u32],
        option: &str,
    ) -> Result<Vec<u32>, ModelError> {
        if self.template.split_apart {
            return self.ids(option);
        }
        let whole = self.ids(&format!("{text} {option}"))?;
        match whole.strip_prefix(ids) {
            Some(rest) => Ok(rest.to_vec()),
            None => self.ids(&format!(" {option}")),
        }
    }

    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        prompt::token_ids(self.learner.tokenizer(), text)
    }
}

/// The options as the prompt states them, without those that repeat an earlier one but for blanks and case.
pub(super) fn distinct(options: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    let options = options.iter().map(|option| prompt::plain(option));
    options
        .filter(|option| seen.insert(option.to_lowercase()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Setup, fixtures};

    #[test]
    fn options_that_differ_only_in_blanks_and_case_are_one_option() {
        let options = ["no", " no ", "yes", "No", "not  sure", "yes\n"].map(String::from);
        assert_eq!(distinct(&options), ["no", "yes", "not  sure"]);
    }

    #[test]
    fn a_special_token_spelled_out_in_the_rationale_stays_text() {
        let setup = Setup {
            model: Some(fixtures::path("nano")),
            index: Some(fixtures::path("index")),
            device: "cpu".into(),
            ..Setup::default()
        };
        let engine = Engine::load(&setup).unwrap();
        let built = Prompt {
            text: "<image>Question: Is it? Rationale:".into(),
            marked: "<image>Question: Is it? Rationale:".into(),
            ids: Vec::new(),
            kept: Default::default(),
            dropped: 0,
        };
        let before = |written: &str| engine.text_before_answer(&built, written);
        assert_eq!(
            before(" I see <image> here. Answer: yes"),
            "<image>Question: Is it? Rationale: I see < image> here. Answer:"
        );
        assert_eq!(
            before(" Answer: yes"),
            "<image>Question: Is it? Rationale: Answer:"
        );
    }
}
