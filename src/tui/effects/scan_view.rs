//! Reads scans and renders views of them, on a thread of its own. The last scan is kept, so that the next slice needs no file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel};

use super::catch_panic;
use crate::given;
use crate::tui::journal::{Attached, ScanView};
use crate::tui::message::Message;
use crate::tui::state::Event;
use rounds_scan::{MedicalImage, Options, Scene, Selector, View, image_at, load_whole};
use rounds_support::Failure;

/// A view to render.
pub struct ViewJob {
    pub job: u64,
    pub selector: Selector,
}

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
            let result = catch_panic(Err(broken), || viewer.show(next.selector));
            let event = Event::ScanViewed {
                job,
                result: result.map(Box::new),
            };
            if sender.send(Message::Event(event)).is_err() {
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
pub fn view_scan(job: u64, selector: Selector) -> Event {
    Event::ScanViewed {
        job,
        result: Viewer::default().show(selector).map(Box::new),
    }
}

/// Attaches what a name means, if it names a scan: one image, or base, overlay and fusion.
pub fn attach(named: &std::path::Path) -> Result<Option<Vec<Attached>>, Failure> {
    let Some(selector) = given::scan_named(named)? else {
        return Ok(None);
    };
    let seen = given::see(selector)?;
    let several = seen.images.len() > 1;
    let mut all = Vec::new();
    for image in &seen.images {
        let mut attached = attached(&seen.scene, &seen.selector, image)?;
        // Base, overlay and fusion belong together: changing one alone would no longer be a view of one place.
        if several {
            attached.scan = None;
        }
        all.push(attached);
    }
    Ok(Some(all))
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
            count: layout.count(),
            at: at.filter(|_| image.slice.is_some()),
            modality: image.facts.modality,
            notes: image.notes.clone(),
        })),
        identity: given::identity(image),
    })
}

#[derive(Default)]
struct Viewer {
    /// What was read last: a selector without its view, and the whole scan.
    kept: Option<(Selector, Scene)>,
}

impl Viewer {
    fn show(&mut self, selector: Selector) -> Result<Attached, Failure> {
        let source = Selector {
            view: View::default(),
            ..selector.clone()
        };
        if self.kept.as_ref().is_none_or(|(known, _)| *known != source) {
            self.kept = None;
            let whole = load_whole(&selector, &Options::default())?;
            self.kept = Some((source, whole));
        }
        let Some((_, scene)) = &self.kept else {
            return Err(Failure::model("the scan was not read"));
        };
        attached(scene, &selector, &scene.render(&selector.view)?)
    }
}
