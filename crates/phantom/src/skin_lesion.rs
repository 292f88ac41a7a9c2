//! A mole seen through a dermatoscope, with the ABCD signs switched on and off one by one.
//!
//! Students apply the ABCD rule by counting signs. Each sign is drawn clearly or not at all, so that the reading follows from
//! what is visible. The "E" (change over time) cannot be seen in one image.

use std::f32::consts::TAU;

use rounds_support::rng::Rng;

use super::{
    canvas::{Blend, Canvas, Colour, Ellipse, Noise, Pose, ramp},
    spec::{AttributeSpec, FindingSpec, FindingTruth, GroundTruth, KindSpec},
};

const ASYMMETRY: usize = 0;
const BORDER: usize = 1;
const COLOURS: usize = 2;
const DIAMETER: usize = 3;

pub(crate) static SPEC: KindSpec = KindSpec {
    id: "skin-lesion",
    name: "a dermoscopy picture",
    modality: "dermoscopy",
    modality_sign: "a large colour view of the skin surface",
    view: "close-up",
    view_sign: "one mole that fills the middle of the picture",
    organ: "skin",
    organ_sign: "skin with a brown mole",
    normal: "benign mole",
    findings: &[
        FindingSpec {
            id: "asymmetry",
            name: "asymmetry",
            plural: "asymmetry",
            article: "",
            sign: "two halves that do not match",
            absent: "two halves that match",
            reading: "asymmetric mole",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "irregular-border",
            name: "irregular border",
            plural: "irregular border",
            article: "an",
            sign: "a ragged edge with notches",
            absent: "a smooth edge",
            reading: "mole with an irregular border",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "several-colours",
            name: "several colours",
            plural: "several colours",
            article: "",
            sign: "patches of black, blue, red or white in the brown",
            absent: "one even brown",
            reading: "mole with several colours",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "large-diameter",
            name: "large diameter",
            plural: "large diameter",
            article: "a",
            sign: "a mole that fills half the width of the picture",
            absent: "a small mole with much skin around it",
            reading: "large mole",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 1,
        },
    ],
    conflicts: &[],
    attributes: &[
        AttributeSpec {
            id: "hairs",
            questions: &[
                "Are hairs seen in this picture?",
                "Are there hairs on the skin?",
                "Does the skin show hairs?",
            ],
            values: &[
                ("no", "No dark thin lines cross the skin."),
                ("yes", "Dark thin lines cross the skin."),
            ],
        },
        AttributeSpec {
            id: "skin-tone",
            questions: &[
                "Is the skin light or dark?",
                "What is the skin tone?",
                "Which skin tone is shown?",
            ],
            values: &[
                ("light", "The skin around the mole is pale."),
                ("dark", "The skin around the mole is brown."),
            ],
        },
    ],
    draw,
    reading_rule: Some(apply_abcd_rule),
};

fn apply_abcd_rule(drawn: &GroundTruth) -> (&'static str, &'static str) {
    match drawn.findings.len() {
        0 => (
            "benign mole",
            "No ABCD sign is seen, so the ABCD rule says benign.",
        ),
        1 => (
            "benign mole",
            "Only one ABCD sign is seen, and the ABCD rule needs two.",
        ),
        _ => (
            "suspicious for melanoma",
            "Two or more ABCD signs are seen, so the ABCD rule says suspicious.",
        ),
    }
}

/// The outline of the mole: a radius for every direction.
struct Outline {
    centre: [f32; 2],
    radius: f32,
    /// How far the shape is from a circle.
    oval: f32,
    /// Direction of the long axis and of the bulge.
    axis: f32,
    /// How far one side bulges; 0 if the halves match.
    bulge: f32,
    /// How deep the notches of the edge are; 0 if it is smooth.
    notches: f32,
    noise: Noise,
    soft: f32,
}

impl Outline {
    fn new(rng: &mut Rng, asymmetric: bool, ragged: bool, large: bool) -> Self {
        let radius = if large {
            rng.range(0.27, 0.30)
        } else {
            rng.range(0.13, 0.155)
        };
        let radius = if asymmetric { radius * 0.9 } else { radius };
        let axis = rng.range(0.0, TAU);
        let bulge = if asymmetric {
            rng.range(0.75, 0.9)
        } else {
            0.0
        };
        let mut outline = Self {
            centre: [0.5, 0.5],
            radius,
            oval: rng.range(0.0, 0.05),
            axis,
            bulge,
            notches: if ragged { rng.range(0.34, 0.42) } else { 0.0 },
            noise: Noise::new(rng),
            soft: if ragged { 0.012 } else { 0.022 },
        };
        // A bulge shifts the centre of the mole, which has to stay near the centre of the image.
        let [x, y, _, _] = outline.region();
        outline.centre = [x, y].map(|v| 1.0 - v + rng.range(-0.03, 0.03));
        outline
    }

