//! Decodes and encodes images for the screen on one worker thread. Requests that are no longer wanted are dropped.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use lru::LruCache;

use super::terminal::Terminal;
use crate::tui::backend::image_bytes;
use crate::tui::effects::{case_bytes, catch_panic, file_bytes};
use crate::tui::message::Message;
use crate::tui::terminal_image::{Encoded, Gallery, Request, Screen, Source, Wanted, encode};
use rounds_imaging::{Image, decode};
use rounds_index::Images;

/// Decoded images kept in memory.
const MAX_DECODED: NonZeroUsize = NonZeroUsize::new(24).unwrap();

#[derive(Default)]
struct Queue {
    wanted: VecDeque<Wanted>,
    /// The request being worked on.
    busy: Option<Request>,
    screen: Option<(Screen, u64)>,
    reader: Option<Images>,
    /// Increases with every index opened: an image missing from one may be in the next.
    reader_generation: u64,
}

/// A handle to the worker.
pub struct ImageWorker {
    shared: Arc<(Mutex<Queue>, Condvar)>,
}

impl ImageWorker {
    /// Starts the worker.
    pub fn start<N: Send + 'static>(sender: SyncSender<Message<N>>) -> std::io::Result<Self> {
        let shared: Arc<(Mutex<Queue>, Condvar)> = Arc::default();
        let queue = shared.clone();
        let mut encoder = Encoder {
            decoded: LruCache::new(MAX_DECODED),
            reader_generation: 0,
            // Kitty image ids: never 0, which means no id, and different between runs in one window.
            number: std::process::id().wrapping_mul(4096) | 1,
        };
        let work = move || {
            loop {
                let (wanted, screen, generation, reader, number) = next(&queue);
                encoder.index_changed(number);
                let broken = Encoded::Failed("internal error: the image cannot be drawn".into());
                let encoded =
                    catch_panic(broken, || encoder.encode(&wanted, screen, reader.as_ref()));
                lock(&queue.0).busy = None;
                let message = Message::ImageReady {
                    generation,
                    request: wanted.request,
                    encoded,
                };
                if sender.send(message).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("images".into())
            .spawn(work)?;
        Ok(Self { shared })
    }

    /// After a frame: frees the images that it no longer shows, and requests those that it misses.
    pub fn follow(&self, gallery: &mut Gallery, terminal: &mut Terminal, tmux: bool) {
        terminal.delete_images(&gallery.take_dropped(), tmux);
        self.want(gallery.take_wanted(), gallery.screen(), gallery.generation);
    }

    /// Requests the images missing from the last frame, replacing earlier requests.
    fn want(&self, wanted: Vec<Wanted>, screen: Screen, generation: u64) {
        let mut queue = lock(&self.shared.0);
        if wanted.is_empty() && queue.wanted.is_empty() {
            return;
        }
        queue.screen = Some((screen, generation));
        let busy = queue.busy.clone();
        queue.wanted = wanted
            .into_iter()
            .filter(|w| busy.as_ref() != Some(&w.request))
            .collect();
        self.shared.1.notify_one();
    }

    /// Sets where images of examples are read, after another index was opened.
    pub fn set_reader(&self, reader: Images) {
        let mut queue = lock(&self.shared.0);
        queue.reader = Some(reader);
        queue.reader_generation += 1;
    }
}

fn lock(queue: &Mutex<Queue>) -> std::sync::MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

type Job = (Wanted, Screen, u64, Option<Images>, u64);

fn next(shared: &(Mutex<Queue>, Condvar)) -> Job {
    let mut queue = lock(&shared.0);
    loop {
        if let Some((screen, generation)) = queue.screen
            && let Some(wanted) = queue.wanted.pop_front()
        {
            queue.busy = Some(wanted.request.clone());
            return (
                wanted,
                screen,
                generation,
                queue.reader.clone(),
                queue.reader_generation,
            );
        }
        queue = shared.1.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

struct Encoder {
    decoded: LruCache<String, Result<Arc<Image>, String>>,
    reader_generation: u64,
    number: u32,
}

impl Encoder {
    fn index_changed(&mut self, number: u64) {
        if self.reader_generation != number {
            self.reader_generation = number;
            self.decoded.retain(|_, image| image.is_ok());
        }
    }

    fn encode(&mut self, wanted: &Wanted, screen: Screen, reader: Option<&Images>) -> Encoded {
        let image = match &wanted.source {
            Source::Image(image) => Ok(image.clone()),
            source => self.decoded(&wanted.request.appearance.id, source, reader),
        };
        self.number = self.number.wrapping_add(2);
        match image {
            Ok(image) => encode(&image, &wanted.request, screen, self.number),
            Err(reason) => Encoded::Failed(reason),
        }
    }

    fn decoded(
        &mut self,
        id: &str,
        source: &Source,
        reader: Option<&Images>,
    ) -> Result<Arc<Image>, String> {
        let read = || read(source, reader).map(Arc::new);
        self.decoded.get_or_insert_ref(id, read).clone()
    }
}

fn read(source: &Source, reader: Option<&Images>) -> Result<Image, String> {
    let decoded = |bytes: &[u8], name: &str| decode(bytes, name).map_err(|error| error.to_string());
    match source {
        Source::Image(image) => Ok(image.as_ref().clone()),
        Source::Example { example, sha256 } => {
            let reader = reader.ok_or("no index is open")?;
            decoded(&image_bytes(reader, example, sha256)?, &example.id)
        }
        Source::File(path) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            decoded(&file_bytes(path).map_err(|error| error.message)?, &name)
        }
        Source::Case(name) => decoded(case_bytes(name).map_err(|error| error.message)?, name),
    }
}
