//! An ECG rhythm strip: six seconds of one lead on squared paper, broken into two or three rows.
//!
//! The strip always lasts six seconds, so that the usual teaching rule works: count the beats and multiply by ten.
//! Rate and rhythm are derived from the beats actually drawn.

use super::canvas::{Blend, Canvas, Noise, Pose, ramp};
use super::spec::{AttributeSpec, FindingSpec, FindingTruth, GroundTruth, KindSpec};
use rounds_support::rng::Rng;

const ELEVATION: usize = 0;
const DEPRESSION: usize = 1;
const WIDE: usize = 2;
const PREMATURE: usize = 3;

const SECONDS: f32 = 6.0;
const LEFT: f32 = 0.05;
const WIDTH: f32 = 0.9;

pub(crate) static SPEC: KindSpec = KindSpec {
    id: "ecg-strip",
    name: "an ECG rhythm strip",
    modality: "ECG",
    modality_sign: "a black line with peaks on red squared paper",
    view: "rhythm strip",
    view_sign: "one lead that runs on from row to row",
    organ: "heart",
    organ_sign: "a trace of heart beats",
    normal: "normal beats without ST change",
    findings: &[
        FindingSpec {
            id: "st-elevation",
            name: "ST elevation",
            plural: "ST elevation",
            article: "",
            sign: "a line that stays high after each peak",
            absent: "a line that is back at the base after each peak",
            reading: "ST elevation, as in a heart attack",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "st-depression",
            name: "ST depression",
            plural: "ST depression",
            article: "",
            sign: "a line that stays low after each peak",
            absent: "a line that is back at the base after each peak",
            reading: "ST depression, as in poor blood flow to the heart",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "wide-qrs",
            name: "wide QRS",
            plural: "wide QRS",
            article: "a",
            sign: "a broad peak at every beat",
            absent: "narrow sharp peaks",
            reading: "wide QRS, as in a bundle branch block",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 1,
        },
        FindingSpec {
            id: "premature-beat",
            name: "premature beat",
            plural: "premature beats",
            article: "a",
            sign: "a tall broad peak that comes early, then a pause",
            absent: "peaks of one shape without an early broad one",
            reading: "premature ventricular beat",
            sided: false,
            places: &[],
            grades: &[],
            max_count: 3,
        },
    ],
    conflicts: &[
        (ELEVATION, DEPRESSION),
        (ELEVATION, WIDE),
        (DEPRESSION, WIDE),
        (WIDE, PREMATURE),
    ],
    attributes: &[
        AttributeSpec {
            id: "heart-rate",
            questions: &[
                "Is the heart rate slow, normal or fast?",
                "How fast is the heart rate?",
                "What is the heart rate on this strip?",
            ],
            values: &[
                ("slow", "There are fewer than 6 beats in 6 seconds."),
                ("normal", "There are 6 to 10 beats in 6 seconds."),
                ("fast", "There are more than 10 beats in 6 seconds."),
            ],
        },
        AttributeSpec {
            id: "rhythm",
            questions: &[
                "Is the rhythm regular or irregular?",
                "What is the rhythm on this strip?",
            ],
            values: &[
                ("regular", "The gaps between the beats are equal."),
                ("irregular", "The gaps between the beats are not equal."),
            ],
        },
    ],
    draw,
    reading_rule: None,
};

/// Six seconds of heart beats and the shape they have.
struct Strip {
    /// Time of each peak.
    beats: Vec<f32>,
    early: Vec<usize>,
    /// Time scale of the slow waves, which shrinks with the gap between beats.
    pace: f32,
    has_p: bool,
    wide: bool,
    st: f32,
    p_height: f32,
    t_height: f32,
}

/// Where the rows of the strip lie on the paper.
struct Layout {
    rows: usize,
    height: f32,
    wander: f32,
    phase: f32,
}

impl Layout {
    fn new(rng: &mut Rng) -> Self {
        let rows = 2 + rng.below(2);
        Self {
            rows,
            height: if rows == 2 {
                rng.range(0.145, 0.17)
            } else {
                rng.range(0.1, 0.115)
            },
            wander: rng.range(0.0, 0.008),
            phase: rng.range(0.0, 6.0),
        }
    }

