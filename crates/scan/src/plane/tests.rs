//! A marker at a known place of the patient must come out at the right place of each image.

use super::*;
use crate::geometry::{IDENTITY, from_columns};
use crate::{Facts, Pixels};

/// A volume whose only bright voxel is the one nearest to `marker` (millimetres in the patient).
fn marked(size: [usize; 3], affine: Affine, marker: [f64; 3]) -> Volume {
    let mut values = vec![0.0; size[0] * size[1] * size[2]];
    let mut nearest = (f64::INFINITY, 0);
    for z in 0..size[2] {
        for y in 0..size[1] {
            for x in 0..size[0] {
                let at = apply(&affine, [x as f64, y as f64, z as f64]);
                let away = (0..3).map(|i| (at[i] - marker[i]).powi(2)).sum::<f64>();
                if away < nearest.0 {
                    nearest = (away, x + size[0] * (y + size[1] * z));
                }
            }
        }
    }
    values[nearest.1] = 100.0;
    Volume {
        size,
        pixels: Pixels::Values(values),
        affine: Some(affine),
        spacing: [0, 1, 2].map(|axis| Some(length(column(&affine, axis)))),
        facts: Facts::default(),
    }
}

/// Where the marker is in a plane: the number of its image, and its place as shares of width and height.
fn found(volume: &Volume, plane: Plane) -> (usize, f64, f64) {
    let layout = Layout::of(volume, Some(plane)).unwrap();
    for image in 0..layout.count() {
        let slice = Slice::cut(volume, &layout, image).unwrap();
        let Pixels::Values(values) = &slice.pixels else {
            panic!("values");
        };
        if let Some(at) = values.iter().position(|value| *value > 50.0) {
            let (x, y) = (at % slice.width, at / slice.width);
            let share = |at: usize, count: usize| (at as f64 + 0.5) / count as f64;
            return (image, share(x, slice.width), share(y, slice.height));
        }
    }
    panic!("no marker");
}

/// Volumes of the same box of the patient (x -40..40, y -30..30, z -50..50), stored in different orders and directions.
fn storages() -> Vec<(&'static str, [usize; 3], Affine)> {
    let (l, p, h) = ([4.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 10.0]);
    let minus = |v: [f64; 3]| v.map(|x| -x);
    vec![
        (
            "axial, as CT stores it",
            [20, 20, 10],
            from_columns(l, p, h, [-38.0, -28.5, -45.0]),
        ),
        (
            "axial from head to feet",
            [20, 20, 10],
            from_columns(l, p, minus(h), [-38.0, -28.5, 45.0]),
        ),
        (
            "RAS, as NIfTI",
            [20, 20, 10],
            from_columns(minus(l), minus(p), h, [38.0, 28.5, -45.0]),
        ),
        (
            "coronal",
            [20, 10, 20],
            from_columns(l, minus(h), p, [-38.0, -28.5, 45.0]),
        ),
        (
            "sagittal",
            [20, 10, 20],
            from_columns(p, minus(h), l, [-38.0, -28.5, 45.0]),
        ),
    ]
}

#[test]
fn a_marker_is_on_the_right_side_of_every_plane_however_the_volume_is_stored() {
    // On the patient's left, in front, near the head.
    let marker = [22.0, -16.5, 35.0];
    for (name, size, affine) in storages() {
        let volume = marked(size, affine, marker);
        let (_, x, y) = found(&volume, Plane::Axial);
        assert!(
            x > 0.7 && y < 0.3,
            "{name}: axial: left is right, front is up: {x} {y}"
        );
        let (_, x, y) = found(&volume, Plane::Coronal);
        assert!(
            x > 0.7 && y < 0.3,
            "{name}: coronal: left is right, head is up: {x} {y}"
        );
        let (_, x, y) = found(&volume, Plane::Sagittal);
        assert!(
            x < 0.3 && y < 0.3,
            "{name}: sagittal: front is left, head is up: {x} {y}"
        );
    }
}

#[test]
fn slices_count_from_feet_front_and_right_and_know_their_position() {
    let marker = [22.0, -16.5, 35.0];
    for (name, size, affine) in storages() {
        let volume = marked(size, affine, marker);
        for (plane, axis) in [(Plane::Axial, 2), (Plane::Coronal, 1), (Plane::Sagittal, 0)] {
            let layout = Layout::of(&volume, Some(plane)).unwrap();
            let (image, ..) = found(&volume, plane);
            let there = layout.position(image).unwrap();
            assert!(
                (there - marker[axis]).abs() <= 5.0,
                "{name} {plane:?}: {there}"
            );
            assert!(layout.position(0) < layout.position(layout.count() - 1));
        }
    }
}

#[test]
fn edges_are_named_as_radiologists_expect() {
    let volume = marked([4, 4, 4], IDENTITY, [0.0; 3]);
    let letters = |plane| {
        let edges = Layout::of(&volume, Some(plane)).unwrap().edges.unwrap();
        [edges.left, edges.right, edges.top, edges.bottom]
            .iter()
            .collect::<String>()
    };
    assert_eq!(letters(Plane::Axial), "RLAP");
    assert_eq!(letters(Plane::Coronal), "RLHF");
    assert_eq!(letters(Plane::Sagittal), "APHF");
}

