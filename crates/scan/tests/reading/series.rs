//! Folders, archives and directories of media as studies and series.

use std::io::Write;
use std::path::Path;

use rounds_scan::{Opened, Pixels, ScanError, Volume, open};
use rounds_support::{Cancel, Hint};

use crate::make::{Encoding, Writer, grey, slice};
use crate::{options, read, shared_data};

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The value of every slice; NaN where one is missing.
fn by_slice(volume: &Volume) -> Vec<f32> {
    let Pixels::Values(values) = &volume.pixels else {
        panic!("colours")
    };
    values
        .chunks_exact(volume.size[0] * volume.size[1])
        .map(|slice| slice[0])
        .collect()
}

fn read_only(opened: &Opened) -> Volume {
    opened.volume(&Cancel::new()).unwrap()
}

#[test]
fn a_folder_is_sorted_by_position_and_a_gap_is_kept_and_said() {
    let folder = tempfile::tempdir().unwrap();
    for (name, z, value) in [
        ("a/9.dcm", 0.0, 1),
        ("a/1", 2.0, 2),
        ("b/5.dcm", 8.0, 5),
        ("zz", 6.0, 4),
    ] {
        write(folder.path(), name, &slice("1.2.1", z, 1, value).file());
    }
    write(folder.path(), "README", b"hello");
    let opened = open(folder.path(), &options()).unwrap();
    assert_eq!(opened.notes, ["Left out, as not a scan: 1 file."]);
    let volume = read_only(&opened);
    assert_eq!(volume.size, [4, 3, 5]);
    let slices = by_slice(&volume);
    assert_eq!(slices[..2], [1.0, 2.0]);
    assert!(slices[2].is_nan());
    assert_eq!(slices[3..], [4.0, 5.0]);
    assert_eq!(volume.spacing, [Some(0.25), Some(0.5), Some(2.0)]);
    assert_eq!(volume.facts.notes, ["1 of 5 slices are missing."]);
    let one = opened.only().unwrap().slice(3).unwrap();
    assert_eq!(
        (by_slice(&one), one.affine.unwrap()[2][3]),
        (vec![4.0], 6.0)
    );
    assert!(opened.only().unwrap().slice(5).is_err());
}

#[test]
fn series_and_patients_are_kept_apart_and_one_must_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "1", &slice("1.2.1", 0.0, 1, 1).file());
    let other_patient = slice("1.2.2", 0.0, 1, 2)
        .text((0x0010, 0x0020), b"LO", "P2")
        .text((0x0020, 0x000D), b"UI", "1.2.9");
    write(folder.path(), "2", &other_patient.file());
    write(folder.path(), "3", &slice("1.2.3", 0.0, 1, 3).file());
    let turned = slice("1.2.3", 0.0, 2, 4).text((0x0020, 0x0037), b"DS", "0\\1\\0\\0\\0\\-1");
    write(folder.path(), "4", &turned.file());
    let opened = open(folder.path(), &options()).unwrap();
    assert_eq!(opened.series.len(), 4);
    assert_eq!(opened.studies(), [vec![0, 1, 2], vec![3]]);
    assert_eq!(opened.notes.len(), 1, "{:?}", opened.notes);
    let error = opened.volume(&Cancel::new()).unwrap_err();
    assert!(matches!(error, ScanError::ManySeries { count: 4, .. }));
    assert!(error.hint().unwrap().contains("#series=1 to #series=4"));
    assert!(opened.get(4).is_err());
}

#[test]
fn a_repeated_position_is_a_time_point_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    for (name, z, number, value) in [
        ("1", 0.0, 1, 1),
        ("2", 2.0, 2, 2),
        ("3", 0.0, 3, 3),
        ("4", 2.0, 4, 4),
    ] {
        write(
            folder.path(),
            name,
            &slice("1.2.1", z, number, value).file(),
        );
    }
    let opened = open(folder.path(), &options()).unwrap();
    let series = opened.only().unwrap();
    assert_eq!((series.components, series.size[2]), (2, 2));
    assert_eq!(
        by_slice(&series.component(1, &Cancel::new()).unwrap()),
        [3.0, 4.0]
    );
    write(folder.path(), "5", &slice("1.2.1", 0.0, 5, 5).file());
    let opened = open(folder.path(), &options()).unwrap();
    let volume = read_only(&opened);
    assert_eq!(by_slice(&volume), [1.0, 2.0]);
    assert_eq!(
        volume.facts.notes,
        ["Left out, as another slice lies at the same place: 3 slices."]
    );
}

fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_zip_is_read_like_a_folder_and_a_bomb_is_refused() {
    let files: Vec<(String, Vec<u8>)> = (0..3)
        .map(|i| {
            (
                format!("DOE_JANE/{i}"),
                slice("1.2.1", 9.0 - f64::from(i), 1, i as u16).file(),
            )
        })
        .collect();
    let files: Vec<(&str, Vec<u8>)> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    let opened = read(zip(&files), "a.zip").unwrap();
    assert_eq!(by_slice(&read_only(&opened)), [2.0, 1.0, 0.0]);
    assert!(!format!("{opened:?}").contains("JANE"));
    let bomb = zip(&[("a", vec![0; 200 << 20])]);
    let error = read(bomb, "a.zip").unwrap_err();
    assert!(error.to_string().contains("grows to more than"), "{error}");
    assert!(read(zip(&[("a.txt", b"hello".to_vec())]), "a.zip").is_err());
    let mut cut = zip(&files);
    cut.truncate(cut.len() / 2);
    assert!(
        read(cut, "a.zip")
            .unwrap_err()
            .to_string()
            .contains("directory")
    );
}

#[test]
fn a_dicomdir_is_read_as_the_files_it_lists() {
    let Some(data) = shared_data() else { return };
    let folder = data.join("dicom/test_files/dicomdirtests");
    let opened = open(&folder.join("DICOMDIR"), &options()).unwrap();
    // As pydicom counts the files it lists and their studies.
    assert_eq!(opened.studies().len(), 6, "{:?}", opened.notes);
    let mut counts: Vec<usize> = opened
        .series
        .iter()
        .map(|series| series.size[2] * series.components)
        .collect();
    counts.sort_unstable();
    assert_eq!(counts.iter().sum::<usize>(), 31, "{counts:?}");
    for series in &opened.series {
        series.volume(&Cancel::new()).unwrap();
    }
    let error = open(&folder.join("DICOMDIR-empty.dcm"), &options()).unwrap_err();
    assert!(error.hint().is_some());
    let bytes = std::fs::read(folder.join("DICOMDIR")).unwrap();
    assert!(
        read(bytes, "DICOMDIR")
            .unwrap_err()
            .to_string()
            .contains("a directory of other files")
    );
}

#[test]
fn a_dicomdir_never_leads_out_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "secret", &slice("1.2.1", 0.0, 1, 1).file());
    let record = |path: &str| Writer::new(Encoding::Explicit).text((0x0004, 0x1500), b"CS", path);
    let directory = Writer::new(Encoding::Explicit).items(
        (0x0004, 0x1220),
        ["..\\secret", "/etc\\passwd", "C:\\x"].map(record).to_vec(),
    );
    write(folder.path(), "disc/DICOMDIR", &directory.file());
    let error = open(&folder.path().join("disc/DICOMDIR"), &options()).unwrap_err();
    assert!(error.to_string().contains("not a scan"), "{error}");
}

#[test]
fn a_damaged_slice_is_left_blank_and_a_cancelled_read_stops() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..4_u16 {
        write(
            folder.path(),
            &i.to_string(),
            &slice("1.2.1", f64::from(i), i, i).file(),
        );
    }
    let whole = slice("1.2.1", 1.0, 1, 1).file();
    write(folder.path(), "1", &whole[..whole.len() - 24]);
    let opened = open(folder.path(), &options()).unwrap();
    let volume = read_only(&opened);
    assert!(by_slice(&volume)[1].is_nan());
    assert_eq!(
        volume.facts.notes,
        ["1 of 4 slices are damaged and left blank."]
    );
    let cancel = Cancel::new();
    cancel.cancel();
    assert_eq!(opened.volume(&cancel), Err(ScanError::Cancelled));
}

#[test]
fn the_middle_slice_of_a_long_series_comes_quickly() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..300_u16 {
        let image = grey(Encoding::Explicit, 512, 512)
            .text((0x0020, 0x000E), b"UI", "1.2.1")
            .text((0x0020, 0x0032), b"DS", &format!("0\\0\\{i}"))
            .text((0x0020, 0x0037), b"DS", "1\\0\\0\\0\\1\\0")
            .words((0x7FE0, 0x0010), &vec![i; 512 * 512]);
        write(folder.path(), &format!("{}", 1000 - i), &image.file());
    }
    let start = std::time::Instant::now();
    let opened = open(folder.path(), &options()).unwrap();
    let listed = start.elapsed();
    let slice = opened.only().unwrap().slice(150).unwrap();
    println!(
        "listed in {listed:?}, middle slice after {:?}",
        start.elapsed()
    );
    assert_eq!(by_slice(&slice), [150.0]);
    // 300 ms are promised in release builds on an idle machine; this is not, and still must not decode all slices.
    assert!(start.elapsed().as_secs() < 5);
}
