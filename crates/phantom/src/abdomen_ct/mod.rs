//! An axial abdomen CT in a soft-tissue window, drawn for teaching.
//!
//! The slice lies at the level of both kidneys and shows liver, spleen, spine, aorta and the stomach's gas. Contrast and
//! spleen size vary at random; the gallbladder is left out because its dark oval would look like a liver lesion.

use super::canvas::{Blend, Canvas, Ellipse, Noise, Pose, grey, ramp};
use super::spec::{AttributeSpec, FindingSpec, FindingTruth, GroundTruth, KindSpec, Side};
use rounds_support::rng::Rng;

mod findings;

use findings::{draw_free_fluid, draw_kidney_cysts, draw_kidney_stones, draw_liver_lesions};

const LIVER_LESION: usize = 0;
const KIDNEY_CYST: usize = 1;
const KIDNEY_STONE: usize = 2;
const ANEURYSM: usize = 3;
const FREE_FLUID: usize = 4;

const FAT: f32 = 0.14;
const MUSCLE: f32 = 0.47;
const WATER: f32 = 0.31;
const BONE: f32 = 0.92;

/// Values that most findings here share.
const PLAIN: FindingSpec = FindingSpec {
    id: "",
    name: "",
    plural: "",
    article: "",
    sign: "",
    absent: "",
    reading: "",
    sided: false,
    places: &[],
    grades: &[],
    max_count: 1,
};

pub(crate) static SPEC: KindSpec = KindSpec {
    id: "abdomen-ct",
    name: "an axial abdomen CT",
    modality: "CT",
    modality_sign: "white bone, grey organs, dark fat and black gas in a thin slice",
    view: "axial",
    view_sign: "an oval slice with the spine at the bottom",
    organ: "abdomen",
    organ_sign: "liver, spleen and kidneys around the spine",
    normal: "normal abdomen CT",
    findings: &[
        FindingSpec {
            id: "liver-lesion",
            name: "liver lesion",
            plural: "liver lesions",
            article: "a",
            sign: "a dark round spot inside the grey liver",
            absent: "an even grey liver without a dark spot",
            reading: "liver lesion",
            grades: &["small", "large"],
            max_count: 3,
            ..PLAIN
        },
        FindingSpec {
            id: "kidney-cyst",
            name: "kidney cyst",
            plural: "kidney cysts",
            article: "a",
            sign: "a smooth dark ball on the edge of the kidney",
            absent: "smooth kidneys without a dark ball",
            reading: "kidney cyst",
            sided: true,
            max_count: 2,
            ..PLAIN
        },
        FindingSpec {
            id: "kidney-stone",
            name: "kidney stone",
            plural: "kidney stones",
            article: "a",
            sign: "a bright white spot inside the kidney",
            absent: "no white spot in the kidneys",
            reading: "kidney stone",
            sided: true,
            max_count: 2,
            ..PLAIN
        },
        FindingSpec {
            id: "aortic-aneurysm",
            name: "aortic aneurysm",
            plural: "aortic aneurysms",
            article: "an",
            sign: "a very wide aorta in front of the spine",
            absent: "a narrow round aorta in front of the spine",
            reading: "aortic aneurysm",
            ..PLAIN
        },
        FindingSpec {
            id: "free-fluid",
            name: "free fluid",
            plural: "free fluid",
            article: "",
            sign: "a dark grey band between the organs and the side wall",
            absent: "no dark grey band along the side walls",
            reading: "free fluid",
            sided: true,
            ..PLAIN
        },
    ],
    conflicts: &[],
    attributes: &[
        AttributeSpec {
            id: "spleen-size",
            questions: &[
                "Is the spleen enlarged?",
                "Is the spleen too large?",
                "Is there spleen enlargement?",
            ],
            values: &[
                ("no", "The spleen is a small organ beside the left wall."),
                ("yes", "The spleen is long and thick along the left wall."),
            ],
        },
        AttributeSpec {
            id: "contrast",
            questions: &[
                "Was contrast given?",
                "Is this a CT with contrast?",
                "Is there contrast in the aorta?",
            ],
            values: &[
                ("no", "The aorta and the kidneys are as grey as muscle."),
                ("yes", "The aorta and the kidneys are bright."),
            ],
        },
    ],
    draw,
    reading_rule: None,
};

/// The patient's side for an image direction; -1 is the left of the image.
fn side_of(sign: f32) -> Side {
    if sign < 0.0 { Side::Right } else { Side::Left }
}

