//! An axial head CT, drawn for teaching: bright skull, grey brain, dark ventricles.
//!
//! The slice lies at the level of the frontal horns and the thalami, where the classic bleeds and an infarct are taught.
//! Two findings inside the skull always lie on opposite sides, so that neither can hide the other.

use super::canvas::{Blend, Canvas, Ellipse, Noise, Pose, grey, ramp};
use super::spec::{AttributeSpec, FindingSpec, FindingTruth, GroundTruth, KindSpec, Side};
use rounds_support::rng::Rng;
use std::f32::consts::PI;

const EPIDURAL: usize = 0;
const SUBDURAL: usize = 1;
const BRAIN_BLEED: usize = 2;
const INFARCT: usize = 3;
const SCALP_SWELLING: usize = 4;

const BRAIN: f32 = 0.40;
const CORTEX: f32 = 0.48;
const FLUID: f32 = 0.10;
const BLOOD: f32 = 0.84;
const SCALP: f32 = 0.36;

/// Values that most findings here share.
const PLAIN: FindingSpec = FindingSpec {
    id: "",
    name: "",
    plural: "",
    article: "",
    sign: "",
    absent: "",
    reading: "",
    sided: true,
    places: &[],
    grades: &[],
    max_count: 1,
};

pub(crate) static SPEC: KindSpec = KindSpec {
    id: "head-ct",
    name: "an axial head CT",
    modality: "CT",
    modality_sign: "a bright white bone ring around grey soft tissue",
    view: "axial",
    view_sign: "an oval slice with the front at the top",
    organ: "head",
    organ_sign: "a skull ring with the brain inside",
    normal: "normal head CT",
    findings: &[
        FindingSpec {
            id: "epidural-bleed",
            name: "epidural bleed",
            plural: "epidural bleeds",
            article: "an",
            sign: "a bright lens shape against the inside of the skull",
            absent: "no bright lens shape inside the skull",
            reading: "epidural bleed",
            grades: &["small", "large"],
            ..PLAIN
        },
        FindingSpec {
            id: "subdural-bleed",
            name: "subdural bleed",
            plural: "subdural bleeds",
            article: "a",
            sign: "a bright crescent along the inside of the skull",
            absent: "no bright crescent along the skull",
            reading: "subdural bleed",
            ..PLAIN
        },
        FindingSpec {
            id: "brain-bleed",
            name: "bleed in the brain",
            plural: "bleeds in the brain",
            article: "a",
            sign: "a bright blob inside the grey brain",
            absent: "grey brain without a bright blob",
            reading: "bleed in the brain",
            places: &["front", "middle", "back"],
            grades: &["small", "large"],
            ..PLAIN
        },
        FindingSpec {
            id: "infarct",
            name: "infarct",
            plural: "infarcts",
            article: "an",
            sign: "a dark wedge that reaches the edge of the brain",
            absent: "even grey brain without a dark wedge",
            reading: "infarct",
            ..PLAIN
        },
        FindingSpec {
            id: "scalp-swelling",
            name: "scalp swelling",
            plural: "scalp swelling",
            article: "",
            sign: "a grey bump outside the skull",
            absent: "a thin even scalp around the skull",
            reading: "scalp swelling",
            ..PLAIN
        },
    ],
    conflicts: &[(EPIDURAL, SUBDURAL), (BRAIN_BLEED, INFARCT)],
    attributes: &[AttributeSpec {
        id: "ventricle-size",
        questions: &[
            "Are the ventricles enlarged?",
            "Are the ventricles too large?",
            "Is there ventricle enlargement?",
        ],
        values: &[
            ("no", "The dark ventricles in the middle are narrow."),
            ("yes", "The dark ventricles in the middle are wide."),
        ],
    }],
    draw,
    reading_rule: None,
};

/// The patient's side for an image direction; -1 is the left of the image.
pub(super) fn side_of(sign: f32) -> Side {
    if sign < 0.0 { Side::Right } else { Side::Left }
}

pub(super) fn mix(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}

