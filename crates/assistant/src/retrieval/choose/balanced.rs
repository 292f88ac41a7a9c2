//! Similar images with as many different answers as possible.

use std::collections::{HashMap, VecDeque};

use super::candidates::{Candidate, most_similar_first};

/// Takes one candidate per answer in turn, the most similar first; answers are ordered by their best candidate.
pub(super) fn balanced(candidates: Vec<Candidate>, k: usize) -> Vec<Candidate> {
    let mut order: Vec<String> = Vec::new();
    let mut groups: HashMap<String, VecDeque<Candidate>> = HashMap::new();
    for candidate in candidates {
        let label = candidate.example.answer.trim().to_lowercase();
        if !groups.contains_key(&label) {
            order.push(label.clone());
        }
        groups.entry(label).or_default().push_back(candidate);
    }
    let mut out = Vec::new();
    while out.len() < k {
        let before = out.len();
        for label in &order {
            let Some(mut next) = groups.get_mut(label).and_then(VecDeque::pop_front) else {
                continue;
            };
            if out.len() == k {
                break;
            }
            next.reason = format!("for the answer \"{label}\": {}", next.reason);
            out.push(next);
        }
        if out.len() == before {
            break;
        }
    }
    most_similar_first(out)
}
