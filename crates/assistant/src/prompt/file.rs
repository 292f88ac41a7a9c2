//! Reads templates: the built-in ones, and files of the user's. A model can be asked with a template that it did not come with; then its
//! own special tokens stand in the forms.

use std::path::Path;

use super::Template;
use rounds_model::bundle::SpecialTokens;
use rounds_support::sanitise::clean_line_max;
use rounds_support::{FailureKind, FileError, Hint, files, shipped};

/// Largest file of a template.
const MAX_BYTES: u64 = 64 << 10;
const VERSION: u32 = 1;

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// No template has this name.
    #[error("there is no prompt template named {0}")]
    Missing(String),
    /// The template with this name cannot be parsed, for this reason.
    #[error("prompt template {0} is not valid: {1}")]
    Invalid(String, String),
    /// Its file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for TemplateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(_) => Some(format!("built-in templates: {}", names().join(", "))),
            Self::Invalid(..) => None,
            Self::File(error) => error.hint(),
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Missing(_) | Self::Invalid(..) => FailureKind::Usage,
            Self::File(error) => error.kind(),
        }
    }
}

/// Names of the built-in templates.
fn names() -> Vec<String> {
    let names = shipped::below("prompts").into_iter();
    let name = |path: String| {
        let name = path.strip_prefix("prompts/")?.strip_suffix(".toml")?;
        Some(name.to_string())
    };
    names.filter_map(name).collect()
}

impl Template {
    /// A built-in template.
    pub fn shipped(name: &str) -> Result<Self, TemplateError> {
        let bytes = shipped::file(&format!("prompts/{name}.toml"))
            .ok_or_else(|| TemplateError::Missing(clean_line_max(name, 80)))?;
        Self::from_toml(name, &String::from_utf8_lossy(bytes))
    }

    /// A template in a file of the user's.
    ///
    /// # Errors
    /// If it cannot be read, or is not a template: a form is missing, or a text has control characters, which could change the terminal.
    pub fn read(path: &Path) -> Result<Self, TemplateError> {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = clean_line_max(&name.to_string_lossy(), 80);
        let bytes = files::read_regular_file(path, MAX_BYTES)?;
        let invalid = |reason: &str| TemplateError::Invalid(name.clone(), reason.into());
        let text = String::from_utf8(bytes).map_err(|_| invalid("not UTF-8 text"))?;
        let template = Self::from_toml(&name, &text)?;
        if template.format_version != VERSION {
            return Err(invalid("`format_version` must be 1"));
        }
        // An ablation may leave the question out, but then the image must be there.
        let asks = ["{question}", "{images}"];
        if !asks.iter().any(|part| template.query.contains(part)) {
            return Err(invalid("`query` has neither {question} nor {images}"));
        }
        if !template.shot.contains("{answer}") {
            return Err(invalid("`shot` has no {answer}"));
        }
        if template.image.is_empty() || template.answer_marker.is_empty() {
            return Err(invalid("`image` and `answer_marker` must not be empty"));
        }
        let texts = [
            &template.name,
            &template.task,
            &template.end,
            &template.header,
            &template.shot,
            &template.query,
            &template.image,
            &template.around_image,
            &template.rationale_marker,
            &template.answer_marker,
            &template.choice,
            &template.ranked,
        ];
        let controls = |text: &String| text.chars().any(|c| c.is_control() && c != '\n');
        if texts.into_iter().chain(&template.stop).any(controls) {
            return Err(invalid("a text has a control character"));
        }
        if template.stop.iter().any(String::is_empty) {
            return Err(invalid("an empty text in `stop` would end every answer"));
        }
        Ok(template)
    }

    fn from_toml(name: &str, text: &str) -> Result<Self, TemplateError> {
        let invalid = |e: toml::de::Error| {
            let reason = rounds_support::sanitise::clean_line(e.message());
            TemplateError::Invalid(name.to_string(), reason)
        };
        let mut template: Self = toml::from_str(text).map_err(invalid)?;
        template.sha256 = files::sha256_hex(text.as_bytes()).into();
        template.text = text.into();
        Ok(template)
    }

    /// The content of the file it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of that file.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The same template for a model that it was not written for: the model's tokens stand for an image and for the end of an example.
    #[must_use]
    pub fn fitted(&self, tokens: &SpecialTokens) -> Self {
        let own = |text: &String| match self.end.is_empty() {
            true => text.clone(),
            false => text.replace(&self.end, &tokens.end_of_chunk),
        };
        let stop = self.stop.iter().map(|text| match *text == self.image {
            true => tokens.image.clone(),
            false => own(text),
        });
        Self {
            header: own(&self.header),
            shot: own(&self.shot),
            query: own(&self.query),
            end: tokens.end_of_chunk.clone(),
            image: tokens.image.clone(),
            around_image: tokens.around_image.clone().unwrap_or_default(),
            stop: stop.collect(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_index::{Example, ExampleImage};

    fn tokens() -> SpecialTokens {
        SpecialTokens {
            begin: String::new(),
            image: "<picture>".into(),
            end_of_chunk: "<|im_end|>".into(),
            stop: Vec::new(),
            media_reset: None,
            untrained: Vec::new(),
            around_image: None,
        }
    }

    #[test]
    fn another_models_tokens_take_the_place_of_a_templates_own() {
        let template = Template::shipped("med-flamingo").unwrap();
        let fitted = template.fitted(&tokens());
        let example = Example {
            images: vec![ExampleImage {
                sha256: "ab".repeat(32),
                extension: "png".into(),
            }],
            question: "Which organ?".into(),
            answer: "lung".into(),
            ..Example::default()
        };
        assert_eq!(
            fitted.shot(&example),
            "<picture>Question: Which organ? Answer: lung.<|im_end|>"
        );
        assert!(fitted.stop.contains(&"<picture>".to_string()));
        assert_eq!(fitted.sha256(), template.sha256());
        assert_eq!(template.sha256().len(), 64);
    }

    #[test]
    fn every_built_in_template_that_ends_examples_with_a_token_says_which() {
        for name in names() {
            let template = Template::shipped(&name).unwrap_or_else(|e| panic!("{e}"));
            for token in ["<|endofchunk|>", "<|im_end|>", "<s>"] {
                assert!(
                    !template.shot.contains(token) || template.end == token,
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn a_file_that_is_no_template_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        let good = "format_version = 1\nname = \"own\"\ntask = \"vqa\"\nheader = \"\"\nshot = \"{images}Q: {question} A: {answer}\\n\"\nquery = \"{images}Q: {question} A:\"\nimage = \"<image>\"\nrationale_marker = \"Because\"\nanswer_marker = \"A:\"\nstop = [\"\\n\"]\n";
        std::fs::write(&path, good).unwrap();
        assert_eq!(Template::read(&path).unwrap().name, "own");
        for (from, to, told) in [
            ("format_version = 1", "format_version = 2", "format_version"),
            ("A: {answer}", "A:", "{answer}"),
            ("<image>", "\\u001b[2J", "control character"),
            ("stop = [\"\\n\"]", "stop = [\"\"]", "stop"),
            ("header", "heading", "heading"),
        ] {
            std::fs::write(&path, good.replace(from, to)).unwrap();
            let error = Template::read(&path).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let missing = Template::shipped("nobody").unwrap_err();
        assert!(
            missing
                .hint()
                .is_some_and(|hint| hint.contains("radiology"))
        );
    }
}
