//! Checks that the published tensors are exactly those that the model needs.

use std::collections::BTreeSet;

use super::key_map::Rules;
use super::recipe::{Recipe, Role, TensorRef};
use super::{ImportError, Sources};
use crate::flamingo::FlamingoConfig;
use crate::store::TensorSpec;
use crate::weights::Source;
use rounds_support::sanitise;

/// Parameters of published checkpoints (seed-systems, section 8.1): decoder layers, width, layers per gated block, count.
const PUBLISHED_PARAMETERS: [(usize, usize, usize, u64); 4] = [
    (24, 2048, 1, 1_046_992_944),
    (32, 2560, 2, 1_218_197_536),
    (32, 4096, 4, 1_384_781_840),
    (32, 4096, 4, 1_309_919_248),
];

/// Errors where a checkpoint has the sizes of a published one but another number of parameters.
pub(super) fn check_parameter_count(
    checkpoint: &Source,
    config: &FlamingoConfig,
    found: u64,
) -> Result<(), ImportError> {
    let shape = (
        config.language.layers,
        config.language.hidden_size,
        config.cross_attn_every_n_layers,
    );
    let known = || {
        PUBLISHED_PARAMETERS
            .iter()
            .filter(|k| (k.0, k.1, k.2) == shape)
            .map(|k| k.3)
    };
    match known().next() {
        Some(first) if !known().any(|k| k == found) => Err(ImportError::Parameters {
            origin: sanitise::clean_line(checkpoint.origin()),
            found,
            known: first,
        }),
        _ => Ok(()),
    }
}

/// Checks that every tensor in `specs` can be made and that no published tensor is left over. Returns the published names in use.
pub(crate) fn check(
    rules: &dyn Rules,
    sources: &Sources,
    specs: &[TensorSpec],
) -> Result<BTreeSet<(Role, String)>, ImportError> {
    let mut used = BTreeSet::new();
    let mut problems = Vec::new();
    for tensor in specs {
        let Some(recipe) = rules.find(&tensor.name) else {
            problems.push(format!("missing: {} (no known source)", tensor.name));
            continue;
        };
        let present: Vec<&TensorRef> = recipe
            .candidates()
            .iter()
            .filter(|p| sources.has(p))
            .collect();
        let stacked = recipe.needs_all();
        let complete = match stacked {
            true => present.len() == recipe.candidates().len(),
            false => !present.is_empty(),
        };
        if !complete {
            let wanted: Vec<&str> = recipe
                .candidates()
                .iter()
                .map(|p| p.name.as_str())
                .collect();
            problems.push(format!("missing: {}", wanted.join(" or ")));
            continue;
        }
        let chosen = if stacked { &present[..] } else { &present[..1] };
        let shapes: Vec<Vec<usize>> = chosen
            .iter()
            .filter_map(|p| Some(sources.get(p.role)?.shape(&p.name)?.to_vec()))
            .collect();
        if let Err(reason) = check_shape(&recipe, &shapes, &tensor.shape) {
            problems.push(format!("wrong shape: {}: {reason}", chosen[0].name));
        }
        used.extend(present.iter().map(|p| (p.role, p.name.clone())));
    }
    for (role, name) in unused(sources, &used) {
        let float = sources.get(role).is_some_and(|s| s.is_float(name));
        if float && !rules.is_ignorable(role, name) {
            problems.push(format!("unknown: {name}"));
        }
    }
    match problems.is_empty() {
        true => Ok(used),
        false => {
            let more = problems.len().saturating_sub(40);
            problems.truncate(40);
            if more > 0 {
                problems.push(format!("and {more} more"));
            }
            let clean = problems.iter().map(|f| sanitise::clean_line(f)).collect();
            Err(ImportError::Mismatch(clean))
        }
    }
}

/// Published tensors that are not in use.
pub(crate) fn unused<'a>(
    sources: &'a Sources,
    used: &'a BTreeSet<(Role, String)>,
) -> impl Iterator<Item = (Role, &'a str)> {
    [Role::Checkpoint, Role::Language, Role::Vision]
        .into_iter()
        .filter_map(|role| Some((role, sources.get(role)?)))
        .flat_map(|(role, source)| source.names().map(move |name| (role, name)))
        .filter(|(role, name)| !used.contains(&(*role, (*name).to_string())))
}

