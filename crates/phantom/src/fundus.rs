//! A fundus photograph: the back of one eye in colour, with its optic disc, vessels and macula.
//!
//! It is often the first colour image a student meets, and it teaches two things that no grey film does: telling left from
//! right eye by the disc, and telling red, yellow and white lesions apart.

use std::f32::consts::TAU;

use rounds_support::rng::Rng;

use super::{
    canvas::{Blend, Canvas, Colour, Ellipse, Noise, Pose, ramp},
    spec::{AttributeSpec, FindingSpec, FindingTruth, GroundTruth, KindSpec},
};

const BLEED: usize = 0;
const EXUDATES: usize = 1;
const COTTON_WOOL: usize = 2;
const SCAR: usize = 3;

const PLACES: &[&str] = &["above the middle", "below the middle"];

type Circle = ([f32; 2], f32);

/// Radius of the round image of the retina.
const RETINA: f32 = 0.45;

pub(crate) static SPEC: KindSpec = KindSpec {
    id: "fundus",
    name: "a fundus photograph",
    modality: "fundus photograph",
    modality_sign: "a round orange picture on black",
    view: "posterior pole",
    view_sign: "the optic disc and the macula in one picture",
    organ: "eye",
    organ_sign: "an orange retina with a bright disc and vessels",
    normal: "normal retina",
    findings: &[
        FindingSpec {
            id: "bleed",
            name: "bleed",
            plural: "bleeds",
            article: "a",
            sign: "a dark red blot on the retina",
            absent: "a retina without dark red blots",
            reading: "retinal bleeding",
            sided: false,
            places: PLACES,
            grades: &[],
            max_count: 3,
        },
        FindingSpec {
            id: "exudates",
            name: "hard exudates",
            plural: "hard exudates",
            article: "",
            sign: "a group of small bright yellow spots",
            absent: "a retina without yellow spots",
            reading: "hard exudates",
            sided: false,
            places: &[],
            grades: &["few", "many"],
            max_count: 1,
        },
        FindingSpec {
            id: "cotton-wool-spot",
            name: "cotton-wool spot",
            plural: "cotton-wool spots",
            article: "a",
            sign: "a soft white patch on the retina",
            absent: "a retina without soft white patches",
            reading: "cotton-wool spot",
            sided: false,
            places: PLACES,
            grades: &[],
            max_count: 2,
        },
        FindingSpec {
            id: "macular-scar",
            name: "macular scar",
            plural: "macular scars",
            article: "a",
            sign: "a pale patch with a black edge at the macula",
            absent: "an even dark macula",
            reading: "macular scar",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 1,
        },
    ],
    conflicts: &[],
    attributes: &[
        AttributeSpec {
            id: "eye",
            questions: &[
                "Which eye is this?",
                "Is this the right eye or the left eye?",
                "Which eye is shown?",
            ],
            values: &[
                (
                    "right eye",
                    "The optic disc is on the right of the picture.",
                ),
                ("left eye", "The optic disc is on the left of the picture."),
            ],
        },
        AttributeSpec {
            id: "cup",
            questions: &[
                "Is the cup of the optic disc normal or large?",
                "How large is the cup of the optic disc?",
                "What is the size of the cup?",
            ],
            values: &[
                ("normal", "The pale cup is small and the rim is wide."),
                (
                    "large",
                    "The pale cup fills most of the disc, which suggests glaucoma.",
                ),
            ],
        },
    ],
    draw,
    reading_rule: None,
};

/// The landmarks and colours of this eye.
struct Eye {
    /// -1 if the macula is to the left of the disc, 1 if to the right.
    temporal: f32,
    disc: [f32; 2],
    macula: [f32; 2],
    retina: Colour,
}

