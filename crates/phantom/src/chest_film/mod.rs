//! A frontal chest film: dark lungs behind ribs, the heart and the spine between them, the diaphragm below.
//!
//! Everything is drawn in mirrored half-chest coordinates (distance `u` from the midline, height `v`), because both
//! halves have the same shape and the truth needs the patient's side: the patient's right is on the left of the image.

use super::canvas::{Blend, Canvas, Ellipse, Noise, Pose, grey, ramp};
use super::spec::{AttributeSpec, FindingSpec, FindingTruth, GroundTruth, KindSpec, Side};
use rounds_support::rng::Rng;

mod findings;

use findings::{draw_consolidation, draw_device, draw_effusion, draw_nodules, draw_pneumothorax};

const NODULE: usize = 0;
const EFFUSION: usize = 1;
const PNEUMOTHORAX: usize = 2;
const CONSOLIDATION: usize = 3;
const DEVICE: usize = 4;

const ZONES: &[&str] = &["upper zone", "middle zone", "lower zone"];
const ZONE_HEIGHTS: [[f32; 2]; 3] = [[0.22, 0.36], [0.40, 0.52], [0.57, 0.69]];

pub(crate) static SPEC: KindSpec = KindSpec {
    id: "chest-film",
    name: "a frontal chest film",
    modality: "x-ray",
    modality_sign: "white bones and dark air on one flat film",
    view: "frontal",
    view_sign: "two lungs side by side with the spine between",
    organ: "chest",
    organ_sign: "two dark lungs, ribs and a white heart",
    normal: "normal chest film",
    findings: &[
        FindingSpec {
            id: "nodule",
            name: "nodule",
            plural: "nodules",
            article: "a",
            sign: "a round white spot inside the dark lung",
            absent: "dark lungs without a round white spot",
            reading: "lung nodule",
            sided: true,
            places: ZONES,
            grades: &["small", "large"],
            max_count: 3,
        },
        FindingSpec {
            id: "pleural-effusion",
            name: "pleural effusion",
            plural: "pleural effusions",
            article: "a",
            sign: "a white lung base with a curved upper edge",
            absent: "dark sharp angles at both lung bases",
            reading: "pleural effusion",
            sided: true,
            places: &[],
            grades: &["small", "large"],
            max_count: 1,
        },
        FindingSpec {
            id: "pneumothorax",
            name: "pneumothorax",
            plural: "pneumothoraces",
            article: "a",
            sign: "a thin white lung edge with black air outside",
            absent: "lungs that reach the chest wall on both sides",
            reading: "pneumothorax",
            sided: true,
            places: &[],
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "consolidation",
            name: "consolidation",
            plural: "consolidations",
            article: "a",
            sign: "a fluffy white area with a blurred edge in the lung",
            absent: "dark lungs without a fluffy white area",
            reading: "consolidation, as in pneumonia",
            sided: true,
            places: ZONES,
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "cardiac-device",
            name: "cardiac device",
            plural: "cardiac devices",
            article: "a",
            sign: "a bright metal box with a wire to the heart",
            absent: "a chest without a metal box or wire",
            reading: "cardiac device in place",
            sided: true,
            places: &[],
            grades: &[],
            max_count: 1,
        },
    ],
    conflicts: &[
        (EFFUSION, PNEUMOTHORAX),
        (EFFUSION, CONSOLIDATION),
        (PNEUMOTHORAX, CONSOLIDATION),
        (NODULE, PNEUMOTHORAX),
        (PNEUMOTHORAX, DEVICE),
    ],
    attributes: &[AttributeSpec {
        id: "heart-size",
        questions: &[
            "Is the heart enlarged?",
            "Is the heart too wide?",
            "Does this film show an enlarged heart?",
        ],
        values: &[
            ("no", "The heart is narrower than half of the chest."),
            ("yes", "The heart is wider than half of the chest."),
        ],
    }],
    draw,
    reading_rule: None,
};

/// The shape of one patient's chest.
struct Chest {
    /// Distance from the midline to the inner chest wall, and to the lung apex.
    half_width: f32,
    apex_out: f32,
    apex: f32,
    base: f32,
    /// Height of the diaphragm dome, patient's right first.
    domes: [f32; 2],
    heart: Ellipse,
    rib_gap: f32,
    rib_phase: f32,
    rib_drop: f32,
}

