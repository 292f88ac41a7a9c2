//! A frontal knee film: femur above, tibia and the thin fibula below, the patella as a shadow over the femur.
//!
//! Bones are signed depth functions in mirrored coordinates (`w` grows towards the fibula, so a right knee is a mirrored left
//! knee). That keeps fractures simple: a displaced part is the same function, evaluated with an offset.

use super::canvas::{Blend, Canvas, Ellipse, Noise, Pose, grey, ramp};
use super::spec::{AttributeSpec, FindingSpec, FindingTruth, GroundTruth, KindSpec};
use rounds_support::rng::Rng;

mod findings;

use findings::{draw_lesion, draw_plate, grow_spurs};

const FRACTURE: usize = 0;
const NARROWING: usize = 1;
const OSTEOPHYTES: usize = 2;
const LESION: usize = 3;
const PLATE: usize = 4;

const COMPARTMENTS: &[&str] = &["medial side", "lateral side"];
const BONES: &[&str] = &["femur", "tibia"];
const FEMUR: usize = 0;
const TIBIA: usize = 1;
const FIBULA: usize = 2;

/// Height of the tibial plateau.
const PLATEAU: f32 = 0.53;

pub(crate) static SPEC: KindSpec = KindSpec {
    id: "knee-film",
    name: "a frontal knee film",
    modality: "x-ray",
    modality_sign: "white bones in grey soft tissue on a flat film",
    view: "frontal",
    view_sign: "both sides of the joint side by side",
    organ: "knee",
    organ_sign: "femur, tibia, fibula and a joint space",
    normal: "normal knee film",
    findings: &[
        FindingSpec {
            id: "fracture",
            name: "fracture",
            plural: "fractures",
            article: "a",
            sign: "a dark line through the bone with a step",
            absent: "smooth unbroken bone edges",
            reading: "fracture",
            sided: false,
            places: &["distal femur", "tibial plateau", "fibular head"],
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "joint-space-narrowing",
            name: "joint space narrowing",
            plural: "joint space narrowing",
            article: "",
            sign: "a joint space that is almost closed on one side",
            absent: "an equal dark joint space on both sides",
            reading: "joint space narrowing, as in arthritis",
            sided: false,
            places: COMPARTMENTS,
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "osteophytes",
            name: "osteophytes",
            plural: "osteophytes",
            article: "",
            sign: "pointed bone spurs at the joint edge",
            absent: "smooth joint edges without spurs",
            reading: "osteophytes, as in arthritis",
            sided: false,
            places: COMPARTMENTS,
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "bone-lesion",
            name: "bone lesion",
            plural: "bone lesions",
            article: "a",
            sign: "a round dark spot inside the white bone",
            absent: "even white bone without a dark spot",
            reading: "bone lesion",
            sided: false,
            places: BONES,
            grades: &["small", "large"],
            max_count: 1,
        },
        FindingSpec {
            id: "metal-plate",
            name: "metal plate",
            plural: "metal plates",
            article: "a",
            sign: "a bright white bar with screws along the bone",
            absent: "bone without bright metal",
            reading: "metal plate in place",
            sided: false,
            places: BONES,
            grades: &[],
            max_count: 1,
        },
    ],
    conflicts: &[
        (FRACTURE, NARROWING),
        (FRACTURE, PLATE),
        (FRACTURE, OSTEOPHYTES),
    ],
    attributes: &[AttributeSpec {
        id: "knee-side",
        questions: &[
            "Which knee is this, left or right?",
            "Is this a left or a right knee?",
            "Which side is this knee?",
        ],
        values: &[
            ("right", "The thin fibula is on the left of the picture."),
            ("left", "The thin fibula is on the right of the picture."),
        ],
    }],
    draw,
    reading_rule: None,
};

/// A straight fracture line: points beyond the line through `centre` belong to the displaced part.
struct Break {
    bone: usize,
    centre: [f32; 2],
    /// Unit normal of the line, towards the displaced part.
    normal: [f32; 2],
    moved: [f32; 2],
}

