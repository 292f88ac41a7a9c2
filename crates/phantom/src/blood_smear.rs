//! A blood smear under the microscope: red cells, platelets and white cells, stained.
//!
//! Students count cells in such images, and the findings differ in the shape, size and colour of single cells. Cells are
//! larger than in a real field of view, so that they are visible in a small image.

use std::f32::consts::TAU;

use rounds_support::rng::Rng;

use super::{
    canvas::{Blend, Canvas, Colour, Ellipse, Pose, ramp},
    spec::{AttributeSpec, FindingSpec, FindingTruth, GroundTruth, KindSpec},
};

const SICKLE: usize = 0;
const BLAST: usize = 1;
const MALARIA: usize = 2;
const CLUMP: usize = 3;

pub(crate) static SPEC: KindSpec = KindSpec {
    id: "blood-smear",
    name: "a blood smear",
    modality: "microscopy",
    modality_sign: "single stained cells on a pale background",
    view: "high power",
    view_sign: "cells so large that single ones can be judged",
    organ: "blood",
    organ_sign: "many round pink red cells",
    normal: "normal blood smear",
    findings: &[
        FindingSpec {
            id: "sickle-cell",
            name: "sickle cell",
            plural: "sickle cells",
            article: "a",
            sign: "a red cell shaped like a thin moon",
            absent: "red cells that are all round",
            reading: "sickle cell disease",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 3,
        },
        FindingSpec {
            id: "blast",
            name: "blast",
            plural: "blasts",
            article: "a",
            sign: "a very large cell with a big round purple nucleus",
            absent: "white cells that all have a lobed nucleus",
            reading: "acute leukaemia",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 3,
        },
        FindingSpec {
            id: "malaria-ring",
            name: "malaria ring",
            plural: "malaria rings",
            article: "a",
            sign: "a purple ring inside a red cell",
            absent: "red cells without purple rings inside",
            reading: "malaria",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 3,
        },
        FindingSpec {
            id: "platelet-clump",
            name: "platelet clump",
            plural: "platelet clumps",
            article: "a",
            sign: "many small purple dots in one heap",
            absent: "platelets that lie one by one",
            reading: "platelet clump",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 1,
        },
    ],
    conflicts: &[],
    attributes: &[
        AttributeSpec {
            id: "pale-red-cells",
            questions: &[
                "Are the red cells pale?",
                "Do the red cells have large pale centres?",
                "Are the red cells too pale?",
            ],
            values: &[
                ("no", "The pale centres of the red cells are small."),
                (
                    "yes",
                    "The red cells are thin rings with large pale centres, as in iron deficiency.",
                ),
            ],
        },
        AttributeSpec {
            id: "lobed-white-cells",
            questions: &[
                "How many white cells with a lobed nucleus are seen?",
                "How many neutrophils are seen?",
            ],
            values: &[
                ("one", "One white cell has a lobed nucleus."),
                ("two", "Two white cells have a lobed nucleus."),
            ],
        },
    ],
    draw,
    reading_rule: None,
};

/// The stain of one slide.
struct Stain {
    background: Colour,
    red: Colour,
    purple: Colour,
    pale: bool,
}

/// Occupied circles: centre and radius.
#[derive(Default)]
struct Field {
    taken: Vec<([f32; 2], f32)>,
}

impl Field {
    fn room(&self, at: [f32; 2], radius: f32) -> f32 {
        let gap = |&(other, size): &([f32; 2], f32)| {
            (at[0] - other[0]).hypot(at[1] - other[1]) - size - radius
        };
        self.taken.iter().map(gap).fold(f32::MAX, f32::min)
    }