fn draw(canvas: &mut Canvas, rng: &mut Rng, present: &[bool]) -> GroundTruth {
    canvas.pose = Pose::jitter(rng, 0.15);
    let which = rng.below(2);
    let cup = rng.below(2);
    let temporal = if which == 0 { -1.0 } else { 1.0 };
    let mut across = |low, high| 0.5 + temporal * rng.range(low, high);
    let (disc_x, macula_x) = (across(-0.23, -0.2), across(0.09, 0.12));
    let eye = Eye {
        temporal,
        disc: [disc_x, rng.range(0.48, 0.52)],
        macula: [macula_x, rng.range(0.5, 0.53)],
        retina: *rng.pick(&[
            [0.84, 0.40, 0.17],
            [0.80, 0.33, 0.14],
            [0.88, 0.46, 0.26],
            [0.70, 0.33, 0.15],
        ]),
    };
    paint_retina(canvas, rng, &eye);
    paint_disc(canvas, rng, &eye, cup == 1);
    paint_vessels(canvas, rng, &eye);
    let findings = draw_findings(canvas, rng, &eye, present);
    paint_surround(canvas, rng);
    let (gain, gamma) = (rng.range(0.9, 1.12), rng.range(0.85, 1.15));
    canvas.grain(rng, 0.012);
    canvas.expose(gain, -0.005, gamma);
    GroundTruth {
        findings,
        attributes: vec![which, cup],
    }
}

fn paint_retina(canvas: &mut Canvas, rng: &mut Rng, eye: &Eye) {
    let noise = Noise::new(rng);
    let streaks = rng.range(0.06, 0.16);
    let base = eye.retina;
    canvas.shade([0.0, 0.0, 1.0, 1.0], Blend::Over, |x, y| {
        let v = 1.0 + streaks * noise.fractal(x * 7.0, y * 7.0, 2);
        (base.map(|c| c * v), ramp(RETINA - from_middle(x, y), 0.008))
    });
    let [x, y] = eye.macula;
    let dark = [0.62, 0.50, 0.46];
    let macula = Ellipse::new(x, y, 0.075, 0.07).soft(0.1);
    canvas.ellipse(macula, Blend::Multiply, dark, rng.range(0.75, 1.0));
    let fovea = Ellipse::new(x, y, 0.02, 0.02).soft(0.03);
    canvas.ellipse(fovea, Blend::Multiply, dark, 0.5);
}

fn paint_disc(canvas: &mut Canvas, rng: &mut Rng, eye: &Eye, large_cup: bool) {
    let [x, y] = eye.disc;
    let (width, height) = (rng.range(0.078, 0.086), rng.range(0.084, 0.094));
    let glow = Ellipse::new(x, y, width + 0.02, height + 0.02).soft(0.05);
    canvas.ellipse(glow, Blend::Over, [0.90, 0.52, 0.22], 0.5);
    let disc = Ellipse::new(x, y, width, height).soft(0.014);
    canvas.ellipse(disc, Blend::Over, [0.97, 0.68, 0.30], 1.0);
    let (low, high) = if large_cup {
        (0.76, 0.84)
    } else {
        (0.28, 0.36)
    };
    let share = rng.range(low, high);
    let x = x + eye.temporal * width * (1.0 - share) * 0.25;
    let cup = Ellipse::new(x, y, width * share, height * share).soft(0.014);
    canvas.ellipse(cup, Blend::Over, [1.0, 0.96, 0.80], 1.0);
}

/// A vessel as a quadratic curve that gets thinner.
struct Vessel {
    from: [f32; 2],
    bend: [f32; 2],
    to: [f32; 2],
    width: f32,
    colour: Colour,
}

impl Vessel {
    fn at(&self, t: f32) -> [f32; 2] {
        let s = 1.0 - t;
        [0, 1].map(|i| s * s * self.from[i] + 2.0 * s * t * self.bend[i] + t * t * self.to[i])
    }

    fn width_at(&self, t: f32) -> f32 {
        self.width * (1.0 - 0.65 * t)
    }
}

/// The upper half of the tree, from the disc, with the temporal side to the right: bend and end of each trunk.
const TRUNKS: [[f32; 4]; 4] = [
    [0.04, 0.35, 0.54, 0.19],
    [-0.05, 0.14, -0.13, 0.32],
    [0.04, 0.395, 0.54, 0.235],
    [-0.05, 0.1, -0.13, 0.23],
];

fn paint_vessels(canvas: &mut Canvas, rng: &mut Rng, eye: &Eye) {
    let [x, y] = eye.disc;
    let [r, g, b] = eye.retina;
    for (order, trunk) in TRUNKS.iter().enumerate() {
        let (width, colour) = if order < 2 {
            (0.017, [r * 0.52, g * 0.36, b * 0.5])
        } else {
            (0.012, [r * 0.76, g * 0.46, b * 0.55])
        };
        for up in [-1.0, 1.0] {
            let [bend_x, bend_y, end_x, end_y] = trunk.map(|v| v + rng.range(-0.035, 0.035));
            let vessel = Vessel {
                from: [x - eye.temporal * 0.03, y + up * 0.012],
                bend: [x + eye.temporal * bend_x, y + up * bend_y],
                to: [x + eye.temporal * end_x, y + up * end_y],
                width,
                colour,
            };
            paint_vessel(canvas, rng, &vessel, eye, 2);
        }
    }
}

