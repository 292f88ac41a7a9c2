//! Against pyradiomics, SimpleITK and pydicom (`tests/reference/scan_measures.py`), and regions on shown images.

use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::geometry::{Affine, from_columns};
use crate::plane::{Layout, Plane};
use crate::resample::{Grid, Interpolation, resample};
use crate::window::{Curve, Tone};
use crate::{Facts, Pixels, VoiFunction};

const SIZE: [usize; 3] = [12, 10, 8];
const SPACING: [f64; 3] = [0.8, 0.9, 2.5];

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/scan_measures/measures.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn affine() -> Affine {
    let [x, y, z] = SPACING;
    from_columns(
        [x, 0.0, 0.0],
        [0.0, y, 0.0],
        [0.0, 0.0, z],
        [-20.0, 15.0, 40.0],
    )
}

fn filled(modality: Modality, value: impl Fn([i64; 3]) -> f32) -> Volume {
    let mut values = Vec::new();
    for z in 0..SIZE[2] {
        for y in 0..SIZE[1] {
            for x in 0..SIZE[0] {
                values.push(value([x, y, z].map(|at| i64::try_from(at).unwrap())));
            }
        }
    }
    Volume {
        size: SIZE,
        pixels: Pixels::Values(values),
        affine: Some(affine()),
        spacing: SPACING.map(Some),
        facts: Facts {
            modality,
            ..Facts::default()
        },
    }
}

/// The volume of the reference script.
fn volume() -> Volume {
    filled(Modality::Ct, |[x, y, z]| {
        let whole = (7 * x * x + 13 * y * y + 29 * z * z + 3 * x * y + 5 * y * z) % 997 - 300;
        whole as f32 + 0.25 * ((x + y + z) % 2) as f32
    })
}

/// The label map of the reference script.
fn labels() -> Volume {
    filled(Modality::Labels, |[x, y, z]| {
        let square = |a: i64, b: i64| (a - b) * (a - b);
        if x == 0 && y == 0 && z == 0 {
            3.0
        } else if (8..11).contains(&x) && (5..9).contains(&y) && z >= 5 {
            2.0
        } else if square(x, 4) + square(y, 4) + square(z, 3) <= 9 {
            1.0
        } else {
            0.0
        }
    })
}

fn label(value: u32) -> Region {
    Region::Label {
        labels: Arc::new(labels()),
        value,
    }
}

#[test]
fn measurements_equal_those_of_pyradiomics() {
    let golden = golden();
    for (name, expected) in golden["radiomics"].as_object().unwrap() {
        let region = label(name.parse().unwrap());
        let measured = measure(&volume(), &region, Some(25.0)).unwrap();
        let measured = serde_json::to_value(&measured).unwrap();
        for (feature, expected) in expected.as_object().unwrap() {
            let (got, expected) = (
                measured[feature].as_f64().unwrap(),
                expected.as_f64().unwrap(),
            );
            let close = (got - expected).abs() <= 1e-6 * expected.abs().max(1.0);
            assert!(close, "label {name}, {feature}: {got}, not {expected}");
        }
    }
}