    fn row_seconds(&self) -> f32 {
        SECONDS / self.rows as f32
    }

    fn second(&self) -> f32 {
        WIDTH / self.row_seconds()
    }

    /// Paper position of a time and voltage on a row.
    fn at(&self, row: usize, time: f32, voltage: f32) -> [f32; 2] {
        let within = time - row as f32 * self.row_seconds();
        let base = if self.rows == 2 {
            0.31 + 0.45 * row as f32
        } else {
            0.24 + 0.29 * row as f32
        };
        let drift = self.wander * (time * 1.7 + self.phase).sin();
        [
            LEFT + within * self.second(),
            base + drift - voltage * self.height,
        ]
    }

    /// Distance in time to the nearest cut: an end of the strip or a row break.
    fn cut_distance(&self, time: f32) -> f32 {
        let within = time.rem_euclid(self.row_seconds());
        within.min(self.row_seconds() - within)
    }
}

fn draw(canvas: &mut Canvas, rng: &mut Rng, present: &[bool]) -> GroundTruth {
    let layout = Layout::new(rng);
    let strip = plan(rng, &layout, present);
    canvas.pose = Pose::jitter(rng, 0.07);
    draw_paper(canvas, rng, &layout);
    draw_trace(canvas, rng, &layout, &strip);
    canvas.expose(
        rng.range(0.9, 1.04),
        rng.range(-0.03, 0.02),
        rng.range(0.9, 1.15),
    );
    let noise = rng.range(0.004, 0.02);
    canvas.grain(rng, noise);
    let rate = match strip.beats.len() {
        0..=5 => 0,
        6..=10 => 1,
        _ => 2,
    };
    GroundTruth {
        findings: truths(&layout, &strip, present),
        attributes: vec![rate, usize::from(!strip.has_p || !strip.early.is_empty())],
    }
}

/// Chooses the beats. An irregular rhythm has no P waves, as in atrial fibrillation.
fn plan(rng: &mut Rng, layout: &Layout, present: &[bool]) -> Strip {
    let premature = present[PREMATURE];
    // A premature beat needs a wide gap to come early in, and an even rhythm to stand out.
    let even = premature || rng.chance(0.5);
    let shape = present[ELEVATION] || present[DEPRESSION] || present[WIDE];
    // If uneven beats were dense, their raised or broad waves would overlap.
    let crowded = premature || (shape && !even);
    let rate = rng.below(if crowded { 2 } else { 3 });
    let count = match rate {
        0 if even => 4 + rng.below(2),
        0 => 5,
        1 => 7 + rng.below(3),
        _ => 12 + rng.below(3),
    };
    let beats = place_beats(rng, layout, count, even);
    let mut strip = Strip {
        early: Vec::new(),
        pace: (SECONDS / count as f32 / 0.8).sqrt().clamp(0.72, 1.1),
        has_p: even,
        wide: present[WIDE],
        st: st_level(rng, present),
        p_height: rng.range(0.12, 0.18),
        t_height: rng.range(0.2, 0.3),
        beats,
    };
    if premature {
        let wanted = 1 + rng.below(3);
        bring_forward(rng, layout, &mut strip, wanted);
    }
    strip
}

fn st_level(rng: &mut Rng, present: &[bool]) -> f32 {
    if present[ELEVATION] {
        rng.range(0.36, 0.5)
    } else if present[DEPRESSION] {
        -rng.range(0.32, 0.42)
    } else {
        0.0
    }
}

