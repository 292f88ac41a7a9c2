//! Two scans laid over each other: base, overlay and fusion stay views of one place.

use super::data;
use super::scans::Scan;
use crate::tui::effects;
use crate::tui::journal::{Attached, ScanView};
use crate::tui::state::{Effect, Event};
use rounds_scan::colour::ColourMap;
use rounds_scan::plane::Plane;
use rounds_scan::window::Window;
use rounds_scan::{Place, Role};

const FUSED: &str = "overlay=UPTAKE&window=full&slice=1";

fn images(scan: &Scan) -> &[Attached] {
    &scan.user.state.case.images
}

fn views(scan: &Scan) -> Vec<&ScanView> {
    let images = images(scan).iter();
    images.filter_map(|image| image.scan.as_deref()).collect()
}

fn roles(scan: &Scan) -> Vec<Role> {
    views(scan).iter().map(|view| view.role).collect()
}

fn names(scan: &Scan) -> Vec<String> {
    let images = images(scan).iter();
    images.map(|i| i.image.source.name.clone()).collect()
}

/// What all images show; panics if they differ.
fn view(scan: &Scan) -> rounds_scan::View {
    let all = views(scan);
    assert!(all.iter().all(|one| one.selector == all[0].selector));
    all[0].selector.view.clone()
}

fn command(scan: &mut Scan, line: &str) {
    let (name, argument) = line.split_once(' ').unwrap();
    scan.user.type_text(&format!("{name} "));
    scan.user.paste(argument);
    scan.user.press("enter");
    scan.render();
}

fn notice(scan: &Scan) -> &str {
    let notice = scan.user.state.notice.as_ref();
    notice.map_or("", |notice| notice.error.message.as_str())
}

#[test]
fn base_overlay_and_fusion_change_together_whichever_is_selected() {
    let mut scan = Scan::with(140, 44, FUSED);
    assert_eq!(roles(&scan), [Role::Base, Role::Overlay, Role::Fusion]);
    let first = names(&scan);
    assert!(first[0].starts_with("head.nii, base: axial slice 1 of 5, "));
    assert!(
        first[1].starts_with("uptake.nii, overlay alone: axial slice 1 of 5, "),
        "{first:?}"
    );
    assert!(first[2].starts_with("head.nii and uptake.nii, fusion: axial slice 1 of 5, "));
    assert!(first[2].ends_with("opacity 0.5)"), "{first:?}");
    // The fusion was attached last; then base and overlay, with n.
    for slice in [2, 3, 4] {
        scan.press(".");
        assert_eq!(view(&scan).place, Place::Number(slice));
        let words = format!("axial slice {slice} of 5");
        assert!(names(&scan).iter().all(|name| name.contains(&words)));
        scan.press("n");
    }
    scan.press("p");
    assert_eq!(view(&scan).plane, Some(Plane::Coronal));
    assert!(names(&scan).iter().all(|name| name.contains("coronal")));
    assert_eq!(roles(&scan), [Role::Base, Role::Overlay, Role::Fusion]);
}

#[test]
fn opacity_and_colours_are_changed_by_keys_and_by_name() {
    let mut scan = Scan::with(140, 44, FUSED);
    let before = names(&scan);
    scan.press("O");
    assert_eq!(view(&scan).opacity, Some(0.4));
    assert!(names(&scan)[2].ends_with("opacity 0.4)"));
    assert_eq!(names(&scan)[0], before[0], "the base is as it was");
    scan.press("o o t");
    assert_eq!(view(&scan).opacity, Some(0.6));
    assert_eq!(view(&scan).map, ColourMap::Hsv);
    assert!(names(&scan)[1].contains("hsv colours"));
    command(&mut scan, "/view opacity=0.1 map=cool slice=2");
    let name = &names(&scan)[2];
    assert!(name.contains("slice 2 of 5") && name.contains("cool colours"));
    assert!(name.ends_with("opacity 0.1)"), "{name}");
    scan.press("alt-2 O O");
    assert_eq!(view(&scan).opacity, Some(0.0), "and no lower");
    // Without an overlay the keys say so.
    let mut alone = Scan::with(140, 44, "window=full");
    alone.press("o");
    alone.user.sees("nothing is laid over this image");
}

