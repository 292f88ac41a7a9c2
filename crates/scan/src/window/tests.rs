//! Which window a volume gets.

use super::*;
use crate::StatedWindow;

fn volume(modality: Modality, unit: Option<&str>, values: &[f32]) -> Volume {
    Volume {
        size: [values.len(), 1, 1],
        pixels: Pixels::Values(values.to_vec()),
        affine: None,
        spacing: [None; 3],
        facts: Facts {
            modality,
            unit: unit.map(str::to_owned),
            ..Facts::default()
        },
    }
}

fn name(window: Window, volume: &Volume) -> String {
    window.apply(volume).unwrap().in_grey()
}

const RAMP: [f32; 5] = [-1000.0, 0.0, 40.0, 300.0, 3000.0];

#[test]
fn what_a_person_types_is_understood_in_both_customs() {
    let lung = Window::parse("Lung").unwrap();
    assert!(matches!(lung, Window::Preset(p) if p.width == 1500.0));
    let own = Window::Own {
        centre: 40.0,
        width: 400.0,
    };
    assert_eq!(Window::parse("40,400").unwrap(), own);
    assert_eq!(Window::parse("400/40").unwrap(), own);
    assert_eq!(Window::parse("file2").unwrap(), Window::Stated(2));
    assert_eq!(Window::parse("suv,10").unwrap(), Window::Suv { high: 10.0 });
    for wrong in [
        "",
        "40,0",
        "40,-1",
        "nan,1",
        "file0",
        "suv,-1",
        "percentile,9,1",
        "lung,4",
        "0/1",
    ] {
        let error = Window::parse(wrong).unwrap_err().to_string();
        assert!(error.contains("lung"), "{wrong}: {error}");
    }
}

#[test]
fn what_is_written_is_read_again() {
    for text in [
        "auto",
        "soft-tissue",
        "40,400",
        "file",
        "file3",
        "percentile,2,98",
        "suv,7.5",
        "full",
    ] {
        assert_eq!(Window::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn computed_tomography_uses_the_files_window_and_else_soft_tissue() {
    let mut ct = volume(Modality::Ct, Some("HU"), &RAMP);
    assert_eq!(name(Window::Auto, &ct), "soft tissue window (400/40)");
    assert_eq!(
        name(Window::parse("lung").unwrap(), &ct),
        "lung window (1500/-600)"
    );
    ct.facts.windows = vec![StatedWindow {
        centre: 300.0,
        width: 1500.0,
        function: VoiFunction::LinearExact,
        name: Some("BONE".into()),
    }];
    assert_eq!(name(Window::Auto, &ct), "the file's BONE window (1500/300)");
    assert!(Window::Stated(2).apply(&ct).is_err());
}

#[test]
fn a_preset_of_computed_tomography_is_refused_for_other_values() {
    let pet = volume(Modality::Pet, Some("Bq/ml"), &RAMP);
    let error = Window::parse("lung").unwrap().apply(&pet).unwrap_err();
    assert!(error.to_string().contains("Bq/ml"), "{error}");
    let lung = Window::parse("lung").unwrap();
    assert!(lung.apply(&volume(Modality::Mr, None, &RAMP)).is_err());
    assert!(
        lung.apply(&volume(Modality::Other, None, &RAMP)).is_ok(),
        "NIfTI says neither"
    );
}

#[test]
fn positron_emission_is_inverted_uptake_and_else_says_why_not() {
    let mut pet = volume(Modality::Pet, Some("Bq/ml"), &[0.0, 1000.0, 50_000.0]);
    pet.facts.no_suv = Some("the weight of the patient is missing".into());
    let told = name(Window::Auto, &pet);
    assert!(
        told.contains("percentile") && told.contains("weight"),
        "{told}"
    );
    pet.facts.suv_factor = Some(1e-4);
    let applied = Window::Auto.apply(&pet).unwrap();
    assert_eq!(applied.in_grey(), "SUV 0 to 5, inverted grey");
    let grey = [0.0, 25_000.0, 50_000.0].map(|value| applied.tone.grey(value));
    assert_eq!(grey, [255, 127, 0]);
    assert_eq!(applied.tone.grey(f32::NAN), 255);
    assert!(
        Window::Suv { high: 5.0 }
            .apply(&volume(Modality::Mr, None, &RAMP))
            .is_err()
    );
}

#[test]
fn magnetic_resonance_is_shown_between_percentiles_and_a_mask_in_full() {
    let ramp: Vec<f32> = (0..=1000).map(|i| i as f32).collect();
    let told = name(Window::Auto, &volume(Modality::Mr, None, &ramp));
    assert_eq!(told, "window from percentile 1 to 99 (10 to 990)");
    let mut mask = vec![0.0; 1000];
    mask[3] = 1.0;
    let told = name(Window::Auto, &volume(Modality::Mr, None, &mask));
    assert_eq!(told, "full range (0 to 1)");
}

#[test]
fn eight_bit_grey_stays_as_it_is() {
    let applied = Window::Auto.apply(&volume(Modality::Ultrasound, None, &[0.0, 17.0, 200.0]));
    let tone = applied.unwrap().tone;
    assert_eq!(
        [0.0, 17.0, 200.0].map(|value| tone.grey(value)),
        [0, 17, 200]
    );
}

#[test]
fn monochrome_1_swaps_bright_and_dark_in_every_window() {
    let mut film = volume(Modality::Xray, None, &[0.0, 100.0, 4095.0]);
    film.facts.inverted = true;
    for window in [
        Window::Auto,
        Window::Full,
        Window::Own {
            centre: 2000.0,
            width: 4000.0,
        },
    ] {
        let tone = window.apply(&film).unwrap().tone;
        assert_eq!((tone.grey(0.0), tone.grey(4095.0)), (255, 0), "{window:?}");
        assert_eq!(tone.grey(f32::NAN), 0);
    }
}

#[test]
fn a_volume_without_any_value_still_has_a_window() {
    let empty = volume(Modality::Mr, None, &[f32::NAN, f32::NAN]);
    let tone = Window::Auto.apply(&empty).unwrap().tone;
    assert_eq!(tone.grey(f32::NAN), 0);
    let constant = volume(Modality::Other, None, &[7.5; 4]);
    assert_eq!(Window::Auto.apply(&constant).unwrap().tone.grey(7.5), 0);
}
