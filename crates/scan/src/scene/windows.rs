//! Remembers what windows mean for a volume: percentiles look at a million voxels, and scrolling must not.

use std::sync::{Arc, Mutex, PoisonError};

use crate::Volume;
use crate::view_error::ViewError;
use crate::window::{Applied, Window};

/// So many are remembered; dragging a window makes many that are never needed again.
const MAX_KNOWN: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Windows {
    known: Mutex<Vec<(Window, Arc<Applied>)>>,
}

impl Windows {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// What `window` means for `volume`, which must always be the same one.
    pub(super) fn get(&self, window: Window, volume: &Volume) -> Result<Arc<Applied>, ViewError> {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lock()
            .iter()
            .find(|(known, _)| *known == window)
            .map(|(_, applied)| Arc::clone(applied));
        if let Some(applied) = found {
            return Ok(applied);
        }
        let applied = Arc::new(window.apply(volume)?);
        let mut known = lock();
        if known.len() >= MAX_KNOWN {
            known.remove(0);
        }
        known.push((window, Arc::clone(&applied)));
        Ok(applied)
    }
}
