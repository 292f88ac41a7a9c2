//! Exports an index as plain files: `examples.jsonl`, the images, and of scans which salts their codes have. `rounds index import
//! --format folder` reads them back.

use serde_json::json;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::error::IndexError;
use super::images::relative;
use super::store::Index;
use rounds_support::files::{self, Staged};
use rounds_support::{Cancel, FileError, INTENDED_USE};

/// The `format` field of every exported line, by which an import recognises it.
pub const LINE_FORMAT: &str = "rounds-example-1";

/// Writes all examples of `index` to the new folder `out`; returns their number.
pub fn export(
    index: &Index,
    out: &Path,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<usize, IndexError> {
    if out.exists() {
        return Err(IndexError::Refused(format!(
            "{} already exists; choose a new folder",
            rounds_support::errors::display_path(out)
        )));
    }
    files::create_private_dir(out)?;
    let path = out.join("examples.jsonl");
    let failed = |e: std::io::Error| IndexError::from(FileError::from_io(&path, "write", &e));
    let mut lines = BufWriter::new(Staged::new(&path)?);
    let mut done = 0;
    index.each_example(&mut |example| {
        if cancel.is_cancelled() {
            return Err(IndexError::Cancelled);
        }
        let example = example?;
        for image in &example.images {
            let target = out.join(relative(image));
            if !target.exists() {
                files::create_private_dir(target.parent().unwrap_or(out))?;
                files::write_atomic(&target, &index.image(image)?)?;
            }
        }
        let line = json!({
            "format": LINE_FORMAT,
            "id": example.id,
            "image": example.images.iter().map(relative).collect::<Vec<_>>(),
            "question": example.question,
            "answer": example.answer,
            "rationale": example.rationale,
            "tags": example.tags.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>(),
            "source": example.source,
            "licence": example.licence,
            "patient": example.patient,
            "study": example.study,
            "intended_use": INTENDED_USE,
        });
        writeln!(lines, "{line}").map_err(failed)?;
        done += 1;
        progress(done, index.len());
        Ok(())
    })?;
    super::codes::state(index, out)?;
    // Put the list in place last, so that an interrupted export is not mistaken for a complete one.
    let lines = lines.into_inner().map_err(|e| failed(e.into_error()))?;
    lines.commit()?;
    Ok(done)
}
