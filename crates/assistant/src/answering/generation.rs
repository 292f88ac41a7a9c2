//! Generates the answer text.

use super::Request;
use crate::engine::Engine;
use crate::prompt::Prompt;
use crate::types::{Answer, AssistantError, Event};
use rounds_model::error::ModelError;
use rounds_model::generate::{Generated, StopReason, generate};
use rounds_support::sanitise;

/// Tokens with a special role in generation.
struct ControlTokens {
    ends: Vec<u32>,
    forbidden: Vec<u32>,
}

impl Engine {
    /// Generates after a prefill and fills `answer`; returns the whole generated text.
    pub(super) fn write(
        &mut self,
        request: &Request,
        built: &Prompt,
        logits: Vec<f32>,
        emit: &mut dyn FnMut(Event),
        answer: &mut Answer,
    ) -> Result<String, AssistantError> {
        let control = self.control_tokens()?;
        let mut stream = sanitise::Stream::new();
        let mut stop = self.template.stop.clone();
        if request.experiment.answer_only && !self.template.rationale_first() {
            stop.push(self.template.rationale_marker.clone());
        }
        let generated = generate(
            self.learner.as_mut(),
            logits,
            &built.ids,
            &request.settings.decoding,
            &control.ends,
            &control.forbidden,
            &stop,
            request.cancel,
            |text| emit(Event::Token(stream.push(text))),
        )?;
        let rest = stream.finish();
        if !rest.is_empty() {
            emit(Event::Token(rest));
        }
        let (text, rationale) = self.template.parse(&sanitise::clean(&generated.text));
        if text.is_empty() && generated.stop != StopReason::Cancelled {
            let shots = answer.shots.len();
            answer.notices.push(empty_answer_notice(&generated, shots));
        }
        answer.answer = text;
        answer.rationale = rationale;
        answer.stop = generated.stop;
        answer.generated_tokens = generated.tokens;
        self.stand(&generated, answer);
        if let Some(reason) = &answer.standing.withheld {
            answer.notices.push(format!("no answer: {reason}"));
        }
        answer.log_probabilities = generated.log_probabilities;
        Ok(generated.text)
    }

    fn control_tokens(&self) -> Result<ControlTokens, ModelError> {
        let tokens = &self.learner.manifest().tokens;
        let token = |text: &str| self.learner.tokenizer().token_to_id(text);
        let missing = || {
            ModelError::Tokenizer("the model's end-of-chunk token is not in its tokenizer".into())
        };
        let named = |names: &[String]| names.iter().filter_map(|t| token(t)).collect::<Vec<_>>();
        let mut ends = named(&tokens.stop);
        ends.push(token(&tokens.end_of_chunk).ok_or_else(missing)?);
        let mut forbidden = named(&tokens.untrained);
        forbidden.extend(token(&tokens.begin));
        forbidden.extend(token(&tokens.image));
        // Some models begin and end texts with the same token.
        forbidden.retain(|token| !ends.contains(token));
        Ok(ControlTokens { ends, forbidden })
    }
}

/// Few shots never keep a model from answering; many may be more than it was trained with.
const FEW_SHOTS: usize = 4;

fn empty_answer_notice(generated: &Generated, shots: usize) -> String {
    match generated.stop {
        StopReason::Length => format!(
            "cut off after {} tokens, before the answer: allow more with max-new-tokens",
            generated.tokens
        ),
        _ if shots > FEW_SHOTS => {
            format!("the model gave no answer after {shots} shots: fewer shots may help")
        }
        _ => "the model gave no answer".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_of_a_missing_answer_says_what_may_help() {
        let notice = |stop, shots| {
            let generated = Generated {
                text: String::new(),
                tokens: 96,
                log_probabilities: Vec::new(),
                ids: Vec::new(),
                end_log_probability: None,
                stop,
            };
            empty_answer_notice(&generated, shots)
        };
        assert!(notice(StopReason::Length, 30).contains("allow more"));
        assert!(notice(StopReason::EndOfChunk, 30).ends_with("30 shots: fewer shots may help"));
        assert_eq!(
            notice(StopReason::EndOfChunk, 4),
            "the model gave no answer"
        );
    }
}