impl Break {
    fn beyond(&self, w: f32, y: f32) -> f32 {
        (w - self.centre[0]) * self.normal[0] + (y - self.centre[1]) * self.normal[1]
    }
}

/// One patient's knee.
struct Knee {
    /// -1 if the fibula is on the left of the image (a right knee), else 1.
    lateral: f32,
    /// Joint space, medial first.
    gaps: [f32; 2],
    shaft: f32,
    flare: f32,
    notch: f32,
    fibula_out: f32,
    /// Compartment and length of bone spurs.
    spurs: Option<(usize, f32)>,
    break_line: Option<Break>,
}

impl Knee {
    fn new(rng: &mut Rng) -> Self {
        let gap = rng.range(0.034, 0.042);
        Self {
            lateral: if rng.chance(0.5) { -1.0 } else { 1.0 },
            gaps: [gap, gap * rng.range(0.96, 1.06)],
            shaft: rng.range(0.09, 0.11),
            flare: rng.range(0.125, 0.145),
            notch: rng.range(0.4, 0.43),
            fibula_out: rng.range(0.225, 0.245),
            spurs: None,
            break_line: None,
        }
    }

    fn width(&self) -> f32 {
        self.shaft + self.flare
    }

    fn x(&self, w: f32) -> f32 {
        0.5 + self.lateral * w
    }

    fn femur_edge(&self, y: f32) -> f32 {
        self.shaft + self.flare * 0.93 * ramp(y - 0.25, 0.28)
    }

    fn tibia_edge(&self, y: f32) -> f32 {
        self.shaft + self.flare * (1.0 - ramp(y - 0.675, 0.27))
    }

    fn femur(&self, w: f32, y: f32) -> f32 {
        let trunk = (self.femur_edge(y) - w.abs()).min(self.notch - y);
        let radius = self.width() * 0.51;
        let condyle = |half: usize| {
            let bottom = PLATEAU - self.gaps[half];
            let across = (w - compartment_sign(half) * (self.width() - radius)) / radius;
            let down = (y - bottom + 0.1) / 0.1;
            // An exponent above two makes the condyle broad and flat at the joint.
            (1.0 - across.abs().powi(3) - down.abs().powi(3)) * 0.045
        };
        let spur = self.spur(
            w,
            |half, out| PLATEAU - self.gaps[half] - 0.038 + 0.25 * out,
            y,
        );
        trunk.max(condyle(0)).max(condyle(1)).max(spur)
    }

    fn tibia(&self, w: f32, y: f32) -> f32 {
        let out = w.abs();
        let corner = ((out - self.width() + 0.06) / 0.06).max(0.0);
        let dish = 0.008 * (1.0 - ((out - 0.13) / 0.1).powi(2)).max(0.0);
        let spine = ramp(0.022 - (out - 0.03).abs(), 0.044);
        let top = PLATEAU - 0.006 + dish + 0.03 * corner.powi(3) - 0.026 * spine;
        let spur = self.spur(w, |_, out| PLATEAU + 0.03 - 0.25 * out, y);
        (self.tibia_edge(y) - out).min(y - top).max(spur)
    }

    /// Depth inside a bone spur that tapers outwards along the height `course(half, distance out)`.
    fn spur(&self, w: f32, course: impl Fn(usize, f32) -> f32, y: f32) -> f32 {
        let Some((half, length)) = self.spurs else {
            return -1.0;
        };
        let out = compartment_sign(half) * w - self.width();
        if out < -0.07 || out > length {
            return -1.0;
        }
        let thickness = 0.034 * (1.0 - out.max(0.0) / length);
        thickness - (y - course(half, out)).abs()
    }

    fn fibula(&self, w: f32, y: f32) -> f32 {
        let off = w - self.fibula_out + 0.06 * ramp(y - 0.85, 0.5);
        let half_width = 0.034 + 0.016 * ramp(0.68 - y, 0.1);
        (half_width - off.abs()).min(y - 0.585 - 14.0 * off * off)
    }

