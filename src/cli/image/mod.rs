//! `rounds image …`: look at medical images, measure them, lay one over another, and make clean copies.

mod deid;
mod info;
mod measure;
mod show;
mod view_flags;

pub(in crate::cli) use show::refuse_to_overwrite;

use clap::Subcommand;

use super::failure::Outcome;

#[derive(Subcommand)]
pub enum ImageCommand {
    /// Show an image in the terminal, or write it as PNG
    ///
    /// FILE is DICOM (also a folder, a zip or a DICOMDIR), NIfTI, NRRD, or a plain image. What to show of it can be part of its name,
    /// wherever the program takes an image: ct.dcm#window=lung, scan.nii.gz#plane=coronal&slice=0.5,
    /// study/#series=2&overlay=pet/&opacity=0.4
    Show(show::Show),
    /// List what a file or folder holds
    Info(info::Info),
    /// Lay a second scan of the same patient over the first
    ///
    /// The second is brought onto the grid of the first by the positions that both files state, and refused where they cannot be
    /// compared.
    Fuse(show::Fuse),
    /// Measure a region: volume, mean, percentiles, entropy
    ///
    /// First-order statistics as IBSI defines them, of a rectangle of a slice or of a label of a label map.
    Measure(measure::Measure),
    /// Write a clean copy without what identifies the patient
    ///
    /// A PNG of what is shown, or a DICOM file in which only listed technical elements are kept and UIDs are replaced (PS3.15 basic
    /// profile). What is burned into the pixels has to be blacked out by you.
    Deid(deid::Deid),
}

/// Runs the subcommand.
pub fn run(command: &ImageCommand) -> Outcome {
    match command {
        ImageCommand::Show(show) => show::show(show),
        ImageCommand::Info(info) => info::run(info),
        ImageCommand::Fuse(fuse) => show::fuse(fuse),
        ImageCommand::Measure(measure) => measure::run(measure),
        ImageCommand::Deid(deid) => deid::run(deid),
    }
}