/// Peak times of `count` beats. Of several attempts, picks the one whose peaks are farthest from the cuts and, if uneven,
/// whose uneven gaps are not hidden by them.
fn place_beats(rng: &mut Rng, layout: &Layout, count: usize, even: bool) -> Vec<f32> {
    let mut best = (f32::MIN, Vec::new());
    for _ in 0..40 {
        let mut gaps: Vec<f32> = (0..count)
            .map(|_| match (even, rng.below(2)) {
                (true, _) => 1.0,
                (false, 0) => rng.range(0.62, 0.8),
                (false, _) => rng.range(1.2, 1.45),
            })
            .collect();
        // Random gaps may turn out equal, so one clear contrast is always included.
        if !even {
            (gaps[1], gaps[2]) = (0.65, 1.4);
        }
        let total: f32 = gaps.iter().sum();
        let lead = rng.range(0.2, 0.8) * gaps[0];
        let mut time = lead - gaps[0];
        let beats: Vec<f32> = gaps
            .iter()
            .map(|gap| {
                time += gap;
                time * SECONDS / total
            })
            .collect();
        let nearest = |d: f32, t: &f32| d.min(layout.cut_distance(*t));
        let clear = even || shows_contrast(layout, &beats);
        let margin = beats.iter().fold(f32::MAX, nearest) - if clear { 0.0 } else { 9.0 };
        if margin > best.0 {
            best = (margin, beats);
        }
    }
    best.1
}

/// Whether the widest gap inside one row is much wider than the narrowest.
fn shows_contrast(layout: &Layout, beats: &[f32]) -> bool {
    let row = |time: f32| (time / layout.row_seconds()) as usize;
    let gaps = beats
        .windows(2)
        .filter(|pair| row(pair[0]) == row(pair[1]))
        .map(|pair| pair[1] - pair[0]);
    let (low, high) = gaps.fold((f32::MAX, 0.0), |(low, high), gap| {
        (gap.min(low), gap.max(high))
    });
    high > 1.6 * low
}

/// Makes up to `wanted` beats early, at least one, never two in a row; the beat after keeps its time, so a pause follows.
fn bring_forward(rng: &mut Rng, layout: &Layout, strip: &mut Strip, wanted: usize) {
    let gap = SECONDS / strip.beats.len() as f32;
    let shift = 0.36 * gap;
    let mut order: Vec<usize> = (1..strip.beats.len() - 1).collect();
    rng.shuffle(&mut order);
    order.sort_by_key(|&i| layout.cut_distance(strip.beats[i] - shift) < 0.2);
    for i in order {
        let apart = strip.early.iter().all(|&j| i.abs_diff(j) > 1);
        let whole = layout.cut_distance(strip.beats[i] - shift) > 0.2;
        if strip.early.is_empty() || (strip.early.len() < wanted && apart && whole) {
            strip.beats[i] -= shift;
            strip.early.push(i);
        }
    }
}

const NARROW_PEAK: [[f32; 2]; 5] = [
    [-0.036, 0.0],
    [-0.022, -0.12],
    [0.0, 1.0],
    [0.022, -0.24],
    [0.038, 0.0],
];
const WIDE_PEAK: [[f32; 2]; 5] = [
    [-0.1, 0.0],
    [-0.045, 0.78],
    [0.0, 0.66],
    [0.05, 0.98],
    [0.12, 0.0],
];
const EARLY_PEAK: [[f32; 2]; 6] = [
    [-0.1, 0.0],
    [-0.01, 1.35],
    [0.03, 1.1],
    [0.11, -0.35],
    [0.19, -0.38],
    [0.29, 0.0],
];

fn along(points: &[[f32; 2]], t: f32) -> f32 {
    points
        .windows(2)
        .find(|w| t >= w[0][0] && t < w[1][0])
        .map_or(0.0, |w| {
            w[0][1] + (w[1][1] - w[0][1]) * (t - w[0][0]) / (w[1][0] - w[0][0])
        })
}

fn bump(t: f32, centre: f32, spread: f32) -> f32 {
    let d = ((t - centre) / spread).powi(2);
    if d > 12.0 { 0.0 } else { (-0.5 * d).exp() }
}

impl Strip {
    fn voltage(&self, time: f32) -> f32 {
        (0..self.beats.len())
            .map(|i| (i, time - self.beats[i]))
            .filter(|(_, t)| t.abs() < 0.6)
            .map(|(i, t)| self.beat(i, t))
            .sum()
    }

