//! The findings in an abdomen, drawn onto the finished slice.

use super::*;

pub(super) fn draw_liver_lesions(canvas: &mut Canvas, rng: &mut Rng, body: &Body) -> FindingTruth {
    let wanted = 1 + rng.below(3);
    let large = rng.chance(0.5);
    let mut spots: Vec<[f32; 4]> = Vec::new();
    for attempt in 0..800 {
        if spots.len() == wanted || (attempt > 700 && !spots.is_empty()) {
            break;
        }
        let radius = if large {
            rng.range(0.043, 0.049)
        } else {
            rng.range(0.030, 0.034)
        };
        let reach = body.liver.radii;
        let (x, y) = (
            body.liver.centre[0] + reach[0] * rng.range(-0.8, 0.8),
            body.liver.centre[1] + reach[1] * rng.range(-0.8, 0.8),
        );
        // Free fluid may cover the outer rim of the liver, so lesions lie deeper.
        let inside = body.liver.depth(x, y) > radius * 0.9 + 0.008
            && body.cavity.depth(x, y) > radius + 0.05
            && x + radius < 0.43
            && body.kidneys[0].depth(x, y) < -radius - 0.02;
        let apart = spots
            .iter()
            .all(|s| (s[0] - x).hypot(s[1] - y) > s[2] + radius + 0.016);
        if inside && apart {
            spots.push([x, y, radius, radius]);
        }
    }
    if spots.is_empty() {
        let [x, y] = body.liver.centre;
        let radius = if large { 0.045 } else { 0.031 };
        spots.push([x + 0.01, y, radius, radius]);
    }
    let ragged = Noise::new(rng);
    for [x, y, radius, _] in &spots {
        let spot = Ellipse::new(*x, *y, *radius, *radius).soft(0.012);
        canvas.paint(spot.bounds(), Blend::Over, grey(0.24), |px, py| {
            let edge = 0.12 * radius * ragged.value(px * 22.0, py * 22.0);
            ramp(spot.depth(px, py) + edge, 0.012)
        });
    }
    FindingTruth {
        grade: Some(usize::from(large)),
        ..truth(LIVER_LESION, spots)
    }
}

/// Picks one side or both: the signs of the sides to draw on, and the side for the truth.
fn pick_sides(rng: &mut Rng) -> (Vec<f32>, Side) {
    if rng.chance(0.25) {
        return (vec![-1.0, 1.0], Side::Both);
    }
    let sign = random_sign(rng);
    (vec![sign], side_of(sign))
}

fn kidney_on(body: &Body, sign: f32) -> &Ellipse {
    &body.kidneys[usize::from(sign > 0.0)]
}

/// Cysts sit on the outer edge of the kidney; of two, one may be clearly larger.
pub(super) fn draw_kidney_cysts(canvas: &mut Canvas, rng: &mut Rng, body: &Body) -> FindingTruth {
    let (signs, side) = pick_sides(rng);
    let bigger = (signs.len() == 2).then(|| random_sign(rng));
    let mut regions = Vec::new();
    for sign in signs {
        let radius = match bigger {
            Some(big) if big == sign => rng.range(0.048, 0.052),
            Some(_) => rng.range(0.030, 0.033),
            None => rng.range(0.040, 0.048),
        };
        let kidney = kidney_on(body, sign);
        let angle = rng.range(-0.35, 0.35);
        let reach = kidney.radii[0] - 0.012 + radius * 0.45;
        let (x, y) = (
            kidney.centre[0] + sign * reach * angle.cos(),
            kidney.centre[1] + reach * angle.sin(),
        );
        let fat = Ellipse::new(x, y, radius + 0.012, radius + 0.012);
        canvas.paint(fat.bounds(), Blend::Over, grey(FAT), |px, py| {
            fat.coverage(px, py) * ramp(-kidney.depth(px, py), 0.01)
        });
        let wall = Ellipse::new(x, y, radius, radius).soft(0.008);
        canvas.ellipse(wall, Blend::Over, grey(body.kidney), 1.0);
        let water = Ellipse::new(x, y, radius - 0.008, radius - 0.008).soft(0.006);
        canvas.ellipse(water, Blend::Over, grey(0.22), 1.0);
        regions.push([x, y, radius, radius]);
    }
    FindingTruth {
        side: Some(side),
        larger: bigger.map(side_of),
        ..truth(KIDNEY_CYST, regions)
    }
}

/// A stone lies at the inner side of its kidney, clear of any cyst.
pub(super) fn draw_kidney_stones(canvas: &mut Canvas, rng: &mut Rng, body: &Body) -> FindingTruth {
    let (signs, side) = pick_sides(rng);
    let mut regions = Vec::new();
    for sign in signs {
        let radius = rng.range(0.0235, 0.027);
        let [kx, ky] = kidney_on(body, sign).centre;
        let (x, y) = (kx - sign * 0.020, ky + rng.range(-0.012, 0.018));
        let sinus = Ellipse::new(x, y, radius + 0.012, radius + 0.012);
        canvas.ellipse(sinus, Blend::Over, grey(0.25), 0.9);
        let stone = Ellipse::new(x, y, radius, radius * rng.range(0.85, 1.0)).soft(0.008);
        canvas.ellipse(stone, Blend::Over, grey(1.08), 1.0);
        regions.push([x, y, radius, radius]);
    }
    FindingTruth {
        side: Some(side),
        ..truth(KIDNEY_STONE, regions)
    }
}

/// Fluid collects between a side wall and the organs.
pub(super) fn draw_free_fluid(
    canvas: &mut Canvas,
    rng: &mut Rng,
    body: &Body,
    sign: f32,
) -> FindingTruth {
    let thick = rng.range(0.045, 0.052);
    let [cx, cy] = body.cavity.radii;
    canvas.paint(body.cavity.bounds(), Blend::Over, grey(WATER), |x, y| {
        let depth = body.cavity.depth(x, y);
        let band = thick * ramp(sign * (x - 0.5) / cx - 0.62, 0.4);
        ramp(depth, 0.008) * ramp(band - depth, 0.01)
    });
    let region = [0.5 + sign * (cx - 0.028), 0.5, 0.032, cy * 0.5];
    FindingTruth {
        side: Some(side_of(sign)),
        ..truth(FREE_FLUID, vec![region])
    }
}