impl Chest {
    fn new(rng: &mut Rng, enlarged: bool) -> Self {
        let half_width = rng.range(0.37, 0.41);
        let right_dome = rng.range(0.69, 0.75);
        let ratio = if enlarged {
            rng.range(0.57, 0.62)
        } else {
            rng.range(0.40, 0.46)
        };
        let width = 2.0 * half_width * ratio;
        let left_share = rng.range(0.72, 0.76);
        let tilt: f32 = rng.range(0.30, 0.55);
        // Solve for the long radius that gives the tilted ellipse the width required by the ratio.
        let long = width * 0.5 / (tilt.cos().powi(2) + (0.74 * tilt.sin()).powi(2)).sqrt();
        let heart = Ellipse::new(
            0.5 + width * (left_share - 0.5),
            right_dome - 0.095 - if enlarged { 0.025 } else { 0.0 },
            long,
            long * 0.74,
        );
        Self {
            half_width,
            apex_out: rng.range(0.15, 0.18),
            apex: rng.range(0.09, 0.13),
            base: right_dome + 0.07,
            domes: [right_dome, right_dome + rng.range(0.015, 0.035)],
            heart: heart.turned(tilt).soft(0.02),
            rib_gap: rng.range(0.074, 0.088),
            rib_phase: rng.unit(),
            rib_drop: rng.range(0.7, 1.3),
        }
    }

    /// Depth inside the rib cage of one half, `inset` away from its lateral and upper edge.
    fn cage(&self, u: f32, v: f32, inset: f32) -> f32 {
        let reach = if u > self.apex_out {
            self.half_width - self.apex_out - inset
        } else {
            0.14
        };
        let across = ((u - self.apex_out) / reach).abs();
        let up = ((self.base - v) / (self.base - self.apex - inset)).max(0.0);
        ((1.0 - across.powi(3) - up.powi(3)) * 0.1).min(u - 0.045)
    }

    fn dome(&self, half: usize, u: f32) -> f32 {
        self.domes[half] + 2.4 * (u - 0.19).powi(2)
    }

    fn lung(&self, half: usize, u: f32, v: f32) -> f32 {
        self.cage(u, v, 0.0).min(self.dome(half, u) - v)
    }

    fn half_box(&self, half: usize) -> [f32; 4] {
        let (a, b) = (at(half, 0.03), at(half, self.half_width + 0.03));
        [a.min(b), self.apex - 0.03, a.max(b), self.base + 0.06]
    }
}

fn sign(half: usize) -> f32 {
    if half == 0 { -1.0 } else { 1.0 }
}

/// Image x of a point at distance `u` from the midline.
fn at(half: usize, u: f32) -> f32 {
    0.5 + sign(half) * u
}

fn side_of(half: usize) -> Side {
    [Side::Right, Side::Left][half]
}

fn draw(canvas: &mut Canvas, rng: &mut Rng, present: &[bool]) -> GroundTruth {
    let enlarged = rng.chance(0.5);
    let chest = Chest::new(rng, enlarged);
    canvas.pose = Pose::jitter(rng, 0.07);
    let mut findings = Vec::new();
    let mut taken = Vec::new();
    draw_body(canvas, rng);
    for half in 0..2 {
        draw_lung(canvas, rng, &chest, half);
    }
    if present[PNEUMOTHORAX] {
        findings.push(draw_pneumothorax(canvas, rng, &chest));
    }
    // Draw fluid before the heart, whose edge must stay visible for its size to be judged.
    if present[EFFUSION] {
        findings.push(draw_effusion(canvas, rng, &chest));
    }
    taken.extend(findings.iter().flat_map(|f| f.regions.clone()));
    draw_mediastinum(canvas, rng, &chest);
    draw_shoulders(canvas, rng);
    if present[DEVICE] {
        let device = draw_device(canvas, rng, &chest);
        taken.extend(&device.regions);
        findings.push(device);
    }
    if present[CONSOLIDATION] {
        let consolidation = draw_consolidation(canvas, rng, &chest, &taken);
        taken.extend(&consolidation.regions);
        findings.push(consolidation);
    }
    if present[NODULE] {
        findings.push(draw_nodules(canvas, rng, &chest, &taken));
    }
    findings.sort_by_key(|f| f.finding);
    canvas.expose(
        rng.range(0.92, 1.08),
        rng.range(-0.02, 0.03),
        rng.range(0.85, 1.15),
    );
    let noise = rng.range(0.008, 0.025);
    canvas.grain(rng, noise);
    GroundTruth {
        findings,
        attributes: vec![usize::from(enlarged)],
    }
}

