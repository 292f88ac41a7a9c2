//! Volumes on each other's grids.

use super::*;
use crate::Facts;
use crate::geometry::{IDENTITY, from_columns};

/// A volume whose values are a plane through space: 2 x - 3 y + 5 z + 7, in millimetres.
fn sloped(size: [usize; 3], affine: Affine) -> Volume {
    let mut values = Vec::new();
    for z in 0..size[2] {
        for y in 0..size[1] {
            for x in 0..size[0] {
                values.push(slope(apply(&affine, [x as f64, y as f64, z as f64])) as f32);
            }
        }
    }
    Volume {
        size,
        pixels: Pixels::Values(values),
        affine: Some(affine),
        spacing: [None; 3],
        facts: Facts::default(),
    }
}

fn slope([x, y, z]: [f64; 3]) -> f64 {
    2.0 * x - 3.0 * y + 5.0 * z + 7.0
}

fn values(volume: &Volume) -> &[f32] {
    match &volume.pixels {
        Pixels::Values(values) => values,
        Pixels::Rgb(_) => panic!("values"),
    }
}

#[test]
fn a_linear_slope_is_kept_exactly_by_trilinear_interpolation() {
    let fine = from_columns(
        [0.9, 0.2, 0.0],
        [-0.2, 0.9, 0.0],
        [0.0, 0.0, 1.1],
        [2.0, 3.0, 1.0],
    );
    let coarse = from_columns(
        [-2.0, 0.0, 0.0],
        [0.0, -2.5, 0.0],
        [0.0, 0.0, 3.0],
        [30.0, 30.0, -5.0],
    );
    let volume = sloped([20, 20, 10], coarse);
    let grid = Grid {
        size: [6, 5, 4],
        affine: fine,
    };
    let resampled = resample(&volume, &grid, Interpolation::Trilinear).unwrap();
    for z in 0..4 {
        for y in 0..5 {
            for x in 0..6 {
                let wanted = slope(apply(&fine, [x as f64, y as f64, z as f64]));
                let got = f64::from(values(&resampled)[x + 6 * (y + 5 * z)]);
                assert!((wanted - got).abs() < 1e-3, "{x} {y} {z}: {wanted} {got}");
            }
        }
    }
}

#[test]
fn the_same_grid_gives_the_same_values() {
    let oblique = from_columns(
        [0.9, 0.2, 0.0],
        [-0.2, 0.9, 0.1],
        [0.0, -0.1, 1.1],
        [2.0, 3.0, 1.0],
    );
    let volume = sloped([5, 4, 3], oblique);
    let grid = Grid::of(&volume).unwrap();
    for how in [Interpolation::Trilinear, Interpolation::Nearest] {
        let again = resample(&volume, &grid, how).unwrap();
        let worst = values(&volume)
            .iter()
            .zip(values(&again))
            .map(|(a, b)| (a - b).abs());
        assert!(worst.fold(0.0, f32::max) < 1e-3);
    }
}

#[test]
fn labels_are_never_mixed_and_outside_there_is_nothing() {
    let mut labels = sloped([2, 1, 1], IDENTITY);
    labels.pixels = Pixels::Values(vec![1.0, 9.0]);
    let fine = from_columns(
        [0.25, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
        [-1.0, 0.0, 0.0],
    );
    let grid = Grid {
        size: [13, 1, 1],
        affine: fine,
    };
    let found = resample(&labels, &grid, Interpolation::Nearest).unwrap();
    let found: Vec<_> = values(&found)
        .iter()
        .map(|v| if v.is_nan() { -1.0 } else { *v })
        .collect();
    let expected = [
        -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0, -1.0, -1.0,
    ];
    // Half way between two voxels, either is right.
    for (place, (found, wanted)) in found.iter().zip(expected).enumerate() {
        assert!(place == 6 || *found == wanted, "{place}: {found} {wanted}");
    }
}

#[test]
fn missing_values_do_not_spread() {
    let mut volume = sloped([3, 1, 1], IDENTITY);
    volume.pixels = Pixels::Values(vec![f32::NAN, 4.0, 4.0]);
    let near = from_columns(
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
        [0.25, 0.0, 0.0],
    );
    let grid = Grid {
        size: [2, 1, 1],
        affine: near,
    };
    let found = resample(&volume, &grid, Interpolation::Trilinear).unwrap();
    assert!(values(&found)[0].is_nan() && values(&found)[1] == 4.0);
}

#[test]
fn scans_that_do_not_share_their_coordinates_are_refused() {
    let base = sloped([4, 4, 4], IDENTITY);
    let mut other = base.clone();
    assert!(
        check_same_space(&base, &other).unwrap().is_some(),
        "an assumption is stated"
    );
    let mut known = base.clone();
    known.facts.frame_of_reference = Some("a".into());
    other.facts.frame_of_reference = Some("a".into());
    assert_eq!(check_same_space(&known, &other).unwrap(), None);
    other.facts.frame_of_reference = Some("b".into());
    let error = check_same_space(&known, &other).unwrap_err().to_string();
    assert!(error.contains("frames of reference"), "{error}");
    let mut far = base.clone();
    far.affine = Some(from_columns(
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
        [50.0, 0.0, 0.0],
    ));
    let error = check_same_space(&base, &far).unwrap_err().to_string();
    assert!(error.contains("overlap"), "{error}");
    far.affine = None;
    let error = check_same_space(&base, &far).unwrap_err().to_string();
    assert!(error.contains("position"), "{error}");
    let mut flat = base.clone();
    flat.affine = Some([[0.0; 4]; 4]);
    assert!(check_same_space(&base, &flat).is_err());
}

#[test]
fn a_grid_that_is_too_large_is_refused_before_it_is_made() {
    let volume = sloped([2, 2, 2], IDENTITY);
    let grid = Grid {
        size: [1 << 20, 1 << 20, 1 << 30],
        affine: IDENTITY,
    };
    assert!(matches!(
        resample(&volume, &grid, Interpolation::Nearest),
        Err(ViewError::Size(_))
    ));
}
