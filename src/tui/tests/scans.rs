//! An attached scan: cross-hair, distance, cine and window.

use super::data;
use super::harness::Harness;
use crate::tui::effects;
use crate::tui::state::{Effect, Event};
use rounds_scan::Place;
use rounds_scan::window::Window;

/// A chat with a small scan attached, its pane in front.
pub struct Scan {
    pub user: Harness,
    pub folder: tempfile::TempDir,
}

impl Scan {
    fn new(columns: u16, rows: u16) -> Self {
        Self::with(columns, rows, "window=full&slice=1")
    }

    /// A scan of which `settings` are seen; `uptake.nii` lies beside it.
    pub fn with(columns: u16, rows: u16, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        data::nifti(folder.path());
        data::nifti_named(folder.path(), "uptake.nii");
        let mut scan = Self {
            user: Harness::new(columns, rows),
            folder,
        };
        scan.attach(settings);
        scan.user.press("alt-2");
        scan.user.effects();
        scan
    }

    /// Attaches `head.nii` as `settings` say; `UPTAKE` stands for the path of the other.
    pub fn attach(&mut self, settings: &str) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let settings = settings.replace("UPTAKE", &path("uptake.nii"));
        let named = format!("{}#{settings}", path("head.nii"));
        let event = effects::attach_file(std::path::Path::new(&named));
        self.user.event(event);
    }

    /// Renders what was asked for, as the worker does; how many views there were.
    pub fn render(&mut self) -> usize {
        let mut count = 0;
        for effect in self.user.effects() {
            if let Effect::ViewScan {
                job,
                selector,
                mark,
            } = effect
            {
                count += 1;
                self.user.event(effects::view_scan(job, selector, mark));
            }
        }
        count
    }

    pub fn press(&mut self, keys: &str) {
        self.user.press(keys);
        self.render();
    }

    fn place(&self) -> Place {
        let images = self.user.state.images_in_view();
        images[0].scan.as_ref().unwrap().selector.view.place
    }

    fn window(&self) -> Window {
        let images = self.user.state.images_in_view();
        images[0].scan.as_ref().unwrap().selector.view.window
    }

    pub fn lines(&self) -> Vec<String> {
        self.user.state.cross_hair_lines()
    }
}

#[test]
fn a_cross_hair_tells_value_and_place_also_on_a_small_screen() {
    for (columns, rows) in [(80, 24), (140, 44)] {
        let mut scan = Scan::new(columns, rows);
        scan.press("i");
        // The middle of 4 x 3 pixels.
        assert_eq!(scan.lines(), ["at 2,1: 80; R 2.0 A 2.0 H 0.0 mm"]);
        scan.user.sees("at 2,1: 80");
        scan.press("right down");
        assert_eq!(scan.lines(), ["at 3,2: 0; L 0.0 P 0.0 H 0.0 mm"]);
        scan.press("right down L J");
        assert_eq!(
            scan.lines()[0].split(':').next(),
            Some("at 3,2"),
            "it stays inside"
        );
        scan.press(".");
        scan.user.sees("at 3,2: 192");
        scan.press("i");
        assert!(scan.lines().is_empty());
        scan.user.does_not_see("at 3,2");
    }
}

#[test]
fn a_distance_is_in_millimetres_or_else_says_that_it_is_in_pixels() {
    let mut scan = Scan::new(80, 24);
    scan.press("r");
    scan.press("right down");
    assert_eq!(scan.lines()[1], "distance 2.8 mm from 2,1");
    scan.user.sees("distance 2.8 mm");
    // In another plane, it would be another distance.
    scan.press("p");
    assert_eq!(scan.lines().len(), 1, "{:?}", scan.lines());
    let mut plain = Harness::new(80, 24);
    plain.attach("a.png");
    plain.press("alt-2 r right");
    let lines = plain.state.cross_hair_lines();
    assert!(
        lines[1].starts_with("distance 1.0 pixels from "),
        "{lines:?}"
    );
    assert!(lines[1].contains("size of a pixel is not known"));
    plain.press("r");
    assert_eq!(plain.state.cross_hair_lines().len(), 1);
}

#[test]
fn the_cross_hair_stays_at_its_place_in_the_patient_when_the_plane_changes() {
    let mut scan = Scan::new(140, 44);
    scan.press("i right down . . .");
    let axial = scan.lines();
    assert_eq!(axial, ["at 3,2: 576; L 0.0 P 0.0 H 6.0 mm"]);
    scan.press("p");
    let coronal = scan.lines();
    assert_eq!(coronal, ["at 3,1: 576; L 0.0 P 0.0 H 6.0 mm"]);
    scan.press("p");
    assert!(
        scan.lines()[0].ends_with("576; L 0.0 P 0.0 H 6.0 mm"),
        "{:?}",
        scan.lines()
    );
}

