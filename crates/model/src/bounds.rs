//! Upper bounds of a model's sizes.
//!
//! A manifest is untrusted: every size is checked before memory is allocated for it, since a failed allocation aborts the program.

/// Largest dimension of any tensor; published vocabularies come closest.
pub(super) const MAX_SIZE: usize = 1_000_000;
/// Most layers of a stack.
pub(super) const MAX_LAYERS: usize = 1000;
/// Longest side of a tower's square input, in pixels.
pub(super) const MAX_IMAGE_SIDE: usize = 4096;

/// Errors where a size is not from 1 to `max`.
pub(super) fn check_range(what: &str, found: usize, max: usize) -> Result<(), String> {
    match found {
        n if (1..=max).contains(&n) => Ok(()),
        n => Err(format!("{what} is {n}, but must be from 1 to {max}")),
    }
}

/// Errors where `width` is not a multiple of `heads`.
pub(super) fn check_heads(what: &str, width: usize, heads: usize) -> Result<(), String> {
    check_range(&format!("{what} heads"), heads, width)?;
    match width.is_multiple_of(heads) {
        true => Ok(()),
        false => Err(format!(
            "{what} width {width} is not a multiple of its {heads} heads"
        )),
    }
}

/// Errors where the epsilon of a norm is not between 0 and 1.
pub(super) fn check_epsilon(what: &str, eps: f64) -> Result<(), String> {
    match eps > 0.0 && eps < 1.0 {
        true => Ok(()),
        false => Err(format!(
            "{what} norm_eps is {eps}, but must be between 0 and 1"
        )),
    }
}
