//! How often the neighbours of a picture share its tags: precision at k, beside what chance would give.

use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

use super::{Share, wilson};
use rounds_assistant::retrieval::{Plan, Query, Strategy, retrieve};
use rounds_index::{Index, IndexError, Search};

/// Precision of one tag.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Precision {
    /// Neighbours with the query's value, of those that have a value at all.
    pub found: Share,
    /// The same for examples drawn at random: the sum of squared shares of the values, weighted by the queries.
    pub chance_percent: f64,
    pub queries: usize,
    /// 95 % interval of `found` in percent, low and high; see [`interval`].
    pub interval_percent: (f64, f64),
    /// The part of `found` that each query with neighbours has.
    #[serde(skip)]
    of_queries: Vec<Share>,
}

/// Wilson's interval of a share whose answers come in groups, as the neighbours of one query do: with as many independent
/// answers as would give the variance that the groups show (the linearised variance of a ratio), but never fewer than there
/// are groups nor more than there are answers.
fn interval(of_queries: &[Share]) -> (f64, f64) {
    let total = |of: fn(&Share) -> usize| of_queries.iter().map(of).sum::<usize>() as f64;
    let (right, asked, groups) = (
        total(|s| s.right),
        total(|s| s.asked),
        of_queries.len() as f64,
    );
    if groups < 1.0 || asked < groups {
        return wilson(0.0, 0.0);
    }
    let share = right / asked;
    let off = |query: &Share| (query.right as f64 - share * query.asked as f64).powi(2);
    let spread: f64 = of_queries.iter().map(off).sum();
    let variance = spread / (asked * asked) * groups / (groups - 1.0).max(1.0);
    // Where all agree the groups show no variance, and each may be of one mind by chance.
    let independent = match variance > 0.0 {
        true => share * (1.0 - share) / variance,
        false => groups,
    };
    wilson(share, independent.clamp(groups, asked))
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
            let mut own = Share::default();
            for neighbour in found.shots.iter().filter_map(|shot| shot.example.tag(tag)) {
                own.add(neighbour == value);
            }
            if own.asked > 0 {
                precision.found.right += own.right;
                precision.found.asked += own.asked;
                precision.of_queries.push(own);
            }
        }
        each(done + 1);
    }
    for precision in out.values_mut() {
        precision.chance_percent /= precision.queries.max(1) as f64;
        precision.interval_percent = interval(&precision.of_queries);
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
    fn neighbours_of_one_mind_count_once_a_query() {
        let found = interval(&queries(&[5, 0, 5, 0, 5, 0, 5, 0, 5, 0]));
        assert!(near(found, (23.7, 76.3)), "{found:?}");
        let found = interval(&queries(&[5; 10]));
        assert!(near(found, (72.2, 100.0)), "{found:?}");
    }

    #[test]
    fn neighbours_that_differ_as_if_drawn_count_each() {
        let found = interval(&queries(&[2, 3, 2, 3, 2, 3, 2, 3, 2, 3]));
        assert!(near(found, (36.6, 63.4)), "{found:?}");
        assert_eq!(interval(&[]), (0.0, 100.0));
    }
}