#[test]
fn keys_of_the_window_belong_to_what_is_selected() {
    let mut scan = Scan::with(140, 44, FUSED);
    scan.press("}");
    assert!(matches!(view(&scan).window, Window::Own { .. }));
    assert_eq!(view(&scan).overlay_window, Window::Auto);
    // From the fusion back to the overlay.
    scan.press("N");
    let window = view(&scan).window;
    scan.press("} w");
    assert_eq!(view(&scan).window, window, "the base's stays");
    scan.press("}");
    assert!(matches!(view(&scan).overlay_window, Window::Own { .. }));
}

#[test]
fn the_cross_hair_is_on_all_three_and_tells_both_values() {
    let mut scan = Scan::with(140, 44, FUSED);
    scan.press("i right down");
    assert_eq!(scan.lines(), ["at 3,2: 0, overlay 0; L 0.0 P 0.0 H 0.0 mm"]);
    scan.press(".");
    let line = "at 3,2: 192, overlay 192; L 0.0 P 0.0 H 2.0 mm";
    assert_eq!(scan.lines(), [line]);
    for _ in 0..3 {
        scan.press("n");
        assert_eq!(scan.lines(), [line]);
    }
    // Side by side: base and overlay, on the full screen.
    scan.press("n v enter");
    scan.user.sees("head.nii, base");
    scan.user.sees("uptake.nii, overlay alone");
}

#[test]
fn zoom_stays_from_slice_to_slice_and_from_base_to_fusion() {
    let mut scan = Scan::with(140, 44, FUSED);
    scan.press("+ +");
    let looks = |scan: &Scan| {
        let pane = &scan.user.state.image_pane;
        let images = images(scan).iter();
        let all = images.map(|image| pane.look(&image.anchor()).factor());
        all.collect::<Vec<_>>()
    };
    let zoomed = looks(&scan);
    assert!(zoomed.iter().all(|factor| *factor > 1.5), "{zoomed:?}");
    scan.press(". p");
    assert_eq!(looks(&scan), zoomed);
}

#[test]
fn the_question_takes_what_is_seen_in_order() {
    let mut scan = Scan::with(140, 44, FUSED);
    scan.press(". . O");
    let shown = names(&scan);
    scan.user.paste("Where is the uptake?");
    scan.user.press("enter");
    let asked = scan.user.effects().into_iter().find_map(|effect| {
        let Effect::Ask { images, .. } = effect else {
            return None;
        };
        Some(images)
    });
    let asked = asked.expect("it is asked");
    let asked = asked.iter().map(|i| i.image.source.name.clone());
    let asked: Vec<String> = asked.collect();
    assert_eq!(asked, shown);
    assert!(asked[0].contains("base: axial slice 3 of 5"));
    assert!(asked[2].ends_with("opacity 0.4)"));
    // The transcript says it in words, which are broken over lines.
    scan.user.sees("[head.nii, base: axial slice 3 of 5");
    // Later views change nothing of what was asked.
    scan.press("alt-2 .");
    scan.user.sees("[head.nii, base: axial slice 3 of 5");
    assert_eq!(view(&scan).place, Place::Number(4));
}

#[test]
fn what_was_detached_stays_away_and_the_others_go_on() {
    let mut scan = Scan::with(140, 44, FUSED);
    command(&mut scan, "/detach 1");
    assert_eq!(roles(&scan), [Role::Overlay, Role::Fusion]);
    scan.press("alt-2 .");
    assert_eq!(roles(&scan), [Role::Overlay, Role::Fusion]);
    assert_eq!(view(&scan).place, Place::Number(2));
    // A view that comes after all were detached changes nothing.
    scan.user.press(". d d");
    scan.render();
    assert!(images(&scan).is_empty());
}

