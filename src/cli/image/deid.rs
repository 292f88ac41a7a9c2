//! `rounds image deid`: clean copies.

use clap::Args;
use std::path::{Path, PathBuf};

use super::show::refuse_to_overwrite;
use super::view_flags::{ViewFlags, options};
use crate::cli::failure::Outcome;
use rounds_scan::deid::{Cleaner, files_in, warnings};
use rounds_scan::radiomics::Rectangle;
use rounds_scan::{Facts, Selector, limits, load, one_time_salt, open_bytes};
use rounds_support::errors::{count, display_path};
use rounds_support::{Failure, FailureKind, INTENDED_USE, files, stderr_line};

#[derive(Args)]
pub struct Deid {
    /// File, or a folder of DICOM files
    input: PathBuf,
    /// New file: .png for an image, anything else for DICOM; for a folder, a new or empty folder
    output: PathBuf,
    /// Rectangle to black out, in pixels from the upper left corner of the image as shown, in a DICOM copy as stored (may be
    /// given several times)
    #[arg(long, value_name = "X,Y,W,H")]
    black: Vec<String>,
    #[command(flatten)]
    view: ViewFlags,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

pub fn run(deid: &Deid) -> Outcome {
    let black = deid.black.iter().map(|text| {
        Rectangle::parse(text).ok_or_else(|| {
            Failure::usage("a rectangle is four numbers: X,Y,WIDTH,HEIGHT")
                .hint("for example --black 0,0,300,40")
        })
    });
    let cleaner = Cleaner::new(one_time_salt(), black.collect::<Result<_, _>>()?);
    let selector = deid.view.selector(&deid.input)?;
    let is_png = deid
        .output
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    if is_png {
        refuse_to_overwrite(Some(&deid.output), deid.force)?;
        return png(&cleaner, &selector, &deid.output);
    }
    if selector.path.is_dir() {
        return folder(&cleaner, &selector.path, &deid.output);
    }
    if selector != Selector::of(selector.path.clone()) {
        return Err(Failure::usage("a DICOM copy is always of the whole file")
            .hint("give OUT the ending .png to write one slice or window"));
    }
    refuse_to_overwrite(Some(&deid.output), deid.force)?;
    let copied = dicom(&cleaner, &selector.path, &deid.output)?;
    warn(copied.facts.as_ref());
    copied.changes.tell();
    stderr_line(format_args!(
        "wrote {}; {INTENDED_USE}",
        display_path(&deid.output)
    ));
    Ok(0)
}

fn png(cleaner: &Cleaner, selector: &Selector, out: &Path) -> Outcome {
    let image = load(selector, &options())?.render(&selector.view)?;
    files::write_atomic(out, &cleaner.png(&image)?)?;
    warn(Some(&image.facts));
    stderr_line(format_args!(
        "wrote {}: {}; {INTENDED_USE}",
        display_path(out),
        image.how_made
    ));
    Ok(0)
}

const UNSEEN: &str = "this program cannot read the image, so it knows of no text that is burned into it: look at it before you share it";

/// What may be left in the pixels; also where they cannot be read, as a clean copy needs only the header.
fn warnings_of(facts: Option<&Facts>) -> Vec<String> {
    facts.map_or_else(|| vec![UNSEEN.to_owned()], warnings)
}

fn warn(facts: Option<&Facts>) {
    for warning in warnings_of(facts) {
        stderr_line(format_args!("warning: {warning}"));
    }
}

/// What came of a copy.
struct Copied {
    /// What the original says about itself, if it can be read.
    facts: Option<Facts>,
    changes: Changes,
}

/// What was changed in images to black something out in them; told once of all files.
#[derive(Clone, Copy, Default)]
struct Changes {
    is_uncompressed: bool,
    has_other_colours: bool,
}

impl Changes {
    fn add(&mut self, other: Self) {
        self.is_uncompressed |= other.is_uncompressed;
        self.has_other_colours |= other.has_other_colours;
    }

    fn tell(self) {
        if self.is_uncompressed {
            stderr_line(format_args!("note: {UNCOMPRESSED}"));
        }
        if self.has_other_colours {
            stderr_line(format_args!("note: {OTHER_COLOURS}"));
        }
    }
}

const UNCOMPRESSED: &str = "to black something out in a compressed image, it is stored uncompressed (explicit little endian)";
const OTHER_COLOURS: &str = "to black something out in colours of a palette or with shared chroma, each pixel is stored with its own colour";

/// Writes the clean copy of a file.
fn dicom(cleaner: &Cleaner, path: &Path, out: &Path) -> Result<Copied, Failure> {
    let bytes = files::read_regular_file(path, limits::MAX_FILE_BYTES)?;
    let clean = cleaner.dicom(&bytes)?;
    files::write_atomic(out, &clean.bytes)?;
    let opened = open_bytes(bytes, "", &options()).ok();
    Ok(Copied {
        facts: opened
            .and_then(|opened| opened.series.into_iter().next())
            .map(|series| series.facts),
        changes: Changes {
            is_uncompressed: clean.is_uncompressed,
            has_other_colours: clean.has_other_colours,
        },
    })
}

/// The clean copies are numbered: names of files can be names of patients.
fn folder(cleaner: &Cleaner, folder: &Path, out: &Path) -> Outcome {
    let is_empty = |path: &Path| {
        path.read_dir()
            .is_ok_and(|mut entries| entries.next().is_none())
    };
    if out.exists() && !is_empty(out) {
        return Err(
            Failure::usage(format!("{} is not empty", display_path(out)))
                .hint("choose a new folder"),
        );
    }
    files::create_private_dir(out)?;
    let (mut written, mut failed, mut told) = (0_usize, 0_usize, Vec::new());
    let mut changes = Changes::default();
    for (number, path) in files_in(folder).into_iter().enumerate() {
        let copy = out.join(format!("{:05}.dcm", written + 1));
        match dicom(cleaner, &path, &copy) {
            Ok(copied) => {
                written += 1;
                changes.add(copied.changes);
                for warning in warnings_of(copied.facts.as_ref()) {
                    if !told.contains(&warning) {
                        told.push(warning);
                    }
                }
            }
            Err(failure) if failure.kind == FailureKind::Io => return Err(failure),
            Err(failure) => {
                failed += 1;
                // Not by its name, which can be that of a patient.
                stderr_line(format_args!("left out file {}: {failure}", number + 1));
            }
        }
    }
    for warning in told {
        stderr_line(format_args!("warning: {warning}"));
    }
    changes.tell();
    if written == 0 {
        return Err(Failure::new(
            FailureKind::Image,
            "no file in this folder could be copied clean",
        )
        .hint("a folder must hold DICOM files with images"));
    }
    let left_out = match failed {
        0 => String::new(),
        failed => format!(", {} left out", count(failed, "file")),
    };
    stderr_line(format_args!(
        "wrote {} to {}{left_out}; {INTENDED_USE}",
        count(written, "file"),
        display_path(out)
    ));
    Ok(0)
}
