//! What every import of a learner does once its sources, sizes and names are known: check, write, and count.

use std::path::Path;

use super::assemble::{assemble, assemble_packed, published_packing};
use super::check::{check, count_parameters, unused};
use super::commit::Imported;
use super::key_map::Rules;
use super::write::{self, TensorData};
use super::{ImportError, ImportSummary, Sources, check_free_space};
use crate::store::TensorSpec;
use crate::weights::WeightError;
use rounds_support::{Cancel, files};

/// An import that is ready to begin.
pub(super) struct Conversion<'a> {
    pub(super) sources: &'a Sources,
    /// How the model's tensors are made from those of the sources.
    pub(super) rules: &'a dyn Rules,
    /// The folder of the new bundle.
    pub(super) out: &'a Path,
    pub(super) bundle: Imported<'a>,
}

impl Conversion<'_> {
    /// Writes the bundle. `verify` gets the number of the checkpoint's parameters before anything is written, `progress` the number of
    /// tensors written and of all tensors.
    ///
    /// On an error the output folder stays unchanged; an existing bundle is replaced only when the new one is complete.
    pub(super) fn run(
        self,
        verify: impl FnOnce(u64) -> Result<(), ImportError>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<ImportSummary, ImportError> {
        let Self {
            sources,
            rules,
            out,
            bundle,
        } = self;
        let unusable = |reason| ImportError::config("the import", reason);
        bundle.config.check().map_err(unusable)?;
        bundle.tokenizer.special.check().map_err(unusable)?;
        let specs = bundle.config.tensors()?;
        let used = check(rules, sources, &specs)?;
        let checkpoint_parameters = count_parameters(&sources.checkpoint, &used);
        verify(checkpoint_parameters)?;
        files::create_private_dir(out)?;
        check_free_space(out, write::size(bundle.format, &specs))?;
        let recipe_of = |tensor: &TensorSpec| {
            let unknown = || WeightError::format(&tensor.name, "it has no known source");
            rules.find(&tensor.name).ok_or_else(unknown)
        };
        let packing_of = |tensor: &TensorSpec| published_packing(sources, &recipe_of(tensor).ok()?);
        let mut done = 0;
        let written = write::write_with_published_blocks(
            out,
            bundle.format,
            &specs,
            &packing_of,
            &mut |tensor, blocks| {
                if cancel.is_cancelled() {
                    return Err(ImportError::Cancelled);
                }
                progress(done, specs.len());
                done += 1;
                let recipe = recipe_of(tensor)?;
                match blocks {
                    true => assemble_packed(sources, &recipe, tensor).map(TensorData::Packed),
                    false => assemble(sources, &recipe, tensor).map(TensorData::Full),
                }
            },
        )?;
        progress(specs.len(), specs.len());
        let bytes = written.length;
        bundle.commit(written, out)?;
        let parameters = specs.iter().map(|spec| {
            let sizes = spec.shape.iter().map(|&size| size as u64);
            sizes.product::<u64>()
        });
        Ok(ImportSummary {
            tensors: specs.len(),
            checkpoint_parameters,
            parameters: parameters.sum(),
            ignored: unused(sources, &used).count(),
            bytes,
        })
    }
}
