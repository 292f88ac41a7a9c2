//! The position sweep: one shot at every place of the prompt, the others in their order.

use super::{LogLikelihood, Probing};
use rounds_assistant::AssistantError;
use rounds_assistant::retrieval::Shot;
use serde::Serialize;

/// One shot at every place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sweep {
    /// The example that was moved.
    pub example_id: String,
    /// Where it stands in the prompt of the answer, 1 is the first.
    pub position: usize,
    /// What came of each place.
    pub places: Vec<Moved>,
}

/// The shot at one place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// The place, 1 is the first.
    pub position: usize,
    /// Of the scored answer.
    pub log_likelihood: LogLikelihood,
}

/// Which shot is moved, as an index in prompt order: the one of this rank, or the most similar; `None` with fewer than two shots.
///
/// Errors if there is no shot of the rank.
pub(super) fn place(shots: &[Shot], rank: Option<usize>) -> Result<Option<usize>, AssistantError> {
    let of_rank = |wanted: usize| shots.iter().position(|shot| shot.rank == wanted);
    let found = match rank {
        Some(wanted) => Some(of_rank(wanted).ok_or_else(|| {
            AssistantError::Refused(format!(
                "there is no shot {wanted} to move: the prompt has {} shots",
                shots.len()
            ))
        })?),
        None => {
            let best = shots.iter().enumerate().min_by_key(|(_, shot)| shot.rank);
            best.map(|(at, _)| at)
        }
    };
    Ok(found.filter(|_| shots.len() > 1))
}

/// Moves the shot with index `at`.
pub(super) fn sweep(probing: &mut Probing, at: usize) -> Result<Sweep, AssistantError> {
    let mut others = probing.shots.clone();
    let moved = others.remove(at);
    let mut places = Vec::with_capacity(others.len() + 1);
    // From the last place to the first: what stands before the shot is computed once.
    for place in (0..=others.len()).rev() {
        let mut shots = others.clone();
        shots.insert(place, moved.clone());
        places.push(Moved {
            position: place + 1,
            log_likelihood: probing.score(&shots)?,
        });
    }
    places.reverse();
    Ok(Sweep {
        example_id: moved.example.id,
        position: at + 1,
        places,
    })
}
