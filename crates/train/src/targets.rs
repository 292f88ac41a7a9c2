//! Training targets of the vision tower: every attribute of a phantom, and which finding covers each patch.
//!
//! These heads exist only during training. They make training a small tower feasible on a CPU: a few minutes of dense
//! supervision replace hours of learning from a language model's answers.

use rounds_model::ops::Choice;
use rounds_phantom::spec::Side;
use rounds_phantom::{KINDS, Phantom};

/// What a classification is about; the names appear in `curve.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TargetKind {
    /// The kind of phantom.
    Kind,
    /// Whether a finding is present.
    Presence,
    /// The side of a finding.
    Side,
    /// The location of a finding.
    Place,
    /// The grade of a finding.
    Grade,
    /// The number of a finding's lesions.
    Count,
    /// Another attribute of the phantom.
    Attribute,
}

/// Positions of the classifications in one wide row of logits.
pub(crate) struct Layout {
    /// Number of logits in a row.
    pub width: usize,
    kinds: Vec<KindLayout>,
    /// Number of classes of a patch: 0 is "nothing", then every finding of every kind.
    pub patch_classes: usize,
}

struct KindLayout {
    findings: Vec<FindingLayout>,
    attributes: Vec<(usize, usize)>,
    first_patch_class: usize,
}

struct FindingLayout {
    presence: usize,
    side: usize,
    place: (usize, usize),
    grade: (usize, usize),
    count: (usize, usize),
}

impl Layout {
    /// The layout of all kinds of phantoms.
    pub(crate) fn new() -> Self {
        let mut next = KINDS.len();
        let mut patch = 1;
        let mut take = |n: usize| {
            let at = next;
            next += n;
            (at, n)
        };
        let kinds = KINDS
            .iter()
            .map(|kind| {
                let first_patch_class = patch;
                patch += kind.findings.len();
                KindLayout {
                    first_patch_class,
                    findings: kind
                        .findings
                        .iter()
                        .map(|f| FindingLayout {
                            presence: take(2).0,
                            side: take(3).0,
                            place: take(f.places.len()),
                            grade: take(f.grades.len()),
                            count: take(f.max_count),
                        })
                        .collect(),
                    attributes: kind
                        .attributes
                        .iter()
                        .map(|a| take(a.values.len()))
                        .collect(),
                }
            })
            .collect();
        Self {
            width: next,
            kinds,
            patch_classes: patch,
        }
    }

    /// Appends the classifications of one phantom in row `row` to `out`, and the kind of each to `kinds`.
    pub(crate) fn global(
        &self,
        row: usize,
        phantom: &Phantom,
        out: &mut Vec<Choice>,
        kinds: &mut Vec<TargetKind>,
    ) {
        let mut push = |kind: TargetKind, from: usize, classes: usize, target: usize| {
            if classes > 1 {
                kinds.push(kind);
                out.push(Choice {
                    row,
                    from,
                    classes,
                    target,
                    weight: 1.0,
                });
            }
        };
        push(TargetKind::Kind, 0, KINDS.len(), phantom.kind);
        let layout = &self.kinds[phantom.kind];
        for (i, finding) in layout.findings.iter().enumerate() {
            let truth = phantom.truth.findings.iter().find(|f| f.finding == i);
            push(
                TargetKind::Presence,
                finding.presence,
                2,
                usize::from(truth.is_some()),
            );
            let Some(truth) = truth else { continue };
            if let Some(side) = truth.side {
                let side = match side {
                    Side::Left => 0,
                    Side::Right => 1,
                    Side::Both => 2,
                };
                push(TargetKind::Side, finding.side, 3, side);
            }
            if let Some(place) = truth.place {
                push(TargetKind::Place, finding.place.0, finding.place.1, place);
            }
            if let Some(grade) = truth.grade {
                push(TargetKind::Grade, finding.grade.0, finding.grade.1, grade);
            }
            push(
                TargetKind::Count,
                finding.count.0,
                finding.count.1,
                truth.count - 1,
            );
        }
        for (&(from, classes), &value) in layout.attributes.iter().zip(&phantom.truth.attributes) {
            push(TargetKind::Attribute, from, classes, value);
        }
    }

    /// Appends the class of every patch of a phantom on a `grid` x `grid` lattice, in rows from `first_row`.
    pub(crate) fn patches(
        &self,
        first_row: usize,
        phantom: &Phantom,
        grid: usize,
        out: &mut Vec<Choice>,
    ) {
        let first = self.kinds[phantom.kind].first_patch_class;
        let pose = phantom.canvas.pose;
        for cell in 0..grid * grid {
            let centre = [
                ((cell % grid) as f32 + 0.5) / grid as f32,
                ((cell / grid) as f32 + 0.5) / grid as f32,
            ];
            let at = pose.to_body(centre);
            let half_cell = 0.5 / grid as f32;
            let covering = phantom.truth.findings.iter().find(|f| {
                f.regions.iter().any(|r| {
                    let (u, v) = (
                        (at[0] - r[0]) / (r[2] + 0.7 * half_cell),
                        (at[1] - r[1]) / (r[3] + 0.7 * half_cell),
                    );
                    u * u + v * v <= 1.0
                })
            });
            out.push(Choice {
                row: first_row + cell,
                from: 0,
                classes: self.patch_classes,
                target: covering.map_or(0, |f| first + f.finding),
                weight: if covering.is_some() { 1.0 } else { 0.15 },
            });
        }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::new()
    }
}