#[test]
fn cine_plays_at_its_rate_waits_for_views_and_stops_with_esc() {
    let mut scan = Scan::new(80, 24);
    scan.press(",");
    assert!(
        scan.user
            .state
            .tick_every()
            .is_none_or(|every| every.as_millis() >= 250)
    );
    scan.press("space");
    let every = scan.user.state.tick_every().unwrap();
    assert!((66..=500).contains(&every.as_millis()), "{every:?}");
    let step = u64::try_from(every.as_millis()).unwrap();
    for slice in [2, 3, 4, 5, 1, 2] {
        scan.user.wait(step);
        assert_eq!(scan.render(), 1);
        assert_eq!(scan.place(), Place::Number(slice));
    }
    // A tick that comes too early, and one while a view is not there yet, ask for nothing.
    scan.user.wait(1);
    assert_eq!(scan.render(), 0);
    scan.user.wait(step);
    scan.user.wait(step);
    scan.user.wait(step);
    assert_eq!(scan.render(), 1);
    scan.user.press("esc");
    assert!(!scan.user.state.is_playing());
    scan.user.wait(step);
    assert_eq!(scan.render(), 0);
    // On the full screen, Esc stops before it closes.
    scan.press("enter space");
    assert!(scan.user.state.is_playing());
    scan.press("esc");
    assert!(!scan.user.state.is_playing() && scan.user.state.overlay.is_some());
    scan.press("esc");
    assert!(scan.user.state.overlay.is_none());
}

#[test]
fn dragging_changes_the_window_and_a_click_puts_the_cross_hair() {
    let mut scan = Scan::new(80, 24);
    let area = scan.user.state.hits.images[0].placed.area;
    let (column, row) = (area.x + area.width / 2, area.y + area.height / 2);
    scan.user.event(Event::Click { column, row });
    scan.user.event(Event::Release);
    scan.render();
    assert_eq!(scan.lines().len(), 1, "a click");
    let cross = scan.user.state.cross_hair().unwrap().clone();
    scan.user.event(Event::Click { column, row });
    for step in 1..=10 {
        scan.user.event(Event::Drag {
            column: column + step,
            row: row - 2,
        });
    }
    scan.user.event(Event::Release);
    scan.render();
    let Window::Own { centre, width } = scan.window() else {
        panic!("{:?}", scan.window());
    };
    // From 0 to 944: half a doubling wider, and two rows up are a tenth of the width lower.
    assert_eq!((centre, width), (378.0, 1335.0));
    assert_eq!(scan.user.state.cross_hair().unwrap().at, cross.at);
    scan.press("}");
    assert!(matches!(scan.window(), Window::Own { width, .. } if width == 1469.0));
    scan.press("{ ) (");
    assert!(matches!(scan.window(), Window::Own { .. }));
    // A view that the user has left is shown while the mouse is dragged, but not one of before.
    scan.user.event(Event::Click { column, row });
    scan.user.event(Event::Drag {
        column: column + 1,
        row,
    });
    scan.user.event(Event::Drag {
        column: column + 2,
        row,
    });
    let views: Vec<Effect> = scan.user.effects();
    let Some(Effect::ViewScan {
        job,
        selector,
        mark,
    }) = views.into_iter().next()
    else {
        panic!("a view is asked for");
    };
    let wanted = selector.view.window;
    scan.user.event(effects::view_scan(job, selector, mark));
    assert_eq!(scan.window(), wanted);
}

#[test]
fn a_plain_image_has_no_window_to_drag_and_says_so() {
    let mut user = Harness::new(80, 24);
    user.attach("a.png");
    user.press("alt-2");
    let area = user.state.hits.images[0].placed.area;
    let (column, row) = (area.x + 1, area.y + 1);
    user.event(Event::Click { column, row });
    user.event(Event::Drag {
        column: column + 1,
        row,
    });
    user.event(Event::Release);
    user.sees("only a scan with values has a window");
    assert!(user.state.cross_hair_lines().is_empty());
    user.press("space");
    user.sees("no scan with slices");
}

#[test]
fn a_letter_that_becomes_text_takes_back_the_view_it_asked_for() {
    let mut scan = Scan::new(80, 24);
    let before = scan.user.state.case.images[0].image.source.sha256.clone();
    scan.user.type_text("please");
    assert_eq!(scan.user.state.composer.input.text(), "please");
    scan.render();
    assert_eq!(scan.user.state.case.images[0].image.source.sha256, before);
}