    /// Takes a free circle well inside the image. If none is free and `must` is set, takes the place with the most space.
    fn take(&mut self, rng: &mut Rng, radius: f32, must: bool) -> Option<[f32; 2]> {
        let margin = radius + 0.1;
        let (mut best, mut best_room) = ([0.5, 0.5], f32::MIN);
        for _ in 0..400 {
            let at = [0, 1].map(|_| rng.range(margin, 1.0 - margin));
            let room = self.room(at, radius);
            if room > best_room {
                (best, best_room) = (at, room);
            }
            if room > 0.0 {
                break;
            }
        }
        if best_room <= 0.0 && !must {
            return None;
        }
        self.taken.push((best, radius));
        Some(best)
    }
}

fn draw(canvas: &mut Canvas, rng: &mut Rng, present: &[bool]) -> GroundTruth {
    canvas.pose = Pose::jitter(rng, 0.1);
    let pale = rng.below(2);
    let stain = Stain {
        background: *rng.pick(&[[0.95, 0.93, 0.92], [0.93, 0.92, 0.95], [0.95, 0.94, 0.87]]),
        red: *rng.pick(&[[0.87, 0.50, 0.50], [0.86, 0.55, 0.47], [0.82, 0.47, 0.55]]),
        purple: *rng.pick(&[[0.36, 0.16, 0.52], [0.30, 0.16, 0.50], [0.42, 0.15, 0.50]]),
        pale: pale == 1,
    };
    canvas.paint(
        [-1.0, -1.0, 2.0, 2.0],
        Blend::Over,
        stain.background,
        |_, _| 1.0,
    );
    let mut field = Field::default();
    let mut findings = Vec::new();
    // The largest cells are placed first; the truth keeps the order of the table.
    let has = |finding: usize| present.get(finding).copied().unwrap_or(false);
    for finding in [BLAST, CLUMP] {
        if has(finding) {
            findings.push(draw_finding(canvas, rng, &mut field, &stain, finding));
        }
    }
    let white_cells = draw_white_cells(canvas, rng, &mut field, &stain);
    for finding in [SICKLE, MALARIA] {
        if has(finding) {
            findings.push(draw_finding(canvas, rng, &mut field, &stain, finding));
        }
    }
    findings.sort_by_key(|truth| truth.finding);
    fill_with_red_cells(canvas, rng, &mut field, &stain);
    scatter_platelets(canvas, rng, &mut field, &stain);
    let mottle = rng.range(0.02, 0.06);
    let (gain, gamma) = (rng.range(0.9, 1.04), rng.range(0.85, 1.2));
    canvas.mottle(rng, 3.0, mottle);
    canvas.grain(rng, 0.01);
    canvas.expose(gain, 0.0, gamma);
    GroundTruth {
        findings,
        attributes: vec![pale, white_cells - 1],
    }
}

fn draw_finding(
    canvas: &mut Canvas,
    rng: &mut Rng,
    field: &mut Field,
    stain: &Stain,
    finding: usize,
) -> FindingTruth {
    let mut regions: Vec<[f32; 4]> = Vec::new();
    for _ in 0..1 + rng.below(SPEC.findings[finding].max_count) {
        let radius = match finding {
            SICKLE => rng.range(0.078, 0.088),
            BLAST => rng.range(0.12, 0.132),
            MALARIA => rng.range(0.058, 0.063),
            _ => rng.range(0.085, 0.1),
        };
        let Some(at) = field.take(rng, radius, regions.is_empty()) else {
            break;
        };
        match finding {
            SICKLE => paint_sickle(canvas, rng, stain, at, radius),
            BLAST => paint_blast(canvas, rng, stain, at, radius),
            MALARIA => paint_malaria(canvas, rng, stain, at, radius),
            _ => paint_clump(canvas, rng, stain, at, radius),
        }
        regions.push([at[0], at[1], radius, radius]);
    }
    FindingTruth {
        finding,
        side: None,
        place: None,
        grade: None,
        count: regions.len(),
        larger: None,
        regions,
    }
}

