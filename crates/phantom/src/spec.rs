//! What a kind of phantom can show, and the ground truth of a single phantom.
//!
//! Each kind declares a [`KindSpec`]: constant tables of findings and attributes, with the phrases that questions, answers
//! and rationales are built from. Drawing returns a [`GroundTruth`]. `questions` combines the two, so no drawing module
//! writes sentences and no question can contradict the image.

use super::canvas::Canvas;
use rounds_support::rng::Rng;

/// The patient's side. Films and slices follow the radiological convention: the patient's right is on the left of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The patient's left.
    Left,
    /// The patient's right.
    Right,
    /// Both sides.
    Both,
}

impl Side {
    /// The side as used in answers.
    pub fn word(self) -> &'static str {
        match self {
            Side::Left => "left",
            Side::Right => "right",
            Side::Both => "both sides",
        }
    }
}

/// A finding that may be present or absent.
#[derive(Debug)]
pub struct FindingSpec {
    /// Stable identifier, kebab-case: `pleural-effusion`.
    pub id: &'static str,
    /// Singular noun, no article, lower case unless it is a name: `nodule`.
    pub name: &'static str,
    /// Plural: `nodules`; equal to `name` if it is not counted.
    pub plural: &'static str,
    /// Article: `a`, `an` or empty.
    pub article: &'static str,
    /// What is seen if it is present, a noun phrase: `a round white spot inside the dark lung`.
    pub sign: &'static str,
    /// What is seen if it is absent, a noun phrase: `clear dark lungs without a round spot`.
    pub absent: &'static str,
    /// The reading according to the teaching rule, short: `lung nodule`.
    pub reading: &'static str,
    /// Whether the truth has a `side`.
    pub sided: bool,
    /// Possible locations, short (`upper zone`), indexed by the truth's `place`; empty if the location is not asked about.
    pub places: &'static [&'static str],
    /// Sizes or severities in ascending order (`["small", "large"]`), indexed by the truth's `grade`; empty if not asked
    /// about.
    pub grades: &'static [&'static str],
    /// The maximum number drawn; 1 if it is not counted.
    pub max_count: usize,
}

/// A property of every image of the kind, with one of several values (heart size, MR weighting, heart rate).
#[derive(Debug)]
pub struct AttributeSpec {
    /// Stable identifier, kebab-case.
    pub id: &'static str,
    /// Complete questions, in several phrasings.
    pub questions: &'static [&'static str],
    /// Pairs of answer and rationale sentence (with full stop), indexed by the truth's value.
    pub values: &'static [(&'static str, &'static str)],
}

/// A kind-specific rule that gives the reading of an image and a rationale sentence.
pub type ReadingRule = fn(&GroundTruth) -> (&'static str, &'static str);

/// Everything a kind of phantom can be asked about.
pub struct KindSpec {
    /// Stable identifier: `chest-film`.
    pub id: &'static str,
    /// Name, with an article if needed: `a frontal chest film`.
    pub name: &'static str,
    /// Modality: `x-ray`, `CT`, `MRI`, `fundus photograph`, `dermoscopy`, `microscopy`, `ECG`.
    pub modality: &'static str,
    /// What reveals the modality, a noun phrase: `white bones and dark air on a projected film`.
    pub modality_sign: &'static str,
    /// Plane or view: `frontal`, `axial`, ...
    pub view: &'static str,
    /// What reveals the view, a noun phrase.
    pub view_sign: &'static str,
    /// Organ or region: `chest`, `head`, `abdomen`, `knee`, `brain`, `eye`, `skin`, `blood`, `heart`.
    pub organ: &'static str,
    /// What reveals the organ, a noun phrase.
    pub organ_sign: &'static str,
    /// The reading if there are no findings: `normal chest film`.
    pub normal: &'static str,
    /// Possible findings.
    pub findings: &'static [FindingSpec],
    /// Pairs of findings (by index) that are never drawn together.
    pub conflicts: &'static [(usize, usize)],
    /// Attributes that every image has.
    pub attributes: &'static [AttributeSpec],
    /// Draws exactly the findings whose flag is set (usually at 224 px, but any size must work).
    pub draw: fn(&mut Canvas, &mut Rng, &[bool]) -> GroundTruth,
    /// The rule for the reading, if the kind has one (the ABCD rule); otherwise the readings of the findings are joined.
    pub reading_rule: Option<ReadingRule>,
}

/// The truth about one finding in an image.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingTruth {
    /// Index in [`KindSpec::findings`].
    pub finding: usize,
    /// Present if the finding is `sided`; `Both` if there are instances on both sides.
    pub side: Option<Side>,
    /// Index in `places`; `None` if instances lie in different places.
    pub place: Option<usize>,
    /// Index in `grades`, present if the finding has grades.
    pub grade: Option<usize>,
    /// Number of instances, at least 1.
    pub count: usize,
    /// If two instances lie on opposite sides and clearly differ in size, the side of the larger one.
    pub larger: Option<Side>,
    /// Each instance as an ellipse in body coordinates: centre x, centre y, radius x, radius y.
    pub regions: Vec<[f32; 4]>,
}

/// What one image shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroundTruth {
    /// One entry for each present finding.
    pub findings: Vec<FindingTruth>,
    /// One value index for each of [`KindSpec::attributes`].
    pub attributes: Vec<usize>,
}
