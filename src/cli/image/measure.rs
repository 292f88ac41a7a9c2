//! `rounds image measure`: first-order statistics of a region.

use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

use super::view_flags::{ViewFlags, options};
use crate::cli::failure::Outcome;
use crate::cli::out::print;
use rounds_scan::radiomics::{FirstOrder, Rectangle, Region, features, measure, sentence};
use rounds_scan::{Options, Selector, load_whole};
use rounds_support::{Failure, INTENDED_USE};

#[derive(Args)]
pub struct Measure {
    /// File, folder or archive
    file: PathBuf,
    /// Rectangle on the slice as shown, in pixels from its upper left corner: X,Y,WIDTH,HEIGHT
    #[arg(long = "box", value_name = "X,Y,W,H")]
    rectangle: Option<String>,
    /// Region of a label map, with the label: liver.nii.gz=1
    #[arg(long, value_name = "LABELMAP=VALUE", conflicts_with = "rectangle")]
    label: Option<String>,
    /// Width of a bin of the histogram [default: 25 for HU, 0.25 for SUV]
    #[arg(long)]
    bin_width: Option<f64>,
    #[command(flatten)]
    view: ViewFlags,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print one sentence, to be part of a question
    #[arg(long, conflicts_with = "json")]
    sentence: bool,
}

pub fn run(command: &Measure) -> Outcome {
    if command
        .bin_width
        .is_some_and(|width| !(width.is_finite() && width > 0.0))
    {
        return Err(Failure::usage(
            "the bin width must be a number greater than 0",
        ));
    }
    let selector = command.view.selector(&command.file)?;
    let options = options();
    let (what, measured) = match (&command.rectangle, &command.label) {
        (_, Some(label)) => of_label(&selector, label, command.bin_width, &options)?,
        (Some(rectangle), None) => of_rectangle(&selector, rectangle, command.bin_width, &options)?,
        (None, None) => return Err(Failure::usage("say what to measure with --box or --label")),
    };
    if command.json {
        let value = json!({
            "region": what,
            "measurements": measured,
            "features": features(&measured),
            "sentence": sentence(&measured, &what),
            "intended_use": INTENDED_USE,
        });
        print(format!("{value:#}"))?;
    } else if command.sentence {
        print(sentence(&measured, &what))?;
    } else {
        table(&what, &measured)?;
    }
    Ok(0)
}

fn of_rectangle(
    selector: &Selector,
    rectangle: &str,
    bin_width: Option<f64>,
    options: &Options,
) -> Result<(String, FirstOrder), Failure> {
    let rectangle = Rectangle::parse(rectangle).ok_or_else(|| {
        Failure::usage("a rectangle is four numbers: X,Y,WIDTH,HEIGHT")
            .hint("for example --box 100,80,20,20")
    })?;
    let scene = load_whole(selector, options)?;
    let image = scene.render(&selector.view)?;
    let measured = scene.measure(&selector.view, rectangle, bin_width)?;
    // The window does not matter for values.
    let place = image.how_made.strip_suffix(&format!(", {}", image.window));
    let place = place.unwrap_or(&image.how_made);
    let the = if place.starts_with("single ") {
        "the "
    } else {
        ""
    };
    Ok((format!("the rectangle on {the}{place}"), measured))
}

fn of_label(
    selector: &Selector,
    label: &str,
    bin_width: Option<f64>,
    options: &Options,
) -> Result<(String, FirstOrder), Failure> {
    let parsed = label
        .rsplit_once('=')
        .and_then(|(map, value)| Some((map, value.parse::<u32>().ok()?)));
    let (map, value) = parsed
        .filter(|(map, value)| !map.is_empty() && *value > 0)
        .ok_or_else(|| {
            Failure::usage("a label is the file of a label map and a number")
                .hint("for example --label liver.nii.gz=1")
        })?;
    let scene = load_whole(selector, options)?;
    let labels = load_whole(&Selector::parse(map)?, options)?;
    let region = Region::Label {
        labels: Arc::clone(labels.volume()),
        value,
    };
    Ok((
        format!("label {value}"),
        measure(scene.volume(), &region, bin_width)?,
    ))
}

fn table(what: &str, measured: &FirstOrder) -> Result<(), Failure> {
    print(what)?;
    for feature in features(measured) {
        let number = match feature.value.fract() == 0.0 && feature.value.abs() < 1e12 {
            true => format!("{:.0}", feature.value),
            false => format!("{:.4}", feature.value),
        };
        let ibsi = feature.ibsi.unwrap_or_default();
        let line = format!(
            "  {:20} {number:>16} {:8} {ibsi}",
            feature.name, feature.unit
        );
        print(line.trim_end())?;
    }
    if measured.without_value > 0 {
        print(format_args!(
            "  {:20} {:>16}",
            "voxels without value", measured.without_value
        ))?;
    }
    Ok(())
}
