//! Cine: the slices or frames of a scan one after the other.
//!
//! The next one is asked for only when the one before is there, so that a slow file is played slowly instead of piling up work.

use std::time::Duration;

use crate::tui::keys::Action;

use super::machine::State;

/// Time between ticks while only seconds or messages change.
const USUAL_TICK: Duration = Duration::from_millis(250);
/// Time between slices of a scan that states no rate.
const USUAL_RATE: Duration = Duration::from_millis(100);
/// The fastest, which a terminal draws without flicker, and the slowest.
const FASTEST: Duration = Duration::from_millis(66);
const SLOWEST: Duration = Duration::from_millis(500);

/// Slices that are being played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cine {
    /// Which of the images.
    group: u64,
    every: Duration,
    due: Duration,
}

impl State {
    /// Starts or pauses.
    pub(super) fn toggle_cine(&mut self) {
        if self.stop_cine() {
            return;
        }
        let Some((_, at, scan)) = self.scan_in_view() else {
            return self.scan_action(Action::NextSlice);
        };
        if at.is_none() || scan.count < 2 {
            return self.notify("this view has one image; there is nothing to play");
        }
        let stated = scan.frame_time_ms.filter(|ms| ms.is_finite() && *ms > 0.0);
        let every = stated.map_or(USUAL_RATE, |ms| {
            Duration::from_secs_f64((ms / 1000.0).min(1.0)).clamp(FASTEST, SLOWEST)
        });
        self.cine = Some(Cine {
            group: scan.group,
            every,
            due: self.now + every,
        });
        let stop = self.keymap.hint(Action::Stop);
        self.notify(format!(
            "playing {:.0} a second; {} pauses, {stop} stops",
            1.0 / every.as_secs_f64(),
            self.keymap.hint(Action::Cine)
        ));
    }

    /// Stops; false if nothing was played.
    pub(super) fn stop_cine(&mut self) -> bool {
        self.cine.take().is_some()
    }

    /// Whether slices are being played.
    pub fn is_playing(&self) -> bool {
        self.cine.is_some()
    }

    /// The next slice, if it is due and the one before is there.
    pub(super) fn tick_cine(&mut self) {
        let Some(cine) = self.cine else { return };
        let scan = self.scan_in_view();
        let playing = scan.filter(|(_, _, scan)| scan.group == cine.group);
        let Some((mut selector, Some(at), scan)) = playing else {
            // Another image is shown, or a view without slices.
            self.cine = None;
            return;
        };
        if scan.count < 2 {
            self.cine = None;
            return;
        }
        if self.now < cine.due || self.wanted_view.is_some() {
            return;
        }
        let next = (at + 1) % scan.count;
        selector.view.place = rounds_scan::Place::Number(next + 1);
        self.cine = Some(Cine {
            due: self.now + cine.every,
            ..cine
        });
        let mark = self.mark();
        self.want_view(scan.group, selector, Some(next), mark);
    }

    /// Time between ticks; `None` if nothing changes with time.
    pub fn tick_every(&self) -> Option<Duration> {
        match &self.cine {
            Some(cine) => Some(cine.every),
            None => self.needs_ticks().then_some(USUAL_TICK),
        }
    }
}
