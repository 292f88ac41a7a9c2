//! What is said of a NIfTI or NRRD file that ends before its samples do.

use crate::error::Fault;

/// Notes what is missing if only the first `found` of the `wanted` samples are there. They are those of `slices` slices, which begin
/// `step` samples apart.
///
/// Errors if not one is there: a slice that is missing must not look like one without values.
pub(super) fn note(
    format: &'static str,
    [found, wanted]: [u64; 2],
    slices: usize,
    step: usize,
    notes: &mut Vec<String>,
) -> Result<(), Fault> {
    if found == 0 {
        let reason = "it ends before the samples of this slice or frame";
        return Err(Fault::broken(format, reason));
    }
    if found >= wanted {
        return Ok(());
    }
    let is_missing = |slice: &usize| (slice * step) as u64 >= found;
    notes.push(match (0..slices).filter(is_missing).count() {
        0 => "The file is incomplete: samples are missing at its end.".to_owned(),
        missing => format!(
            "The file is incomplete: the last {missing} of {slices} slices or frames are missing."
        ),
    });
    Ok(())
}
