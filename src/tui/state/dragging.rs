//! The mouse on an image: a click puts the cross-hair there, dragging changes the window of a scan.

use rounds_scan::window::Window;

use super::focus::Focus;
use super::hits::DrawnImage;
use super::machine::State;
use super::overlay::Overlay;
use super::scan_view::window_of;

/// So many columns to the right double the width.
const COLUMNS_TO_DOUBLE: f64 = 20.0;
/// So many rows change the level by the width that there was at first.
const ROWS_PER_WIDTH: f64 = 20.0;

/// A button that is held down on an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Press {
    column: u16,
    row: u16,
    /// Where on the image.
    pixel: [u32; 2],
    /// The window when it was pressed, as centre and width.
    window: Option<(f64, f64)>,
    /// A click puts the cross-hair there: the image had the keys already.
    marks: bool,
    moved: bool,
}

impl State {
    fn image_at(&self, column: u16, row: u16) -> Option<&DrawnImage> {
        let mut drawn = self.hits.images.iter();
        drawn.find(|image| image.pixel(column, row).is_some())
    }

    /// A button went down: remembers where, if it was on the selected image.
    pub(super) fn press_image(&mut self, column: u16, row: u16) {
        self.pressed = None;
        let full = matches!(self.overlay, Some(Overlay::Image));
        if self.overlay.is_some() && !full {
            return;
        }
        let selected = self.image_pane.selected();
        let pixel = self.image_at(column, row);
        let Some(pixel) = pixel
            .filter(|image| image.number == selected)
            .and_then(|image| image.pixel(column, row))
        else {
            return;
        };
        let range = self
            .scan_in_view()
            .and_then(|(_, _, scan)| scan.window_range);
        self.pressed = Some(Press {
            column,
            row,
            pixel,
            window: range.map(|[low, high]| ((low + high) / 2.0, high - low)),
            marks: full || self.focus == Focus::Images,
            moved: false,
        });
    }

    /// The mouse moved with its button down: to the right is a wider window, down is a higher level.
    pub(super) fn on_drag(&mut self, column: u16, row: u16) {
        let Some(press) = &mut self.pressed else {
            return;
        };
        let right = f64::from(column) - f64::from(press.column);
        let down = f64::from(row) - f64::from(press.row);
        if right == 0.0 && down == 0.0 && !press.moved {
            return;
        }
        press.moved = true;
        let Some((centre, width)) = press.window else {
            return;
        };
        let Some((mut selector, at, scan)) = self.scan_in_view() else {
            return;
        };
        let wider = width * 2.0_f64.powf(right / COLUMNS_TO_DOUBLE);
        let window = own(centre + down * width / ROWS_PER_WIDTH, wider);
        *window_of(&mut selector.view, scan.role) = window;
        let mark = self.mark();
        self.want_view(scan.group, selector, at, mark);
    }

    /// The button went up.
    pub(super) fn on_release(&mut self) {
        let Some(press) = self.pressed.take() else {
            return;
        };
        if press.moved {
            if press.window.is_none() {
                self.notify("only a scan with values has a window to drag");
            }
        } else if press.marks {
            self.place_cross_hair(press.pixel);
        }
    }

    /// Keys: a wider or narrower window, a higher or lower level, by a tenth of the width.
    pub(super) fn shift_window(&mut self, wider: i32, higher: i32) {
        let Some((mut selector, at, scan)) = self.scan_in_view() else {
            return self.notify("this image is no scan with slices and windows");
        };
        let window = window_of(&mut selector.view, scan.role);
        let now = match *window {
            // Keys may come faster than views.
            Window::Own { centre, width } => Some((centre, width)),
            _ => scan
                .window_range
                .map(|[low, high]| ((low + high) / 2.0, high - low)),
        };
        let Some((centre, width)) = now else {
            return self.notify("colours have no window");
        };
        let factor = 1.1_f64.powi(wider);
        *window = own(centre + f64::from(higher) * width / 10.0, width * factor);
        let mark = self.mark();
        self.want_view(scan.group, selector, at, mark);
    }
}

/// A window in whole units where it is wide enough.
fn own(centre: f64, width: f64) -> Window {
    let step = match width {
        wide if wide >= 20.0 => 1.0,
        medium if medium >= 0.2 => 0.01,
        _ => {
            return Window::Own {
                centre,
                width: width.max(f64::MIN_POSITIVE),
            };
        }
    };
    let round = |value: f64| (value / step).round() * step;
    Window::Own {
        centre: round(centre),
        width: round(width).max(step),
    }
}
