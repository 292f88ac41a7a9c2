//! What people and models see.

use super::*;
use crate::geometry::{Affine, from_columns};
use crate::plane::Plane;
use crate::selector::Selector;
use crate::view::Place;
use crate::{Facts, Pixels};

fn grid(step: f64, origin: f64) -> Affine {
    from_columns(
        [step, 0.0, 0.0],
        [0.0, step, 0.0],
        [0.0, 0.0, step * 2.0],
        [origin; 3],
    )
}

/// A box of bright voxels in the volume, all else at `ground`.
fn volume(
    size: [usize; 3],
    affine: Affine,
    ground: f32,
    from: [usize; 3],
    to: [usize; 3],
    bright: f32,
) -> Volume {
    let mut values = Vec::new();
    for z in 0..size[2] {
        for y in 0..size[1] {
            for x in 0..size[0] {
                let at = [x, y, z];
                let inside = (0..3).all(|axis| from[axis] <= at[axis] && at[axis] < to[axis]);
                values.push(if inside { bright } else { ground });
            }
        }
    }
    Volume {
        size,
        pixels: Pixels::Values(values),
        affine: Some(affine),
        spacing: [Some(affine[0][0]), Some(affine[1][1]), Some(affine[2][2])],
        facts: Facts::default(),
    }
}

fn ct() -> Volume {
    let mut ct = volume(
        [20, 20, 10],
        grid(1.0, 0.0),
        -1000.0,
        [12, 2, 6],
        [18, 8, 9],
        40.0,
    );
    ct.facts.modality = Modality::Ct;
    ct.facts.unit = Some("HU".into());
    ct
}

fn pet() -> Volume {
    let mut pet = volume(
        [10, 10, 5],
        grid(2.0, 0.5),
        0.0,
        [6, 1, 3],
        [9, 4, 5],
        50_000.0,
    );
    pet.facts.modality = Modality::Pet;
    pet.facts.unit = Some("Bq/ml".into());
    pet.facts.suv_factor = Some(1e-4);
    pet
}

fn scene(volume: Volume) -> Scene {
    Scene::new(Arc::new(volume)).unwrap()
}

fn view(settings: &str) -> View {
    Selector::parse_with(&format!("x#{settings}"), |_| false)
        .unwrap()
        .view
}

fn render(scene: &Scene, settings: &str) -> MedicalImage {
    scene.render(&view(settings)).unwrap()
}

fn pixel(image: &MedicalImage, x: u32, y: u32) -> [u8; 3] {
    let at = (y * image.width + x) as usize * 3;
    [image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]]
}

#[test]
fn a_line_says_what_a_person_needs_to_know() {
    let scene = scene(ct());
    let line = |settings: &str| render(&scene, settings).how_made;
    assert_eq!(
        line("slice=8&window=lung"),
        "axial slice 8 of 10, lung window (1500/-600)"
    );
    assert_eq!(line(""), "axial slice 6 of 10, soft tissue window (400/40)");
    assert_eq!(
        line("plane=coronal&slice=0.0"),
        "coronal slice 1 of 20, soft tissue window (400/40)"
    );
    assert_eq!(
        line("project=mip"),
        "axial maximum intensity projection of all 10 slices, soft tissue window (400/40)"
    );
    assert_eq!(
        line("slab=6&slice=5"),
        "axial average of slices 4 to 6 of 10 (6 mm), soft tissue window (400/40)"
    );
    assert_eq!(
        line("montage=4"),
        "montage of 4 axial slices, 2 to 9 of 10, row by row, soft tissue window (400/40)"
    );
    let timed = scene.at_time(Some(Numbered { number: 2, of: 3 }));
    assert!(
        render(&timed, "")
            .how_made
            .starts_with("time 2 of 3, axial slice")
    );
}

#[test]
fn the_bright_box_is_where_the_patient_has_it() {
    let scene = scene(ct());
    // x 12..18, y 2..8, z 6..9 of voxels of 1 x 1 x 2 mm: on the patient's left, in front, high.
    let axial = render(&scene, "slice=8");
    assert_eq!((axial.width, axial.height), (20, 20));
    assert!(pixel(&axial, 14, 4)[0] > 100 && pixel(&axial, 4, 4)[0] == 0);
    assert_eq!(axial.position_mm, Some(14.0));
    let coronal = render(&scene, "plane=coronal&slice=5mm");
    assert_eq!((coronal.width, coronal.height), (20, 20));
    assert!(pixel(&coronal, 14, 5)[0] > 100 && pixel(&coronal, 14, 15)[0] == 0);
    assert_eq!(
        coronal.edges.map(|edges| (edges.left, edges.top)),
        Some(('R', 'H'))
    );
    let sagittal = render(&scene, "plane=sagittal&slice=15");
    assert!(pixel(&sagittal, 4, 5)[0] > 100 && pixel(&sagittal, 15, 5)[0] == 0);
    assert!(
        coronal.notes.iter().any(|note| note.contains("square")),
        "{:?}",
        coronal.notes
    );
}