/// The size and shape of this patient's head.
pub(super) struct Head {
    pub(super) radii: [f32; 2],
    /// How much wider the back is than the front.
    pub(super) egg: f32,
    pub(super) scalp: f32,
    pub(super) bone: f32,
    /// How far a large bleed pushes the middle of the brain sideways.
    pub(super) lean: f32,
}

impl Head {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            radii: [rng.range(0.325, 0.365), rng.range(0.395, 0.425)],
            egg: rng.range(0.05, 0.28),
            scalp: rng.range(0.014, 0.024),
            bone: rng.range(0.026, 0.038),
            lean: 0.0,
        }
    }

    fn scaled(&self, x: f32, y: f32) -> [f32; 2] {
        let dy = y - 0.5;
        let width = self.radii[0] * (1.0 + self.egg * dy);
        [(x - 0.5) / width, dy / self.radii[1]]
    }

    /// Distance below the skin.
    pub(super) fn depth(&self, x: f32, y: f32) -> f32 {
        let [u, v] = self.scaled(x, y);
        let r = (u * u + v * v).sqrt().max(0.05);
        let slope = (u / self.radii[0]).hypot(v / self.radii[1]).max(0.1);
        (1.0 - r) * r / slope
    }

    /// Distance below the inner face of the skull.
    pub(super) fn brain_depth(&self, x: f32, y: f32) -> f32 {
        self.depth(x, y) - self.scalp - self.bone
    }

    /// The point at an angle (0 is the right of the image, a quarter turn the back) and a depth below the skin.
    fn point(&self, angle: f32, depth: f32) -> [f32; 2] {
        let (sin, cos) = angle.sin_cos();
        let dy = (self.radii[1] - depth) * sin;
        let width = self.radii[0] * (1.0 + self.egg * dy) - depth;
        [0.5 + width * cos, 0.5 + dy]
    }

    /// An ellipse on the given depth, `height` along the normal and `length` along the surface.
    fn cap(&self, angle: f32, depth: f32, height: f32, length: f32) -> Ellipse {
        let centre = self.point(angle, depth);
        let (sin, cos) = angle.sin_cos();
        let turn = (sin / self.radii[1]).atan2(cos / self.radii[0]);
        Ellipse::new(centre[0], centre[1], height, length)
            .turned(turn)
            .soft(0.012)
    }
}

/// The upright ellipse that encloses some points.
fn enclose(points: &[[f32; 2]]) -> [f32; 4] {
    let low = |i: usize| points.iter().map(|p| p[i]).fold(f32::MAX, f32::min);
    let high = |i: usize| points.iter().map(|p| p[i]).fold(f32::MIN, f32::max);
    [
        (low(0) + high(0)) * 0.5,
        (low(1) + high(1)) * 0.5,
        (high(0) - low(0)) * 0.5 + 0.01,
        (high(1) - low(1)) * 0.5 + 0.01,
    ]
}

fn bounds_of(region: [f32; 4]) -> [f32; 4] {
    let [x, y, rx, ry] = region;
    [x - rx - 0.04, y - ry - 0.04, x + rx + 0.04, y + ry + 0.04]
}

/// The region of the inner (`inward` 1) or outer (-1) half of a cap.
fn half_cap_region(cap: &Ellipse, inward: f32) -> [f32; 4] {
    let (sin, cos) = cap.turn.sin_cos();
    let [height, length] = cap.radii;
    let [x, y] = cap.centre;
    enclose(&[
        [x - inward * height * cos, y - inward * height * sin],
        [x - length * sin, y + length * cos],
        [x + length * sin, y - length * cos],
        [x, y],
    ])
}

fn truth(finding: usize, sign: f32, region: [f32; 4]) -> FindingTruth {
    FindingTruth {
        finding,
        side: Some(side_of(sign)),
        place: None,
        grade: None,
        count: 1,
        larger: None,
        regions: vec![region],
    }
}

