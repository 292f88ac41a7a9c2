//! The factor from activity to standardised uptake value by body weight, as the Quantitative Imaging Biomarkers Alliance defines
//! it for decay-corrected images: grams of the patient over the dose that was left when the scan began.

use super::data_set::DataSet;
use super::tags;

const DAY: f64 = 86_400.0;
/// After so many half-lives nothing is left to scan: the times are wrong.
const MAX_HALF_LIVES: f64 = 12.0;

/// The factor, or why there is none: a sentence that ends a statement. `earliest` is when the first slice of the series was acquired, in
/// seconds of the day.
pub(crate) fn suv_factor(data: &DataSet, earliest: Option<f64>) -> Result<f64, &'static str> {
    if data.code(tags::PET_UNITS).as_deref() != Some("BQML") {
        return Err("its values are not in Bq/ml");
    }
    let corrections = data.code(tags::CORRECTED_IMAGE).unwrap_or_default();
    let is_corrected = |kind: &str| corrections.split('\\').any(|part| part.trim() == kind);
    if !is_corrected("DECY") {
        return Err("it is not corrected for decay");
    }
    if !is_corrected("ATTN") {
        return Err("it is not corrected for attenuation");
    }
    let positive = |value: Option<f64>| value.filter(|&value| value > 0.0);
    let weight = positive(data.decimal(tags::PATIENT_WEIGHT))
        .ok_or("the weight of the patient is missing")?;
    let tracer = data
        .item(tags::RADIOPHARMACEUTICAL)
        .ok_or("the dose is missing")?;
    let dose = positive(tracer.decimal(tags::INJECTED_DOSE)).ok_or("the dose is missing")?;
    let left = match data.code(tags::DECAY_CORRECTION).as_deref() {
        Some("ADMIN") => 1.0,
        Some("START") => {
            let half_life =
                positive(tracer.decimal(tags::HALF_LIFE)).ok_or("the half-life is missing")?;
            let injected = seconds(tracer, tags::INJECTION_TIME)
                .ok_or("the time of the injection is missing")?;
            let start = start(data, earliest)?;
            // Only times of the day are looked at: a scan does not come before the injection.
            let waited = (start - injected).rem_euclid(DAY);
            if waited / half_life > MAX_HALF_LIVES {
                return Err("the times of injection and scan do not fit together");
            }
            (-waited / half_life).exp2()
        }
        _ => return Err("it does not say to what time it is corrected for decay"),
    };
    Ok(weight * 1000.0 / (dose * left))
}

/// When the scan began, to which its values are corrected. The time of the series is later where it was reconstructed again.
fn start(data: &DataSet, earliest: Option<f64>) -> Result<f64, &'static str> {
    let series = seconds(data, tags::SERIES_TIME);
    match (series, earliest.or_else(|| acquired(data))) {
        (Some(series), Some(first)) if series <= first => Ok(series),
        (_, Some(first)) if earliest.is_some() => Ok(first),
        (Some(series), None) => Ok(series),
        _ => Err("the time at which the scan began is not certain"),
    }
}

/// When the image was acquired, in seconds of the day.
pub(crate) fn acquired(data: &DataSet) -> Option<f64> {
    seconds(data, tags::ACQUISITION_TIME)
}

/// A time `HHMMSS.FFFFFF` in seconds; the later parts may be missing.
fn seconds(data: &DataSet, tag: tags::Tag) -> Option<f64> {
    let text = data.text(tag)?.replace(':', "");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if !(2..=6).contains(&whole.len())
        || !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let part = |from: usize| {
        whole
            .get(from..from + 2)
            .map_or(Some(0.0), |two| two.parse::<f64>().ok())
    };
    let fraction = if fraction.is_empty() {
        0.0
    } else {
        format!("0.{fraction}").parse().ok()?
    };
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    (hours < 24.0 && minutes < 60.0 && seconds <= 60.0)
        .then_some(hours * 3600.0 + minutes * 60.0 + seconds + fraction)
}

#[cfg(test)]
mod tests {
    use super::super::data_set::Value;
    use super::*;

    fn pet(changes: &[(tags::Tag, &str)]) -> DataSet {
        let mut tracer = DataSet::new(true);
        let mut data = DataSet::new(true);
        for (tag, text) in changes {
            data.insert(*tag, Value::Bytes(text.as_bytes().to_vec()));
        }
        for (tag, text) in [
            (tags::INJECTED_DOSE, "370000000"),
            (tags::HALF_LIFE, "6588"),
            (tags::INJECTION_TIME, "230000.000"),
        ] {
            tracer.insert(tag, Value::Bytes(text.as_bytes().to_vec()));
        }
        data.insert(tags::RADIOPHARMACEUTICAL, Value::Items(vec![tracer]));
        for (tag, text) in [
            (tags::PET_UNITS, "BQML"),
            (tags::CORRECTED_IMAGE, "DECY\\ATTN\\SCAT"),
            (tags::DECAY_CORRECTION, "START"),
            (tags::PATIENT_WEIGHT, "70"),
            (tags::SERIES_TIME, "004948"),
            (tags::ACQUISITION_TIME, "0050"),
        ] {
            data.insert(tag, Value::Bytes(text.as_bytes().to_vec()));
        }
        data
    }

    #[test]
    fn the_dose_decays_from_injection_to_the_start_even_over_midnight() {
        // One half-life of fluorine-18, 6588 s, lies between 23:00:00 and 00:49:48.
        let factor = suv_factor(&pet(&[]), None).unwrap();
        assert!(
            (factor - 70_000.0 / 185_000_000.0).abs() < 1e-12,
            "{factor}"
        );
    }

    #[test]
    fn a_dose_corrected_to_the_injection_does_not_decay() {
        let factor = suv_factor(&pet(&[(tags::DECAY_CORRECTION, "ADMIN")]), None).unwrap();
        assert!(
            (factor - 70_000.0 / 370_000_000.0).abs() < 1e-12,
            "{factor}"
        );
    }

    #[test]
    fn without_weight_unit_correction_or_a_certain_start_there_is_no_factor() {
        for (tag, text) in [
            (tags::PATIENT_WEIGHT, "0"),
            (tags::PET_UNITS, "CNTS"),
            (tags::CORRECTED_IMAGE, "ATTN"),
            (tags::CORRECTED_IMAGE, "DECY"),
            (tags::DECAY_CORRECTION, "NONE"),
            (tags::SERIES_TIME, "0300"),
            (tags::SERIES_TIME, "x"),
        ] {
            assert!(suv_factor(&pet(&[(tag, text)]), None).is_err(), "{text}");
        }
        let late = suv_factor(&pet(&[(tags::SERIES_TIME, "0300")]), Some(2988.0)).unwrap();
        assert!((late - 70_000.0 / 185_000_000.0).abs() < 1e-12);
    }
}