    fn beat(&self, index: usize, t: f32) -> f32 {
        let t_peak = 0.26 * self.pace;
        if self.early.contains(&index) {
            return along(&EARLY_PEAK, t);
        }
        let p = if self.has_p {
            self.p_height * bump(t, -0.15 * self.pace, 0.022)
        } else {
            0.0
        };
        if self.wide {
            return p + along(&WIDE_PEAK, t) - 0.3 * bump(t, t_peak + 0.05, 0.045);
        }
        let raised = self.st * ramp(t - 0.036, 0.02) * ramp(t_peak + 0.04 - t, 0.09);
        let share = if self.st < 0.0 { 0.4 } else { 0.8 };
        let t_wave = if self.st == 0.0 { 1.0 } else { share } * self.t_height;
        p + along(&NARROW_PEAK, t) + raised + t_wave * bump(t, t_peak, 0.042)
    }
}

fn draw_paper(canvas: &mut Canvas, rng: &mut Rng, layout: &Layout) {
    let papers = [
        ([1.0, 0.93, 0.92], [0.92, 0.5, 0.52]),
        ([1.0, 0.96, 0.94], [0.95, 0.6, 0.55]),
        ([0.99, 0.88, 0.87], [0.86, 0.42, 0.45]),
        ([1.0, 0.95, 0.88], [0.93, 0.6, 0.42]),
    ];
    let (paper, ink) = *rng.pick(&papers);
    let field = Noise::new(rng);
    let shadow = rng.range(0.0, 0.08);
    let square = layout.second() * 0.2;
    let line = |v: f32, gap: f32, width: f32| {
        let turns = v / gap;
        let d = (turns - turns.floor() - 0.5).abs();
        ramp(width * 0.5 - (0.5 - d) * gap, 0.005)
    };
    canvas.shade([-0.2, -0.2, 1.2, 1.2], Blend::Over, |x, y| {
        let (u, v) = (x - LEFT, y - LEFT);
        let fine = line(u, square * 0.2, 0.003).max(line(v, square * 0.2, 0.003));
        let thick = line(u, square, 0.0045).max(line(v, square, 0.0045));
        let cover = (0.22 * fine).max(0.85 * thick);
        let light = 1.0 - shadow * (0.5 + 0.5 * field.value(x * 2.0, y * 2.0));
        let mix = |c: usize| (paper[c] + (ink[c] - paper[c]) * cover) * light;
        ([mix(0), mix(1), mix(2)], 1.0)
    });
}

/// Draws the trace as many short strokes: with one long polyline, every pixel would be tested against every segment.
fn draw_trace(canvas: &mut Canvas, rng: &mut Rng, layout: &Layout, strip: &Strip) {
    let (width, ink) = (rng.range(0.012, 0.015), rng.range(0.03, 0.14));
    let tremor = rng.range(0.0, 0.02);
    let step = 0.0035 / layout.second();
    for row in 0..layout.rows {
        let start = row as f32 * layout.row_seconds();
        let mut last = layout.at(row, start, strip.voltage(start));
        let steps = (layout.row_seconds() / step) as usize;
        for i in 1..=steps {
            let time = start + i as f32 * step;
            let voltage = strip.voltage(time) + tremor * rng.range(-1.0, 1.0);
            let next = layout.at(row, time, voltage);
            let colour = [ink, ink, ink + 0.03];
            canvas.stroke(&[last, next], width, 0.005, Blend::Over, colour, 1.0);
            last = next;
        }
    }
}

fn truths(layout: &Layout, strip: &Strip, present: &[bool]) -> Vec<FindingTruth> {
    let everywhere = vec![[0.5, 0.51, 0.43, 0.38]];
    let around = |&i: &usize| {
        let time = strip.beats[i];
        let row = ((time / layout.row_seconds()) as usize).min(layout.rows - 1);
        let [x, y] = layout.at(row, time + 0.04, 0.45);
        [x, y, 0.2 * layout.second(), 1.0 * layout.height]
    };
    (0..SPEC.findings.len())
        .filter(|&finding| present[finding])
        .map(|finding| {
            let regions = if finding == PREMATURE {
                strip.early.iter().map(around).collect()
            } else {
                everywhere.clone()
            };
            FindingTruth {
                finding,
                side: None,
                place: None,
                grade: None,
                count: regions.len(),
                larger: None,
                regions,
            }
        })
        .collect()
}
