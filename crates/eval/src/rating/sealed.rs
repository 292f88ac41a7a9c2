//! The sealed part of a rating file: which answer is whose, and what the rest of the file must be.
//!
//! It blinds against accident: whoever opens the file in an editor or rates with the program does not see it. It is not
//! encryption; whoever decodes it on purpose can read it. What it does prove is that nothing was changed afterwards: its
//! SHA-256, the seal, stands in every rater's file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use rounds_support::files::sha256_hex;

use super::set::Item;

/// The sealed part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// What the order was drawn from.
    pub(super) seed: u64,
    /// Names of the systems.
    pub(super) systems: Vec<String>,
    /// One for each item, in order.
    pub(super) items: Vec<SealedItem>,
}

/// What is sealed of one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SealedItem {
    /// SHA-256 of the item as raters see it.
    pub(super) shown: String,
    /// The system of each answer, as a position in the list of systems.
    pub(super) order: Vec<usize>,
}

impl Sealed {
    /// The text that stands in the file, and the seal.
    pub(super) fn close(&self) -> (String, String) {
        // Numbers, texts and lists always have a JSON form.
        let json = serde_json::to_vec(self).unwrap_or_default();
        (STANDARD.encode(&json), sha256_hex(&json))
    }

    /// Opens what [`Sealed::close`] wrote, if its seal is `seal`.
    pub(super) fn open(text: &str, seal: &str) -> Result<Self, String> {
        let json = STANDARD
            .decode(text.trim())
            .map_err(|_| "the sealed part is not base64")?;
        if sha256_hex(&json) != seal {
            return Err("the sealed part was changed".into());
        }
        serde_json::from_slice(&json).map_err(|error| format!("the sealed part: {error}"))
    }

    /// Whether the items are those that were sealed.
    pub(super) fn check(&self, items: &[Item]) -> Result<(), String> {
        if items.len() != self.items.len() {
            return Err("it has another number of items".into());
        }
        for (number, (item, sealed)) in items.iter().zip(&self.items).enumerate() {
            let number = number + 1;
            if item.hash() != sealed.shown {
                return Err(format!("item {number} was changed"));
            }
            let mut order = sealed.order.clone();
            order.sort_unstable();
            if !order.iter().copied().eq(0..self.systems.len())
                || item.answers.len() != self.systems.len()
            {
                return Err(format!("item {number} does not have one answer per system"));
            }
        }
        Ok(())
    }
}
