//! How often the neighbours of a picture share its tags: precision at k, beside what chance would give.

use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

use super::Share;
use crate::index::{Index, IndexError, Search};
use crate::retrieval::{Plan, Query, Strategy, retrieve};

/// Precision of one tag.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Precision {
    /// Neighbours with the query's value, of those that have a value at all.
    pub found: Share,
    /// The same for examples drawn at random: the sum of squared shares of the values, weighted by the queries.
    pub chance_percent: f64,
    pub queries: usize,
}

/// Searches `index` with every picture of `queries` by the vectors that both have, and compares `tags`.
///
/// Errors where the two have no encoder in common.
pub fn neighbours(
    index: &Index,
    queries: &Index,
    k: usize,
    tags: &[String],
    each: &mut dyn FnMut(usize),
) -> Result<BTreeMap<String, Precision>, IndexError> {
    let common = queries
        .encoders()
        .iter()
        .find(|e| index.encoder(&e.sha256).is_ok());
    let encoder = match (common, queries.encoders().first()) {
        (Some(encoder), _) => encoder.sha256.clone(),
        (None, Some(first)) => index.encoder(&first.sha256)?.sha256.clone(),
        (None, None) => return Err(IndexError::Refused("the queries have no vectors".into())),
    };
    let vectors = queries.vectors(&encoder)?;
    let mut shares: BTreeMap<(String, String), f64> = BTreeMap::new();
    for tag in tags {
        let counts = index.tag_counts()?;
        let of = counts.iter().filter(|(name, ..)| name == tag);
        let total: usize = of.clone().map(|(_, _, n)| n).sum();
        for (_, value, n) in of {
            shares.insert(
                (tag.clone(), value.clone()),
                100.0 * *n as f64 / total.max(1) as f64,
            );
        }
    }
    let mut pictures = Vec::new();
    let mut seen = HashSet::new();
    queries.each_example(&mut |example| {
        let example = example?;
        if let Some(image) = example.image()
            && seen.insert(image.sha256.clone())
        {
            pictures.push(example);
        }
        Ok(())
    })?;
    let plan = Plan {
        shots: k,
        strategy: Strategy::Image,
        search: Search::Exact,
        floor: None,
        filter: Vec::new(),
        pinned: Vec::new(),
        excluded: Vec::new(),
    };
    let mut out: BTreeMap<String, Precision> = BTreeMap::new();
    for (done, example) in pictures.iter().enumerate() {
        let Some(vector) = vectors.row(example.number)? else {
            continue;
        };
        let mut own = Vec::new();
        for image in &example.images {
            own.push((
                image.sha256.clone(),
                queries.look(&image.sha256)?.unwrap_or(0),
            ));
        }
        let query = Query {
            encoder: &encoder,
            vectors: &[&vector],
            text: None,
            images: &own,
            question: "",
            patient: Some(&example.patient),
            study: Some(&example.study),
            seed: 0,
        };
        let found = retrieve(index, &query, &plan)?;
        for tag in tags {
            let Some(value) = example.tag(tag) else {
                continue;
            };
            let precision = out.entry(tag.clone()).or_default();
            precision.queries += 1;
            precision.chance_percent += shares
                .get(&(tag.clone(), value.to_string()))
                .unwrap_or(&0.0);
            for neighbour in found.shots.iter().filter_map(|shot| shot.example.tag(tag)) {
                precision.found.add(neighbour == value);
            }
        }
        each(done + 1);
    }
    for precision in out.values_mut() {
        precision.chance_percent /= precision.queries.max(1) as f64;
    }
    Ok(out)
}
