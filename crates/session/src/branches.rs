//! The branches of a session: an edited question becomes a sibling of the old one, and both are kept.
//!
//! Other programs could have written the stored parent numbers, so no walk here assumes that they form a tree.

use std::collections::BTreeSet;

use crate::error::SessionError;
use crate::id::SessionId;
use crate::sessions::Sessions;
use crate::types::{Session, Turn};

/// A path from a first question to a last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Number of its last turn, which identifies the branch.
    pub last: u32,
    /// Number of turns.
    pub length: usize,
    /// Its last question.
    pub question: String,
}

impl Session {
    /// The turn with this number.
    pub fn turn(&self, number: u32) -> Option<&Turn> {
        let found = self.turns.binary_search_by_key(&number, |turn| turn.number);
        found.ok().and_then(|position| self.turns.get(position))
    }

    /// The turns from the first question to turn `last`; empty if there is no such turn.
    pub fn path(&self, last: u32) -> Vec<&Turn> {
        let mut path = Vec::new();
        let mut next = self.turn(last);
        while let Some(turn) = next {
            path.push(turn);
            // A parent must be older, or the walk could loop.
            let parent = turn.parent.filter(|&parent| parent < turn.number);
            next = parent.and_then(|parent| self.turn(parent));
        }
        path.reverse();
        path
    }

    /// Every branch, newest last turn first.
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
    /// Every branch of a session, newest last turn first.
    pub fn branches(&self, id: &SessionId) -> Result<Vec<Branch>, SessionError> {
        Ok(self.load(id)?.branches())
    }
}
