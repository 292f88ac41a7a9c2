//! Study mode over the chat: the open index as a deck, and the model that is open already.

use std::sync::Arc;

use super::decks::{Source, find, folder, refresh};
use super::desk::{Desk, Plan, now};
use super::driver::Start;
use super::tutor::Sources;
use crate::tui::backend::label;
use rounds_assistant::{Assistant, Setup};
use rounds_index::library::Library;
use rounds_study::TimeZone;
use rounds_study::queue::Filter;
use rounds_study::store::Store;
use rounds_support::{Failure, Paths};

/// The cards of the index that a chat has open. Making them may take a while, so the worker does it.
///
/// Errors if the program's folders are not known.
pub fn over_chat(setup: &Setup, assistant: Option<Arc<Assistant>>) -> Result<Start, Failure> {
    let paths = Paths::find()?;
    let mut setup = setup.clone().named();
    let models = rounds_model::library::Library::of(&paths);
    setup.model = setup.model.map(|given| models.find(&given));
    let index = setup.index.as_deref();
    let index = index.map(|given| Library::of(&paths).find(given));
    let deck = label(index.as_deref());
    let given = index.clone();
    let open = move || {
        let mut store = Store::open(&folder(&paths))?;
        let found = find(&store, &paths, given.as_deref())?;
        refresh(&mut store, &paths, &found)?;
        let plan = Plan {
            folder: folder(&paths),
            deck: found.deck,
            source: Source::Index(given.clone()),
            filter: Filter::default(),
            cram: false,
            new: None,
            reviews: None,
            retention: None,
            zone: TimeZone::system(),
        };
        Desk::at(store, plan, now())
    };
    Ok(Start {
        deck,
        cram: false,
        open: Box::new(open),
        asks_model: true,
        tutor: Sources {
            assistant,
            setup: Setup {
                index: index.clone(),
                ..setup
            },
            index: Some(index),
        },
    })
}