    /// Depth inside a bone, after any fracture, and how dark the fracture line is there.
    fn bone(&self, bone: usize, w: f32, y: f32) -> (f32, f32) {
        let depth = |w: f32, y: f32| match bone {
            FEMUR => self.femur(w, y),
            TIBIA => self.tibia(w, y),
            _ => self.fibula(w, y),
        };
        match &self.break_line {
            Some(line) if line.bone == bone => {
                let beyond = line.beyond(w, y);
                let dark = ramp(0.011 - beyond.abs(), 0.008);
                if beyond > 0.0 {
                    (depth(w - line.moved[0], y - line.moved[1]), dark)
                } else {
                    (depth(w, y), dark)
                }
            }
            _ => (depth(w, y), 0.0),
        }
    }
}

fn draw(canvas: &mut Canvas, rng: &mut Rng, present: &[bool]) -> GroundTruth {
    let mut knee = Knee::new(rng);
    canvas.pose = Pose::jitter(rng, 0.08);
    let mut findings = Vec::new();
    if present[FRACTURE] {
        findings.push(break_bone(rng, &mut knee));
    }
    if present[NARROWING] {
        findings.push(narrow_joint(rng, &mut knee));
    }
    if present[OSTEOPHYTES] {
        findings.push(grow_spurs(rng, &mut knee));
    }
    draw_soft_tissue(canvas, rng, &knee);
    draw_bones(canvas, rng, &knee);
    let plate = present[PLATE].then(|| draw_plate(canvas, rng, &knee));
    if present[LESION] {
        let plate_bone = plate.as_ref().and_then(|p| p.place);
        let busy = plate_bone.or(knee.break_line.as_ref().map(|line| line.bone));
        findings.push(draw_lesion(canvas, rng, &knee, busy));
    }
    findings.extend(plate);
    canvas.expose(
        rng.range(0.9, 1.1),
        rng.range(-0.03, 0.03),
        rng.range(0.85, 1.2),
    );
    let noise = rng.range(0.008, 0.025);
    canvas.grain(rng, noise);
    GroundTruth {
        findings,
        attributes: vec![usize::from(knee.lateral > 0.0)],
    }
}

fn truth(finding: usize, place: usize, region: [f32; 4]) -> FindingTruth {
    FindingTruth {
        finding,
        side: None,
        place: Some(place),
        grade: None,
        count: 1,
        larger: None,
        regions: vec![region],
    }
}

fn break_bone(rng: &mut Rng, knee: &mut Knee) -> FindingTruth {
    let place = rng.below(3);
    let step = rng.range(0.026, 0.038);
    let sign = if rng.chance(0.5) { 1.0 } else { -1.0 };
    let slope: f32 = sign * rng.range(0.15, 0.5);
    let (line, radii) = match place {
        0 => {
            let centre = [0.0, rng.range(0.15, 0.2)];
            let normal = [slope.sin(), -slope.cos()];
            let moved = [step * if rng.chance(0.5) { 1.0 } else { -1.0 }, 0.0];
            (
                Break {
                    bone: FEMUR,
                    centre,
                    normal,
                    moved,
                },
                [0.15, 0.08],
            )
        }
        1 => {
            let angle: f32 = rng.range(0.45, 0.65);
            let centre = [sign * knee.width() * 0.55, 0.6];
            let normal = [sign * angle.cos(), -angle.sin()];
            let moved = [sign * 0.012, step * 0.9];
            (
                Break {
                    bone: TIBIA,
                    centre,
                    normal,
                    moved,
                },
                [0.1, 0.1],
            )
        }
        _ => {
            let centre = [knee.fibula_out, rng.range(0.685, 0.71)];
            let normal = [slope.sin(), -slope.cos()];
            let moved = [step, -0.006];
            (
                Break {
                    bone: FIBULA,
                    centre,
                    normal,
                    moved,
                },
                [0.07, 0.06],
            )
        }
    };
    let region = [knee.x(line.centre[0]), line.centre[1], radii[0], radii[1]];
    knee.break_line = Some(line);
    truth(FRACTURE, place, region)
}

