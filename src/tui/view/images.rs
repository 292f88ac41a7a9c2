//! The images: one, or two side by side, in a pane or on the full screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::tui::backend::image_hashes;
use crate::tui::journal::Attached;
use crate::tui::keys::Action;
use crate::tui::state::{DrawnImage, Focus, State};
use crate::tui::terminal_image::{Appearance, Cross, ImageProtocol, Placed, Source};

use super::canvas::{Canvas, put_lines};
use super::panes::framed;
use super::shot_text::lead;
use super::text::{cut, wrapped};

/// Draws the image pane.
pub fn draw(frame: &mut Frame, area: Rect, state: &State, canvas: &mut Canvas) {
    let images = state.images_in_view();
    let title = match images.len() {
        0 => "Images".to_string(),
        count => format!(
            "Image {} of {count}",
            state.image_pane.selected().min(count - 1) + 1
        ),
    };
    let inside = framed(
        frame,
        area,
        &title,
        state.focus == Focus::Images,
        canvas.theme,
    );
    if images.is_empty() {
        return none_attached(frame, inside, state, canvas);
    }
    draw_content(frame, inside, state, canvas);
}

fn none_attached(frame: &mut Frame, area: Rect, state: &State, canvas: &Canvas) {
    let message = format!(
        "No image is attached. {} chooses a file, {} shows sample cases, or drop a file here.",
        state.keymap.hint(Action::PickFile),
        state.keymap.hint(Action::Cases)
    );
    put_lines(
        frame,
        area,
        &wrapped(&message, area.width, 1, canvas.theme.dim),
        0,
    );
}

/// Draws the images on the full screen.
pub fn full(frame: &mut Frame, area: Rect, state: &State, canvas: &mut Canvas) {
    frame.render_widget(Clear, area);
    canvas.gallery.covered = false;
    // The pane behind it takes no clicks.
    canvas.hits.images.clear();
    let inside = framed(frame, area, "Image (Esc closes)", true, canvas.theme);
    let [images, hints] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(inside);
    draw_content(frame, images, state, canvas);
    let shown = state.images_in_view().get(state.image_pane.selected());
    let is_fused = shown.is_some_and(|i| i.scan.as_ref().is_some_and(|s| s.opacity.is_some()));
    let keys: Vec<String> = [
        (Action::ZoomIn, "zoom in"),
        (Action::ZoomOut, "zoom out"),
        (Action::Brighter, "brighter"),
        (Action::MoreContrast, "contrast"),
        (Action::ResetView, "reset"),
        (Action::NextSlice, "slice"),
        (Action::NextWindow, "window"),
        (Action::NextPlane, "plane"),
        (Action::MoreOverlay, "more overlay"),
        (Action::LessOverlay, "less"),
        (Action::NextMap, "colours"),
        (Action::CrossHair, "cross-hair"),
        (Action::Distance, "distance"),
        (Action::Cine, "play"),
        (Action::SideBySide, "side by side"),
        (Action::NextImage, "next"),
    ]
    .iter()
    .filter(|(action, _)| {
        let is_for_overlays = matches!(
            action,
            Action::MoreOverlay | Action::LessOverlay | Action::NextMap
        );
        is_fused || !is_for_overlays
    })
    .map(|(action, what)| format!("{} {what}", state.keymap.hint(*action)))
    .collect();
    frame.render_widget(
        Span::styled(
            cut(&keys.join("  "), usize::from(hints.width)),
            canvas.theme.dim,
        ),
        hints,
    );
}

fn draw_content(frame: &mut Frame, area: Rect, state: &State, canvas: &mut Canvas) {
    let images = state.images_in_view();
    let at = state
        .image_pane
        .selected()
        .min(images.len().saturating_sub(1));
    let Some(first) = images.get(at) else { return };
    let second = state
        .image_pane
        .two
        .then(|| other(state, images, at))
        .flatten();
    match second {
        None => attached(frame, area, (at, first), state, canvas),
        Some(second) => {
            let [left, _, right] = Layout::horizontal([
                Constraint::Fill(1),
                Constraint::Length(1),
                Constraint::Fill(1),
            ])
            .areas(area);
            attached(frame, left, (at, first), state, canvas);
            match second {
                Second::Attached(number, other) => {
                    attached(frame, right, (number, other), state, canvas);
                }
                Second::Shot => shot(frame, right, state, canvas),
            }
        }
    }
}