fn paint_vessel(canvas: &mut Canvas, rng: &mut Rng, vessel: &Vessel, eye: &Eye, orders: u32) {
    let steps = 4 * (orders + 1);
    for step in 0..steps {
        let [a, b] = [step, step + 1].map(|i| i as f32 / steps as f32);
        let (ends, width) = ([vessel.at(a), vessel.at(b)], vessel.width_at(a));
        canvas.stroke(&ends, width, 0.006, Blend::Over, vessel.colour, 1.0);
    }
    if orders == 0 {
        return;
    }
    let mut side = if rng.chance(0.5) { 1.0 } else { -1.0 };
    for start in [0.35, 0.55, 0.78] {
        side = -side;
        let t = start + rng.range(-0.06, 0.06);
        let (from, ahead) = (vessel.at(t), vessel.at(t + 0.05));
        let heading = (ahead[1] - from[1]).atan2(ahead[0] - from[0]);
        let length = rng.range(0.09, 0.16) * if orders == 2 { 1.0 } else { 0.6 };
        let reach = |turn: f32, part: f32| polar_offset(from, heading + side * turn, length * part);
        let branch = Vessel {
            from,
            bend: reach(rng.range(0.3, 0.5), 0.5),
            to: reach(rng.range(0.6, 1.0), 1.0),
            width: vessel.width_at(t) * 0.62,
            colour: vessel.colour,
        };
        // The centre of the macula has no vessels.
        if distance(branch.to, eye.macula) > 0.09 {
            paint_vessel(canvas, rng, &branch, eye, orders - 1);
        }
    }
}

fn draw_findings(
    canvas: &mut Canvas,
    rng: &mut Rng,
    eye: &Eye,
    present: &[bool],
) -> Vec<FindingTruth> {
    let mut taken = vec![(eye.disc, 0.12), (eye.macula, 0.095)];
    let mut findings = Vec::new();
    // The largest findings are placed first; the truth keeps the order of the table.
    for finding in [SCAR, EXUDATES, COTTON_WOOL, BLEED] {
        if !present.get(finding).copied().unwrap_or(false) {
            continue;
        }
        findings.push(match finding {
            SCAR => draw_scar(canvas, rng, eye),
            EXUDATES => draw_exudates(canvas, rng, &mut taken),
            _ => draw_spots(canvas, rng, &mut taken, finding),
        });
    }
    findings.sort_by_key(|truth| truth.finding);
    findings
}

fn draw_scar(canvas: &mut Canvas, rng: &mut Rng, eye: &Eye) -> FindingTruth {
    let [x, y] = eye.macula;
    let radius = rng.range(0.068, 0.084);
    let edge =
        Ellipse::new(x, y, radius, radius * rng.range(0.85, 1.0)).turned(rng.range(0.0, 3.0));
    canvas.ellipse(edge.soft(0.02), Blend::Over, [0.13, 0.07, 0.05], 0.95);
    let pale = [0.96, 0.84, 0.62];
    paint_blot(canvas, rng, [x, y], radius * 0.76, 0.012, pale);
    truth(SCAR, None, None, vec![[x, y, radius, radius]])
}

fn draw_exudates(canvas: &mut Canvas, rng: &mut Rng, taken: &mut Vec<Circle>) -> FindingTruth {
    let grade = rng.below(2);
    let (radius, spots, size) = if grade == 0 {
        (0.066, 3 + rng.below(2), 0.022)
    } else {
        (0.1, 13 + rng.below(4), 0.017)
    };
    let [x, y] = free_spot(rng, taken, radius, None).0;
    taken.push(([x, y], radius));
    let golden = 2.4;
    let first = rng.range(0.0, golden);
    for spot in 0..spots {
        let angle = first + golden * spot as f32;
        let reach = (radius - size) * ((spot as f32 + 0.5) / spots as f32).sqrt();
        let size = rng.range(size - 0.003, size + 0.003);
        let at = polar_offset([x, y], angle, reach);
        paint_blot(canvas, rng, at, size, 0.008, [1.0, 0.90, 0.30]);
    }
    truth(EXUDATES, None, Some(grade), vec![[x, y, radius, radius]])
}