    fn edge(&self, angle: f32) -> f32 {
        if self.bulge == 0.0 && self.notches == 0.0 {
            return self.radius * (1.0 + self.oval * (2.0 * (angle - self.axis)).cos());
        }
        let hump = |from: f32, narrow: f32| (narrow * ((angle - from).cos() - 1.0)).exp();
        let lopsided = self.bulge * (hump(self.axis, 8.0) - 0.5 * hump(self.axis + 1.25, 7.0));
        let oval = self.oval * (2.0 * (angle - self.axis)).cos();
        self.radius * (1.0 + oval + lopsided + self.raggedness(angle))
    }

    fn raggedness(&self, angle: f32) -> f32 {
        if self.notches == 0.0 {
            return 0.0;
        }
        let (x, y) = (2.8 * angle.cos(), 2.8 * angle.sin());
        let wave = 0.07 * (7.0 * angle + self.axis).sin();
        wave + self.notches * self.noise.fractal(x, y, 3)
    }

    /// Distance to the edge along the ray from the centre: positive inside.
    fn depth(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.centre[0], y - self.centre[1]);
        self.edge(dy.atan2(dx)) - dx.hypot(dy)
    }

    fn bounds(&self) -> [f32; 4] {
        let reach = self.radius * 2.0 + self.soft;
        let [x, y] = self.centre;
        [x - reach, y - reach, x + reach, y + reach]
    }

    /// An ellipse about the whole mole.
    fn region(&self) -> [f32; 4] {
        let mut limits = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for step in 0..48 {
            let angle = step as f32 / 48.0 * TAU;
            let reach = self.edge(angle);
            let at = [
                self.centre[0] + reach * angle.cos(),
                self.centre[1] + reach * angle.sin(),
            ];
            for i in 0..2 {
                limits[i] = limits[i].min(at[i]);
                limits[i + 2] = limits[i + 2].max(at[i]);
            }
        }
        [
            (limits[0] + limits[2]) / 2.0,
            (limits[1] + limits[3]) / 2.0,
            (limits[2] - limits[0]) / 2.0,
            (limits[3] - limits[1]) / 2.0,
        ]
    }
}

fn draw(canvas: &mut Canvas, rng: &mut Rng, present: &[bool]) -> GroundTruth {
    let has = |finding: usize| present.get(finding).copied().unwrap_or(false);
    canvas.pose = Pose::jitter(rng, 0.2);
    let (hairs, tone) = (rng.below(2), rng.below(2));
    let outline = Outline::new(rng, has(ASYMMETRY), has(BORDER), has(DIAMETER));
    paint_skin(canvas, rng, tone);
    paint_mole(canvas, rng, &outline, tone);
    if has(COLOURS) {
        paint_colours(canvas, rng, &outline);
    }
    if hairs == 1 {
        paint_hairs(canvas, rng);
    }
    paint_light(canvas, rng);
    let (gain, gamma) = (rng.range(0.92, 1.06), rng.range(0.88, 1.12));
    canvas.grain(rng, 0.012);
    canvas.expose(gain, 0.0, gamma);
    let findings = (0..SPEC.findings.len()).filter(|&finding| has(finding));
    GroundTruth {
        findings: findings.map(|finding| truth(finding, &outline)).collect(),
        attributes: vec![hairs, tone],
    }
}

fn truth(finding: usize, outline: &Outline) -> FindingTruth {
    FindingTruth {
        finding,
        side: None,
        place: None,
        grade: None,
        count: 1,
        larger: None,
        regions: vec![outline.region()],
    }
}

