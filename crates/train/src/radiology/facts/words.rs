//! The small vocabulary of the rationales: one name for each organ and finding, and how it reads in a sentence.

mod finding;
mod organ;

pub(super) use finding::{
    finding, finding_named, is_finding, organ_of, same_finding, with_one_tumor,
};
pub(super) use organ::{
    does, is_organ, organ, organ_at_start, organ_named, organs_in, organs_named, plural, system_of,
    without_side,
};

/// A name as it reads in a sentence: `the left kidney`, `a nodule`, `pneumonia`.
pub(super) fn in_prose(name: &str) -> String {
    finding::prose_of(name).map_or_else(|| format!("the {name}"), str::to_owned)
}

/// A name as it reads in a sentence, without an article: `enhancing brain tumor`.
pub(super) fn bare(name: &str) -> String {
    let prose = in_prose(name);
    let bare = ["a ", "an ", "the "]
        .iter()
        .find_map(|article| prose.strip_prefix(article));
    bare.map(str::to_owned).unwrap_or(prose)
}

/// A list as it reads in a sentence: `a, b and c`.
pub(super) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The text with its first letter in upper case.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Whether an answer says that there is nothing.
pub(super) fn is_none(answer: &str) -> bool {
    matches!(
        answer.trim().to_lowercase().as_str(),
        "none" | "no" | "nothing"
    )
}

/// Whether a text names left and right: a question that offers both, or an answer in both frames.
pub(super) fn names_both_sides(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.contains("left") && lower.contains("right")
}

/// Where `name` stands in `text` as a word of its own, singular or plural.
fn find_word(text: &str, name: &str) -> Option<usize> {
    text.match_indices(name).map(|(at, _)| at).find(|&at| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let mut after = text.get(at + name.len()..).unwrap_or_default().chars();
        let next = after.next().filter(|c| *c != 's').or_else(|| after.next());
        let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        apart(before) && apart(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_one_tumor_are_one_name() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let several = names(&[
            "brain enhancing tumor",
            "brain edema",
            "brain non-enhancing tumor",
        ]);
        assert_eq!(with_one_tumor(several), ["brain edema", "brain tumor"]);
        let one = names(&["brain edema", "brain enhancing tumor"]);
        assert_eq!(with_one_tumor(one.clone()), one);
    }

    #[test]
    fn organs_are_found_in_any_spelling() {
        assert_eq!(organ("Kidneys"), "kidney");
        assert_eq!(
            organ_named("Does the picture contain brian?").as_deref(),
            Some("brain")
        );
        assert_eq!(
            organ_named("Where is the brain stem?").as_deref(),
            Some("brain stem")
        );
        assert_eq!(
            organs_named("which is bigger, small bowel or kidney?"),
            ["small bowel", "kidney"]
        );
        assert_eq!(organs_in("Heart and Liver"), ["heart", "liver"]);
        assert_eq!(
            organ_at_start("an esophagus in this image?").as_deref(),
            Some("esophagus")
        );
        assert_eq!(organ_at_start("nodes around the stomach?"), None);
    }

    #[test]
    fn findings_are_found_in_any_spelling() {
        assert_eq!(finding("Noudle").as_deref(), Some("nodule"));
        assert_eq!(finding("None"), None);
        assert_eq!(
            finding_named("Where is the pulmonary nodule in this image?").as_deref(),
            Some("nodule")
        );
        assert_eq!(
            finding_named("Is the brain non-enhancing tumor hypodense?").as_deref(),
            Some("brain non-enhancing tumor")
        );
        assert!(same_finding("brain tumor", "brain enhancing tumor"));
        assert_eq!(organ_of("cardiomegaly"), Some("heart"));
    }
}
