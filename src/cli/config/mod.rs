//! `rounds config`: the settings file, and the settings that result from flags, environment and file.

mod file;
mod layers;
mod settings;
mod show;
mod table;
#[cfg(test)]
mod tests;
mod write;

use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::failure::Outcome;
use super::out::print;
use rounds_support::Failure;
use rounds_support::errors::display_path;

pub use settings::{SettingsReport, examine_user_file, load};
use settings::{examine, user_path};

#[derive(Subcommand)]
pub enum Config {
    /// Write a settings file that explains every setting and changes none
    Init(FileArg),
    /// Check the settings file and environment variables
    Check(FileArg),
    /// Show every setting and where it comes from
    Show {
        #[command(flatten)]
        file: FileArg,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Which settings file.
#[derive(Args)]
pub struct FileArg {
    /// Settings file [default: your own]
    file: Option<PathBuf>,
}

impl FileArg {
    fn path(&self) -> Result<PathBuf, Failure> {
        match &self.file {
            Some(path) => Ok(path.clone()),
            None => user_path(),
        }
    }

    /// As [`Self::path`]. The user's own file may be missing; a file named on the command line must exist.
    fn existing_path(&self) -> Result<PathBuf, Failure> {
        match &self.file {
            Some(path) if !path.exists() => {
                Err(
                    Failure::usage(format!("not found: {}", display_path(path))).hint(format!(
                        "create it with `rounds config init {}`",
                        display_path(path)
                    )),
                )
            }
            _ => self.path(),
        }
    }
}

/// Runs the command.
pub fn run(config: &Config) -> Outcome {
    match config {
        Config::Init(file) => write::init(&file.path()?),
        Config::Check(file) => check(file.existing_path()?),
        Config::Show { file, json } => show::show(&file.existing_path()?, *json),
    }
}

fn check(path: PathBuf) -> Outcome {
    let found = examine(path);
    for (fault, hint) in &found.faults {
        print(fault)?;
        if let Some(hint) = hint {
            print(format_args!("    {hint}"))?;
        }
    }
    if !found.faults.is_empty() {
        return Ok(2);
    }
    print(format_args!(
        "{}: {}",
        display_path(&found.path),
        found.summary
    ))?;
    Ok(0)
}
