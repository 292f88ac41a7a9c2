//! `rounds man`: the manual, one page for each command.

use clap::{Args, Command};
use std::path::{Path, PathBuf};

use super::command_path::find;
use super::failure::Outcome;
use super::out;
use rounds_support::errors::{count, display_path};
use rounds_support::sanitise::clean_line;
use rounds_support::{Failure, FileError, stderr_line};

#[derive(Args)]
pub struct Man {
    /// Command whose page is printed, for example: index search [default: the program's own page]
    command: Vec<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

/// Prints one page, or writes all of them.
pub fn run(man: &Man, mut cli: Command) -> Outcome {
    cli.build();
    if let Some(folder) = &man.out {
        return write_all(&cli, folder);
    }
    let command = find(&cli, &man.command).ok_or_else(|| {
        let typed = clean_line(&man.command.join(" "));
        Failure::usage(format_args!("there is no command {typed}"))
            .hint("list the commands with `rounds --help`")
    })?;
    out::write(&page(command)?).map(|()| 0)
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(command.clone()).render(&mut text);
    rendered.map_err(|e| Failure::io(&e))?;
    Ok(text)
}

/// Writes a page for each command, named as in `rounds-index-search.1`.
fn write_all(cli: &Command, folder: &Path) -> Outcome {
    let failed = |path: &Path, error| Failure::from(FileError::from_io(path, "write", &error));
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    let mut commands = vec![cli];
    let mut pages = 0;
    while let Some(command) = commands.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name());
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, page(command)?).map_err(|e| failed(&path, e))?;
        pages += 1;
        commands.extend(command.get_subcommands().filter(|c| c.get_name() != "help"));
    }
    stderr_line(format_args!(
        "wrote {} to {}",
        count(pages, "page"),
        display_path(folder)
    ));
    Ok(0)
}