fn draw(canvas: &mut Canvas, rng: &mut Rng, present: &[bool]) -> GroundTruth {
    let has = |finding: usize| present.get(finding).copied().unwrap_or(false);
    canvas.pose = Pose::jitter(rng, 0.1);
    let mut head = Head::new(rng);
    let outer_sign: f32 = if rng.chance(0.5) { 1.0 } else { -1.0 };
    let inner_sign = -outer_sign;
    let large = rng.chance(0.5);
    let enlarged = rng.chance(0.5);
    if has(EPIDURAL) && large || has(SUBDURAL) {
        head.lean = -outer_sign * 0.018;
    } else if has(BRAIN_BLEED) && large {
        head.lean = -inner_sign * 0.014;
    }

    draw_head(canvas, rng, &head);
    let width = if enlarged {
        rng.range(1.75, 2.05)
    } else {
        rng.range(0.75, 0.95)
    };
    let cistern = Ellipse::new(0.5 + head.lean, 0.615, 0.024, 0.010).soft(0.012);
    for shape in ventricles(rng, 0.5 + head.lean, width)
        .iter()
        .chain([&cistern])
    {
        canvas.ellipse(*shape, Blend::Over, grey(FLUID), 1.0);
    }
    draw_falx(canvas, &head);

    let mut findings = Vec::new();
    if has(EPIDURAL) {
        findings.push(draw_epidural(canvas, rng, &head, outer_sign, large));
    }
    if has(SUBDURAL) {
        findings.push(draw_subdural(canvas, rng, &head, outer_sign));
    }
    if has(BRAIN_BLEED) {
        findings.push(draw_brain_bleed(canvas, rng, inner_sign, large));
    }
    if has(INFARCT) {
        let region = paint_wedge(canvas, rng, &head, inner_sign, 0.225);
        findings.push(truth(INFARCT, inner_sign, region));
    }
    if has(SCALP_SWELLING) {
        findings.push(draw_swelling(canvas, rng, &head));
    }

    let mottle = rng.range(0.03, 0.09);
    canvas.mottle(rng, 22.0, mottle);
    let grain = rng.range(0.012, 0.04);
    canvas.grain(rng, grain);
    let (gain, bias, gamma) = (
        rng.range(0.92, 1.1),
        rng.range(-0.03, 0.03),
        rng.range(0.85, 1.2),
    );
    canvas.expose(gain, bias, gamma);
    GroundTruth {
        findings,
        attributes: vec![usize::from(enlarged)],
    }
}

/// Scalp, skull and the brain with its folds.
fn draw_head(canvas: &mut Canvas, rng: &mut Rng, head: &Head) {
    let folds = Noise::new(rng);
    let folding = rng.range(0.25, 0.7);
    canvas.shade([0.05, 0.03, 0.95, 0.97], Blend::Over, |x, y| {
        let depth = head.depth(x, y);
        let inside = ramp(depth, 0.008);
        if inside <= 0.0 {
            return (grey(0.0), 0.0);
        }
        let below = depth - head.scalp - head.bone;
        let skull = ramp(depth - head.scalp, 0.007) * ramp(-below, 0.007);
        let mut v = SCALP;
        if below > -0.01 {
            let tissue = brain_brightness(&folds, folding, x, y, below);
            v = mix(v, tissue, ramp(below, 0.006));
        }
        (grey(mix(v, 1.0, skull)), inside)
    });
    for sign in [-1.0, 1.0] {
        let x = 0.5 + head.lean * 0.6;
        let lentiform = Ellipse::new(x + sign * 0.125, 0.475, 0.032, 0.062);
        canvas.ellipse(
            lentiform.turned(sign * -0.25).soft(0.03),
            Blend::Over,
            grey(CORTEX),
            0.75,
        );
        let thalamus = Ellipse::new(x + sign * 0.05, 0.54, 0.034, 0.05).soft(0.03);
        canvas.ellipse(thalamus, Blend::Over, grey(CORTEX), 0.75);
    }
}