#[test]
fn slices_that_do_not_exist_are_refused_with_what_there_is() {
    let scene = scene(ct());
    for (settings, says) in [
        ("slice=11", "1 to 10"),
        ("slice=-30mm", "from 0 to 18 mm"),
        ("window=file", "states no window"),
        ("window=suv", "no SUV"),
    ] {
        let error = scene.render(&view(settings)).unwrap_err().to_string();
        assert!(error.contains(says), "{settings}: {error}");
    }
}

#[test]
fn projections_find_what_is_bright_anywhere() {
    let scene = scene(ct());
    let bright = |image: &MedicalImage| image.rgb.iter().filter(|level| **level > 100).count();
    assert_eq!(bright(&render(&scene, "slice=1")), 0);
    assert_eq!(bright(&render(&scene, "project=mip")), 36 * 3);
    assert_eq!(bright(&render(&scene, "project=minip")), 0);
    assert_eq!(bright(&render(&scene, "project=mip&slab=4&slice=1")), 0);
}

#[test]
fn a_second_scan_lies_in_colour_where_it_belongs() {
    let scene = scene(ct()).with_overlay(Arc::new(pet())).unwrap();
    let images = scene.render_all(&view("slice=8&opacity=1")).unwrap();
    let roles: Vec<_> = images.iter().map(|image| image.role).collect();
    assert_eq!(roles, [Role::Base, Role::Overlay, Role::Fusion]);
    let sizes: Vec<_> = images
        .iter()
        .map(|image| (image.width, image.height))
        .collect();
    assert!(sizes.iter().all(|size| *size == (20, 20)));
    let [base, alone, fused] = images.as_slice() else {
        panic!("three images");
    };
    // The uptake covers x 12.5..16.5 mm and y 2.5..6.5 mm.
    assert_eq!(pixel(fused, 14, 4), [255, 255, 255]);
    assert_eq!(pixel(alone, 14, 4), [255, 255, 255]);
    assert_eq!(pixel(fused, 4, 14), pixel(base, 4, 14));
    assert_eq!(
        fused.how_made,
        "axial slice 8 of 10, soft tissue window (400/40), with PET over it (hot colours, SUV 0 to 5, opacity 1)"
    );
    assert_eq!(
        alone.how_made,
        "overlay alone: axial slice 8 of 10, hot colours, SUV 0 to 5"
    );
    assert_eq!(alone.facts.modality, Modality::Pet);
    assert!(
        fused.notes.iter().any(|note| note.contains("assumed")),
        "{:?}",
        fused.notes
    );
    let projected = render(&scene, "project=mip&opacity=1");
    assert_eq!(pixel(&projected, 14, 4), [255, 255, 255]);
}

#[test]
fn labels_are_outlined_and_named() {
    let mut labels = volume(
        [20, 20, 10],
        grid(1.0, 0.0),
        0.0,
        [12, 2, 6],
        [18, 8, 9],
        2.0,
    );
    labels.facts.modality = Modality::Labels;
    let scene = scene(ct()).with_overlay(Arc::new(labels.clone())).unwrap();
    let image = render(&scene, "slice=8");
    assert!(
        image.how_made.ends_with("with label 2 outlined"),
        "{}",
        image.how_made
    );
    let inside = pixel(&image, 15, 5);
    assert!(
        inside[0] == inside[1] && inside[1] == inside[2],
        "the inside stays grey"
    );
    assert_eq!(
        pixel(&image, 12, 5),
        crate::colour::label_colour(2).unwrap()
    );
    assert!(
        render(&scene, "slice=1")
            .how_made
            .ends_with("with no label here")
    );
    let tinted = render(&scene, "slice=8&opacity=0.3");
    assert!(
        tinted
            .how_made
            .ends_with("with label 2 outlined and tinted (opacity 0.3)"),
        "{}",
        tinted.how_made
    );
    let opacity = |settings: &str| scene.opacity(&view(settings));
    assert_eq!(opacity("slice=8"), Some(0.0));
    assert_eq!(opacity("opacity=0.3"), Some(0.3));
    assert_eq!(opacity("overlay-as=colour"), Some(0.5));
    assert_eq!(
        scene.window_range(&view("slice=8"), Role::Overlay),
        None,
        "outlines have no window"
    );
    let own = render(&self::scene(labels), "slice=8");
    assert_eq!(pixel(&own, 15, 5), crate::colour::label_colour(2).unwrap());
}

