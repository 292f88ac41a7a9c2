//! The findings on a chest film, drawn onto the finished chest.

use super::*;

fn truth(finding: usize, half: usize, region: [f32; 4]) -> FindingTruth {
    FindingTruth {
        finding,
        side: Some(side_of(half)),
        place: None,
        grade: None,
        count: 1,
        larger: None,
        regions: vec![region],
    }
}

pub(super) fn draw_effusion(canvas: &mut Canvas, rng: &mut Rng, chest: &Chest) -> FindingTruth {
    let (half, grade) = (rng.below(2), rng.below(2));
    // The heart hides fluid on the left, so the level is higher there.
    let hidden = if half == 1 { 0.03 } else { 0.0 };
    let rise = [
        rng.range(0.0, 0.03) + hidden,
        rng.range(0.16, 0.22) + hidden,
    ][grade];
    let level = chest.domes[half] - rise;
    let (climb, white) = (rng.range(0.13, 0.16), rng.range(0.58, 0.64));
    let surface = move |u: f32| level - climb * (((u - 0.16) / 0.22).max(0.0)).powi(2);
    canvas.paint(chest.half_box(half), Blend::Over, grey(white), |x, y| {
        let u = sign(half) * (x - 0.5);
        let below = ramp(chest.dome(half, u) + 0.05 - y, 0.1);
        0.95 * ramp(chest.cage(u, y, 0.0), 0.014) * ramp(y - surface(u), 0.03) * below
    });
    let top = surface(chest.half_width);
    let (middle, reach) = if grade == 0 {
        (0.32, 0.09)
    } else {
        (0.23, 0.18)
    };
    let region = [
        at(half, middle),
        (top + chest.base) * 0.5,
        reach,
        (chest.base - top) * 0.5,
    ];
    FindingTruth {
        grade: Some(grade),
        ..truth(EFFUSION, half, region)
    }
}

pub(super) fn draw_pneumothorax(canvas: &mut Canvas, rng: &mut Rng, chest: &Chest) -> FindingTruth {
    let half = rng.below(2);
    let inset = rng.range(0.075, 0.115);
    let edge = |x: f32, y: f32| chest.cage(sign(half) * (x - 0.5), y, inset);
    let inside = |x: f32, y: f32| ramp(chest.lung(half, sign(half) * (x - 0.5), y), 0.014);
    canvas.paint(chest.half_box(half), Blend::Add, grey(0.1), |x, y| {
        inside(x, y) * ramp(edge(x, y), 0.01)
    });
    canvas.paint(chest.half_box(half), Blend::Multiply, grey(0.28), |x, y| {
        inside(x, y) * ramp(-edge(x, y), 0.01)
    });
    canvas.paint(chest.half_box(half), Blend::Add, grey(0.34), |x, y| {
        inside(x, y) * ramp(0.006 - edge(x, y).abs(), 0.006)
    });
    let u = chest.half_width - inset * 0.5;
    truth(PNEUMOTHORAX, half, [at(half, u), 0.45, inset * 0.6, 0.28])
}

pub(super) fn draw_device(canvas: &mut Canvas, rng: &mut Rng, chest: &Chest) -> FindingTruth {
    let half = rng.below(2);
    let (u, v) = (rng.range(0.27, 0.3), rng.range(0.215, 0.25));
    let (x, size) = (at(half, u), rng.range(0.043, 0.052));
    let tip = [
        chest.heart.centre[0] + rng.range(0.0, 0.05),
        chest.heart.centre[1] + 0.05,
    ];
    let lead = [
        [x, v],
        [at(half, u - 0.07), v - 0.06],
        [at(half, 0.1), v - 0.045],
        [at(half, 0.02), v + 0.05],
        [0.47, v + 0.17],
        [0.465, chest.heart.centre[1] - 0.02],
        tip,
    ];
    canvas.stroke(&rounded(&lead), 0.011, 0.004, Blend::Over, grey(1.0), 0.95);
    let case = Ellipse::new(x, v, size, size * 0.85).soft(0.008);
    canvas.ellipse(case, Blend::Over, grey(0.97), 1.0);
    let battery = Ellipse::new(x, v + size * 0.2, size * 0.6, size * 0.4).soft(0.006);
    canvas.ellipse(battery, Blend::Over, grey(0.8), 1.0);
    truth(DEVICE, half, [x, v, size, size * 0.85])
}

/// A polyline with its corners cut and its end points kept.
fn rounded(points: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut line = vec![points[0]];
    for pair in points.windows(2) {
        for t in [0.25, 0.75] {
            line.push([0, 1].map(|i| pair[0][i] + t * (pair[1][i] - pair[0][i])));
        }
    }
    line.push(points[points.len() - 1]);
    line
}

/// The space a round shape needs: its core must lie in free lung, and its reach must not touch another finding.
#[derive(Clone, Copy)]
struct Room {
    core: f32,
    reach: f32,
}

