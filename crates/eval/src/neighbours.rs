//! How often the neighbours of an image share its tags: precision at k, compared with chance.

use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

use crate::share::{Share, wilson};
use rounds_assistant::retrieval::{Plan, Query, Strategy, retrieve};
use rounds_index::{Index, IndexError, Search};

/// Precision of one tag.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Precision {
    /// Neighbours with the query's value, among those with any value.
    pub found: Share,
    /// The same in percent for random examples: the mean share, over the queries, of their values in the index.
    pub chance_percent: f64,
    /// Number of queries.
    pub queries: usize,
    /// 95 % interval of `found` in percent, low and high; see `interval`.
    pub interval_percent: (f64, f64),
    /// The part of `found` of each query with neighbours.
    #[serde(skip)]
    by_query: Vec<Share>,
}

/// Wilson's interval for answers that come in groups, like the neighbours of one query. The effective number of independent
/// answers is the one that gives the observed variance between groups (the linearised variance of a ratio), but at least the
/// number of groups and at most the number of answers.
fn interval(by_query: &[Share]) -> (f64, f64) {
    let total = |of: fn(&Share) -> usize| by_query.iter().map(of).sum::<usize>() as f64;
    let (right, asked, groups) = (
        total(|s| s.right),
        total(|s| s.asked),
        by_query.len() as f64,
    );
    if groups < 1.0 || asked < groups {
        return wilson(0.0, 0.0);
    }
    let share = right / asked;
    let squared_error = |query: &Share| (query.right as f64 - share * query.asked as f64).powi(2);
    let spread: f64 = by_query.iter().map(squared_error).sum();
    let variance = spread / (asked * asked) * groups / (groups - 1.0).max(1.0);
    // If all agree, there is no variance between groups; count each group once.
    let independent = match variance > 0.0 {
        true => share * (1.0 - share) / variance,
        false => groups,
    };
    wilson(share, independent.clamp(groups, asked))
}

/// Searches `index` with every image of `queries`, using vectors of an encoder that both have, and compares `tags`.
///
/// Errors if they have no encoder in common.
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
    let mut examples = Vec::new();
    let mut seen = HashSet::new();
    queries.each_example(&mut |example| {
        let example = example?;
        if let Some(image) = example.image()
            && seen.insert(image.sha256.clone())
        {
            examples.push(example);
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
    for (done, example) in examples.iter().enumerate() {
        let Some(vector) = vectors.row(example.number)? else {
            continue;
        };
        let mut phashes = Vec::new();
        for image in &example.images {
            phashes.push((
                image.sha256.clone(),
                queries.phash(&image.sha256)?.unwrap_or(0),
            ));
        }
        let query = Query {
            encoder: &encoder,
            vectors: &[&vector],
            text: None,
            images: &phashes,
            altered: &[],
            same_pixels: None,
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
            let mut matches = Share::default();
            for neighbour in found.shots.iter().filter_map(|shot| shot.example.tag(tag)) {
                matches.add(neighbour == value);
            }
            if matches.asked > 0 {
                precision.found.right += matches.right;
                precision.found.asked += matches.asked;
                precision.by_query.push(matches);
            }
        }
        each(done + 1);
    }
    for precision in out.values_mut() {
        precision.chance_percent /= precision.queries.max(1) as f64;
        precision.interval_percent = interval(&precision.by_query);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queries(rights: &[usize]) -> Vec<Share> {
        let share = |&right: &usize| Share { right, asked: 5 };
        rights.iter().map(share).collect()
    }

    fn near((low, high): (f64, f64), (a, b): (f64, f64)) -> bool {
        (low - a).abs() < 0.1 && (high - b).abs() < 0.1
    }

    #[test]
    fn neighbours_that_always_agree_count_once_per_query() {
        let found = interval(&queries(&[5, 0, 5, 0, 5, 0, 5, 0, 5, 0]));
        assert!(near(found, (23.7, 76.3)), "{found:?}");
        let found = interval(&queries(&[5; 10]));
        assert!(near(found, (72.2, 100.0)), "{found:?}");
    }

    #[test]
    fn neighbours_that_vary_like_random_draws_each_count() {
        let found = interval(&queries(&[2, 3, 2, 3, 2, 3, 2, 3, 2, 3]));
        assert!(near(found, (36.6, 63.4)), "{found:?}");
        assert_eq!(interval(&[]), (0.0, 100.0));
    }
}
