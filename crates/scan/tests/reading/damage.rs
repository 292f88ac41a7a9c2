//! Damaged and foreign files: an error or an image, never a panic, and memory within bounds of the header.

use rounds_scan::{ScanError, is_scan};
use rounds_support::{Cancel, Hint};

use crate::{files_below, read, shared_data};

/// Opens and decodes; whatever happens must be worded.
fn outcome(bytes: &[u8], name: &str) -> Result<(), ScanError> {
    let _ = is_scan(bytes, name);
    let result = read(bytes.to_vec(), name).and_then(|opened| {
        for series in opened.series.iter().take(3) {
            series.volume(&Cancel::new())?;
            series.slice(series.size[2] / 2)?;
        }
        Ok(())
    });
    if let Err(error) = &result {
        let text = error.to_string();
        assert!(!text.contains("makes the decoder fail"), "{name}: {text}");
        assert!(error.hint().is_some(), "{name}: {text}");
    }
    result
}

#[test]
fn malformed_images_are_refused_as_no_scans() {
    let Some(data) = shared_data() else { return };
    let mut seen = 0;
    for path in files_below(&data.join("malformed-images")) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        seen += 1;
        let shown = outcome(&bytes, &name);
        assert!(shown.is_err(), "{name} was read");
    }
    assert!(seen > 500, "{seen}");
}

/// Small real files of every format.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let Some(data) = shared_data() else {
        return Vec::new();
    };
    let mut paths = files_below(&data.join("dicom"));
    paths.extend(files_below(&data.join("nifti")));
    let mut seeds = Vec::new();
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if is_scan(&bytes, &name)
            && bytes.len() < 50_000
            && !path.to_string_lossy().contains("TINY_ALPHA/PT")
        {
            seeds.push((name, bytes));
        }
    }
    seeds
}

fn random(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[test]
fn cut_files_never_panic() {
    let mut outcomes = [0; 2];
    for (name, bytes) in seeds() {
        for part in 0..24 {
            let length = bytes.len() * part / 24;
            outcomes[usize::from(outcome(&bytes[..length], &name).is_ok())] += 1;
        }
    }
    println!("{outcomes:?} refused and shown");
}

#[test]
fn flipped_bytes_never_panic() {
    let rounds = std::env::var("ROUNDS_SCAN_FLIPS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(12);
    // For a long run: ROUNDS_SCAN_SECONDS=600. A seed may be given, so that a later run does not repeat an earlier one.
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds = std::time::Duration::from_secs(number("ROUNDS_SCAN_SECONDS").unwrap_or(0));
    let started = std::time::Instant::now();
    let mut state = number("ROUNDS_SCAN_SEED").unwrap_or(20_261_129);
    let mut outcomes = [0; 2];
    let seeds = seeds();
    let mut pass = 0;
    while pass == 0 || started.elapsed() < seconds {
        pass += 1;
        for (name, bytes) in &seeds {
            for round in 0..rounds {
                let mut damaged = bytes.clone();
                // Headers matter most.
                let reach = if round % 2 == 0 {
                    damaged.len().min(2000)
                } else {
                    damaged.len()
                };
                for _ in 0..1 + random(&mut state) % 6 {
                    let at = random(&mut state) % reach.max(1);
                    if let Some(byte) = damaged.get_mut(at) {
                        *byte = match random(&mut state) % 4 {
                            0 => 0,
                            1 => 0xFF,
                            2 => *byte ^ (1 << (random(&mut state) % 8)),
                            _ => random(&mut state) as u8,
                        };
                    }
                }
                let began = std::time::Instant::now();
                outcomes[usize::from(outcome(&damaged, name).is_ok())] += 1;
                assert!(began.elapsed().as_secs() < 65, "{name}: over the limit");
            }
        }
    }
    println!(
        "{outcomes:?} refused and shown, in {pass} passes and {:?}",
        started.elapsed()
    );
}

#[test]
fn a_file_that_takes_longer_than_the_limit_is_refused_with_a_clear_error() {
    use std::time::Duration;
    let Some(data) = shared_data() else { return };
    for name in [
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "JPGLosslessP14SV1_1s_1f_8b.dcm",
        "MR_small_RLE.dcm",
        "JPGExtended.dcm",
    ] {
        let Ok(bytes) = std::fs::read(data.join("dicom/test_files").join(name)) else {
            println!("skipped: {name}");
            continue;
        };
        let opened = read(bytes, name).unwrap();
        assert!(opened.volume(&Cancel::new()).is_ok());
        let late = rounds_scan::time_limit::within(Duration::ZERO, || {
            opened.volume(&Cancel::new()).unwrap_err()
        });
        assert!(
            late.to_string().contains("takes more than 0 seconds"),
            "{name}: {late}"
        );
        assert!(late.hint().is_some_and(|hint| hint.contains("uncompress")));
    }
}