/// What is shown beside the selected image.
enum Second<'a> {
    Attached(usize, &'a Attached),
    Shot,
}

fn other<'a>(state: &State, images: &'a [Attached], at: usize) -> Option<Second<'a>> {
    if state.image_pane.with_shot || images.len() < 2 {
        return state.chosen_shot().map(|_| Second::Shot);
    }
    let next = (at + 1) % images.len();
    images.get(next).map(|image| Second::Attached(next, image))
}

fn attached(
    frame: &mut Frame,
    area: Rect,
    (number, attached): (usize, &Attached),
    state: &State,
    canvas: &mut Canvas,
) {
    let image = &attached.image;
    let transform = state.image_pane.look(&attached.anchor());
    let changes = transform.description();
    let mut caption = format!("{}  {} x {}", image.source.name, image.width, image.height);
    if !changes.is_empty() {
        caption = format!("shown {changes} (display only)\n{caption}");
    }
    // Side by side, base, overlay and fusion show it at the same pixel.
    let cross = state.cross_hair().filter(|c| c.belongs_to(attached));
    if cross.is_some() && number == state.image_pane.selected() {
        caption = format!("{}\n{caption}", state.cross_hair_lines().join("\n"));
    }
    let source = || Source::Image(image.clone());
    let shown = Appearance {
        transform,
        cross: cross.map(|cross| Cross {
            at: cross.at,
            from: cross.from,
        }),
        scan: attached
            .scan
            .as_ref()
            .map(|scan| format!("{:?} of {}", scan.role, attached.anchor())),
        ..Appearance::whole(&image.source.sha256)
    };
    let area = one(frame, area, &shown, source, &caption, canvas);
    let size = (image.width, image.height);
    let placed = Placed::new(area, canvas.gallery.screen(), transform, size);
    let drawn = placed.map(|placed| DrawnImage { number, placed });
    canvas.hits.images.extend(drawn);
}

fn shot(frame: &mut Frame, area: Rect, state: &State, canvas: &mut Canvas) {
    let Some(shot) = state.chosen_shot() else {
        return;
    };
    let caption = format!(
        "shot {}  {}\nA: {}",
        shot.rank,
        lead(shot),
        shot.example.answer
    );
    if let Some(sha256) = image_hashes(&shot.example).into_iter().next() {
        let source = || Source::Example {
            example: Box::new(shot.example.clone()),
            sha256: sha256.clone(),
        };
        let shown = Appearance::whole(&sha256);
        one(frame, area, &shown, source, &caption, canvas);
    }
}

/// Draws an image with a caption below it. Returns the room that the image had.
pub fn one(
    frame: &mut Frame,
    area: Rect,
    shown: &Appearance,
    source: impl FnOnce() -> Source,
    caption: &str,
    canvas: &mut Canvas,
) -> Rect {
    let lines: Vec<Line<'static>> = caption
        .lines()
        .map(|line| Line::styled(cut(line, usize::from(area.width)), canvas.theme.dim))
        .collect();
    let caption_height = u16::try_from(lines.len()).unwrap_or(1);
    let [image_area, caption_area] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(caption_height)]).areas(area);
    let hidden = canvas.gallery.screen().protocol == ImageProtocol::None;
    let missing = canvas
        .gallery
        .draw(image_area, frame.buffer_mut(), shown, source);
    let message = match missing {
        Some(reason) => Some(reason.to_string()),
        None if hidden => Some("images are off (/images auto turns them on)".into()),
        None => None,
    };
    if let Some(message) = message {
        put_lines(
            frame,
            image_area,
            &wrapped(&message, image_area.width, 1, canvas.theme.dim),
            0,
        );
    }
    put_lines(frame, caption_area, &lines, 0);
    image_area
}
