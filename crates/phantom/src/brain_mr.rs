//! An axial brain MRI, drawn for teaching, in one of two weightings.
//!
//! The weighting selects a palette that determines every brightness: fluid is dark on T1 and bright on T2, and white matter
//! the reverse. Shapes are the same in both, so that students can compare them.

use super::canvas::{Blend, Canvas, Ellipse, Noise, Pose, grey, ramp};
use super::head_ct::{Head, mix, paint_wedge, side_of, ventricles};
use super::spec::{AttributeSpec, FindingSpec, FindingTruth, GroundTruth, KindSpec, Side};
use rounds_support::rng::Rng;
use std::f32::consts::PI;

const MASS: usize = 0;
const SPOT: usize = 1;
const STROKE: usize = 2;

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
    id: "brain-mr",
    name: "an axial brain MRI",
    modality: "MRI",
    modality_sign: "a thin dark skull and clear grey and white matter",
    view: "axial",
    view_sign: "an oval slice with the front at the top",
    organ: "brain",
    organ_sign: "folded brain with ventricles in the middle",
    normal: "normal brain MRI",
    findings: &[
        FindingSpec {
            id: "mass",
            name: "mass",
            plural: "masses",
            article: "a",
            sign: "a round lump with a rim inside the brain",
            absent: "even brain on both sides without a lump",
            reading: "brain mass",
            places: &["front", "middle", "back"],
            grades: &["small", "large"],
            ..PLAIN
        },
        FindingSpec {
            id: "white-matter-spot",
            name: "white matter spot",
            plural: "white matter spots",
            article: "a",
            sign: "a small round spot in the white matter",
            absent: "even white matter without small spots",
            reading: "white matter spots",
            max_count: 4,
            ..PLAIN
        },
        FindingSpec {
            id: "stroke-area",
            name: "stroke area",
            plural: "stroke areas",
            article: "a",
            sign: "a changed wedge that reaches the edge of the brain",
            absent: "even folds along the edge of the brain",
            reading: "stroke",
            ..PLAIN
        },
    ],
    conflicts: &[(MASS, STROKE)],
    attributes: &[
        AttributeSpec {
            id: "weighting",
            questions: &[
                "Which weighting is this?",
                "Is this T1 or T2?",
                "What is the weighting of this MRI?",
            ],
            values: &[
                ("T1", "The fluid in the ventricles is dark."),
                ("T2", "The fluid in the ventricles is bright."),
            ],
        },
        AttributeSpec {
            id: "ventricle-size",
            questions: &[
                "Are the ventricles enlarged?",
                "Are the ventricles too large?",
                "Is there ventricle enlargement?",
            ],
            values: &[
                ("no", "The ventricles in the middle are narrow."),
                ("yes", "The ventricles in the middle are wide."),
            ],
        },
    ],
    draw,
    reading_rule: None,
};

/// Brightness of each tissue in one weighting.
struct Palette {
    fat: f32,
    skull: f32,
    fluid: f32,
    grey_matter: f32,
    white_matter: f32,
    lesion: f32,
    rim: f32,
    swelling: f32,
}

const T1: Palette = Palette {
    fat: 0.88,
    skull: 0.06,
    fluid: 0.11,
    grey_matter: 0.42,
    white_matter: 0.62,
    lesion: 0.24,
    rim: 0.92,
    swelling: 0.44,
};

const T2: Palette = Palette {
    fat: 0.42,
    skull: 0.04,
    fluid: 0.95,
    grey_matter: 0.52,
    white_matter: 0.31,
    lesion: 0.82,
    rim: 0.10,
    swelling: 0.60,
};

fn truth(finding: usize, side: Side, regions: Vec<[f32; 4]>) -> FindingTruth {
    FindingTruth {
        finding,
        side: Some(side),
        place: None,
        grade: None,
        count: regions.len(),
        larger: None,
        regions,
    }
}

