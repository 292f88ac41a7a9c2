//! What an answer is worth, by rule: a mark on an image, and words against the reference.
//!
//! Both only suggest a grade. A typed answer can be right in words that no rule knows, so what is said about it is a guess and
//! must be shown as one; the learner grades.

use rounds_metrics::exact::{ExactRule, exact_match};
use rounds_metrics::overlap::word_overlap;
use rounds_metrics::text::{normalised, words};

use crate::card::Region;
use crate::schedule::Grade;

/// A miss by at most this share of the diagonal is near.
const NEAR: f32 = 0.05;
/// F1 of the words from which an answer looks right, and from which it looks half right.
const LOOKS_RIGHT: f64 = 0.75;
const LOOKS_HALF_RIGHT: f64 = 0.4;

/// Words that exclude each other where they stand for each other.
const OPPOSITES: [(&[&str], &[&str]); 14] = [
    (&["yes"], &["no", "not", "none"]),
    (&["left", "leftsided"], &["right", "rightsided"]),
    (
        &["upper", "top", "superior"],
        &["lower", "bottom", "inferior"],
    ),
    (&["anterior", "ventral"], &["posterior", "dorsal"]),
    (&["medial"], &["lateral"]),
    (&["proximal"], &["distal"]),
    (&["normal"], &["abnormal", "pathological"]),
    (&["benign"], &["malignant"]),
    (
        &["increased", "elevated", "high"],
        &["decreased", "reduced", "low"],
    ),
    (&["enlarged", "large"], &["small", "shrunken"]),
    (&["present", "visible"], &["absent", "invisible"]),
    (&["acute"], &["chronic"]),
    (&["axial"], &["coronal", "sagittal"]),
    (&["unilateral"], &["bilateral", "both"]),
];
/// Words that turn an answer round.
const NEGATIONS: [&str; 4] = ["no", "not", "without", "none"];

/// A place on an image, in fractions of its width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// From the left edge, 0 to 1.
    pub x: f32,
    /// From the upper edge, 0 to 1.
    pub y: f32,
}

/// How well a place was marked.
#[derive(Clone, Debug, PartialEq)]
pub struct Spotted {
    /// Whether the mark lies in a region.
    pub hit: bool,
    /// What that region, or else the nearest, shows.
    pub label: Option<String>,
    /// Distance to it in fractions of the image's diagonal; 0 inside, 1 if there is no region.
    pub distance: f32,
    /// The grade that this suggests.
    pub suggestion: Grade,
}

/// Scores a mark on an image of `width` by `height` pixels.
pub fn spot(mark: Mark, regions: &[Region], width: u32, height: u32) -> Spotted {
    let (width, height) = (width.max(1) as f32, height.max(1) as f32);
    let diagonal = width.hypot(height);
    let outside = |at: f32, from: f32, size: f32| (from - at).max(at - (from + size)).max(0.0);
    let distance = |region: &Region| {
        let across = outside(mark.x, region.x, region.width) * width;
        let down = outside(mark.y, region.y, region.height) * height;
        across.hypot(down) / diagonal
    };
    let is_place = |region: &&Region| {
        let sum = region.x + region.y + region.width + region.height;
        (sum + mark.x + mark.y).is_finite()
    };
    let nearest = regions
        .iter()
        .filter(is_place)
        .map(|region| (distance(region), region))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let Some((distance, region)) = nearest else {
        return Spotted {
            hit: false,
            label: None,
            distance: 1.0,
            suggestion: Grade::Again,
        };
    };
    Spotted {
        hit: distance == 0.0,
        label: Some(region.label.clone()),
        distance,
        suggestion: match distance {
            0.0 => Grade::Good,
            near if near <= NEAR => Grade::Hard,
            _ => Grade::Again,
        },
    }
}

/// A word of the answer and one of the reference that exclude each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// What was typed; empty if a negation is missing.
    pub typed: String,
    /// What the reference says; empty if it has no negation.
    pub reference: String,
}

/// A guess at what a typed answer is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct TypedScore {
    /// Equal to the reference but for case and punctuation ([`ExactRule::Plain`]).
    pub exact: bool,
    /// F1 of its words against those of the reference, 0 to 1.
    pub token_f1: f64,
    /// What in it cannot be true together with the reference.
    pub contradiction: Option<Contradiction>,
    /// The grade that this suggests.
    pub suggestion: Grade,
}

/// Compares a typed answer with the reference. A guess.
pub fn typed(typed: &str, reference: &str) -> TypedScore {
    let exact = exact_match(ExactRule::Plain, typed, reference);
    let token_f1 = word_overlap(typed, reference).f1;
    let contradiction = match exact {
        true => None,
        false => contradiction(&normalised(typed), &normalised(reference)),
    };
    let suggestion = match token_f1 {
        _ if normalised(typed).is_empty() => Grade::Again,
        _ if exact => Grade::Good,
        _ if contradiction.is_some() => Grade::Again,
        f1 if f1 >= LOOKS_RIGHT => Grade::Good,
        f1 if f1 >= LOOKS_HALF_RIGHT => Grade::Hard,
        _ => Grade::Again,
    };
    TypedScore {
        exact,
        token_f1,
        contradiction,
        suggestion,
    }
}

/// What excludes what in two texts in their plain form.
fn contradiction(typed: &str, reference: &str) -> Option<Contradiction> {
    let (typed, reference) = (words(typed), words(reference));
    let of = |texts: &[&str], group: &[&str]| -> Option<String> {
        let found = texts.iter().find(|word| group.contains(word));
        found.map(|word| (*word).to_owned())
    };
    for (one, other) in OPPOSITES {
        // Where a text has both sides, as in "left and right", neither excludes the other.
        let in_typed = (of(&typed, one), of(&typed, other));
        let in_reference = (of(&reference, one), of(&reference, other));
        if let ((Some(typed), None), (None, Some(reference)))
        | ((None, Some(typed)), (Some(reference), None)) = (in_typed, in_reference)
        {
            return Some(Contradiction { typed, reference });
        }
    }
    numbers(&typed, &reference).or_else(|| negation(&typed, &reference))
}

