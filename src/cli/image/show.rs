//! `rounds image show` and `rounds image fuse`.

use clap::Args;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::view_flags::{OverlayFlags, ViewFlags, options};
use crate::cli::failure::Outcome;
use crate::cli::out::print;
use crate::tui;
use rounds_scan::{MedicalImage, Selector, load};
use rounds_support::errors::display_path;
use rounds_support::{Failure, INTENDED_USE, files, stderr_line};

#[derive(Args)]
pub struct Show {
    /// File, folder or archive
    file: PathBuf,
    #[command(flatten)]
    view: ViewFlags,
    #[command(flatten)]
    out: OutFlags,
}

#[derive(Args)]
pub struct Fuse {
    /// The scan below, in grey
    base: PathBuf,
    /// The scan above, in colour; a label map is outlined
    overlay: PathBuf,
    #[command(flatten)]
    overlay_flags: OverlayFlags,
    #[command(flatten)]
    view: ViewFlags,
    #[command(flatten)]
    out: OutFlags,
}

/// Where the image goes.
#[derive(Args)]
pub struct OutFlags {
    /// PNG file to write
    #[arg(short, long)]
    out: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
    /// Print how the image was made as JSON instead of drawing it
    #[arg(long)]
    json: bool,
}

pub fn show(show: &Show) -> Outcome {
    let selector = show.view.selector(&show.file)?;
    present(&selector, &show.out)
}

pub fn fuse(fuse: &Fuse) -> Outcome {
    let mut selector = fuse.view.selector_with(&fuse.base, &fuse.overlay_flags)?;
    let overlay = match fuse.overlay.to_str() {
        Some(text) => Selector::parse(text)?,
        None => Selector::of(&fuse.overlay),
    };
    if overlay.view != Selector::default().view
        || overlay.overlay.is_some()
        || overlay.time.is_some()
    {
        return Err(
            Failure::usage("of the overlay, only the series can be chosen in its name")
                .hint("use --overlay-window, --map and --opacity for how it looks"),
        );
    }
    selector.overlay = Some(overlay.path);
    selector.overlay_series = overlay.series;
    present(&selector, &fuse.out)
}

/// Renders what is selected, and writes, draws or describes it.
fn present(selector: &Selector, flags: &OutFlags) -> Outcome {
    refuse_to_overwrite(flags.out.as_deref(), flags.force)?;
    let scene = load(selector, &options())?;
    let image = scene.render(&selector.view)?;
    if let Some(out) = &flags.out {
        files::write_atomic(out, &image.png()?)?;
    }
    if flags.json {
        print(format!("{:#}", facts(&image)))?;
        return Ok(0);
    }
    if let Some(out) = &flags.out {
        notes(&image);
        stderr_line(format_args!(
            "wrote {}: {}; {INTENDED_USE}",
            display_path(out),
            image.how_made
        ));
        return Ok(0);
    }
    if std::io::stdout().is_terminal() {
        draw(&image)?;
    } else {
        describe(&image)?;
    }
    notes(&image);
    print(INTENDED_USE)?;
    Ok(0)
}

/// An error if `out` exists and may not be overwritten.
pub(in crate::cli) fn refuse_to_overwrite(out: Option<&Path>, force: bool) -> Result<(), Failure> {
    match out.filter(|out| out.exists() && !force) {
        Some(out) => Err(
            Failure::usage(format!("{} already exists", display_path(out)))
                .hint("choose another file, or add --force to overwrite it"),
        ),
        None => Ok(()),
    }
}

fn notes(image: &MedicalImage) {
    for note in &image.notes {
        stderr_line(format_args!("note: {note}"));
    }
}

/// What is known about an image, as JSON.
fn facts(image: &MedicalImage) -> Value {
    let mut facts = json!(image);
    facts["intended_use"] = INTENDED_USE.into();
    facts
}

fn describe(image: &MedicalImage) -> Result<(), Failure> {
    print(&image.how_made)?;
    print(format_args!(
        "{} x {} pixels{}",
        image.width,
        image.height,
        pixel_size(image)
    ))?;
    if let Some(edges) = image.edges {
        print(format_args!(
            "left {}, right {}, top {}, bottom {}",
            edges.left, edges.right, edges.top, edges.bottom
        ))?;
    }
    if let Some(mm) = image.position_mm {
        print(format_args!("position {mm:.1} mm"))?;
    }
    Ok(())
}

fn pixel_size(image: &MedicalImage) -> String {
    match image.pixel_mm {
        Some([across, _]) => format!(" of {across:.3} mm"),
        None => String::new(),
    }
}

/// Draws an image with its letters into the terminal.
fn draw(image: &MedicalImage) -> Result<(), Failure> {
    let pixels = image.to_image("image")?;
    let drawn = tui::image_lines(&pixels);
    let width = drawn.width;
    let middle = drawn.lines.len() / 2;
    let letter =
        |letter: fn(&rounds_scan::plane::Edges) -> char| image.edges.as_ref().map_or(' ', letter);
    let centred = |character: char| format!("{:>1$}", character, width / 2 + 2);
    if image.edges.is_some() {
        print(centred(letter(|edges| edges.top)))?;
    }
    for (number, line) in drawn.lines.iter().enumerate() {
        let (left, right) = match number == middle {
            true => (letter(|edges| edges.left), letter(|edges| edges.right)),
            false => (' ', ' '),
        };
        print(format_args!("{left} {line} {right}"))?;
    }
    if image.edges.is_some() {
        print(centred(letter(|edges| edges.bottom)))?;
    }
    print(&image.how_made)
}
