//! `rounds phantom`: draws a synthetic teaching image.

use clap::Args;
use std::path::PathBuf;

use super::failure::Outcome;
use rounds_phantom::{KINDS, render};
use rounds_support::errors::display_path;
use rounds_support::{Failure, files};

#[derive(Args)]
pub struct DrawPhantom {
    /// Kind of phantom, for example chest-film
    kind: String,
    /// Seed; the same seed always gives the same image
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Width and height in pixels
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(8..=2048))]
    size: u32,
    /// PNG file to write
    #[arg(short, long)]
    out: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

/// Draws one phantom.
pub fn run(draw: &DrawPhantom) -> Outcome {
    if draw.out.exists() && !draw.force {
        return Err(
            Failure::usage(format!("{} already exists", display_path(&draw.out)))
                .hint("choose another file, or add --force to overwrite it"),
        );
    }
    let Some(kind) = KINDS.iter().position(|k| k.id == draw.kind) else {
        let known: Vec<_> = KINDS.iter().map(|k| k.id).collect();
        return Err(Failure::usage("no such kind of phantom")
            .hint(format!("known kinds: {}", known.join(", "))));
    };
    let phantom = render(kind, draw.seed, draw.size as usize);
    let mut png = std::io::Cursor::new(Vec::new());
    let buffer = image::RgbImage::from_raw(draw.size, draw.size, phantom.canvas.to_rgb8())
        .ok_or_else(|| Failure::usage("the image has the wrong size"))?;
    buffer
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(Failure::model)?;
    files::write_atomic(&draw.out, png.get_ref())?;
    Ok(0)
}