/// Different numbers where both texts have some.
fn numbers(typed: &[&str], reference: &[&str]) -> Option<Contradiction> {
    let of = |texts: &[&str]| -> Vec<String> {
        let all = texts.iter();
        let all = all.filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        all.map(|word| (*word).to_owned()).collect()
    };
    let (typed, reference) = (of(typed), of(reference));
    let differ = !typed.iter().any(|number| reference.contains(number));
    (differ && !typed.is_empty() && !reference.is_empty()).then(|| Contradiction {
        typed: typed.join(" "),
        reference: reference.join(" "),
    })
}

/// A negation in one of two texts that are otherwise about the same.
fn negation(typed: &[&str], reference: &[&str]) -> Option<Contradiction> {
    let (in_typed, in_reference) = (negated(typed), negated(reference));
    let about = |texts: &[&str]| texts.iter().any(|word| !NEGATIONS.contains(word));
    let shares = typed
        .iter()
        .any(|word| !NEGATIONS.contains(word) && reference.contains(word));
    let same = shares && about(typed) && about(reference);
    (same && in_typed.is_some() != in_reference.is_some()).then(|| Contradiction {
        typed: in_typed.unwrap_or_default().to_owned(),
        reference: in_reference.unwrap_or_default().to_owned(),
    })
}

fn negated<'a>(texts: &[&'a str]) -> Option<&'a str> {
    let mut texts = texts.iter().copied();
    texts.find(|word| NEGATIONS.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(label: &str, x: f32, y: f32, width: f32, height: f32) -> Region {
        Region {
            label: label.into(),
            x,
            y,
            width,
            height,
        }
    }

    #[test]
    fn a_mark_in_any_region_is_a_hit_and_a_near_one_is_half_right() {
        let regions = [
            region("left kidney", 0.6, 0.5, 0.1, 0.2),
            region("right kidney", 0.2, 0.5, 0.1, 0.2),
        ];
        let at = |x, y| spot(Mark { x, y }, &regions, 300, 400);
        let hit = at(0.25, 0.6);
        assert!(hit.hit && hit.distance == 0.0);
        assert_eq!(hit.label.as_deref(), Some("right kidney"));
        assert_eq!(hit.suggestion, Grade::Good);
        assert!(at(0.6, 0.7).hit, "the edge belongs to the region");
        // 15 pixels to the left of it; the diagonal has 500.
        let near = at(0.15, 0.6);
        assert!((near.distance - 0.03).abs() < 1e-5, "{}", near.distance);
        assert_eq!((near.hit, near.suggestion), (false, Grade::Hard));
        // 30 pixels across and 40 down from the corner.
        let far = at(0.1, 0.4);
        assert!((far.distance - 0.1).abs() < 1e-5, "{}", far.distance);
        assert_eq!(far.suggestion, Grade::Again);
    }

    #[test]
    fn a_mark_without_regions_or_numbers_misses() {
        let mark = Mark { x: 0.5, y: 0.5 };
        assert_eq!(spot(mark, &[], 10, 10).distance, 1.0);
        let strange = region("x", f32::NAN, f32::INFINITY, 1.0, 1.0);
        assert!(!spot(mark, &[strange], 0, 0).hit);
        let nowhere = Mark {
            x: f32::NAN,
            y: 0.5,
        };
        let all = region("all", 0.0, 0.0, 1.0, 1.0);
        assert!(!spot(nowhere, &[all], 10, 10).hit);
    }

    #[test]
    fn words_are_compared_without_case_and_punctuation() {
        for (answer, reference, grade) in [
            ("pneumonia", "Pneumonia", Grade::Good),
            ("Yes.", "yes", Grade::Good),
            (
                "brain edema and tumor",
                "Brain edema, brain tumor",
                Grade::Good,
            ),
            ("edema", "Brain edema", Grade::Hard),
            ("gout", "Pneumonia", Grade::Again),
            ("", "Pneumonia", Grade::Again),
            ("", "", Grade::Again),
        ] {
            let score = typed(answer, reference);
            assert_eq!(score.suggestion, grade, "{answer} / {reference}: {score:?}");
        }
        assert!(
            typed("X-RAY", "x ray").token_f1 < 0.1,
            "a hyphen joins words"
        );
    }

    #[test]
    fn what_excludes_the_reference_is_named_however_alike_the_words_are() {
        for (answer, reference, words) in [
            ("no", "Yes", ("no", "yes")),
            ("left lower lobe", "right lower lobe", ("left", "right")),
            ("Upper left", "Lower left", ("upper", "lower")),
            ("3", "2", ("3", "2")),
            ("no pneumothorax", "pneumothorax", ("no", "")),
            ("pleural effusion", "no pleural effusion", ("", "no")),
        ] {
            let score = typed(answer, reference);
            let found = score.contradiction.unwrap();
            let found = (found.typed.as_str(), found.reference.as_str());
            assert_eq!(found, words, "{answer} / {reference}");
            assert_eq!(score.suggestion, Grade::Again);
        }
        for (answer, reference) in [
            ("left and right", "both, left and right"),
            ("left lung", "left lung, lower lobe"),
            ("no", "not visible"),
            ("2 kidneys", "2"),
        ] {
            let found = typed(answer, reference).contradiction;
            assert_eq!(found, None, "{answer} / {reference}");
        }
    }
}
