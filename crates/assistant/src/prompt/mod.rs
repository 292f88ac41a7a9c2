//! Builds the interleaved prompt from a case and its shots, and splits generated text into answer and rationale.
//!
//! Shots and questions are untrusted data: special tokens in their text are neutralised here, before tokenization.

mod file;
mod parts;
mod pieces;

pub use file::TemplateError;
pub use parts::AnswerLayout;

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokenizers::Tokenizer;

use rounds_index::{Example, IMAGE_PLACEHOLDER};

/// A prompt template (`prompts/*.toml`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Version of the file format.
    pub format_version: u32,
    /// Name of the template.
    pub name: String,
    /// What the template is for.
    pub task: String,
    /// What ends a worked example in the forms: the end-of-chunk token of the model it was written for. Another model's own token takes its
    /// place. Empty where the forms have none.
    #[serde(default)]
    pub end: String,
    /// Text before the first shot.
    pub header: String,
    /// Form of a shot, with placeholders.
    pub shot: String,
    /// Form of the question, with placeholders.
    pub query: String,
    /// Token that stands for an image.
    pub image: String,
    /// Token on both sides of an image; adjacent images share the one between them (IDEFICS).
    #[serde(default)]
    pub around_image: String,
    /// Text that introduces the rationale.
    pub rationale_marker: String,
    /// Text that introduces the answer.
    pub answer_marker: String,
    /// Texts that end an answer.
    pub stop: Vec<String>,
    /// Whether question and answer are split into tokens on their own, apart from the text around them (prefix tuning).
    #[serde(default)]
    pub split_apart: bool,
    /// Form of one answer to choose from, with `{letter}` and `{choice}`; `{choices}` in the question stands for all of them. Empty where
    /// the template shows none.
    #[serde(default)]
    pub choice: String,
    /// Form of an answer to choose from where it is ranked: what the model was trained to write. Empty for the answer itself.
    #[serde(default)]
    pub ranked: String,
    /// The answers to choose from, as the question shows them.
    #[serde(skip)]
    choices: String,
    /// The token in front of every text, for `{begin}`.
    #[serde(skip)]
    begin: String,
    /// The file it was read from.
    #[serde(skip)]
    text: Arc<str>,
    /// SHA-256 of the file.
    #[serde(skip)]
    sha256: Arc<str>,
}

impl Template {
    /// The same template with these answers to choose from in the question, if it shows any.
    #[must_use]
    pub fn with_choices(&self, options: &[String]) -> Self {
        let options = options.iter().enumerate();
        let shown = options.map(|(at, option)| lettered(&self.choice, at, option));
        Self {
            choices: shown.collect(),
            ..self.clone()
        }
    }

    /// The answer number `at` to choose from, as the model was trained to write it.
    pub fn ranked(&self, at: usize, option: &str) -> String {
        match self.ranked.is_empty() {
            true => option.to_string(),
            false => lettered(&self.ranked, at, option),
        }
    }

    /// Whether the token in front of a prompt stands behind the images instead, in front of every text.
    pub fn begins_each_text(&self) -> bool {
        self.query.contains("{begin}")
    }