fn draw_body(canvas: &mut Canvas, rng: &mut Rng) {
    let (slope, neck) = (rng.range(0.26, 0.36), rng.range(-0.02, 0.01));
    let wall = rng.range(0.445, 0.475);
    let field = Noise::new(rng);
    canvas.shade([-0.2, -0.2, 1.2, 1.2], Blend::Over, |x, y| {
        let u = (x - 0.5).abs();
        let shoulder = y - neck - slope * (u - 0.08).max(0.0);
        let lateral = wall + (0.36 - y).max(0.0) * 0.9 - u;
        let abdomen = ramp(y - 0.72, 0.3);
        let inside = shoulder.min(lateral);
        if inside < -0.01 {
            return (grey(0.0), 0.0);
        }
        let edge = ramp(inside - 0.03, 0.09);
        let brightness = 0.34 + 0.16 * edge + 0.14 * abdomen * edge;
        let mottled = brightness + 0.03 * field.value(x * 7.0, y * 7.0);
        (grey(mottled), ramp(inside, 0.012))
    });
}

fn draw_lung(canvas: &mut Canvas, rng: &mut Rng, chest: &Chest, half: usize) {
    let air = rng.range(0.13, 0.19);
    let bone = rng.range(0.09, 0.13);
    let field = Noise::new(rng);
    canvas.shade(chest.half_box(half), Blend::Over, |x, y| {
        let u = sign(half) * (x - 0.5);
        let inside = ramp(chest.lung(half, u, y), 0.014);
        if inside <= 0.0 {
            return (grey(0.0), 0.0);
        }
        let texture =
            0.022 * field.value(x * 26.0, y * 26.0) + 0.03 * field.value(x * 6.0, y * 6.0);
        let value = air + texture + 0.06 * (1.0 - u / 0.4) + bone * ribs(chest, u, y);
        (grey(value), inside)
    });
    draw_vessels(canvas, rng, chest, half);
}

/// Brightness of the back and front ribs at a point, about 0..1.3.
fn ribs(chest: &Chest, u: f32, v: f32) -> f32 {
    let band = |height: f32, gap: f32, thickness: f32| {
        let turns = height / gap;
        let offset = turns - turns.floor() - 0.5;
        let inside = ramp((thickness * 0.5 - offset.abs()) * gap, 0.008);
        // The lower rim of a rib is denser.
        inside * (0.75 + 0.6 * offset / thickness)
    };
    let back = v - chest.rib_drop * (u - 0.11).powi(2) * (1.5 - v);
    let front = v + 0.55 * (u - 0.3) - 1.1 * (u - 0.3).powi(2);
    let back_part = band(back + chest.rib_phase * chest.rib_gap, chest.rib_gap, 0.36);
    let front_share = 0.55 * ramp(u - 0.2, 0.12);
    if front_share <= 0.0 {
        return back_part;
    }
    back_part + front_share * band(front, chest.rib_gap * 1.12, 0.4)
}