/// Bleeds and cotton-wool spots: one or several of a kind, each above or below the middle.
fn draw_spots(
    canvas: &mut Canvas,
    rng: &mut Rng,
    taken: &mut Vec<Circle>,
    finding: usize,
) -> FindingTruth {
    let wanted = 1 + rng.below(SPEC.findings[finding].max_count);
    let (mut regions, mut places) = (Vec::new(), Vec::new());
    for _ in 0..wanted {
        let place = rng.below(2);
        let radius = rng.range(0.042, 0.056);
        let (at, free) = free_spot(rng, taken, radius, Some(place));
        if !free && !regions.is_empty() {
            break;
        }
        taken.push((at, radius + 0.015));
        regions.push([at[0], at[1], radius, radius]);
        places.push(place);
        if finding == BLEED {
            paint_blot(canvas, rng, at, radius, 0.012, [0.30, 0.02, 0.02]);
        } else {
            let white = [0.97, 0.95, 0.88];
            paint_blot(canvas, rng, at, radius * 1.1, radius * 0.8, white);
        }
    }
    let place = places[0];
    let same = places.iter().all(|&other| other == place);
    truth(finding, same.then_some(place), None, regions)
}

/// An uneven round patch: overlapping ellipses that stay within `radius`.
fn paint_blot(
    canvas: &mut Canvas,
    rng: &mut Rng,
    at: [f32; 2],
    radius: f32,
    soft: f32,
    colour: Colour,
) {
    for _ in 0..4 {
        let angle = rng.range(0.0, TAU);
        let [x, y] = polar_offset(at, angle, radius * rng.range(0.15, 0.4));
        let (long, short) = (rng.range(0.5, 0.62), rng.range(0.42, 0.6));
        let part = Ellipse::new(x, y, radius * long, radius * short).turned(angle);
        canvas.ellipse(part.soft(soft), Blend::Over, colour, 0.92);
    }
}

/// A place for a circle that touches nothing else, or else the place with the most space, and whether it is free.
fn free_spot(
    rng: &mut Rng,
    taken: &[Circle],
    radius: f32,
    place: Option<usize>,
) -> ([f32; 2], bool) {
    let (mut best, mut best_room) = ([0.5, 0.5], f32::MIN);
    for _ in 0..300 {
        let at = [rng.range(0.1, 0.9), rng.range(0.1, 0.9)];
        let inside = from_middle(at[0], at[1]) + radius < RETINA - 0.035;
        let fits = place.is_none_or(|p| if p == 0 { at[1] < 0.39 } else { at[1] > 0.61 });
        if !inside || !fits {
            continue;
        }
        let room = taken
            .iter()
            .map(|&(other, size)| distance(at, other) - size - radius)
            .fold(f32::MAX, f32::min);
        if room > 0.01 {
            return (at, true);
        }
        if room > best_room {
            (best, best_room) = (at, room);
        }
    }
    (best, false)
}

/// The camera's light falls off towards the rim, and outside the rim there is none.
fn paint_surround(canvas: &mut Canvas, rng: &mut Rng) {
    let fall = rng.range(0.25, 0.5);
    let lit = [rng.range(0.4, 0.6), rng.range(0.4, 0.6)];
    canvas.shade([0.0, 0.0, 1.0, 1.0], Blend::Multiply, |x, y| {
        let far = distance([x, y], lit) / RETINA;
        let light = (1.0 - fall * far * far).max(0.3);
        let inside = ramp(RETINA - from_middle(x, y), 0.01);
        ([light * inside; 3], 1.0)
    });
}

fn truth(
    finding: usize,
    place: Option<usize>,
    grade: Option<usize>,
    regions: Vec<[f32; 4]>,
) -> FindingTruth {
    FindingTruth {
        finding,
        side: None,
        place,
        grade,
        count: regions.len(),
        larger: None,
        regions,
    }
}

/// The point at distance `reach` from `from` in a direction.
fn polar_offset(from: [f32; 2], angle: f32, reach: f32) -> [f32; 2] {
    [from[0] + reach * angle.cos(), from[1] + reach * angle.sin()]
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn from_middle(x: f32, y: f32) -> f32 {
    distance([x, y], [0.5, 0.5])
}
