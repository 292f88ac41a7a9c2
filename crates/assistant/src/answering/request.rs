//! Validates requests.

use crate::prompt;
use crate::settings::Settings;
use crate::types::{AssistantError, Case, MAX_IMAGES, MAX_QUESTION, MAX_SHOTS};
use crate::validate::MAX_OPTIONS;

/// Errors if a request cannot be answered.
pub(super) fn check(case: &Case, settings: &Settings) -> Result<(), AssistantError> {
    let length = case.background.with_question(&case.question);
    let length = length.chars().count();
    if length > MAX_QUESTION {
        return Err(AssistantError::LongQuestion(length));
    }
    if case.images.len() > MAX_IMAGES {
        return Err(AssistantError::ManyImages(case.images.len()));
    }
    if prompt::plain(&case.question).is_empty() {
        return Err(AssistantError::EmptyQuestion);
    }
    if settings.shots > MAX_SHOTS {
        return Err(AssistantError::ManyShots(settings.shots));
    }
    if settings.options.len() > MAX_OPTIONS {
        return Err(AssistantError::Refused(format!(
            "too many options: {}; the limit is {MAX_OPTIONS}",
            settings.options.len()
        )));
    }
    let blank = |option: &String| prompt::plain(option).is_empty();
    if settings.options.iter().any(blank) {
        return Err(AssistantError::Refused("an option is empty".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_support::{FailureKind, Hint};

    #[test]
    fn a_request_for_too_many_shots_is_refused() {
        let case = Case {
            images: Vec::new(),
            question: "Is there a nodule?".into(),
            ..Case::default()
        };
        let with = |shots| Settings {
            shots,
            ..Settings::default()
        };
        assert!(check(&case, &with(MAX_SHOTS)).is_ok());
        let refused = check(&case, &with(MAX_SHOTS + 1)).unwrap_err();
        assert!(
            refused.kind() == FailureKind::Usage
                && refused.to_string().contains("too many shots: 513")
        );
    }
}