fn brain_brightness(folds: &Noise, folding: f32, x: f32, y: f32, below: f32) -> f32 {
    let rim = ramp(0.006 - below, 0.008);
    if below > 0.13 {
        return BRAIN;
    }
    let fold = folds.value(x * 19.0, y * 19.0) + 0.5 * folds.value(y * 31.0, x * 31.0);
    let near = ramp(0.085 - below, 0.07);
    let cortex = ramp(0.45 - fold.abs(), 0.3).max(ramp(0.03 - below, 0.02)) * near;
    let groove = ramp(0.12 - fold.abs(), 0.12) * ramp(0.06 - below, 0.05) * folding;
    let tissue = mix(mix(BRAIN, CORTEX, cortex), FLUID + 0.08, groove);
    mix(tissue, FLUID + 0.05, rim * 0.8)
}

/// Frontal horns, back horns and the slit between them, `width` times the usual size.
pub(super) fn ventricles(rng: &mut Rng, middle: f32, width: f32) -> Vec<Ellipse> {
    let tilt = rng.range(0.28, 0.42);
    let back = rng.range(0.63, 0.66);
    let long = 0.85 + 0.25 * width;
    let slit = Ellipse::new(middle, 0.525, 0.0065 * width + 0.0015, 0.037);
    let mut shapes = vec![slit.soft(0.012)];
    for sign in [-1.0, 1.0] {
        let front = middle + sign * (0.016 + 0.019 * width);
        let horn = Ellipse::new(front, 0.395, 0.0165 * width, 0.057 * long);
        shapes.push(horn.turned(sign * tilt).soft(0.012));
        let side = middle + sign * (0.082 + 0.016 * width);
        let atrium = Ellipse::new(side, back, 0.0165 * width, 0.055 * long);
        shapes.push(atrium.turned(sign * -0.4).soft(0.012));
    }
    shapes
}

/// The bright fold between the halves, in front of and behind the ventricles, with dark fluid either side.
fn draw_falx(canvas: &mut Canvas, head: &Head) {
    let edge = 0.5 - head.radii[1] + head.scalp + head.bone;
    let bend = 0.5 + head.lean * 0.8;
    let lines = [
        [[0.5, edge], [bend, 0.315]],
        [[0.5, 1.0 - edge], [bend, 0.70]],
    ];
    for line in lines {
        canvas.stroke(&line, 0.016, 0.012, Blend::Over, grey(FLUID + 0.08), 0.6);
        canvas.stroke(&line, 0.006, 0.006, Blend::Over, grey(0.68), 0.9);
    }
}

fn angle_on(sign: f32, angle: f32) -> f32 {
    if sign > 0.0 { angle } else { PI - angle }
}

/// Difference of two angles, within half a turn.
fn turn_between(angle: f32, from: f32) -> f32 {
    (angle - from + 3.0 * PI).rem_euclid(2.0 * PI) - PI
}

fn draw_epidural(
    canvas: &mut Canvas,
    rng: &mut Rng,
    head: &Head,
    sign: f32,
    large: bool,
) -> FindingTruth {
    let (height, length) = if large {
        (rng.range(0.100, 0.120), rng.range(0.155, 0.18))
    } else {
        (rng.range(0.050, 0.062), rng.range(0.095, 0.115))
    };
    let angle = angle_on(sign, rng.range(-0.65, 0.65));
    let cap = head.cap(angle, head.scalp + head.bone, height, length);
    canvas.paint(cap.bounds(), Blend::Over, grey(BLOOD), |x, y| {
        cap.coverage(x, y) * ramp(head.brain_depth(x, y), 0.006)
    });
    FindingTruth {
        grade: Some(usize::from(large)),
        ..truth(EPIDURAL, sign, half_cap_region(&cap, 1.0))
    }
}

fn draw_subdural(canvas: &mut Canvas, rng: &mut Rng, head: &Head, sign: f32) -> FindingTruth {
    let thick = rng.range(0.05, 0.066);
    let middle = angle_on(sign, rng.range(-0.15, 0.15));
    let span = rng.range(1.05, 1.25);
    let inner = head.scalp + head.bone;
    let arc: Vec<[f32; 2]> = (-4..=4)
        .map(|i| head.point(middle + span * i as f32 / 4.4, inner))
        .chain([head.point(middle, inner + thick)])
        .collect();
    let region = enclose(&arc);
    canvas.paint(bounds_of(region), Blend::Over, grey(BLOOD), |x, y| {
        let [u, v] = head.scaled(x, y);
        let off = turn_between(v.atan2(u), middle);
        let share = (1.0 - (off / span).powi(2)).max(0.0);
        let below = head.brain_depth(x, y);
        ramp(below, 0.006) * ramp(thick * share.sqrt() - below, 0.01)
    });
    truth(SUBDURAL, sign, region)
}

