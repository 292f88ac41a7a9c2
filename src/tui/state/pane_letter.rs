//! A letter pressed in a pane that may be the start of a question.

use std::time::Duration;

use crate::tui::journal::{Attached, Subject};
use crate::tui::keys::{Action, KeyContext, Press};

use super::conversation::TurnId;
use super::cross_hair::CrossHair;
use super::focus::Focus;
use super::image_pane::ImagePane;

/// A letter that acted, or is about to.
pub struct PaneLetter {
    pub(super) letter: char,
    pub(super) action: Action,
    pub(super) press: Press,
    pub(super) context: KeyContext,
    pub(super) at: Duration,
    /// Not done yet, since it cannot be undone.
    pub(super) deferred: bool,
    pub(super) before: Box<Before>,
}

/// What the keys of the panes change.
pub(super) struct Before {
    pub(super) focus: Focus,
    pub(super) front: Focus,
    pub(super) chosen: Option<TurnId>,
    pub(super) scroll: Option<usize>,
    pub(super) shot: usize,
    pub(super) pinned: Vec<String>,
    pub(super) excluded: Vec<String>,
    pub(super) attached: Vec<Attached>,
    pub(super) subject: Subject,
    pub(super) image_pane: ImagePane,
    pub(super) cross_hair: Option<CrossHair>,
    pub(super) input: String,
    pub(super) is_editing: bool,
}
