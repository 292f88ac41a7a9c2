//! Which sizes a model can have.
//!
//! A manifest comes from anyone: a size is checked in words before memory is taken for it, or the allocator would end the program.

/// Largest size of anything: vocabularies are the largest that are published.
pub(super) const MAX_SIZE: usize = 1_000_000;
pub(super) const MAX_LAYERS: usize = 1000;
/// Longest side of a tower's square, in pixels.
pub(super) const MAX_IMAGE_SIDE: usize = 4096;

/// Errors, in words, where a size is not 1 to `max`.
pub(super) fn check_range(what: &str, found: usize, max: usize) -> Result<(), String> {
    match found {
        n if (1..=max).contains(&n) => Ok(()),
        n => Err(format!("{what} is {n}, 1 to {max} is possible")),
    }
}

/// Errors where `width` does not part into `heads`.
pub(super) fn check_heads(what: &str, width: usize, heads: usize) -> Result<(), String> {
    check_range(&format!("{what} heads"), heads, width)?;
    match width.is_multiple_of(heads) {
        true => Ok(()),
        false => Err(format!(
            "{what} width {width} does not part into {heads} heads"
        )),
    }
}

/// Errors where the epsilon of a norm is none.
pub(super) fn check_epsilon(what: &str, eps: f64) -> Result<(), String> {
    match eps > 0.0 && eps < 1.0 {
        true => Ok(()),
        false => Err(format!("{what} norm_eps is {eps}")),
    }
}
