//! What a kind of phantom can show, in words, and what one drawn phantom does show, as ground truth.
//!
//! Each kind declares a [`KindSpec`]: constant tables of findings and attributes with the phrases that questions,
//! answers and rationales are built from. Drawing returns a [`Drawn`]: the truth. `questions` joins the two, so no
//! drawing module ever writes a sentence and no question can contradict the picture.

use super::canvas::Canvas;
use rounds_support::rng::Rng;

/// The patient's side. Films and slices follow the radiological convention: the patient's right is on the left of the
/// picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
    Both,
}

impl Side {
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
    /// `nodules`; equal to `name` where it is not counted.
    pub plural: &'static str,
    /// `a`, `an` or empty.
    pub article: &'static str,
    /// What is seen when it is there, a noun phrase: `a round white spot inside the dark lung`.
    pub sign: &'static str,
    /// What is seen instead when it is not, a noun phrase: `clear dark lungs without a round spot`.
    pub absent: &'static str,
    /// The reading by the teaching rule, short: `lung nodule`.
    pub reading: &'static str,
    /// True where `side` is given in the truth.
    pub sided: bool,
    /// Where it can be (index is the truth's `place`); empty where place is not asked. Short: `upper zone`.
    pub places: &'static [&'static str],
    /// How big or severe it can be, in rising order (index is the truth's `grade`): `["small", "large"]`; empty where not asked.
    pub grades: &'static [&'static str],
    /// The largest count drawn; 1 where it is not counted.
    pub max_count: usize,
}

/// Something every picture of the kind has, with one of several values (heart size, MR weighting, heart rate).
#[derive(Debug)]
pub struct AttributeSpec {
    pub id: &'static str,
    /// Full questions, several phrasings.
    pub questions: &'static [&'static str],
    /// (answer, rationale sentence that ends with a full stop), in the order of the truth's value index.
    pub values: &'static [(&'static str, &'static str)],
}

/// Reading and rationale sentence of a picture, by a rule of the kind's own.
pub type ReadingRule = fn(&Drawn) -> (&'static str, &'static str);

/// Everything a kind of phantom can be asked about.
pub struct KindSpec {
    /// `chest-film`.
    pub id: &'static str,
    /// With article where it needs one: `a frontal chest film`.
    pub name: &'static str,
    /// `x-ray`, `CT`, `MRI`, `fundus photograph`, `dermoscopy`, `microscopy`, `ECG`.
    pub modality: &'static str,
    /// What gives the modality away, a noun phrase: `white bones and dark air on a projected film`.
    pub modality_sign: &'static str,
    /// Plane or view: `frontal`, `axial`, ...
    pub view: &'static str,
    /// What gives the view away, a noun phrase.
    pub view_sign: &'static str,
    /// `chest`, `head`, `abdomen`, `knee`, `brain`, `eye`, `skin`, `blood`, `heart`.
    pub organ: &'static str,
    /// What gives the organ away, a noun phrase.
    pub organ_sign: &'static str,
    /// The reading when nothing is found: `normal chest film`.
    pub normal: &'static str,
    pub findings: &'static [FindingSpec],
    /// Pairs of findings (by index) that are never drawn together.
    pub conflicts: &'static [(usize, usize)],
    pub attributes: &'static [AttributeSpec],
    /// Draws onto the canvas (224 px usually, any size must work) exactly the findings whose flag is set.
    pub draw: fn(&mut Canvas, &mut Rng, &[bool]) -> Drawn,
    /// A reading and its rationale sentence where the kind has a rule of its own (the ABCD rule); otherwise the first finding
    /// drawn decides.
    pub reading_rule: Option<ReadingRule>,
}

/// The truth about one finding that was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingTruth {
    /// Index in [`KindSpec::findings`].
    pub finding: usize,
    /// Given iff the finding is `sided`; `Both` where there are instances on both sides.
    pub side: Option<Side>,
    /// Index in `places`; `None` where several instances lie in different places.
    pub place: Option<usize>,
    /// Index in `grades`, given iff there are grades.
    pub grade: Option<usize>,
    /// Instances drawn, from 1.
    pub count: usize,
    /// Where two instances lie on opposite sides and differ clearly in size: the side of the larger one.
    pub larger: Option<Side>,
    /// Each instance as an ellipse in body coordinates: centre x, centre y, radius x, radius y.
    pub regions: Vec<[f32; 4]>,
}

/// The truth about one picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    /// One entry for each present finding.
    pub findings: Vec<FindingTruth>,
    /// One value index for each of [`KindSpec::attributes`].
    pub attributes: Vec<usize>,
}
