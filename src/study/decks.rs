//! Makes decks from indexes, and finds the deck that a name means.

use std::path::{Path, PathBuf};

use crate::tui::backend::label;
use rounds_assistant::SHIPPED;
use rounds_eval::problems::{self, Problem, ProblemImage};
use rounds_imaging::format_of;
use rounds_index::Index;
use rounds_index::library::{Library, is_index};
use rounds_study::card::{Card, CardImage, Kind};
use rounds_study::deck::{StagedCase, cards_of, staged_cards};
use rounds_study::store::{DeckChange, DeckInfo, Store};
use rounds_support::errors::display_path;
use rounds_support::{Failure, Paths};

/// Seed of what is drawn at random when cards are made, such as the wrong answers to choose from.
const SEED: u64 = 0;

/// The folder of the store.
pub fn folder(paths: &Paths) -> PathBuf {
    paths.data_dir.join("study")
}

/// A deck, and the index that its cards are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub deck: String,
    pub source: Source,
}

/// Where the cards of a deck are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The index in this folder; `None` is the shipped one.
    Index(Option<PathBuf>),
    /// A file; the store has its images.
    Imported,
}

impl Source {
    /// The index to open; `None` if there is none.
    pub fn index(&self) -> Option<Option<&Path>> {
        match self {
            Self::Index(folder) => Some(folder.as_deref()),
            Self::Imported => None,
        }
    }
}

/// The deck that a name or the path of an index means; without one, that of the shipped index.
///
/// Errors if there is neither.
pub fn find(store: &Store, paths: &Paths, given: Option<&Path>) -> Result<Found, Failure> {
    let given = given.unwrap_or(Path::new(SHIPPED));
    let indexes = Library::of(paths);
    if let Some(name) = given.to_str()
        && store.has_deck(name)?
    {
        let source = match store.deck_info(name)?.index {
            None => Source::Imported,
            Some(index) if index == SHIPPED => Source::Index(None),
            Some(index) => Source::Index(Some(indexes.find(Path::new(&index)))),
        };
        return Ok(Found {
            deck: name.to_string(),
            source,
        });
    }
    let folder = indexes.find(given);
    let index = match (is_index(&folder), given == Path::new(SHIPPED)) {
        (true, _) => Some(folder),
        (false, true) => None,
        (false, false) => {
            let name = display_path(given);
            return Err(Failure::usage(format!("no deck and no index named {name}"))
                .hint("list the decks with `rounds study decks` and the indexes with `rounds index list`"));
        }
    };
    Ok(Found {
        deck: label(index.as_deref()),
        source: Source::Index(index),
    })
}

/// Brings a deck up to date with its index. Does nothing if the index has not changed since, and for imported decks.
///
/// Errors if the index cannot be read, or another deck has the name.
pub fn refresh(
    store: &mut Store,
    paths: &Paths,
    found: &Found,
) -> Result<Option<DeckChange>, Failure> {
    let Source::Index(folder) = &found.source else {
        return Ok(None);
    };
    let index = Index::open(folder.as_deref())?;
    let named = match folder {
        None => SHIPPED.to_string(),
        Some(folder) => {
            let stable = Library::of(paths).stable_path(folder);
            stable.to_string_lossy().into_owned()
        }
    };
    let info = DeckInfo {
        index: Some(named),
        about: format!(
            "made by version {} from an index with the hash {}",
            env!("CARGO_PKG_VERSION"),
            index.sha256()
        ),
    };
    if store.has_deck(&found.deck)? {
        let known = store.deck_info(&found.deck)?;
        if known == info {
            return Ok(None);
        }
        if known.index != info.index {
            let taken = format!("another deck is named {}", found.deck);
            return Err(Failure::usage(taken).hint(
                "rename the folder of the index, or remove that deck with `rounds study remove`",
            ));
        }
    }
    let mut cards = cards_of(&index, &kinds_of_an_index(), SEED, &[])?;
    if folder.is_none() {
        cards.extend(shipped_cases(store)?);
    }
    Ok(Some(store.put_deck(&found.deck, &info, &cards)?))
}

fn kinds_of_an_index() -> Vec<Kind> {
    let all = Kind::ALL.into_iter();
    all.filter(|kind| *kind != Kind::Staged).collect()
}

/// The problems that ship, as staged cases. Their images go to the store, as no index has them.
fn shipped_cases(store: &mut Store) -> Result<Vec<Card>, Failure> {
    let mut cases = Vec::new();
    for problem in problems::shipped_set()? {
        let read: Result<Vec<_>, _> = problem.images.iter().map(ProblemImage::bytes).collect();
        let bytes = match read {
            Ok(bytes) => bytes,
            // Other sample cases can stand in for those that ship; a problem about a missing one is no card.
            Err(error) => {
                tracing::warn!("problem {}: {error}", problem.id);
                continue;
            }
        };
        let images = bytes.iter().map(|bytes| keep(store, bytes));
        let images = images.collect::<Result<_, _>>()?;
        cases.push(staged(problem, images));
    }
    Ok(staged_cards(&cases))
}

fn keep(store: &mut Store, bytes: &[u8]) -> Result<CardImage, Failure> {
    let extension = format_of(bytes).map_or("png", rounds_imaging::Format::extension);
    Ok(store.put_media(bytes, extension)?)
}

fn staged(problem: Problem, images: Vec<CardImage>) -> StagedCase {
    let row = |lab: &rounds_assistant::LabValue| rounds_study::card::LabRow {
        test: lab.name.clone(),
        value: lab.measured(),
        reference: lab.range.clone(),
    };
    let topic = match problem.topic.as_str() {
        "" => Vec::new(),
        topic => vec![("topic".to_string(), topic.to_string())],
    };
    StagedCase {
        laboratory: problem.background.labs.iter().map(row).collect(),
        vignette: problem.background.vignette,
        question: problem.question,
        answer: problem.answer,
        rationale: problem.rationale,
        source: problem.source,
        images,
        tags: topic,
        ..StagedCase::default()
    }
}