fn random_sign(rng: &mut Rng) -> f32 {
    if rng.chance(0.5) { 1.0 } else { -1.0 }
}

/// This patient's anatomy.
struct Body {
    skin: Ellipse,
    /// Inner face of the muscle wall.
    cavity: Ellipse,
    wall: f32,
    liver: Ellipse,
    liver_left_lobe: Ellipse,
    spleen: Ellipse,
    /// The kidneys in the image's left and right half.
    kidneys: [Ellipse; 2],
    spine: [f32; 2],
    organ: f32,
    blood: f32,
    kidney: f32,
}

impl Body {
    fn new(rng: &mut Rng, big_spleen: bool, contrast: bool) -> Self {
        let (rx, ry) = (rng.range(0.395, 0.42), rng.range(0.305, 0.355));
        let (fat, wall) = (rng.range(0.022, 0.045), rng.range(0.022, 0.03));
        let oval = |less: f32| Ellipse::new(0.5, 0.5, rx - less, ry - less).soft(0.008);
        let cavity = oval(fat + wall);
        let (cx, cy) = (cavity.radii[0], cavity.radii[1]);
        let liver = Ellipse::new(
            0.5 - cx * rng.range(0.56, 0.60),
            0.5 - cy * rng.range(0.16, 0.24),
            cx * rng.range(0.47, 0.52),
            cy * rng.range(0.72, 0.80),
        );
        let spleen = if big_spleen {
            let (width, height) = (rng.range(0.092, 0.105), rng.range(0.165, 0.18));
            Ellipse::new(0.5 + cx - width * 0.85, 0.49, width, height).turned(0.12)
        } else {
            let (width, height) = (rng.range(0.045, 0.055), rng.range(0.08, 0.095));
            Ellipse::new(0.5 + cx * 0.97 - width, 0.55, width, height).turned(0.3)
        };
        let spine = [0.5, 0.5 + cy * 0.56];
        let kidneys = [-1.0, 1.0].map(|sign: f32| {
            let (width, height) = (rng.range(0.050, 0.057), rng.range(0.068, 0.078));
            let x = 0.5 + sign * rng.range(0.155, 0.170);
            Ellipse::new(x, spine[1] - rng.range(0.0, 0.03), width, height)
                .turned(sign * -0.3)
                .soft(0.01)
        });
        Self {
            skin: oval(0.0),
            cavity,
            wall,
            liver: liver.turned(rng.range(0.1, 0.3)).soft(0.012),
            liver_left_lobe: Ellipse::new(0.5 - cx * 0.2, 0.5 - cy * 0.62, cx * 0.42, cy * 0.24)
                .turned(rng.range(-0.1, 0.1))
                .soft(0.012),
            spleen: spleen.soft(0.012),
            kidneys,
            spine,
            organ: if contrast { 0.58 } else { 0.54 },
            blood: if contrast { 0.79 } else { 0.47 },
            kidney: if contrast { 0.69 } else { 0.50 },
        }
    }

    fn liver_depth(&self, x: f32, y: f32) -> f32 {
        let lobes = self.liver.depth(x, y).max(self.liver_left_lobe.depth(x, y));
        lobes.min(self.cavity.depth(x, y) - 0.006)
    }
}