#[test]
fn windows_equal_those_of_pydicom() {
    let windows = &golden()["windows"];
    let values: Vec<f64> = windows["values"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    let cases = windows["cases"].as_array().unwrap();
    assert_eq!((values.len(), cases.len()), (12, 12));
    for case in cases {
        let number = |name: &str| case[name].as_f64().unwrap();
        let function = match case["function"].as_str().unwrap() {
            "LINEAR" => VoiFunction::Linear,
            "LINEAR_EXACT" => VoiFunction::LinearExact,
            _ => VoiFunction::Sigmoid,
        };
        let tone = Tone {
            curve: Curve::Voi {
                centre: number("centre"),
                width: number("width"),
                function,
            },
            factor: 1.0,
            inverted: false,
            missing: 0,
        };
        for (value, grey) in values.iter().zip(case["grey"].as_array().unwrap()) {
            let got = tone.curve.share(*value) * 255.0;
            assert!(
                (got - grey.as_f64().unwrap()).abs() < 1e-6,
                "{case}: {value}: {got}"
            );
            assert!((f64::from(tone.grey(*value as f32)) - got).abs() <= 0.5 + 1e-3);
        }
    }
}

#[test]
fn resampling_equals_that_of_simple_itk() {
    let golden = &golden()["resampled"];
    let numbers = |name: &str| -> Vec<f64> {
        golden[name]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_f64)
            .collect()
    };
    let (spacing, direction, origin) =
        (numbers("spacing"), numbers("direction"), numbers("origin"));
    let column = |axis: usize| [0, 1, 2].map(|row| direction[row * 3 + axis] * spacing[axis]);
    let grid = Grid {
        size: [9, 8, 5],
        affine: from_columns(
            column(0),
            column(1),
            column(2),
            [origin[0], origin[1], origin[2]],
        ),
    };
    for (name, how) in [
        ("linear", Interpolation::Trilinear),
        ("nearest", Interpolation::Nearest),
    ] {
        let found = resample(&volume(), &grid, how).unwrap();
        let Pixels::Values(found) = found.pixels else {
            panic!("values");
        };
        let expected = numbers(name);
        assert_eq!(found.len(), expected.len());
        assert!(expected.iter().any(|value| *value > -9000.0));
        for (place, (got, expected)) in found.iter().zip(expected).enumerate() {
            let got = if got.is_nan() {
                -9999.0
            } else {
                f64::from(*got)
            };
            assert!(
                (got - expected).abs() < 0.01,
                "{name} {place}: {got}, not {expected}"
            );
        }
    }
}

#[test]
fn a_label_map_on_another_grid_is_brought_onto_the_scan() {
    let mut coarse = labels();
    coarse.size = [6, 10, 8];
    let Pixels::Values(fine) = &labels().pixels else {
        panic!("values");
    };
    coarse.pixels = Pixels::Values(fine.iter().step_by(2).copied().collect());
    coarse.affine = Some(from_columns(
        [1.6, 0.0, 0.0],
        [0.0, 0.9, 0.0],
        [0.0, 0.0, 2.5],
        [-20.0, 15.0, 40.0],
    ));
    let region = Region::Label {
        labels: Arc::new(coarse),
        value: 2,
    };
    let measured = measure(&volume(), &region, None).unwrap();
    // Each coarse voxel covers the fine one at its centre and half of its neighbours: 4 or 5 columns of 4 x 3 voxels.
    assert!((48..=60).contains(&measured.voxels), "{}", measured.voxels);
    let mut elsewhere = labels();
    elsewhere.facts.frame_of_reference = Some("a".into());
    elsewhere.affine = coarse_away();
    let mut scan = volume();
    scan.facts.frame_of_reference = Some("b".into());
    let region = Region::Label {
        labels: Arc::new(elsewhere),
        value: 2,
    };
    assert!(matches!(
        measure(&scan, &region, None),
        Err(ViewError::DifferentSpaces(_))
    ));
}

fn coarse_away() -> Option<Affine> {
    let mut away = affine();
    away[0][3] += 1.0;
    Some(away)
}

#[test]
fn a_rectangle_on_a_shown_slice_measures_the_voxels_under_it() {
    let volume = volume();
    let layout = Layout::of(&volume, Some(Plane::Coronal)).unwrap();
    // The coronal image has 12 x 8 voxels of 0.8 x 2.5 mm, shown as 12 x 25 pixels, the head up.
    let rectangle = Rectangle::parse("2, 0,3,7").unwrap();
    let region = Region::shown(&layout, 4, rectangle).unwrap();
    let Region::Voxels { from, to } = &region else {
        panic!("a box");
    };
    assert_eq!((*from, *to), ([2, 4, 6], [5, 5, 8]));
    let found = values_in(&volume, &region).unwrap();
    let Pixels::Values(all) = &volume.pixels else {
        panic!("values");
    };
    let at = |x: usize, y: usize, z: usize| all[x + 12 * (y + 10 * z)];
    let expected = [
        at(2, 4, 6),
        at(3, 4, 6),
        at(4, 4, 6),
        at(2, 4, 7),
        at(3, 4, 7),
        at(4, 4, 7),
    ];
    assert_eq!(found, expected);
    let measured = measure(&volume, &region, None).unwrap();
    assert_eq!(
        measured.volume_mm3.map(|mm3| (mm3 * 10.0).round()),
        Some(108.0)
    );
}

