//! `rounds image info`: what a file, a folder or an archive holds, from its headers.

use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

use super::view_flags::options;
use crate::cli::failure::Outcome;
use crate::cli::out::print;
use rounds_imaging::Image;
use rounds_scan::plane::{Layout, Plane};
use rounds_scan::{Selector, Series, layout_of, looks_like_scan, modality_in_words, open};
use rounds_support::errors::count;
use rounds_support::{Failure, INTENDED_USE};

#[derive(Args)]
pub struct Info {
    /// File, folder or archive
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(info: &Info) -> Outcome {
    let path = match info.file.to_str() {
        Some(text) => Selector::parse(text)?.path,
        None => info.file.clone(),
    };
    if path.is_file() && !looks_like_scan(&path) {
        // What is neither a scan nor an image gets the message of the reader that knows more kinds.
        if let Ok(image) = rounds_imaging::load(&path) {
            return plain(&image, info.json);
        }
    }
    if !path.exists() {
        return Err(rounds_support::FileError::NotFound { path }.into());
    }
    let opened = open(&path, &options())?;
    if info.json {
        let series = opened
            .series
            .iter()
            .enumerate()
            .map(|(number, series)| series_json(number + 1, series));
        let value = json!({
            "series": series.collect::<Vec<_>>(),
            "notes": opened.notes,
            "intended_use": INTENDED_USE,
        });
        print(format!("{value:#}"))?;
        return Ok(0);
    }
    for (number, series) in opened.series.iter().enumerate() {
        describe(number + 1, series)?;
    }
    for note in &opened.notes {
        print(format_args!("note: {note}"))?;
    }
    Ok(0)
}

fn plain(image: &Image, as_json: bool) -> Outcome {
    let (source, width, height) = (&image.source, image.width, image.height);
    if as_json {
        let value = json!({
            "format": source.format.name(), "width": width, "height": height,
            "mode": source.original_mode.name(), "bytes": source.bytes, "sha256": source.sha256,
            "intended_use": INTENDED_USE,
        });
        print(format!("{value:#}"))?;
    } else {
        print(format_args!(
            "{}, {width} x {height} pixels, {}",
            source.format.name(),
            source.original_mode.name()
        ))?;
    }
    Ok(0)
}

/// The planes that a series has, each with its layout.
fn planes(series: &Series) -> Vec<(Option<Plane>, Layout)> {
    let own = layout_of(series, None).ok();
    let own_plane = own.as_ref().and_then(|layout| layout.plane);
    let others = Plane::ALL
        .into_iter()
        .filter(|plane| Some(*plane) != own_plane);
    let others =
        others.filter_map(|plane| Some((Some(plane), layout_of(series, Some(plane)).ok()?)));
    let own = own.map(|layout| (layout.plane, layout));
    own.into_iter().chain(others).collect()
}

fn series_json(number: usize, series: &Series) -> Value {
    let planes = planes(series);
    let planes = planes.iter().map(|(plane, layout)| {
        let ends = layout
            .position(0)
            .zip(layout.position(layout.count().saturating_sub(1)));
        json!({
            "plane": plane.map(Plane::name), "slices": layout.count(),
            "from_mm": ends.map(|ends| ends.0), "to_mm": ends.map(|ends| ends.1),
            "spacing_mm": layout.spacing[2],
        })
    });
    json!({
        "series": number,
        "size": series.size,
        "times": series.components,
        "spacing_mm": series.spacing,
        "affine": series.affine,
        "planes": planes.collect::<Vec<_>>(),
        "facts": series.facts,
    })
}

fn describe(number: usize, series: &Series) -> Result<(), Failure> {
    let facts = &series.facts;
    let [columns, rows, slices] = series.size;
    let part = facts
        .body_part
        .as_deref()
        .map(|part| format!(" of {part}"))
        .unwrap_or_default();
    print(format_args!(
        "series {number}: {}{part}, {columns} x {rows} pixels, {}",
        modality_in_words(facts.modality),
        count(
            slices,
            if series.affine.is_some() {
                "slice"
            } else {
                "frame"
            }
        )
    ))?;
    let line = |name: &str, text: String| print(format_args!("  {name:9} {text}"));
    if series.components > 1 {
        line("times", series.components.to_string())?;
    }
    let known = |mm: Option<f64>| mm.map_or("?".to_owned(), |mm| format!("{mm:.3}"));
    if series.spacing.iter().any(Option::is_some) {
        line(
            "voxels",
            format!("{} mm", series.spacing.map(known).join(" x ")),
        )?;
    }
    for (plane, layout) in planes(series) {
        let (Some(plane), Some(axis)) = (plane, layout.position_axis()) else {
            continue;
        };
        let ends = layout
            .position(0)
            .zip(layout.position(layout.count().saturating_sub(1)));
        let (first, last) = ends.unwrap_or_default();
        line(
            plane.name(),
            format!(
                "{}, {axis} from {first:.1} to {last:.1} mm",
                count(layout.count(), "slice")
            ),
        )?;
    }
    let windows = facts
        .windows
        .iter()
        .map(|window| format!("{}/{}", window.width, window.centre));
    let windows = windows.collect::<Vec<_>>().join(", ");
    if !windows.is_empty() {
        line("windows", format!("{windows} (width/level)"))?;
    }
    if let Some(unit) = &facts.unit {
        line("values", unit.clone())?;
    }
    match (facts.suv_factor, &facts.no_suv) {
        (Some(_), _) => line("SUV", "can be computed (body weight)".to_owned())?,
        (None, Some(why)) => line("SUV", format!("not known: {why}"))?,
        (None, None) => {}
    }
    if let Some(burned_in) = facts.burned_in {
        line(
            "text",
            format!(
                "{} burned in, says the file",
                if burned_in { "is" } else { "none" }
            ),
        )?;
    }
    line("encoding", facts.encoding.clone())?;
    for note in &facts.notes {
        line("note", note.clone())?;
    }
    Ok(())
}
