//! From a case and its shots to the interleaved prompt, and from generated text back to answer and rationale.
//!
//! Shots and questions are data: special tokens in their text are neutralised here, before they can reach a tokenizer.

mod parts;

pub use parts::Parts;

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use tokenizers::Tokenizer;

use rounds_index::{Example, PICTURE_PLACE};

/// A prompt template (`prompts/*.toml`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    pub format_version: u32,
    pub name: String,
    pub task: String,
    pub header: String,
    pub shot: String,
    pub query: String,
    pub image: String,
    /// Stands on both sides of an image; one does for both where two images follow each other (IDEFICS).
    #[serde(default)]
    pub around_image: String,
    pub rationale_marker: String,
    pub answer_marker: String,
    pub stop: Vec<String>,
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("there is no prompt template named {0}")]
    Missing(String),
    #[error("prompt template {0} is not valid: {1}")]
    Invalid(String, String),
}

impl Template {
    /// A template that is compiled in.
    pub fn shipped(name: &str) -> Result<Self, TemplateError> {
        let bytes = rounds_support::shipped::file(&format!("prompts/{name}.toml"))
            .ok_or_else(|| TemplateError::Missing(name.to_string()))?;
        toml::from_str(&String::from_utf8_lossy(bytes))
            .map_err(|e| TemplateError::Invalid(name.to_string(), e.message().to_string()))
    }

    fn one_image(&self) -> String {
        let around = &self.around_image;
        format!("{around}{}{around}", self.image)
    }

    fn images(&self, count: usize) -> String {
        self.one_image().repeat(count)
    }

    /// One worked example as text.
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
        // A page of a textbook says where its pictures stand; otherwise they come first.
        let pieces: Vec<&str> = example.question.split(PICTURE_PLACE).collect();
        let inline = pieces.len() > 1 && pieces.len() == example.images.len() + 1;
        let (images, question) = match inline {
            true => {
                let pieces = pieces.into_iter().map(harmless);
                let question = pieces.collect::<Vec<_>>().join(&self.one_image());
                (String::new(), question.trim().to_string())
            }
            false => (self.images(example.images.len()), plain(&example.question)),
        };
        let text = fill(
            &form,
            &images,
            &question,
            &plain(&example.answer),
            &rationale,
        );
        share_around(text, &self.around_image)
    }

    /// The question as text, ready for the model to go on.
    pub fn query(&self, question: &str, images: usize) -> String {
        let text = fill(&self.query, &self.images(images), &plain(question), "", "");
        share_around(text, &self.around_image)
    }

    /// Whether the model is asked for its rationale in front of the answer.
    pub fn rationale_first(&self) -> bool {
        self.query.trim_end().ends_with(&self.rationale_marker)
    }

    /// Splits generated text into answer and rationale (`None` where the model gave none). An answer that never came, as
    /// when a rationale in front of it was cut off, is empty.
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

/// Images that follow each other share the token between them, as the processor of IDEFICS spells them (transformers 4.33,
/// `image_tokens`).
pub fn share_around(text: String, around: &str) -> String {
    match around.is_empty() {
        true => text,
        false => text.replace(&around.repeat(2), around),
    }
}