#[test]
fn an_overlay_is_laid_over_a_scan_that_is_attached_already() {
    let mut scan = Scan::with(140, 44, "window=full&slice=2");
    scan.user.attach("a.png");
    scan.press("alt-2 N");
    let path = scan.folder.path().join("uptake.nii");
    command(&mut scan, &format!("/view overlay={}", path.display()));
    assert_eq!(roles(&scan), [Role::Base, Role::Overlay, Role::Fusion]);
    assert_eq!(names(&scan).last().unwrap(), "a.png", "they stand together");
    assert_eq!(view(&scan).place, Place::Number(2));
    scan.press("alt-2 .");
    assert_eq!(view(&scan).place, Place::Number(3));
    command(&mut scan, "/view overlay=/no/such.nii");
    scan.user.sees("error: not found");
    assert_eq!(roles(&scan), [Role::Base, Role::Overlay, Role::Fusion]);
}

#[test]
fn two_fusions_are_changed_one_by_one_and_the_same_is_not_attached_twice() {
    let mut scan = Scan::with(140, 44, FUSED);
    scan.attach("overlay=UPTAKE&window=full&slice=3");
    assert_eq!(images(&scan).len(), 6);
    scan.press("alt-2 ,");
    let places = |scan: &Scan| -> Vec<Place> {
        let all = views(scan).into_iter();
        all.map(|view| view.selector.view.place).collect()
    };
    let (one, two) = (Place::Number(1), Place::Number(2));
    assert_eq!(places(&scan), [one, one, one, two, two, two]);
    // Where both show the same, they still are two.
    scan.press(",");
    scan.press(".");
    assert_eq!(places(&scan), [one, one, one, two, two, two]);
    scan.attach(FUSED);
    assert!(notice(&scan).ends_with("is already attached"));
    scan.attach("overlay=UPTAKE&window=full&slice=5");
    scan.user.sees("error: at most 8 images");
    assert_eq!(images(&scan).len(), 6);
}

#[test]
fn a_slice_that_was_attached_alone_becomes_the_base() {
    let mut scan = Scan::with(140, 44, "window=full&slice=1");
    scan.user.event(Event::Attached {
        name: "a.png".into(),
        result: Ok(vec![data::attached("a.png")]),
    });
    scan.attach(FUSED);
    let all = names(&scan);
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(all[0] == "a.png" && all[1].starts_with("head.nii, base"));
}

#[test]
fn cine_plays_all_three() {
    let mut scan = Scan::with(140, 44, FUSED);
    scan.press("space");
    let every = scan.user.state.tick_every().unwrap();
    let step = u64::try_from(every.as_millis()).unwrap();
    for slice in [2, 3] {
        scan.user.wait(step);
        assert_eq!(scan.render(), 1);
        assert_eq!(view(&scan).place, Place::Number(slice));
    }
    // Another of the three may be looked at meanwhile, which takes a second here.
    scan.press("n");
    assert_eq!(view(&scan).place, Place::Number(4));
    scan.user.wait(step);
    assert_eq!(scan.render(), 1);
    assert_eq!(view(&scan).place, Place::Number(5));
}

#[test]
fn scans_that_do_not_belong_together_are_refused_and_nothing_changes() {
    let mut scan = Scan::with(140, 44, "window=full&slice=1");
    let plain = crate::fixtures::path("cases/chest-nodule.png");
    command(&mut scan, &format!("/view overlay={}", plain.display()));
    scan.user.sees("error: ");
    assert_eq!(roles(&scan), [Role::Base]);
    let named = format!(
        "{}#overlay={}",
        scan.folder.path().join("head.nii").display(),
        plain.display()
    );
    scan.user
        .event(effects::attach_file(std::path::Path::new(&named)));
    scan.user.sees("error: ");
    assert_eq!(images(&scan).len(), 1);
}