fn truth(finding: usize, regions: Vec<[f32; 4]>) -> FindingTruth {
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

fn draw(canvas: &mut Canvas, rng: &mut Rng, present: &[bool]) -> GroundTruth {
    let has = |finding: usize| present.get(finding).copied().unwrap_or(false);
    canvas.pose = Pose::jitter(rng, 0.1);
    let (big_spleen, contrast) = (rng.chance(0.5), rng.chance(0.5));
    let mut body = Body::new(rng, big_spleen, contrast);
    let fluid_sign = random_sign(rng);
    if has(FREE_FLUID) && fluid_sign > 0.0 {
        body.spleen.centre[0] -= 0.042;
    }

    draw_table(canvas, &body);
    draw_wall(canvas, &body);
    draw_bowel(canvas, rng, &body);
    draw_organs(canvas, &body);
    let mut findings = Vec::new();
    if has(LIVER_LESION) {
        findings.push(draw_liver_lesions(canvas, rng, &body));
    }
    let fluid = has(FREE_FLUID).then(|| draw_free_fluid(canvas, rng, &body, fluid_sign));
    draw_spine(canvas, rng, &body);
    draw_kidneys(canvas, &body);
    if has(KIDNEY_CYST) {
        findings.push(draw_kidney_cysts(canvas, rng, &body));
    }
    if has(KIDNEY_STONE) {
        findings.push(draw_kidney_stones(canvas, rng, &body));
    }
    if let Some(aneurysm) = draw_vessels(canvas, rng, &body, has(ANEURYSM)) {
        findings.push(aneurysm);
    }
    findings.extend(fluid);

    let mottle = rng.range(0.03, 0.09);
    canvas.mottle(rng, 24.0, mottle);
    let grain = rng.range(0.012, 0.035);
    canvas.grain(rng, grain);
    let (gain, bias, gamma) = (
        rng.range(0.95, 1.12),
        rng.range(-0.02, 0.03),
        rng.range(0.85, 1.1),
    );
    canvas.expose(gain, bias, gamma);
    GroundTruth {
        findings,
        attributes: vec![usize::from(big_spleen), usize::from(contrast)],
    }
}

/// The couch under the patient, a faint curve.
fn draw_table(canvas: &mut Canvas, body: &Body) {
    let low = 0.5 + body.skin.radii[1];
    let curve = [-2.0_f32, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0]
        .map(|i| [0.5 + i * 0.15, low + 0.025 - 0.022 * i * i]);
    canvas.stroke(&curve, 0.007, 0.006, Blend::Over, grey(0.3), 1.0);
}

/// Skin, fat under it, the muscle wall with ribs, and the fat inside.
fn draw_wall(canvas: &mut Canvas, body: &Body) {
    canvas.shade(body.skin.bounds(), Blend::Over, |x, y| {
        let depth = body.skin.depth(x, y);
        let inner = body.cavity.depth(x, y);
        let skin = ramp(0.007 - depth, 0.006);
        let wall = ramp(inner + body.wall, 0.006) * ramp(-inner, 0.006);
        let v = FAT + (MUSCLE - FAT) * skin.max(wall);
        (grey(v), ramp(depth, 0.008))
    });
    let mid = [
        body.cavity.radii[0] + body.wall * 0.5,
        body.cavity.radii[1] + body.wall * 0.5,
    ];
    for sign in [-1.0, 1.0] {
        for angle in [-0.45_f32, 0.0, 0.42, 0.85] {
            let (sin, cos) = angle.sin_cos();
            let turn = (sin / mid[1]).atan2(sign * cos / mid[0]);
            let (x, y) = (0.5 + sign * mid[0] * cos, 0.5 + mid[1] * sin);
            let rib = Ellipse::new(x, y, 0.009, 0.024).turned(turn).soft(0.008);
            canvas.ellipse(rib, Blend::Over, grey(BONE), 1.0);
        }
    }
}

/// The stomach with gas above fluid, and a few loops of bowel.
fn draw_bowel(canvas: &mut Canvas, rng: &mut Rng, body: &Body) {
    let [cx, cy] = body.cavity.radii;
    for i in 0..3 {
        let x = 0.5 + cx * (0.02 + 0.19 * i as f32) + rng.range(-0.01, 0.01);
        let y = 0.5 + cy * rng.range(-0.12, 0.02);
        let loop_of_bowel = Ellipse::new(x, y, rng.range(0.030, 0.036), rng.range(0.026, 0.034));
        canvas.ellipse(loop_of_bowel, Blend::Over, grey(0.43), 1.0);
        if rng.chance(0.4) {
            let gas = Ellipse::new(x, y - 0.006, 0.014, 0.010);
            canvas.ellipse(gas, Blend::Over, grey(0.01), 1.0);
        }
    }
    let stomach = Ellipse::new(
        0.5 + cx * rng.range(0.42, 0.48),
        0.5 - cy * rng.range(0.50, 0.56),
        cx * rng.range(0.28, 0.34),
        cy * rng.range(0.27, 0.32),
    )
    .turned(rng.range(0.25, 0.45));
    let level = stomach.centre[1] + rng.range(-0.015, 0.025);
    canvas.shade(stomach.bounds(), Blend::Over, |x, y| {
        let depth = stomach.depth(x, y);
        let gas = ramp(level - y, 0.006) * ramp(depth - 0.011, 0.006);
        (grey(0.44 * (1.0 - gas) + 0.01 * gas), ramp(depth, 0.01))
    });
}

fn draw_organs(canvas: &mut Canvas, body: &Body) {
    let spleen = body.spleen;
    canvas.paint(
        spleen.bounds(),
        Blend::Over,
        grey(body.organ + 0.02),
        |x, y| {
            ramp(
                spleen.depth(x, y).min(body.cavity.depth(x, y) - 0.006),
                0.01,
            )
        },
    );
    canvas.paint(
        [0.05, 0.15, 0.65, 0.8],
        Blend::Over,
        grey(body.organ),
        |x, y| ramp(body.liver_depth(x, y), 0.01),
    );
}

fn draw_spine(canvas: &mut Canvas, rng: &mut Rng, body: &Body) {
    let [x, y] = body.spine;
    for sign in [-1.0, 1.0] {
        let psoas = Ellipse::new(x + sign * 0.085, y + 0.012, 0.034, 0.042);
        canvas.ellipse(psoas, Blend::Over, grey(MUSCLE), 1.0);
        let back = Ellipse::new(x + sign * 0.088, y + 0.115, 0.07, 0.036).turned(sign * -0.2);
        canvas.ellipse(back, Blend::Over, grey(MUSCLE), 1.0);
        let process = [[x + sign * 0.03, y + 0.055], [x + sign * 0.085, y + 0.07]];
        canvas.stroke(&process, 0.018, 0.008, Blend::Over, grey(BONE), 1.0);
    }
    let width = rng.range(0.055, 0.063);
    let vertebra = Ellipse::new(x, y, width, width * 0.82).soft(0.008);
    canvas.ellipse(vertebra, Blend::Over, grey(BONE), 1.0);
    let marrow = Ellipse::new(x, y, width - 0.012, width * 0.82 - 0.012).soft(0.01);
    canvas.ellipse(marrow, Blend::Over, grey(0.74), 1.0);
    let arch = Ellipse::new(x, y + 0.062, 0.036, 0.030);
    canvas.ellipse(arch, Blend::Over, grey(BONE), 1.0);
    let thorn = [[x, y + 0.08], [x, y + 0.128]];
    canvas.stroke(&thorn, 0.018, 0.008, Blend::Over, grey(BONE), 1.0);
    let canal = Ellipse::new(x, y + 0.060, 0.022, 0.018);
    canvas.ellipse(canal, Blend::Over, grey(0.36), 1.0);
}

/// Each kidney lies in its own fat, with a notch of fat that opens towards the spine.
fn draw_kidneys(canvas: &mut Canvas, body: &Body) {
    for (kidney, sign) in body.kidneys.iter().zip([-1.0, 1.0]) {
        let fat = Ellipse {
            radii: kidney.radii.map(|r| r + 0.014),
            ..*kidney
        };
        canvas.ellipse(fat, Blend::Over, grey(FAT), 1.0);
        canvas.ellipse(*kidney, Blend::Over, grey(body.kidney), 1.0);
        let [x, y] = kidney.centre;
        let notch = Ellipse::new(x - sign * 0.038, y - 0.008, 0.030, 0.018).soft(0.014);
        canvas.ellipse(notch, Blend::Over, grey(FAT), 0.95);
    }
}

/// Draws the great vein and the aorta, which is wide with a dark clot on its wall in an aneurysm.
fn draw_vessels(
    canvas: &mut Canvas,
    rng: &mut Rng,
    body: &Body,
    aneurysm: bool,
) -> Option<FindingTruth> {
    let front = body.spine[1] - 0.052;
    let vein = Ellipse::new(0.445, front - 0.012, 0.030, 0.021);
    let radius = if aneurysm {
        rng.range(0.066, 0.078)
    } else {
        rng.range(0.022, 0.026)
    };
    let aorta = Ellipse::new(0.512 + radius * 0.2, front - radius * 0.92, radius, radius);
    for vessel in [vein, aorta] {
        let fat = Ellipse {
            radii: vessel.radii.map(|r| r + 0.008),
            ..vessel
        };
        canvas.ellipse(fat, Blend::Over, grey(FAT), 1.0);
    }
    canvas.ellipse(vein, Blend::Over, grey(body.blood * 0.9), 1.0);
    if !aneurysm {
        canvas.ellipse(aorta, Blend::Over, grey(body.blood), 1.0);
        return None;
    }
    let [x, y] = aorta.centre;
    canvas.ellipse(aorta, Blend::Over, grey(0.85), 1.0);
    let clot = Ellipse::new(x, y, radius - 0.008, radius - 0.008);
    canvas.ellipse(clot, Blend::Over, grey(0.36), 1.0);
    let open = radius * rng.range(0.58, 0.68);
    let channel = Ellipse::new(x + rng.range(-0.01, 0.01), y + radius * 0.15, open, open);
    canvas.ellipse(channel, Blend::Over, grey(body.blood + 0.06), 1.0);
    Some(truth(ANEURYSM, vec![[x, y, radius, radius]]))
}
