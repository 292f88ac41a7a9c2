//! The findings on a knee film that do not change the bones, unlike a fracture or a narrow joint.

use super::*;

pub(super) fn grow_spurs(rng: &mut Rng, knee: &mut Knee) -> FindingTruth {
    let place = rng.below(2);
    knee.spurs = Some((place, rng.range(0.055, 0.075)));
    let w = compartment_sign(place) * (knee.width() + 0.02);
    truth(OSTEOPHYTES, place, [knee.x(w), PLATEAU - 0.02, 0.07, 0.09])
}

/// The lesion is drawn in a bone without a plate or fracture, so that each remains clearly visible.
pub(super) fn draw_lesion(
    canvas: &mut Canvas,
    rng: &mut Rng,
    knee: &Knee,
    busy: Option<usize>,
) -> FindingTruth {
    let place = match busy {
        Some(FEMUR) => TIBIA,
        Some(TIBIA) => FEMUR,
        _ => rng.below(2),
    };
    let grade = rng.below(2);
    let radius = if grade == 0 {
        rng.range(0.036, 0.046)
    } else {
        rng.range(0.066, 0.08)
    };
    let y = if place == FEMUR {
        rng.range(0.36, 0.39)
    } else {
        rng.range(0.62, 0.66)
    };
    let edge = if place == FEMUR {
        knee.femur_edge(y)
    } else {
        knee.tibia_edge(y)
    };
    // On the lateral side the fibula would cover part of the tibia.
    let sign = if place == TIBIA || rng.chance(0.5) {
        -1.0
    } else {
        1.0
    };
    let x = knee.x(sign * (edge - radius - rng.range(0.025, 0.04)));
    let spot = Ellipse::new(x, y, radius, radius * rng.range(0.88, 1.0)).soft(0.012);
    canvas.ellipse(spot, Blend::Multiply, grey(0.42), 1.0);
    canvas.paint(spot.bounds(), Blend::Add, grey(0.14), |x, y| {
        ramp(0.007 - spot.depth(x, y).abs(), 0.008)
    });
    FindingTruth {
        grade: Some(grade),
        ..truth(LESION, place, [x, y, spot.radii[0], spot.radii[1]])
    }
}

pub(super) fn draw_plate(canvas: &mut Canvas, rng: &mut Rng, knee: &Knee) -> FindingTruth {
    let place = rng.below(2);
    let (top, sign) = if place == FEMUR {
        (rng.range(0.07, 0.1), 1.0)
    } else {
        (rng.range(0.66, 0.69), -1.0)
    };
    let length = rng.range(0.2, 0.22);
    let edge = |y: f32| {
        let width = if place == FEMUR {
            knee.femur_edge(y)
        } else {
            knee.tibia_edge(y)
        };
        sign * (width + 0.006)
    };
    let points: Vec<[f32; 2]> = (0..5)
        .map(|i| top + length * i as f32 / 4.0)
        .map(|y| [knee.x(edge(y)), y])
        .collect();
    let screws = 3 + rng.below(2);
    for i in 0..screws {
        let y = top + length * (i as f32 + 0.5) / screws as f32;
        let ends = [
            [knee.x(edge(y)), y],
            [knee.x(edge(y) - sign * knee.shaft * 1.5), y + 0.004],
        ];
        canvas.stroke(&ends, 0.014, 0.005, Blend::Over, grey(0.95), 1.0);
    }
    canvas.stroke(&points, 0.026, 0.006, Blend::Over, grey(1.0), 1.0);
    let y = top + length * 0.5;
    truth(
        PLATE,
        place,
        [knee.x(edge(y) * 0.5), y, 0.14, length * 0.5 + 0.03],
    )
}