/// Number of parameters in use in the checkpoint, counting each gated block once.
pub(super) fn count_parameters(checkpoint: &Source, used: &BTreeSet<(Role, String)>) -> u64 {
    let preferred = |name: &str| {
        // A gated block's tensor may have two names; the new one is an alias where the old one exists.
        let Some((before, rest)) = name.split_once(".gated_cross_attn_layer.") else {
            return true;
        };
        let layer = before.rsplit('.').next().unwrap_or_default();
        !checkpoint.has(&format!(
            "lang_encoder.gated_cross_attn_layers.{layer}.{rest}"
        ))
    };
    used.iter()
        .filter(|(role, name)| *role == Role::Checkpoint && preferred(name))
        .map(|(_, name)| checkpoint.elements(name))
        .sum()
}

fn check_shape(recipe: &Recipe, shapes: &[Vec<usize>], wanted: &[usize]) -> Result<(), String> {
    let first = shapes.first().ok_or("it is empty")?;
    let same_tail = |shape: &[usize]| shape.get(1..) == wanted.get(1..);
    let good = match recipe {
        Recipe::Copy(_) | Recipe::RopePairs(..) => first == wanted,
        // Axes of length 1 are ignored.
        Recipe::Reshaped(_) => {
            let long = |shape: &[usize]| -> Vec<usize> {
                shape.iter().copied().filter(|&d| d != 1).collect()
            };
            long(first) == long(wanted)
        }
        Recipe::Resized(_) => first.len() == 2 && same_tail(first),
        Recipe::FusedQkv(..) | Recipe::InterleavedQkv(..) => {
            first.first() == Some(&(3 * wanted.first().copied().unwrap_or(0))) && same_tail(first)
        }
        Recipe::Concat(_) => {
            let rows: usize = shapes.iter().filter_map(|s| s.first()).sum();
            Some(&rows) == wanted.first() && shapes.iter().all(|s| same_tail(s))
        }
        Recipe::FoldedWeight(..) => {
            let channels = wanted.get(..1);
            let ones = |axes: &[usize]| axes.iter().all(|&d| d == 1);
            // A 1 x 1 convolution becomes a linear layer.
            let weight =
                first == wanted || first.starts_with(wanted) && ones(&first[wanted.len()..]);
            weight && shapes[1..].iter().all(|s| Some(s.as_slice()) == channels)
        }
        Recipe::FoldedBias(..) => shapes.iter().all(|s| s == wanted),
        Recipe::Transposed(_) => first.iter().rev().eq(wanted.iter()),
        Recipe::ConvQkv(..) => {
            matches!((first[..].len(), wanted), (2, &[out, input]) if first[..] == [input, 3 * out])
        }
        Recipe::First(_) => wanted.first() == Some(&1) && same_tail(first),
        Recipe::LowRankUp(_, part, _) => {
            let blocks = if part.is_some() { 3 } else { 1 };
            first.first() == Some(&(blocks * wanted.first().copied().unwrap_or(0)))
                && same_tail(first)
        }
        Recipe::Merged { base, part, .. } => {
            let blocks = if part.is_some() { 3 } else { 1 };
            let low_rank = match (shapes, wanted) {
                ([_, down, up], &[out, input]) => {
                    down.len() == 2
                        && down[1] == input
                        && up.len() == 2
                        && up[0] == blocks * out
                        && up.get(1) == down.first()
                        && up[1] > 0
                }
                _ => false,
            };
            low_rank && check_shape(base, &shapes[..1], wanted).is_ok()
        }
        Recipe::PromptEncoder(_) => {
            let mut width = first.get(1).copied();
            let layers = shapes[1..].chunks(2).all(|pair| match pair {
                [weight, bias] if weight.len() == 2 => {
                    let fits = width == Some(weight[1]) && bias[..] == weight[..1];
                    width = Some(weight[0]);
                    fits
                }
                _ => false,
            });
            layers
                && shapes.len() == 7
                && first.first() == wanted.first()
                && width == wanted.get(1).copied()
        }
    };
    match good {
        true => Ok(()),
        false => Err(format!("{shapes:?}, but {wanted:?} was expected")),
    }
}
