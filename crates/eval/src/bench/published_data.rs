//! Published files and problems as indexes in a run's folder.

use std::path::{Path, PathBuf};

use super::data::{DataError, Shelf};
use super::own_shots;
use super::plan::PlanError;
use super::source::Source;
use crate::problems;
use rounds_assistant::maintenance::{Import, ImportError, ImportReport, import};
use rounds_assistant::{AssistantError, Embedders};
use rounds_index::dataset::{Format, Options};
use rounds_model::device;
use rounds_support::{Cancel, files};

/// Writes problems as a table with images, which is then imported like any other. Vignette and laboratory values stand before the
/// question, as in every prompt.
fn problems_table(
    problems: &Path,
    name: &str,
    base: &Path,
    folder: &Path,
) -> Result<PathBuf, DataError> {
    let list = read_problems(problems, base)?;
    if list.iter().any(|problem| !problem.shots.is_empty()) {
        return own_shots::problems_table(&list, name, folder);
    }
    files::create_private_dir(folder)?;
    let mut table = String::new();
    for problem in list {
        let mut images = Vec::new();
        for (at, image) in problem.images.iter().enumerate() {
            let kept = image.name();
            let kept = format!("{}-{at}-{kept}", problem.id);
            files::write_atomic(&folder.join(&kept), &image.bytes()?)?;
            images.push(kept);
        }
        let row = serde_json::json!({
            "images": images,
            "question": problem.background.with_question(&problem.question),
            "answer": problem.answer,
            "rationale": problem.rationale,
            "source": problem.source,
            "study": problem.id,
            "category": problem.topic,
        });
        table.push_str(&format!("{row}\n"));
    }
    let path = folder.join("problems.jsonl");
    files::write_atomic(&path, table.as_bytes())?;
    Ok(path)
}

/// The problems of a plan: those that ship, or a file's.
pub(super) fn read_problems(
    problems: &Path,
    base: &Path,
) -> Result<Vec<problems::Problem>, DataError> {
    Ok(match problems == Path::new(rounds_assistant::SHIPPED) {
        true => problems::shipped_set()?,
        false => problems::read(&base.join(problems))?,
    })
}

/// The index of a published data set in the run's folder, imported if it is not there yet.
pub(super) fn published(
    source: &Source,
    name: &str,
    model: Option<&Path>,
    base: &Path,
    run: &Path,
    shelf: &Shelf,
    cancel: &Cancel,
    report: &mut dyn FnMut(&str),
) -> Result<PathBuf, DataError> {
    let invalid = || PlanError::Invalid(format!("{name}: give `format` and `path`"));
    let folder = run.join("data").join(name);
    let done = run.join("data").join(format!("{name}.imported"));
    let made_from = format!("{source:?} in {}\n", base.display());
    match files::read_to_string(&done) {
        Ok(text) if text.starts_with(&made_from) => return Ok(folder),
        // Another source of an earlier plan, of which nothing was asked yet.
        Ok(_) => drop(rounds_index::library::delete(&folder)?),
        Err(_) => {}
    }
    let table = run.join("data").join(format!("{name}.problems"));
    let (format, path, options) = match (&source.problems, source.format, &source.path) {
        (Some(problems), ..) => {
            let table = problems_table(problems, name, base, &table)?;
            (Format::Folder, table, Options::default())
        }
        (None, Some(_), Some(_)) if source.own_shots => {
            let table = own_shots::rows_table(source, name, base, &table)?;
            (Format::Folder, table, Options::default())
        }
        (None, Some(format), Some(path)) => (format, base.join(path), source.options(base)?),
        _ => return Err(invalid().into()),
    };
    files::create_private_dir(&run.join("data"))?;
    let failed = |error: ImportError| DataError::Import {
        name: name.to_string(),
        error,
    };
    if !rounds_index::library::is_index(&folder) {
        let (device, _) = device::open(&shelf.device).map_err(AssistantError::from)?;
        let encoders = Embedders::of_new_index(model, &device)?;
        rounds_index::create(&folder, encoders)?;
    }
    report(&format!("importing {name}"));
    let request = Import {
        index: folder.clone(),
        format,
        path,
        options,
        device: shelf.device.clone(),
        salt: None,
    };
    let imported = import(
        &request,
        &shelf.indexes,
        &shelf.models,
        cancel,
        &mut |step| {
            if let ImportReport::Rows(rounds_index::ingest::Report::Progress(summary)) = step {
                let rows = summary.rows;
                report(&format!("importing {name}: {rows} rows"));
            }
        },
    )
    .map_err(failed)?;
    imported.ended.map_err(failed)?;
    let summary = imported.summary;
    if imported.examples == 0 {
        return Err(PlanError::Invalid(format!(
            "{name}: no row was imported ({} rejected, {} of another split or language)",
            summary.rejected, summary.filtered
        ))
        .into());
    }
    report(&format!(
        "{name}: {} examples, {} rejected, {} of another split",
        imported.examples, summary.rejected, summary.filtered
    ));
    let text = format!(
        "{made_from}examples = {}\nrejected = {}\nfiltered = {}\n",
        imported.examples, summary.rejected, summary.filtered
    );
    files::write_atomic(&done, text.as_bytes())?;
    Ok(folder)
}