fn narrow_joint(rng: &mut Rng, knee: &mut Knee) -> FindingTruth {
    let place = rng.below(2);
    knee.gaps[place] = rng.range(-0.002, 0.004);
    let w = compartment_sign(place) * 0.5 * knee.width();
    truth(NARROWING, place, [knee.x(w), PLATEAU - 0.01, 0.12, 0.04])
}

/// -1 medial, 1 lateral.
fn compartment_sign(place: usize) -> f32 {
    if place == 0 { -1.0 } else { 1.0 }
}

fn draw_soft_tissue(canvas: &mut Canvas, rng: &mut Rng, knee: &Knee) {
    let base = rng.range(0.2, 0.27);
    let spread = rng.range(0.1, 0.14);
    let field = Noise::new(rng);
    canvas.shade([-0.2, -0.2, 1.2, 1.2], Blend::Over, |x, y| {
        let w = (x - 0.5).abs();
        let waist = 0.03 * (1.0 - ((y - 0.5) / 0.3).powi(2)).max(0.0);
        let edge = knee.width() + spread - waist - 0.05 * (y - 0.6).max(0.0) - w;
        if edge < -0.02 {
            return (grey(0.03), 1.0);
        }
        // Fat under the skin lets more light through than muscle.
        let muscle = ramp(edge - 0.055, 0.03);
        let value = base * (0.6 + 0.55 * muscle) + 0.03 * field.value(x * 8.0, y * 5.0);
        (grey(0.03 + (value - 0.03) * ramp(edge, 0.015)), 1.0)
    });
}

fn draw_bones(canvas: &mut Canvas, rng: &mut Rng, knee: &Knee) {
    let inner = rng.range(0.5, 0.58);
    let rim = rng.range(0.16, 0.24);
    let field = Noise::new(rng);
    let boxes = [
        (FEMUR, [-0.33, -0.2, 0.33, PLATEAU + 0.02]),
        (TIBIA, [-0.33, PLATEAU - 0.04, 0.33, 1.2]),
        (FIBULA, [0.1, 0.56, 0.34, 1.2]),
    ];
    for (bone, b) in boxes {
        let (a, z) = (knee.x(b[0]), knee.x(b[2]));
        let thin = bone == FIBULA;
        canvas.shade([a.min(z), b[1], a.max(z), b[3]], Blend::Over, |x, y| {
            let (depth, dark) = knee.bone(bone, knee.lateral * (x - 0.5), y);
            let inside = ramp(depth, 0.01);
            if inside <= 0.0 {
                return (grey(0.0), 0.0);
            }
            let grain =
                0.05 * field.value(x * 45.0, y * 22.0) + 0.04 * field.value(x * 9.0, y * 9.0);
            let cortex = ramp(0.02 - depth, 0.018);
            let value = inner + grain + rim * cortex - if thin { 0.06 } else { 0.0 };
            let opacity = if thin { 0.85 } else { 0.95 };
            (grey(value * (1.0 - 0.72 * dark)), inside * opacity)
        });
    }
    draw_patella(canvas, rng, knee);
}

fn draw_patella(canvas: &mut Canvas, rng: &mut Rng, knee: &Knee) {
    let radii = [rng.range(0.095, 0.115), rng.range(0.09, 0.11)];
    let centre = [knee.x(rng.range(0.0, 0.03)), rng.range(0.3, 0.33)];
    let patella = Ellipse::new(centre[0], centre[1], radii[0], radii[1]).soft(0.012);
    canvas.paint(patella.bounds(), Blend::Add, grey(0.07), |x, y| {
        let rim = 0.7 * ramp(0.012 - patella.depth(x, y).abs(), 0.012);
        patella.coverage(x, y) * (1.0 + rim)
    });
}