/// A crescent: a circle minus a shifted circle.
fn paint_sickle(canvas: &mut Canvas, rng: &mut Rng, stain: &Stain, at: [f32; 2], radius: f32) {
    let angle = rng.range(0.0, TAU);
    let [x, y] = polar_offset(at, angle, -radius * 0.38);
    let body = Ellipse::new(x, y, radius * 0.88, radius * 0.88);
    let [x, y] = polar_offset(at, angle, -radius * rng.range(0.94, 1.02));
    let bite = Ellipse::new(x, y, radius * 0.97, radius * 0.97);
    let colour = stain.red.map(|c| c * 0.86);
    canvas.paint(body.bounds(), Blend::Over, colour, |x, y| {
        ramp(body.depth(x, y).min(-bite.depth(x, y)), 0.01)
    });
}

fn paint_blast(canvas: &mut Canvas, rng: &mut Rng, stain: &Stain, at: [f32; 2], radius: f32) {
    let [x, y] = at;
    let turn = rng.range(0.0, TAU);
    let body = Ellipse::new(x, y, radius, radius * 0.94).turned(turn);
    canvas.ellipse(body, Blend::Over, [0.62, 0.66, 0.86], 1.0);
    let [x, y] = polar_offset(at, turn, radius * 0.08);
    let nucleus = Ellipse::new(x, y, radius * 0.82, radius * 0.78).turned(turn);
    canvas.ellipse(nucleus, Blend::Over, stain.purple.map(|c| c * 1.15), 1.0);
    for index in 0..2 {
        let angle = turn + 2.6 * index as f32 + rng.range(0.0, 0.8);
        let [x, y] = polar_offset(at, angle, radius * 0.36);
        let nucleolus = Ellipse::new(x, y, radius * 0.16, radius * 0.15).soft(0.02);
        canvas.ellipse(nucleolus, Blend::Over, [0.66, 0.50, 0.80], 0.55);
    }
}

fn paint_malaria(canvas: &mut Canvas, rng: &mut Rng, stain: &Stain, at: [f32; 2], radius: f32) {
    let [x, y] = at;
    // The host cell has no pale centre, which would hide the ring.
    canvas.ellipse(
        Ellipse::new(x, y, radius, radius),
        Blend::Over,
        stain.red,
        1.0,
    );
    let angle = rng.range(0.0, TAU);
    let [x, y] = polar_offset(at, angle, -radius * 0.15);
    let ring = Ellipse::new(x, y, radius * 0.52, radius * 0.46).turned(angle);
    canvas.paint(ring.bounds(), Blend::Over, stain.purple, |x, y| {
        ramp(0.0065 - ring.depth(x, y).abs(), 0.007)
    });
    let [x, y] = polar_offset([x, y], angle, radius * 0.52);
    let dot = Ellipse::new(x, y, 0.016, 0.016).soft(0.008);
    canvas.ellipse(dot, Blend::Over, stain.purple.map(|c| c * 0.8), 1.0);
}

fn paint_clump(canvas: &mut Canvas, rng: &mut Rng, stain: &Stain, at: [f32; 2], radius: f32) {
    let count = 18 + rng.below(6);
    for index in 0..count {
        let reach = (radius - 0.02) * ((index as f32 + 0.4) / count as f32).sqrt();
        let spot = polar_offset(at, 2.4 * index as f32 + rng.range(0.0, 0.5), reach);
        paint_platelet(canvas, rng, stain, spot);
    }
}

fn paint_platelet(canvas: &mut Canvas, rng: &mut Rng, stain: &Stain, at: [f32; 2]) {
    let (long, short) = (rng.range(0.016, 0.021), rng.range(0.014, 0.018));
    let body = Ellipse::new(at[0], at[1], long, short).turned(rng.range(0.0, TAU));
    let lilac = stain.purple.map(|c| 0.45 * c + 0.36);
    canvas.ellipse(body.soft(0.012), Blend::Over, lilac, 0.95);
}