    /// The same template with `begin` in front of every text, where its forms say so; and what remains to stand in front of the prompt.
    fn with_begin<'a>(&self, begin: &'a str) -> (Self, &'a str) {
        let template = Self {
            begin: begin.to_string(),
            ..self.clone()
        };
        match self.begins_each_text() {
            true => (template, ""),
            false => (template, begin),
        }
    }

    fn one_image(&self) -> String {
        let around = &self.around_image;
        format!("{around}{}{around}", self.image)
    }

    fn images(&self, count: usize) -> String {
        self.one_image().repeat(count)
    }

    /// A question or an answer as it stands in the text.
    fn filled_in(&self, text: String) -> String {
        match self.split_apart {
            true => format!("{SPLIT}{text}{SPLIT}"),
            false => text,
        }
    }

    /// One worked example as text, with [`SPLIT`] where tokens must not reach across.
    pub fn shot(&self, example: &Example) -> String {
        let mut form = self.shot.clone();
        let rationale = plain(&example.rationale);
        if rationale.is_empty()
            && let (Some(from), Some(to)) = (
                form.find(&self.rationale_marker),
                form.find("{rationale}").map(|i| i + "{rationale}".len()),
            )
        {
            form.replace_range(from.saturating_sub(1)..to, "");
        }
        // An interleaved page marks where its images stand; otherwise they come first.
        let pieces: Vec<&str> = example.question.split(IMAGE_PLACEHOLDER).collect();
        let inline = pieces.len() > 1 && pieces.len() == example.images.len() + 1;
        let (images, question) = match inline {
            true => {
                let pieces = pieces.into_iter().map(neutralise);
                let question = pieces.collect::<Vec<_>>().join(&self.one_image());
                (String::new(), question.trim().to_string())
            }
            false => (self.images(example.images.len()), plain(&example.question)),
        };
        let text = self.fill(
            &form,
            &images,
            &self.filled_in(question),
            &self.filled_in(plain(&example.answer)),
            &rationale,
        );
        merge_adjacent_markers(text, &self.around_image)
    }

    /// The question as text for the model to continue, with [`SPLIT`] where tokens must not reach across.
    pub fn query(&self, question: &str, images: usize) -> String {
        let question = self.filled_in(plain(question));
        let text = self.fill(&self.query, &self.images(images), &question, "", "");
        merge_adjacent_markers(text, &self.around_image)
    }

    /// Fills placeholders in one pass, so that a placeholder's name inside a value is not replaced.
    fn fill(
        &self,
        form: &str,
        images: &str,
        question: &str,
        answer: &str,
        rationale: &str,
    ) -> String {
        let values = [
            ("{begin}", self.begin.as_str()),
            ("{images}", images),
            ("{question}", question),
            ("{choices}", self.choices.as_str()),
            ("{answer}", answer),
            ("{rationale}", rationale),
        ];
        let mut out = String::new();
        let mut rest = form;
        while let Some(at) = rest.find('{') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            match values.iter().find(|(name, _)| rest.starts_with(name)) {
                Some((name, value)) => {
                    out.push_str(value);
                    rest = &rest[name.len()..];
                }
                None => {
                    out.push('{');
                    rest = &rest[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// Whether the model gives its rationale before the answer.
    pub fn rationale_first(&self) -> bool {
        self.query.trim_end().ends_with(&self.rationale_marker)
    }

    /// Splits generated text into answer and rationale (`None` if the model gave none). The answer is empty if it is missing,
    /// for example because the rationale before it was cut off.
    pub fn parse(&self, text: &str) -> (String, Option<String>) {
        let some = |s: &str| Some(s.trim().to_string()).filter(|s| !s.is_empty());
        if self.rationale_first() {
            return match text.split_once(self.answer_marker.as_str()) {
                Some((rationale, answer)) => (answer.trim().to_string(), some(rationale)),
                None => (String::new(), some(text)),
            };
        }
        match text.split_once(self.rationale_marker.as_str()) {
            Some((answer, rationale)) => (answer.trim().to_string(), some(rationale)),
            None => (text.trim().to_string(), None),
        }
    }
}

/// Merges doubled `around` tokens: adjacent images share the token between them, as in the IDEFICS processor (transformers
/// 4.33, `image_tokens`).
pub fn merge_adjacent_markers(text: String, around: &str) -> String {
    match around.is_empty() {
        true => text,
        false => text.replace(&around.repeat(2), around),
    }
}

/// `form` with `{letter}`, which is A for the first option, and `{choice}`, the option as it is in prompts.
fn lettered(form: &str, at: usize, option: &str) -> String {
    let letter = ('A'..='Z').nth(at).map(String::from).unwrap_or_default();
    let form = form.replace("{letter}", &letter);
    form.replace("{choice}", &plain(option))
}

/// Untrusted text as one clean line whose special tokens and template markers are harmless.
pub fn plain(text: &str) -> String {
    // Replace placeholders first: removing them later could join two halves of a token.
    neutralise(&text.replace(IMAGE_PLACEHOLDER, " "))
        .trim()
        .to_string()
}

/// As [`plain`], but without trimming and without removing image placeholders.
fn neutralise(text: &str) -> String {
    let line = rounds_support::sanitise::clean_line(text);
    let mut out = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match letter {
            // For any tokenizer: separate `<` from what could be the name of a token. `<5 mm` is not one.
            '<' if next.is_some_and(|c| c.is_alphabetic() || matches!(c, '/' | '|' | '_')) => {
                out.push_str("< ");
            }
            '|' if next == Some('>') => out.push_str("| "),
            ':' if ends_with_marker(&out) => out.push_str(" -"),
            _ => out.push(letter),
        }
    }
    out
}

/// Whether a colon after `text` would complete a template marker.
fn ends_with_marker(text: &str) -> bool {
    const MARKERS: [&str; 3] = ["question", "answer", "rationale"];
    MARKERS.iter().any(|marker| {
        let from = text.len().checked_sub(marker.len());
        let end = from.and_then(|from| text.get(from..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(marker))
    })
}

/// Where tokens must not reach across. Untrusted text cannot have it, because its control characters are replaced.
pub const SPLIT: char = '\u{1f}';

/// The tokens of `text`, without begin token, each part between [`SPLIT`]s on its own.
pub fn token_ids(
    tokenizer: &Tokenizer,
    text: &str,
) -> Result<Vec<u32>, rounds_model::error::ModelError> {
    let mut ids = Vec::new();
    for part in text.split(SPLIT).filter(|part| !part.is_empty()) {
        let encoding = tokenizer.encode(part, false);
        let encoding =
            encoding.map_err(|e| rounds_model::error::ModelError::Tokenizer(e.to_string()))?;
        ids.extend_from_slice(encoding.get_ids());
    }
    Ok(ids)
}

/// A prompt as the model gets it.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The text with [`SPLIT`] where tokens must not reach across.
    pub marked: String,
    /// The text, with image tokens.
    pub text: String,
    /// The token ids.
    pub ids: Vec<u32>,
    /// Ranks of the shots in it.
    pub kept: BTreeSet<usize>,
    /// Number of shots that did not fit.
    pub dropped: usize,
}

/// Builds the prompt. `shots` are in prompt order, each with its rank (1 is the most similar). `reserve` tokens are left for the
/// answer; `positions` says how much of the context tokens take. The most similar shots get room first; one that does not fit is dropped and the next one tried.
///
/// Errors if the question alone does not fit.
pub fn build(
    template: &Template,
    tokenizer: &Tokenizer,
    begin: &str,
    shots: &[(usize, &Example)],
    question: &str,
    images: usize,
    context: usize,
    reserve: usize,
    positions: &dyn Fn(&[u32]) -> usize,
) -> Result<Prompt, rounds_model::error::ModelError> {
    use rounds_model::error::ModelError;
    let encode = |text: &str| token_ids(tokenizer, text);
    let (template, begin) = &template.with_begin(begin);
    let head = format!("{begin}{}", template.header);
    let query = template.query(question, images);
    let limit = context.saturating_sub(reserve);
    let fixed = positions(&encode(&head)?) + positions(&encode(&query)?);
    if fixed > limit {
        return Err(ModelError::NoRoom {
            tokens: fixed,
            context,
            reserve,
        });
    }
    let mut by_rank: Vec<&(usize, &Example)> = shots.iter().collect();
    by_rank.sort_by_key(|(rank, _)| *rank);
    let mut room = limit - fixed;
    let mut kept = BTreeMap::new();
    for (rank, example) in by_rank {
        let text = template.shot(example);
        let cost = positions(&encode(&text)?);
        if cost <= room {
            room -= cost;
            kept.insert(*rank, text);
        }
    }
    let texts = shots.iter().filter_map(|(rank, _)| kept.get(rank));
    let marked = format!("{head}{}{query}", texts.cloned().collect::<String>());
    Ok(Prompt {
        ids: encode(&marked)?,
        text: marked.replace(SPLIT, ""),
        marked,
        dropped: shots.len() - kept.len(),
        kept: kept.into_keys().collect(),
    })
}

#[cfg(test)]
mod tests;