#[test]
fn an_oblique_volume_keeps_its_samples_and_says_how_oblique_it_is() {
    let (sin, cos) = 20.0_f64.to_radians().sin_cos();
    let oblique = from_columns([cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 5.0], [0.0; 3]);
    let volume = marked([8, 8, 4], oblique, [0.0; 3]);
    let layout = Layout::of(&volume, None).unwrap();
    assert_eq!(layout.plane, Some(Plane::Axial));
    assert!((layout.obliqueness - 20.0).abs() < 1e-6);
    let Pixels::Values(values) = Slice::cut(&volume, &layout, 0).unwrap().pixels else {
        panic!("values");
    };
    assert_eq!(
        Pixels::Values(values.clone()),
        Pixels::Values(match &volume.pixels {
            Pixels::Values(all) => all[..64].to_vec(),
            Pixels::Rgb(_) => Vec::new(),
        })
    );
}

#[test]
fn thick_slices_get_square_pixels_over_the_same_area() {
    let affine = from_columns(
        [2.0, 0.0, 0.0],
        [0.0, 2.0, 0.0],
        [0.0, 0.0, 5.0],
        [0.0, 0.0, 0.0],
    );
    let volume = marked([10, 10, 6], affine, [8.0, 8.0, 20.0]);
    let layout = Layout::of(&volume, Some(Plane::Coronal)).unwrap();
    let slice = Slice::cut(&volume, &layout, 4).unwrap();
    let corner = |slice: &Slice| apply(&slice.affine.unwrap(), [-0.5, -0.5, 0.0]);
    let other = |slice: &Slice| {
        let far = [slice.width as f64 - 0.5, slice.height as f64 - 0.5, 0.0];
        apply(&slice.affine.unwrap(), far)
    };
    let before = (corner(&slice), other(&slice));
    let square = slice.square(false);
    assert_eq!((square.width, square.height), (10, 15));
    assert_eq!(square.spacing, [Some(2.0), Some(2.0)]);
    let after = (corner(&square), other(&square));
    for i in 0..3 {
        assert!((before.0[i] - after.0[i]).abs() < 1e-9 && (before.1[i] - after.1[i]).abs() < 1e-9);
    }
    let Pixels::Values(values) = &square.pixels else {
        panic!("values");
    };
    let brightest = values
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .unwrap()
        .0;
    let at = apply(
        &square.affine.unwrap(),
        [(brightest % 10) as f64, (brightest / 10) as f64, 0.0],
    );
    assert!(
        (at[0] - 8.0).abs() <= 1.0 && (at[2] - 20.0).abs() <= 2.5,
        "{at:?}"
    );
}

#[test]
fn frames_without_a_position_are_shown_as_stored_and_have_no_planes() {
    let mut volume = marked([3, 2, 2], IDENTITY, [2.0, 0.0, 1.0]);
    volume.affine = None;
    volume.spacing = [None; 3];
    let layout = Layout::of(&volume, None).unwrap();
    assert_eq!(
        (layout.plane, layout.noun(), layout.position(0)),
        (None, "frame", None)
    );
    let slice = Slice::cut(&volume, &layout, 1).unwrap();
    assert_eq!(
        slice.pixels,
        Pixels::Values(vec![0.0, 0.0, 100.0, 0.0, 0.0, 0.0])
    );
    assert!(matches!(
        Layout::of(&volume, Some(Plane::Axial)),
        Err(ViewError::NoOrientation { .. })
    ));
    assert!(Slice::cut(&volume, &layout, 2).is_err());
}

#[test]
fn a_slab_reaches_half_its_thickness_both_ways() {
    let affine = from_columns([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.0; 3]);
    let layout = Layout::of(&marked([4, 4, 10], affine, [0.0; 3]), None).unwrap();
    assert_eq!(layout.slab(5, 2.0).unwrap(), 5..6);
    assert_eq!(layout.slab(5, 8.0).unwrap(), 3..8);
    assert_eq!(layout.slab(0, 8.0).unwrap(), 0..3);
    assert_eq!(layout.slab(5, 1e9).unwrap(), 0..10);
}

#[test]
fn a_single_slice_has_no_other_plane() {
    let volume = marked([4, 4, 1], IDENTITY, [0.0; 3]);
    let error = Layout::of(&volume, Some(Plane::Coronal)).unwrap_err();
    assert!(error.to_string().contains("axial"), "{error}");
}

#[test]
fn colours_are_cut_and_stretched_too() {
    let rgb: Vec<u8> = (0..2 * 2 * 3).map(|i| i * 10).collect();
    let volume = Volume {
        size: [2, 2, 1],
        pixels: Pixels::Rgb(rgb.clone()),
        affine: None,
        spacing: [Some(1.0), Some(2.0), None],
        facts: Facts::default(),
    };
    let layout = Layout::of(&volume, None).unwrap();
    let slice = Slice::cut(&volume, &layout, 0).unwrap();
    assert_eq!(slice.pixels, Pixels::Rgb(rgb));
    let square = slice.square(false);
    assert_eq!((square.width, square.height), (2, 4));
    let Pixels::Rgb(stretched) = square.pixels else {
        panic!("colours");
    };
    assert_eq!(stretched.len(), 24);
    assert_eq!(&stretched[..6], &[0, 10, 20, 30, 40, 50]);
}