fn draw(canvas: &mut Canvas, rng: &mut Rng, present: &[bool]) -> GroundTruth {
    let has = |finding: usize| present.get(finding).copied().unwrap_or(false);
    canvas.pose = Pose::jitter(rng, 0.1);
    let (bright_fluid, enlarged) = (rng.chance(0.5), rng.chance(0.5));
    let palette = if bright_fluid { &T2 } else { &T1 };
    let head = Head {
        scalp: rng.range(0.020, 0.030),
        bone: rng.range(0.015, 0.020),
        ..Head::new(rng)
    };
    let width = if enlarged {
        rng.range(1.8, 2.1)
    } else {
        rng.range(0.8, 1.0)
    };
    let ventricles = ventricles(rng, 0.5, width);
    let sign = if rng.chance(0.5) { 1.0 } else { -1.0 };

    draw_head(canvas, rng, &head, palette);
    draw_middle(canvas, &head, &ventricles, palette);
    let mut findings = Vec::new();
    if has(MASS) {
        findings.push(draw_mass(canvas, rng, palette, sign));
    } else if has(STROKE) {
        let region = paint_wedge(canvas, rng, &head, sign, palette.lesion);
        findings.push(truth(STROKE, side_of(sign), vec![region]));
    }
    if has(SPOT) {
        let free_side = (!findings.is_empty()).then_some(-sign);
        let spots = place_spots(rng, &head, &ventricles, free_side);
        findings.push(draw_spots(canvas, palette, spots));
    }
    findings.sort_by_key(|f| f.finding);

    let mottle = rng.range(0.03, 0.09);
    canvas.mottle(rng, 9.0, mottle);
    let grain = rng.range(0.01, 0.035);
    canvas.grain(rng, grain);
    let (gain, bias, gamma) = (
        rng.range(0.92, 1.08),
        rng.range(-0.02, 0.02),
        rng.range(0.88, 1.15),
    );
    canvas.expose(gain, bias, gamma);
    GroundTruth {
        findings,
        attributes: vec![usize::from(bright_fluid), usize::from(enlarged)],
    }
}

/// Scalp fat, dark skull, the fluid under it and the folded brain.
fn draw_head(canvas: &mut Canvas, rng: &mut Rng, head: &Head, palette: &Palette) {
    let folds = Noise::new(rng);
    let atrophy = rng.range(0.05, 0.11);
    canvas.shade([0.05, 0.03, 0.95, 0.97], Blend::Over, |x, y| {
        let depth = head.depth(x, y);
        let inside = ramp(depth, 0.008);
        if inside <= 0.0 {
            return (grey(0.0), 0.0);
        }
        let below = depth - head.scalp - head.bone;
        let skin = ramp(0.005 - depth, 0.006);
        let scalp = mix(palette.fat, 0.35, skin);
        let mut v = mix(scalp, palette.skull, ramp(depth - head.scalp, 0.006));
        if below > -0.01 {
            let brain = brain_brightness(&folds, palette, atrophy, [x, y], below);
            v = mix(v, brain, ramp(below, 0.006));
        }
        (grey(v), inside)
    });
}

fn brain_brightness(
    folds: &Noise,
    palette: &Palette,
    atrophy: f32,
    [x, y]: [f32; 2],
    below: f32,
) -> f32 {
    if below > 0.14 {
        return palette.white_matter;
    }
    let fold = (folds.value(x * 17.0, y * 17.0) + 0.4 * folds.value(y * 33.0, x * 33.0)).abs();
    let near = ramp(0.10 - below, 0.03);
    let ribbon = ramp(0.30 - fold, 0.12) * near;
    let cortex = ribbon.max(ramp(0.026 - below, 0.014));
    let groove = ramp(atrophy - fold, 0.10) * ramp(0.055 - below, 0.03);
    let tissue = mix(palette.white_matter, palette.grey_matter, cortex);
    let wet = groove.max(ramp(0.007 - below, 0.007));
    mix(tissue, palette.fluid, wet * 0.9)
}

/// The deep grey nuclei, the ventricles and the gap between the halves.
fn draw_middle(canvas: &mut Canvas, head: &Head, ventricles: &[Ellipse], palette: &Palette) {
    let nucleus = grey(palette.grey_matter);
    for sign in [-1.0, 1.0] {
        let lentiform = Ellipse::new(0.5 + sign * 0.122, 0.475, 0.030, 0.060);
        canvas.ellipse(
            lentiform.turned(sign * -0.25).soft(0.016),
            Blend::Over,
            nucleus,
            0.9,
        );
        let thalamus = Ellipse::new(0.5 + sign * 0.046, 0.54, 0.034, 0.05).soft(0.016);
        canvas.ellipse(thalamus, Blend::Over, nucleus, 0.9);
        let caudate = Ellipse::new(0.5 + sign * 0.066, 0.425, 0.020, 0.045).soft(0.014);
        canvas.ellipse(caudate.turned(sign * 0.3), Blend::Over, nucleus, 0.9);
    }
    let edge = 0.5 - head.radii[1] + head.scalp + head.bone;
    for line in [[[0.5, edge], [0.5, 0.31]], [[0.5, 1.0 - edge], [0.5, 0.69]]] {
        canvas.stroke(&line, 0.034, 0.014, Blend::Over, nucleus, 0.9);
        canvas.stroke(&line, 0.009, 0.008, Blend::Over, grey(palette.fluid), 0.9);
    }
    for shape in ventricles {
        canvas.ellipse(*shape, Blend::Over, grey(palette.fluid), 1.0);
    }
}