fn draw_brain_bleed(canvas: &mut Canvas, rng: &mut Rng, sign: f32, large: bool) -> FindingTruth {
    let place = rng.below(3);
    let radius = if large {
        rng.range(0.068, 0.080)
    } else {
        rng.range(0.033, 0.040)
    };
    let stretch = rng.range(0.85, 1.18);
    let (out, along) = [(0.145, 0.295), (0.185, 0.50), (0.150, 0.69)][place];
    let x = 0.5 + sign * (out + rng.range(-0.012, 0.012));
    let y = along + rng.range(-0.02, 0.02);
    let (rx, ry) = (radius * stretch, radius / stretch);
    let halo = Ellipse::new(x, y, rx + 0.022, ry + 0.022).soft(0.03);
    canvas.ellipse(halo, Blend::Over, grey(0.26), 0.8);
    let ragged = Noise::new(rng);
    let blob = Ellipse::new(x, y, rx, ry);
    canvas.paint(halo.bounds(), Blend::Over, grey(BLOOD), |px, py| {
        let edge = 0.3 * radius * ragged.fractal(px * 24.0, py * 24.0, 2);
        ramp(blob.depth(px, py) + edge, 0.014)
    });
    FindingTruth {
        place: Some(place),
        grade: Some(usize::from(large)),
        ..truth(BRAIN_BLEED, sign, [x, y, rx * 1.1, ry * 1.1])
    }
}

/// A wedge from the edge of the brain inwards on one side; returns its region.
pub(super) fn paint_wedge(
    canvas: &mut Canvas,
    rng: &mut Rng,
    head: &Head,
    sign: f32,
    brightness: f32,
) -> [f32; 4] {
    let middle = angle_on(sign, rng.range(-0.5, 0.6));
    let span = rng.range(0.44, 0.57);
    let tip = rng.range(0.41, 0.49);
    let inner = head.scalp + head.bone;
    let region = enclose(&[
        head.point(middle - span, inner),
        head.point(middle, inner),
        head.point(middle + span, inner),
        head.point(middle, head.radii[0] * (1.0 - tip)),
    ]);
    let ragged = Noise::new(rng);
    canvas.paint(bounds_of(region), Blend::Over, grey(brightness), |x, y| {
        let [u, v] = head.scaled(x, y);
        let r = u.hypot(v);
        let width = span * ((r - tip) / (0.85 - tip)).max(0.0).powf(0.8);
        let sideways = (width - turn_between(v.atan2(u), middle).abs()) * r;
        let edge = sideways.min(r - tip) * head.radii[0];
        let rough = 0.015 * ragged.fractal(x * 20.0, y * 20.0, 2);
        0.93 * ramp(edge + rough, 0.02) * ramp(head.brain_depth(x, y) - 0.003, 0.006)
    });
    region
}

fn draw_swelling(canvas: &mut Canvas, rng: &mut Rng, head: &Head) -> FindingTruth {
    let sign = if rng.chance(0.5) { 1.0 } else { -1.0 };
    let (height, length) = (rng.range(0.042, 0.055), rng.range(0.10, 0.14));
    let angle = angle_on(sign, rng.range(-0.8, 0.8));
    let cap = head.cap(angle, head.scalp * 0.4, height, length);
    canvas.paint(cap.bounds(), Blend::Over, grey(0.43), |x, y| {
        cap.coverage(x, y) * ramp(head.scalp - head.depth(x, y), 0.006)
    });
    truth(SCALP_SWELLING, sign, half_cap_region(&cap, -1.0))
}
