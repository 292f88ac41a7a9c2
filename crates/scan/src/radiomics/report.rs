//! Measurements for people: a list with IBSI's codes and units, and a sentence that can go into a question.

use serde::Serialize;

use super::FirstOrder;
use crate::window::short;

/// One line of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// IBSI's code for the definition; `None` for what is only derived from others or counted.
    pub ibsi: Option<&'static str>,
    /// The value.
    pub value: f64,
    /// The unit; empty for a pure number.
    pub unit: String,
}

/// All measurements in the order of a table.
pub fn features(measured: &FirstOrder) -> Vec<Feature> {
    let unit = measured.unit.clone().unwrap_or_default();
    let squared = match unit.is_empty() {
        true => String::new(),
        false => format!("({unit})^2"),
    };
    let feature = |name, ibsi, value, unit: &str| Feature {
        name,
        ibsi,
        value,
        unit: unit.to_owned(),
    };
    let mut all = vec![feature("voxels", None, measured.voxels as f64, "")];
    if let Some(mm3) = measured.volume_mm3 {
        all.push(feature("volume", Some("YEKZ"), mm3, "mm^3"));
    }
    let m = measured;
    let of_values = [
        ("mean", Some("Q4LE"), m.mean),
        ("standard deviation", None, m.sd),
        ("minimum", Some("1GSF"), m.minimum),
        ("10th percentile", Some("QG58"), m.percentile_10),
        ("25th percentile", None, m.percentile_25),
        ("median", Some("Y12H"), m.median),
        ("75th percentile", None, m.percentile_75),
        ("90th percentile", Some("8DWT"), m.percentile_90),
        ("maximum", Some("84IY"), m.maximum),
        ("interquartile range", Some("SALO"), m.interquartile_range),
        ("range", Some("2OJQ"), m.range),
    ];
    all.extend(of_values.map(|(name, ibsi, value)| feature(name, ibsi, value, &unit)));
    all.extend([
        feature("skewness", Some("KE2M"), m.skewness, ""),
        feature("excess kurtosis", Some("IPH6"), m.excess_kurtosis, ""),
        feature("energy", Some("N8CA"), m.energy, &squared),
        feature("entropy", Some("TLU2"), m.entropy, "bit"),
        feature("uniformity", Some("BJ5W"), m.uniformity, ""),
        feature("bin width", None, m.bin_width, &unit),
    ]);
    all
}

/// The measurements as a sentence for a question, about `what`, such as `the box on axial slice 31 of 60`.
pub fn sentence(measured: &FirstOrder, what: &str) -> String {
    let unit = measured
        .unit
        .as_deref()
        .map(|unit| format!(" {unit}"))
        .unwrap_or_default();
    let size = match measured.volume_mm3 {
        Some(mm3) if mm3 >= 1000.0 => format!(", {} cm^3", short(mm3 / 1000.0)),
        Some(mm3) => format!(", {} mm^3", short(mm3)),
        None => String::new(),
    };
    let noun = if measured.voxels == 1 {
        "voxel"
    } else {
        "voxels"
    };
    format!(
        "In {what} ({} {noun}{size}) the mean is {}{unit} (SD {}), the median {}{unit}, the 10th to 90th percentile {} to {}{unit}, the range {} to {}{unit}, and the entropy {} bits at a bin width of {}{unit}.",
        measured.voxels,
        short(measured.mean),
        short(measured.sd),
        short(measured.median),
        short(measured.percentile_10),
        short(measured.percentile_90),
        short(measured.minimum),
        short(measured.maximum),
        short(measured.entropy),
        short(measured.bin_width),
    )
}
