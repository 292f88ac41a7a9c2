//! Reads scans and renders views of them, on a thread of its own. The last scan is kept, so that the next slice needs no file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel};

use super::catch_panic;
use crate::given;
use crate::tui::journal::{Attached, Mark, Marked, ScanView};
use crate::tui::message::Message;
use crate::tui::state::Event;
use rounds_scan::{MedicalImage, Options, Scene, Selector, View, image_at, load_whole};
use rounds_support::Failure;

/// A view to render.
pub struct ViewJob {
    pub job: u64,
    pub selector: Selector,
    /// What to look up in it.
    pub mark: Option<Mark>,
}

/// The images of one view: one, or base, overlay and fusion.
type Shown = Vec<Attached>;

/// Starts the thread. Of several waiting jobs only the newest is done: the others are views that the user has left.
pub fn start(sender: SyncSender<Message>) -> std::io::Result<Sender<ViewJob>> {
    let (jobs, queue) = channel::<ViewJob>();
    let work = move || {
        let mut viewer = Viewer::default();
        while let Ok(mut next) = queue.recv() {
            while let Ok(newer) = queue.try_recv() {
                next = newer;
            }
            let job = next.job;
            let broken = Failure::model("internal error: the scan cannot be shown");
            let shown = catch_panic(Err(broken), || viewer.show(next.selector, next.mark));
            let event = event(job, shown);
            if sender.send(Message::event(event)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("scans".into())
        .spawn(work)?;
    Ok(jobs)
}

/// Reads a scan and renders a view of it.
#[cfg(test)]
pub fn view_scan(job: u64, selector: Selector, mark: Option<Mark>) -> Event {
    event(job, Viewer::default().show(selector, mark))
}

fn event(job: u64, shown: Result<(Shown, Option<Marked>), Failure>) -> Event {
    let (result, marked) = match shown {
        Ok((shown, marked)) => (Ok(shown), marked),
        Err(error) => (Err(error), None),
    };
    Event::ScanViewed {
        job,
        result,
        marked,
    }
}

/// Attaches what a name means, if it names a scan: one image, or base, overlay and fusion.
pub fn attach(named: &std::path::Path) -> Result<Option<Vec<Attached>>, Failure> {
    let Some(selector) = given::scan_named(named)? else {
        return Ok(None);
    };
    let seen = given::see(selector)?;
    views(&seen.scene, &seen.selector, &seen.images).map(Some)
}

fn views(
    scene: &Scene,
    selector: &Selector,
    images: &[MedicalImage],
) -> Result<Vec<Attached>, Failure> {
    let images = images.iter();
    images
        .map(|image| attached(scene, selector, image))
        .collect()
}

fn attached(scene: &Scene, selector: &Selector, image: &MedicalImage) -> Result<Attached, Failure> {
    let name = given::name_of(selector, image);
    let layout = scene.layout(&selector.view)?;
    let at = image_at(&layout, selector.view.place).ok();
    Ok(Attached {
        image: Arc::new(image.to_image(&name)?),
        file: image.png()?.into(),
        path: Some(PathBuf::from(selector.to_string())),
        scan: Some(Arc::new(ScanView {
            selector: selector.clone(),
            role: image.role,
            group: 0,
            count: layout.count(),
            at: at.filter(|_| image.slice.is_some()),
            modality: image.facts.modality,
            notes: image.notes.clone(),
            pixel_mm: image.pixel_mm,
            window_range: scene.window_range(&selector.view, image.role),
            opacity: scene.opacity(&selector.view),
            frame_time_ms: image.facts.frame_time_ms,
        })),
        identity: given::identity(image),
    })
}

#[derive(Default)]
struct Viewer {
    /// What was read last: a selector without its view, and the whole of the scan or of both.
    kept: Option<(Selector, Scene)>,
    /// The last view, which a cross-hair that moves needs again and again.
    last: Option<(Selector, Shown)>,
}

impl Viewer {
    fn show(
        &mut self,
        selector: Selector,
        mark: Option<Mark>,
    ) -> Result<(Shown, Option<Marked>), Failure> {
        let source = Selector {
            view: View::default(),
            ..selector.clone()
        };
        if self.kept.as_ref().is_none_or(|(known, _)| *known != source) {
            (self.kept, self.last) = (None, None);
            let whole = load_whole(&selector, &Options::default())?;
            self.kept = Some((source, whole));
        }
        let Some((_, scene)) = &self.kept else {
            return Err(Failure::model("the scan was not read"));
        };
        let shown = match &self.last {
            Some((known, shown)) if *known == selector => shown.clone(),
            _ => views(scene, &selector, &scene.render_all(&selector.view)?)?,
        };
        let marked = mark.and_then(|mark| marked(scene, &selector.view, mark));
        self.last = Some((selector, shown.clone()));
        Ok((shown, marked))
    }
}

/// What is marked in a view; `None` if it is not in it.
fn marked(scene: &Scene, view: &View, mark: Mark) -> Option<Marked> {
    let pixel = match mark {
        Mark::Pixel(pixel) => pixel,
        Mark::Place(place) => {
            let found = scene.find(view, place).ok().flatten()?;
            found.pixel.map(|at| at.round().max(0.0) as u32)
        }
    };
    Some(Marked {
        pixel,
        is_found: matches!(mark, Mark::Place(_)),
        probe: scene.probe(view, pixel).ok().flatten(),
    })
}