#[test]
fn the_value_under_a_pixel_is_that_of_the_file() {
    let scene = scene(ct()).with_overlay(Arc::new(pet())).unwrap();
    let probe = scene.probe(&view("slice=8"), [14, 4]).unwrap().unwrap();
    assert_eq!(
        (probe.value, probe.unit.as_deref()),
        (Some(40.0), Some("HU"))
    );
    assert_eq!(
        (probe.voxel, probe.position_mm),
        ([14, 4, 7], Some([14.0, 4.0, 14.0]))
    );
    assert!(probe.overlay.unwrap() > 40_000.0);
    assert_eq!(probe.overlay_unit.as_deref(), Some("Bq/ml"));
    let range = |role| scene.window_range(&view("window=0,100"), role);
    assert_eq!(range(Role::Base), Some([-50.0, 50.0]));
    assert_eq!(range(Role::Fusion), range(Role::Base));
    assert_eq!(range(Role::Overlay), Some([0.0, 50_000.0]), "SUV 0 to 5");
    assert_eq!(scene.opacity(&view("slice=8")), Some(0.5));
    assert_eq!(self::scene(ct()).opacity(&view("slice=8")), None);
    let coronal = scene
        .probe(&view("plane=coronal&slice=5"), [14, 5])
        .unwrap()
        .unwrap();
    assert_eq!((coronal.voxel, coronal.value), ([14, 4, 7], Some(40.0)));
    assert_eq!(scene.probe(&view("slice=8"), [20, 0]).unwrap(), None);
    assert_eq!(scene.probe(&view("montage=4"), [0, 0]).unwrap(), None);
}

#[test]
fn a_cross_hair_is_at_the_same_place_in_every_plane_and_scan() {
    let scenes = [scene(ct()), scene(pet())];
    let place = [14.0, 5.0, 14.0];
    for scene in scenes {
        for plane in Plane::ALL {
            let mut view = View {
                plane: Some(plane),
                ..View::default()
            };
            let found = scene.find(&view, place).unwrap().unwrap();
            view.place = Place::Number(found.number);
            let pixel = found.pixel.map(|at| at.round() as u32);
            let there = scene.probe(&view, pixel).unwrap().unwrap();
            let there = there.position_mm.unwrap();
            for axis in 0..3 {
                assert!(
                    (there[axis] - place[axis]).abs() <= 2.0,
                    "{plane:?}: {there:?}"
                );
            }
        }
        assert_eq!(
            scene.find(&View::default(), [900.0, 0.0, 0.0]).unwrap(),
            None
        );
    }
}

#[test]
fn colours_are_shown_as_stored_and_have_no_window() {
    let colours = Volume {
        size: [2, 1, 1],
        pixels: Pixels::Rgb(vec![255, 0, 0, 0, 0, 255]),
        affine: None,
        spacing: [None; 3],
        facts: Facts::default(),
    };
    let scene = scene(colours);
    let image = render(&scene, "");
    assert_eq!(image.rgb, [255, 0, 0, 0, 0, 255]);
    assert_eq!(image.how_made, "single image, colours as stored");
    assert!(matches!(
        scene.render(&view("window=lung")),
        Err(ViewError::Colours(_))
    ));
    assert!(matches!(
        scene.render(&view("project=mip")),
        Err(ViewError::Colours(_))
    ));
    assert!(matches!(
        scene.render(&view("plane=axial")),
        Err(ViewError::NoOrientation { .. })
    ));
}

#[test]
fn a_volume_that_is_not_what_it_says_is_refused() {
    let mut short = ct();
    short.pixels = Pixels::Values(vec![0.0; 7]);
    assert!(Scene::new(Arc::new(short)).is_err());
    let mut nothing = ct();
    nothing.size = [0, 20, 10];
    nothing.pixels = Pixels::Values(Vec::new());
    assert!(Scene::new(Arc::new(nothing)).is_err());
}

#[test]
fn every_plane_of_every_place_renders() {
    let scene = scene(ct());
    for plane in Plane::ALL {
        let count = scene
            .layout(&View {
                plane: Some(plane),
                ..View::default()
            })
            .unwrap()
            .count();
        for number in 1..=count {
            let image = render(&scene, &format!("plane={}&slice={number}", plane.name()));
            assert_eq!(image.slice, Some(Numbered { number, of: count }));
            assert_eq!(
                image.rgb.len(),
                image.width as usize * image.height as usize * 3
            );
        }
    }
}
