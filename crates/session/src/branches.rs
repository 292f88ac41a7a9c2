//! The ways through a session: an edited question is a sibling of the old one, and both stay.
//!
//! Stored parents are numbers that others could have written, so no walk here trusts that they end.

use std::collections::BTreeSet;

use super::Sessions;
use super::error::SessionError;
use super::id::SessionId;
use super::types::{Session, Turn};

/// A way from a first question to a last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Number of its last turn, which nothing follows; names the branch.
    pub last: u32,
    /// Turns on the way.
    pub length: usize,
    /// The question that it ends with.
    pub question: String,
}

impl Session {
    /// The turn of a number.
    pub fn turn(&self, number: u32) -> Option<&Turn> {
        let place = self.turns.binary_search_by_key(&number, |turn| turn.number);
        place.ok().and_then(|place| self.turns.get(place))
    }

    /// The turns from the first question to turn `last`, in that order; empty where there is no such turn.
    pub fn path(&self, last: u32) -> Vec<&Turn> {
        let mut path = Vec::new();
        let mut next = self.turn(last);
        while let Some(turn) = next {
            path.push(turn);
            // A parent is older; anything else would go round in circles.
            let parent = turn.parent.filter(|&parent| parent < turn.number);
            next = parent.and_then(|parent| self.turn(parent));
        }
        path.reverse();
        path
    }

    /// Every way through the session, the one with the newest end first.
    pub fn branches(&self) -> Vec<Branch> {
        let parents: BTreeSet<u32> = self.turns.iter().filter_map(|turn| turn.parent).collect();
        let ends = self
            .turns
            .iter()
            .rev()
            .filter(|turn| !parents.contains(&turn.number));
        ends.map(|turn| Branch {
            last: turn.number,
            length: self.path(turn.number).len(),
            question: turn.question.clone(),
        })
        .collect()
    }
}

impl Sessions {
    /// Every way through a session, the one with the newest end first.
    pub fn branches(&self, id: &SessionId) -> Result<Vec<Branch>, SessionError> {
        Ok(self.load(id)?.branches())
    }
}
