//! Which sizes a model can have.
//!
//! A manifest comes from anyone: a size is checked in words before memory is taken for it, or the allocator would end the program.

/// Largest size of anything: vocabularies are the largest that are published.
pub(super) const LARGEST: usize = 1_000_000;
pub(super) const MOST_LAYERS: usize = 1000;
/// Longest side of a tower's square, in pixels.
pub(super) const LARGEST_SIDE: usize = 4096;

/// Errors, in words, where a size is not 1 to `most`.
pub(super) fn within(what: &str, found: usize, most: usize) -> Result<(), String> {
    match found {
        n if (1..=most).contains(&n) => Ok(()),
        n => Err(format!("{what} is {n}, 1 to {most} is possible")),
    }
}

/// Errors where `width` does not part into `heads`.
pub(super) fn parts(what: &str, width: usize, heads: usize) -> Result<(), String> {
    within(&format!("{what} heads"), heads, width)?;
    match width.is_multiple_of(heads) {
        true => Ok(()),
        false => Err(format!(
            "{what} width {width} does not part into {heads} heads"
        )),
    }
}

/// Errors where the epsilon of a norm is none.
pub(super) fn epsilon(what: &str, eps: f64) -> Result<(), String> {
    match eps > 0.0 && eps < 1.0 {
        true => Ok(()),
        false => Err(format!("{what} norm_eps is {eps}")),
    }
}