fn paint_skin(canvas: &mut Canvas, rng: &mut Rng, tone: usize) {
    let base: Colour = if tone == 0 {
        *rng.pick(&[[0.90, 0.73, 0.63], [0.92, 0.70, 0.64], [0.88, 0.75, 0.62]])
    } else {
        *rng.pick(&[[0.62, 0.43, 0.31], [0.58, 0.40, 0.30], [0.64, 0.46, 0.36]])
    };
    let noise = Noise::new(rng);
    let depth = rng.range(0.04, 0.08);
    canvas.shade([-1.0, -1.0, 2.0, 2.0], Blend::Over, |x, y| {
        let broad = noise.value(x * 5.0, y * 5.0);
        let furrow = noise.value(x * 34.0, y * 34.0);
        let v = 1.0 + depth * (broad + 0.7 * furrow);
        (base.map(|c| c * v), 1.0)
    });
}

fn paint_mole(canvas: &mut Canvas, rng: &mut Rng, outline: &Outline, tone: usize) {
    let browns: [Colour; 3] = if tone == 0 {
        [[0.50, 0.31, 0.20], [0.42, 0.25, 0.16], [0.56, 0.36, 0.23]]
    } else {
        [[0.27, 0.16, 0.11], [0.31, 0.19, 0.12], [0.24, 0.15, 0.11]]
    };
    let brown = *rng.pick(&browns);
    let noise = Noise::new(rng);
    let radius = outline.radius;
    canvas.shade(outline.bounds(), Blend::Over, |x, y| {
        let depth = outline.depth(x, y);
        if depth < -outline.soft {
            return (brown, 0.0);
        }
        let network = noise.value(x * 48.0, y * 48.0);
        let v = 1.08 - 0.16 * (depth / radius).clamp(0.0, 1.0) + 0.09 * network;
        (brown.map(|c| c * v), 0.96 * ramp(depth, outline.soft))
    });
}

/// Three patches of foreign colour around the centre, cut off at the edge of the mole.
fn paint_colours(canvas: &mut Canvas, rng: &mut Rng, outline: &Outline) {
    let mut palette = [
        [0.07, 0.05, 0.06],
        [0.40, 0.47, 0.62],
        [0.74, 0.27, 0.24],
        [0.92, 0.84, 0.80],
    ];
    rng.shuffle(&mut palette);
    let first = rng.range(0.0, TAU);
    let noise = Noise::new(rng);
    let radius = outline.radius;
    for (index, colour) in palette.into_iter().take(3).enumerate() {
        let angle = first + index as f32 * TAU / 3.0 + rng.range(-0.2, 0.2);
        let reach = radius * rng.range(0.46, 0.58);
        let patch = Ellipse::new(
            outline.centre[0] + reach * angle.cos(),
            outline.centre[1] + reach * angle.sin(),
            radius * rng.range(0.42, 0.5),
            radius * rng.range(0.3, 0.38),
        )
        .turned(angle + rng.range(0.6, 2.4))
        .soft(radius * 0.2);
        canvas.paint(patch.bounds(), Blend::Over, colour, |x, y| {
            let uneven = 0.3 * radius * noise.fractal(x * 2.2 / radius, y * 2.2 / radius, 2);
            let inside = ramp(patch.depth(x, y) + uneven, patch.soft);
            0.84 * inside * ramp(outline.depth(x, y) - 0.008, 0.02)
        });
    }
}

fn paint_hairs(canvas: &mut Canvas, rng: &mut Rng) {
    let comb = rng.range(0.0, TAU);
    let colour = *rng.pick(&[[0.10, 0.07, 0.06], [0.16, 0.10, 0.07]]);
    for _ in 0..rng.below(4) + 6 {
        let heading = comb + rng.range(-0.5, 0.5);
        let curl = rng.range(-0.35, 0.35);
        let mut at = [rng.range(0.0, 1.0), rng.range(0.0, 1.0)];
        let mut hair = vec![at];
        for step in 0..7 {
            let angle = heading + curl * step as f32 * 0.4;
            at = [at[0] + 0.075 * angle.cos(), at[1] + 0.075 * angle.sin()];
            hair.push(at);
        }
        let width = rng.range(0.0065, 0.0095);
        canvas.stroke(&hair, width, 0.006, Blend::Over, colour, 0.9);
    }
}

/// Even light, or the round dark corners of the instrument.
fn paint_light(canvas: &mut Canvas, rng: &mut Rng) {
    if rng.chance(0.6) {
        return;
    }
    let rim = rng.range(0.52, 0.6);
    canvas.shade([-1.0, -1.0, 2.0, 2.0], Blend::Multiply, |x, y| {
        let far = (x - 0.5).hypot(y - 0.5);
        ([0.04, 0.04, 0.05], ramp(far - rim, 0.08))
    });
}