/// Whether a round shape lies in the lung, clear of the heart, the lung root and everything drawn so far.
fn is_free(chest: &Chest, taken: &[[f32; 4]], half: usize, [u, v]: [f32; 2], room: Room) -> bool {
    let x = at(half, u);
    let clear = |region: &[f32; 4]| {
        let reach = [region[2] + room.reach + 0.03, region[3] + room.reach + 0.03];
        ((x - region[0]) / reach[0]).powi(2) + ((v - region[1]) / reach[1]).powi(2) > 1.0
    };
    chest.lung(half, u, v) > room.core
        && u + room.core < chest.half_width - 0.01
        && u - room.core > 0.13
        && chest.heart.depth(x, v) < -room.core
        && taken.iter().all(clear)
}

/// Finds a free place: (half, zone, u, v). Both sides are equally likely; the other one is used only if there is no space.
fn find_place(
    rng: &mut Rng,
    chest: &Chest,
    taken: &[[f32; 4]],
    room: Room,
) -> Option<(usize, usize, f32, f32)> {
    let first = rng.below(2);
    for half in [first, 1 - first] {
        let mut zones = [0, 1, 2];
        rng.shuffle(&mut zones);
        for zone in zones {
            for _ in 0..60 {
                let u = rng.range(0.14, 0.38);
                let v = rng.range(ZONE_HEIGHTS[zone][0], ZONE_HEIGHTS[zone][1]);
                if is_free(chest, taken, half, [u, v], room) {
                    return Some((half, zone, u, v));
                }
            }
        }
    }
    None
}

pub(super) fn draw_consolidation(
    canvas: &mut Canvas,
    rng: &mut Rng,
    chest: &Chest,
    taken: &[[f32; 4]],
) -> FindingTruth {
    // The cloud may extend past the lung edge, where it is clipped: only its core needs space.
    let room = Room {
        core: 0.05,
        reach: 0.13,
    };
    let (half, zone, u, v) = find_place(rng, chest, taken, room).unwrap_or((0, 2, 0.25, 0.6));
    let radii = [rng.range(0.105, 0.13), rng.range(0.09, 0.115)];
    let cloud = Ellipse::new(at(half, u), v, radii[0], radii[1]);
    let field = Noise::new(rng);
    let bounds = cloud.soft(0.08).bounds();
    canvas.paint(bounds, Blend::Add, grey(0.42), |x, y| {
        let ragged = cloud.depth(x, y) + 0.06 * field.fractal(x * 17.0, y * 17.0, 3);
        let patchy = 0.9 + 0.3 * field.fractal(x * 22.0 + y * 9.0, y * 22.0 - x * 9.0, 2);
        let lung = ramp(chest.lung(half, sign(half) * (x - 0.5), y), 0.014);
        let heart = 1.0 - chest.heart.coverage(x, y);
        ramp(ragged - 0.02, 0.07) * patchy * lung * heart
    });
    FindingTruth {
        place: Some(zone),
        ..truth(CONSOLIDATION, half, [at(half, u), v, radii[0], radii[1]])
    }
}

pub(super) fn draw_nodules(
    canvas: &mut Canvas,
    rng: &mut Rng,
    chest: &Chest,
    taken: &[[f32; 4]],
) -> FindingTruth {
    let grade = rng.below(2);
    let wanted = 1 + *rng.pick(&[0, 0, 1, 1, 2]);
    let (low, high) = [(0.031, 0.042), (0.056, 0.074)][grade];
    let uneven = wanted == 2 && rng.chance(0.6);
    let middle = rng.range(low, high);
    let mut taken = taken.to_vec();
    let mut placed: Vec<(usize, usize, [f32; 4])> = Vec::new();
    for i in 0..wanted {
        let radius = match (uneven, i) {
            (false, _) => middle,
            (true, 0) => high,
            (true, _) => low,
        };
        let room = Room {
            core: radius,
            reach: radius,
        };
        if let Some((half, zone, u, v)) = find_place(rng, chest, &taken, room) {
            let region = [at(half, u), v, radius, radius * rng.range(0.9, 1.0)];
            taken.push(region);
            placed.push((half, zone, region));
        }
    }
    if placed.is_empty() {
        placed.push((0, 1, [at(0, 0.25), 0.46, low, low]));
    }
    for (_, _, r) in &placed {
        let spot = Ellipse::new(r[0], r[1], r[2], r[3]).soft(0.014);
        canvas.ellipse(spot, Blend::Over, grey(rng.range(0.6, 0.68)), 0.92);
    }
    nodule_truth(&placed, grade, uneven)
}

fn nodule_truth(placed: &[(usize, usize, [f32; 4])], grade: usize, uneven: bool) -> FindingTruth {
    let (half, zone, region) = placed[0];
    let one_side = placed.iter().all(|p| p.0 == half);
    let one_zone = placed.iter().all(|p| p.1 == zone);
    FindingTruth {
        side: Some(if one_side { side_of(half) } else { Side::Both }),
        place: one_zone.then_some(zone),
        grade: Some(grade),
        count: placed.len(),
        larger: (uneven && placed.len() == 2 && !one_side).then(|| side_of(half)),
        regions: placed.iter().map(|p| p.2).collect(),
        ..truth(NODULE, half, region)
    }
}