fn draw_vessels(canvas: &mut Canvas, rng: &mut Rng, chest: &Chest, half: usize) {
    let hilum = [0.085, rng.range(0.42, 0.45) + 0.02 * (1 - half) as f32];
    let shadow = Ellipse::new(at(half, hilum[0]), hilum[1], 0.035, 0.065);
    canvas.ellipse(
        shadow.turned(sign(half) * -0.35).soft(0.05),
        Blend::Add,
        grey(1.0),
        0.2,
    );
    for i in 0..7 {
        let angle = -1.25 + 2.6 * i as f32 / 6.0 + rng.range(-0.2, 0.2);
        let length = rng.range(0.12, 0.24);
        let bend = rng.range(-0.5, 0.5);
        let point = |t: f32| {
            let a = angle + bend * t;
            let u = (hilum[0] + t * length * a.cos()).min(chest.half_width - 0.06);
            [at(half, u), hilum[1] + t * length * 1.1 * a.sin()]
        };
        let (start, middle, end) = (point(0.1), point(0.5), point(1.0));
        canvas.stroke(&[start, middle], 0.011, 0.014, Blend::Add, grey(1.0), 0.09);
        canvas.stroke(&[middle, end], 0.006, 0.012, Blend::Add, grey(1.0), 0.07);
    }
}

fn draw_mediastinum(canvas: &mut Canvas, rng: &mut Rng, chest: &Chest) {
    let white = rng.range(0.68, 0.76);
    let half_width = rng.range(0.055, 0.07);
    let knob = Ellipse::new(0.5 + half_width, rng.range(0.32, 0.35), 0.04, 0.05).soft(0.02);
    let level = chest.domes[0];
    canvas.paint([0.3, -0.1, 0.7, 1.2], Blend::Over, grey(white), |x, y| {
        let spread = 0.35 * (0.2 - y).max(0.0) + 0.1 * (y - level).max(0.0);
        let u = (x - 0.5).abs();
        0.95 * ramp(half_width + spread - u, 0.025) * ramp(y + 0.02, 0.2)
    });
    canvas.ellipse(knob, Blend::Over, grey(white), 0.95);
    let trunk = Ellipse::new(0.5 + half_width, 0.44, 0.036, 0.09)
        .turned(-0.25)
        .soft(0.02);
    canvas.ellipse(trunk, Blend::Over, grey(white), 0.95);
    let lower = |half: usize, u: f32, v: f32| ramp(chest.dome(half, u) + 0.03 - v, 0.06);
    canvas.paint(
        chest.heart.bounds(),
        Blend::Over,
        grey(white + 0.02),
        |x, y| {
            let half = usize::from(x > 0.5);
            chest.heart.coverage(x, y) * lower(half, (x - 0.5).abs(), y)
        },
    );
    draw_spine(canvas, rng);
    let windpipe = [[0.5, -0.05], [0.497, 0.2], [0.49, 0.34]];
    canvas.stroke(&windpipe, 0.035, 0.02, Blend::Multiply, grey(0.72), 1.0);
    if rng.chance(0.6) {
        let bubble = Ellipse::new(0.66, chest.domes[1] + 0.1, 0.055, 0.03).soft(0.03);
        canvas.ellipse(bubble, Blend::Multiply, grey(0.6), 1.0);
    }
}

fn draw_spine(canvas: &mut Canvas, rng: &mut Rng) {
    let (height, strength) = (rng.range(0.058, 0.066), rng.range(0.07, 0.11));
    canvas.paint(
        [0.44, -0.1, 0.56, 1.15],
        Blend::Add,
        grey(strength),
        |x, y| {
            let turns = y / height;
            let disc = (turns - turns.floor() - 0.5).abs();
            ramp(0.038 - (x - 0.5).abs(), 0.012) * (0.4 + 0.6 * ramp(0.4 - disc, 0.12))
        },
    );
}

fn draw_shoulders(canvas: &mut Canvas, rng: &mut Rng) {
    let lift = rng.range(-0.02, 0.02);
    for half in 0..2 {
        let collarbone = [[0.035, 0.175], [0.14, 0.15], [0.27, 0.125], [0.4, 0.14]]
            .map(|[u, v]| [at(half, u), v + lift * u * 3.0]);
        canvas.stroke(&collarbone, 0.028, 0.01, Blend::Add, grey(1.0), 0.15);
        let head = Ellipse::new(at(half, 0.475), 0.215 + lift, 0.045, 0.055).soft(0.015);
        canvas.ellipse(head, Blend::Add, grey(1.0), 0.2);
        let blade = [[0.42, 0.18], [0.405, 0.32], [0.38, 0.44]].map(|[u, v]| [at(half, u), v]);
        canvas.stroke(&blade, 0.022, 0.015, Blend::Add, grey(1.0), 0.08);
    }
}