/// One or two white cells with a lobed nucleus; returns how many were placed.
fn draw_white_cells(canvas: &mut Canvas, rng: &mut Rng, field: &mut Field, stain: &Stain) -> usize {
    let wanted = 1 + rng.below(2);
    for drawn in 0..wanted {
        let radius = rng.range(0.083, 0.09);
        let Some(at) = field.take(rng, radius, drawn == 0) else {
            return drawn;
        };
        let body = Ellipse::new(at[0], at[1], radius, radius * 0.96);
        canvas.ellipse(body, Blend::Over, [0.90, 0.80, 0.87], 1.0);
        paint_lobes(canvas, rng, stain, at, radius);
    }
    wanted
}

/// Three or four lobes on an arc, joined by a thin thread.
fn paint_lobes(canvas: &mut Canvas, rng: &mut Rng, stain: &Stain, at: [f32; 2], radius: f32) {
    let lobes = 3 + rng.below(2);
    let first = rng.range(0.0, TAU);
    let step = if lobes == 3 { 1.75 } else { 1.45 };
    let spots: Vec<[f32; 2]> = (0..lobes)
        .map(|lobe| polar_offset(at, first + step * lobe as f32, radius * 0.5))
        .collect();
    canvas.stroke(&spots, radius * 0.14, 0.006, Blend::Over, stain.purple, 1.0);
    for (lobe, [x, y]) in spots.into_iter().enumerate() {
        let turn = first + step * lobe as f32 + rng.range(-0.4, 0.4);
        let size = radius * rng.range(0.27, 0.31);
        let body = Ellipse::new(x, y, size, size * 1.15).turned(turn);
        canvas.ellipse(body, Blend::Over, stain.purple, 1.0);
    }
}

fn fill_with_red_cells(canvas: &mut Canvas, rng: &mut Rng, field: &mut Field, stain: &Stain) {
    let crowding = 300 + rng.below(700);
    for _ in 0..crowding {
        let at = [rng.range(-0.12, 1.12), rng.range(-0.12, 1.12)];
        let radius = rng.range(0.047, 0.055);
        // Neighbours may touch.
        if field.room(at, radius) > -0.004 {
            field.taken.push((at, radius));
            paint_red_cell(canvas, rng, stain, at, radius);
        }
    }
}

fn paint_red_cell(canvas: &mut Canvas, rng: &mut Rng, stain: &Stain, at: [f32; 2], radius: f32) {
    let body = Ellipse::new(at[0], at[1], radius, radius * rng.range(0.92, 1.0));
    let body = body.turned(rng.range(0.0, TAU));
    let (share, fade, strength) = if stain.pale {
        (0.66, 0.22, 0.9)
    } else {
        (0.42, 0.5, 0.6)
    };
    let (red, background) = (stain.red, stain.background);
    canvas.shade(body.bounds(), Blend::Over, |x, y| {
        let depth = body.depth(x, y);
        let centre = strength * ramp(depth / radius - (1.0 - share), fade);
        let colour = [0, 1, 2].map(|i| red[i] + (background[i] - red[i]) * centre);
        (colour, body.coverage(x, y))
    });
}

fn scatter_platelets(canvas: &mut Canvas, rng: &mut Rng, field: &mut Field, stain: &Stain) {
    let wanted = 3 + rng.below(4);
    let mut drawn = 0;
    for _ in 0..600 {
        let at = [rng.unit(), rng.unit()];
        // Far apart, so that single platelets never look like a clump.
        if drawn < wanted && field.room(at, 0.02) > 0.0 {
            field.taken.push((at, 0.08));
            paint_platelet(canvas, rng, stain, at);
            drawn += 1;
        }
    }
}

/// The point at distance `reach` from `from` in a direction.
fn polar_offset(from: [f32; 2], angle: f32, reach: f32) -> [f32; 2] {
    [from[0] + reach * angle.cos(), from[1] + reach * angle.sin()]
}