/// A lump with a rim: a ring with a core of another brightness, or solid.
fn draw_mass(canvas: &mut Canvas, rng: &mut Rng, palette: &Palette, sign: f32) -> FindingTruth {
    let place = rng.below(3);
    let large = rng.chance(0.5);
    let radius = if large {
        rng.range(0.072, 0.082)
    } else {
        rng.range(0.038, 0.044)
    };
    let stretch = rng.range(0.88, 1.14);
    let (out, along) = [(0.140, 0.295), (0.180, 0.50), (0.145, 0.69)][place];
    let x = 0.5 + sign * (out + rng.range(-0.01, 0.01));
    let y = along + rng.range(-0.02, 0.02);
    let (rx, ry) = (radius * stretch, radius / stretch);
    let halo = Ellipse::new(x, y, rx + 0.026, ry + 0.026).soft(0.03);
    canvas.ellipse(halo, Blend::Over, grey(palette.swelling), 0.9);
    let ragged = Noise::new(rng);
    let core = if rng.chance(0.5) {
        palette.lesion
    } else {
        mix(palette.lesion, palette.grey_matter, 0.35)
    };
    let body = Ellipse::new(x, y, rx, ry);
    canvas.shade(halo.bounds(), Blend::Over, |px, py| {
        let depth = body.depth(px, py) + 0.2 * radius * ragged.value(px * 26.0, py * 26.0);
        let inner = ramp(depth - 0.012, 0.008);
        (grey(mix(palette.rim, core, inner)), ramp(depth, 0.008))
    });
    FindingTruth {
        place: Some(place),
        grade: Some(usize::from(large)),
        ..truth(MASS, side_of(sign), vec![[x, y, rx * 1.1, ry * 1.1]])
    }
}

/// Spots near the ventricles, apart from them, from the deep nuclei and from each other.
fn place_spots(
    rng: &mut Rng,
    head: &Head,
    ventricles: &[Ellipse],
    free_side: Option<f32>,
) -> Vec<[f32; 4]> {
    let wanted = 1 + rng.below(4);
    let mut spots: Vec<[f32; 4]> = Vec::new();
    for _ in 0..400 {
        if spots.len() == wanted {
            break;
        }
        let radius = rng.range(0.025, 0.031);
        let chance_side = if rng.chance(0.5) { 1.0 } else { -1.0 };
        let sign = free_side.unwrap_or(chance_side);
        let x = 0.5 + sign * rng.range(0.07, 0.22);
        let y = rng.range(0.26, 0.76);
        if spot_fits(head, ventricles, &spots, x, y, radius) {
            spots.push([x, y, radius, radius]);
        }
    }
    if spots.is_empty() {
        let sign = free_side.unwrap_or(1.0);
        spots.push([0.5 + sign * 0.17, 0.60, 0.026, 0.026]);
    }
    spots
}

fn draw_spots(canvas: &mut Canvas, palette: &Palette, spots: Vec<[f32; 4]>) -> FindingTruth {
    let mark = if palette.fluid > 0.5 { 1.0 } else { 0.14 };
    for [x, y, rx, ry] in &spots {
        let spot = Ellipse::new(*x, *y, *rx, *ry).soft(0.012);
        canvas.ellipse(spot, Blend::Over, grey(mark), 1.0);
    }
    let (left, right) = (
        spots.iter().any(|s| s[0] > 0.5),
        spots.iter().any(|s| s[0] < 0.5),
    );
    let side = match (left, right) {
        (true, true) => Side::Both,
        (true, false) => Side::Left,
        _ => Side::Right,
    };
    truth(SPOT, side, spots)
}

fn spot_fits(
    head: &Head,
    ventricles: &[Ellipse],
    spots: &[[f32; 4]],
    x: f32,
    y: f32,
    radius: f32,
) -> bool {
    let across = (x - 0.5).abs();
    let lentiform = Ellipse::new(0.622, 0.475, 0.030, 0.060).turned(-0.25);
    head.brain_depth(x, y) > radius + 0.062
        && ventricles.iter().all(|v| clear_of(v, x, y, radius))
        && lentiform.depth(0.5 + across, y) < -radius * 0.7
        && spots
            .iter()
            .all(|s| (s[0] - x).hypot(s[1] - y) > s[2] + radius + 0.03)
}

/// Whether a disc is clear of an ellipse, judged by points on its rim.
fn clear_of(shape: &Ellipse, x: f32, y: f32, radius: f32) -> bool {
    (0..12).all(|i| {
        let (sin, cos) = (i as f32 * PI / 6.0).sin_cos();
        let reach = radius + 0.014;
        shape.depth(x + reach * cos, y + reach * sin) < 0.0
    })
}