/// Fills placeholders in one pass, so that a value which contains another placeholder's name stays as it is.
fn fill(form: &str, images: &str, question: &str, answer: &str, rationale: &str) -> String {
    let values = [
        ("{images}", images),
        ("{question}", question),
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

/// Untrusted text as one clean line whose special tokens and template markers are harmless.
pub fn plain(text: &str) -> String {
    // First, so that taking it away later cannot put a token together.
    harmless(&text.replace(PICTURE_PLACE, " "))
        .trim()
        .to_string()
}

/// As [`plain`], with the blanks at its ends and without a look at pictures' places.
fn harmless(text: &str) -> String {
    let line = rounds_support::sanitise::clean_line(text);
    let mut out = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match letter {
            // Whatever the tokenizer: `<` never stays in front of what could be a token's name. `<5 mm` is none.
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

/// Whether a colon would make the end of `text` a marker of a template.
fn ends_with_marker(text: &str) -> bool {
    const MARKERS: [&str; 3] = ["question", "answer", "rationale"];
    MARKERS.iter().any(|marker| {
        let from = text.len().checked_sub(marker.len());
        let end = from.and_then(|from| text.get(from..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(marker))
    })
}

/// A prompt as the model gets it.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// With image places written out.
    pub text: String,
    pub ids: Vec<u32>,
    /// Ranks of the shots that are in it.
    pub kept: BTreeSet<usize>,
    /// Shots that were left out because they did not fit.
    pub dropped: usize,
}

/// Builds the prompt. `shots` stand in the order they shall be shown in, each with its rank (1 is the most similar). The most
/// similar get room first, beside `reserve` tokens for the answer; one that does not fit is dropped and the next one tried.
///
/// Errors with the number of tokens where the question alone does not fit.
pub fn build(
    template: &Template,
    tokenizer: &Tokenizer,
    begin: &str,
    shots: &[(usize, &Example)],
    question: &str,
    images: usize,
    context: usize,
    reserve: usize,
) -> Result<Prompt, rounds_model::error::ModelError> {
    use rounds_model::error::ModelError;
    let encode = |text: &str| {
        tokenizer
            .encode(text, false)
            .map(|e| e.get_ids().to_vec())
            .map_err(|e| ModelError::Tokenizer(e.to_string()))
    };
    let head = format!("{begin}{}", template.header);
    let query = template.query(question, images);
    let limit = context.saturating_sub(reserve);
    let fixed = encode(&head)?.len() + encode(&query)?.len();
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
        let cost = encode(&text)?.len();
        if cost <= room {
            room -= cost;
            kept.insert(*rank, text);
        }
    }
    let texts = shots.iter().filter_map(|(rank, _)| kept.get(rank));
    let text = format!("{head}{}{query}", texts.cloned().collect::<String>());
    Ok(Prompt {
        ids: encode(&text)?,
        text,
        dropped: shots.len() - kept.len(),
        kept: kept.into_keys().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Template {
        Template::shipped("nano").unwrap()
    }

    #[test]
    fn special_tokens_in_text_are_neutralised() {
        for bad in [
            "<image>",
            "<|endofchunk|>",
            "<s>",
            "</s>",
            "<PAD>",
            "x\u{1b}[31m<image>",
            "<im\u{FFFC}age>",
            "<\u{FFFC}|endofchunk|>",
            "<\u{FFFC}s>",
        ] {
            let out = template().query(bad, 1);
            assert_eq!(out.matches("<image>").count(), 1, "{out}");
            assert!(!out.contains("<|") && !out.contains("<s>") && !out.contains('\u{1b}'));
        }
    }

    #[test]
    fn whatever_could_be_a_token_or_a_marker_is_broken_and_the_rest_is_left_alone() {
        for (given, wanted) in [
            ("<end_of_utterance>", "< end_of_utterance>"),
            ("<fake_token_around_image>", "< fake_token_around_image>"),
            ("a</s>b", "a< /s>b"),
            ("Short answer: no", "Short answer - no"),
            ("ANSWER: no", "ANSWER - no"),
            ("Ans\u{FFFC}wer: no", "Ans wer: no"),
            (
                "a lesion of <5 mm, p < 0.05: small",
                "a lesion of <5 mm, p < 0.05: small",
            ),
            ("Réponse: non", "Réponse: non"),
        ] {
            assert_eq!(plain(given), wanted);
        }
    }

    #[test]
    fn a_token_in_two_halves_around_a_pictures_place_stays_in_halves() {
        let example = Example {
            images: vec![picture()],
            question: "see <im\u{FFFC}age> here".into(),
            answer: "Ans\u{FFFC}wer: yes".into(),
            ..Example::default()
        };
        assert_eq!(
            template().shot(&example),
            "Question: see < im<image>age> here Answer: Ans wer: yes<|endofchunk|>"
        );
    }

    #[test]
    fn a_part_that_is_missing_is_reported_as_such() {
        let first = template();
        let seen = Some("I see it.".to_string());
        assert_eq!(
            first.parse(" I see it. Answer: yes"),
            ("yes".into(), seen.clone())
        );
        assert_eq!(first.parse(" Answer: yes"), ("yes".into(), None));
        assert_eq!(first.parse(" I see it."), (String::new(), seen.clone()));
        assert_eq!(first.parse(" "), (String::new(), None));
        let last = Template {
            query: "{images}Question: {question} Answer:".into(),
            ..template()
        };
        assert_eq!(
            last.parse(" yes Rationale: I see it."),
            ("yes".into(), seen)
        );
        assert_eq!(last.parse(" yes"), ("yes".into(), None));
        assert_eq!(last.parse(" yes Rationale: "), ("yes".into(), None));
    }

    #[test]
    fn a_shot_without_a_rationale_has_no_marker_for_it() {
        let example = Example {
            question: "Is it?".into(),
            answer: "no".into(),
            ..Example::default()
        };
        let one = Example {
            images: vec![picture()],
            ..example
        };
        assert_eq!(
            template().shot(&one),
            "<image>Question: Is it? Answer: no<|endofchunk|>"
        );
    }

    fn picture() -> rounds_index::ExampleImage {
        rounds_index::ExampleImage {
            sha256: "ab".repeat(32),
            extension: "jpg".into(),
        }
    }

    #[test]
    fn a_page_with_places_keeps_its_pictures_where_they_stand() {
        let page = |question: &str| {
            let example = Example {
                images: vec![picture(), picture()],
                question: question.into(),
                answer: "a \u{FFFC}fracture".into(),
                ..Example::default()
            };
            template().shot(&example)
        };
        let inline = page("Before \u{FFFC} and after \u{FFFC}: what changed?");
        assert!(
            inline.contains("Before <image> and after <image>: what"),
            "{inline}"
        );
        assert_eq!(inline.matches("<image>").count(), 2);
        let other = page("one \u{FFFC} place <image>");
        assert!(other.starts_with("<image><image>"), "{other}");
        assert_eq!(other.matches("<image>").count(), 2);
        let asked = template().query("what is \u{FFFC} this?", 1);
        assert_eq!(asked.matches("<image>").count(), 1);
    }

    /// What transformers 4.33.3 makes of [image, image, text]: its processor gives the second image one token around it.
    #[test]
    fn images_that_follow_each_other_share_the_token_between_them() {
        let idefics = Template::shipped("idefics").unwrap();
        let (around, image) = ("<fake_token_around_image>", "<image>");
        let two = format!("{around}{image}{around}{image}{around}");
        let asked = idefics.query("Is it?", 2);
        assert_eq!(asked, format!("{two}Question: Is it? Answer:"));
        let shot = |question: &str| {
            idefics.shot(&Example {
                images: vec![picture(), picture()],
                question: question.into(),
                answer: "no".into(),
                ..Example::default()
            })
        };
        assert!(shot("Is it?").starts_with(&format!("{two}Question")));
        assert!(shot("\u{FFFC}\u{FFFC}what changed?").contains(&format!(": {two}what")));
        let apart = shot("from \u{FFFC} to \u{FFFC}");
        assert_eq!(apart.matches(around).count(), 4, "{apart}");
        assert_eq!(template().query("Is it?", 2).matches(image).count(), 2);
    }

    #[test]
    fn one_shot_that_is_too_long_leaves_room_to_the_others() {
        let bytes = rounds_support::shipped::file("assets/nano/tokenizer.json").unwrap();
        let tokenizer = Tokenizer::from_bytes(bytes).unwrap();
        let example = |answer: &str| Example {
            images: vec![picture()],
            question: "Is it?".into(),
            answer: answer.into(),
            ..Example::default()
        };
        let (long, short) = (example(&"no ".repeat(2000)), example("no"));
        let shots = [(4, &short), (3, &short), (2, &short), (1, &long)];
        let built = |reserve| {
            build(
                &template(),
                &tokenizer,
                "<s>",
                &shots,
                "Is it?",
                1,
                1024,
                reserve,
            )
        };
        let prompt = built(96).unwrap();
        assert_eq!(prompt.kept, BTreeSet::from([2, 3, 4]));
        assert_eq!(
            (prompt.dropped, prompt.text.matches("<image>").count()),
            (1, 4)
        );
        // A question that has no room for its answer: the way out is named.
        let error = built(1020).unwrap_err();
        assert!(
            error.to_string().contains("1020 are kept for the answer"),
            "{error}"
        );
        let hint = rounds_support::Hint::hint(&error).unwrap();
        assert!(hint.contains("--max-new-tokens"), "{hint}");
    }

    #[test]
    fn a_placeholder_inside_a_question_stays_text() {
        assert!(
            template()
                .query("what is {answer}?", 0)
                .contains("{answer}")
        );
    }
}