#[test]
fn an_empty_region_is_an_error_that_says_so() {
    let layout = Layout::of(&volume(), None).unwrap();
    let outside = Rectangle::parse("500,0,3,3").unwrap();
    assert!(Region::shown(&layout, 0, outside).is_err());
    let error = measure(&volume(), &label(9), None).unwrap_err();
    assert!(error.to_string().contains("label 9"), "{error}");
    for wrong in ["", "1,2,3", "1,2,0,4", "1,2,3,4,5", "a,b,c,d", "-1,0,2,2"] {
        assert_eq!(Rectangle::parse(wrong), None, "{wrong}");
    }
    let widest = Rectangle::parse("4294967295,0,4294967295,1").unwrap();
    assert!(Region::shown(&layout, 0, widest).is_err());
}

#[test]
fn missing_values_do_not_count_and_equal_values_are_flat() {
    let measured = first_order(&[4.0, f32::NAN, 4.0], None, None).unwrap();
    assert_eq!((measured.voxels, measured.without_value), (2, 1));
    assert_eq!(
        (measured.sd, measured.skewness, measured.excess_kurtosis),
        (0.0, 0.0, 0.0)
    );
    assert_eq!((measured.entropy, measured.uniformity), (0.0, 1.0));
    assert_eq!(first_order(&[f32::NAN], None, None), None);
    assert_eq!(first_order(&[], None, None), None);
}

#[test]
fn a_slice_of_unknown_thickness_has_no_volume() {
    let mut scan = volume();
    scan.spacing[2] = None;
    assert_eq!(measure(&scan, &label(1), None).unwrap().volume_mm3, None);
}

#[test]
fn bins_have_the_usual_width_of_the_unit() {
    let ramp: Vec<f32> = (0..=100).map(|value| value as f32).collect();
    let width = |unit| first_order(&ramp, None, unit).unwrap().bin_width;
    assert_eq!(
        (width(Some("HU")), width(Some("SUV")), width(None)),
        (25.0, 0.25, 2.5)
    );
    let tiny: Vec<f32> = ramp.iter().map(|value| value / 1e4).collect();
    let width = first_order(&tiny, None, None).unwrap().bin_width;
    assert!((width - 2.5e-4).abs() < 1e-9, "{width}");
}

#[test]
fn uptake_is_measured_in_suv_where_the_file_allows_it() {
    let mut pet = volume();
    pet.facts.modality = Modality::Pet;
    pet.facts.unit = Some("Bq/ml".into());
    pet.facts.suv_factor = Some(0.01);
    let measured = measure(&pet, &label(1), None).unwrap();
    assert_eq!(measured.unit.as_deref(), Some("SUV"));
    assert!((measured.mean - 1.994_288_6).abs() < 1e-5);
}

#[test]
fn a_table_and_a_sentence_say_units_and_definitions() {
    let mut ct = volume();
    ct.facts.unit = Some("HU".into());
    let measured = measure(&ct, &label(2), None).unwrap();
    let table = features(&measured);
    let mean = table.iter().find(|feature| feature.name == "mean").unwrap();
    assert_eq!((mean.ibsi, mean.unit.as_str()), (Some("Q4LE"), "HU"));
    let told = sentence(&measured, "label 2");
    assert!(
        told.starts_with("In label 2 (36 voxels, 64.8 mm^3) the mean is 194 HU (SD 288)"),
        "{told}"
    );
}
