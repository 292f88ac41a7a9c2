//! Scans as they come, made by the writer of the scan crate's tests.

use std::path::Path;

use super::{Folder, Format, Options, Read, open, plain, read, tag};
use rounds_scan::identity::{Kind, code};

#[path = "../../../../scan/tests/reading/make.rs"]
#[expect(dead_code, reason = "the scan crate's tests need more of it")]
mod make;

/// A CT slice of noise, which is different for each `seed`.
fn slice(patient: &str, study: &str, series: &str, number: u16) -> make::Writer {
    let mut seed = rounds_support::files::sha256_hex(format!("{series} {number}").as_bytes())
        .bytes()
        .fold(1_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
    let values: Vec<u16> = (0..32 * 32)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u16
        })
        .collect();
    make::grey(make::Encoding::Explicit, 32, 32)
        .text((0x0008, 0x0060), b"CS", "CT")
        .text((0x0018, 0x0015), b"CS", "CHEST")
        .text((0x0010, 0x0010), b"PN", "Secret^Name")
        .text((0x0010, 0x0020), b"LO", patient)
        .text((0x0020, 0x000D), b"UI", study)
        .text((0x0020, 0x000E), b"UI", series)
        .text((0x0020, 0x0013), b"IS", &number.to_string())
        .text((0x0020, 0x0032), b"DS", &format!("0\\0\\{number}"))
        .text((0x0020, 0x0037), b"DS", "1\\0\\0\\0\\1\\0")
        .text((0x0028, 0x0030), b"DS", "0.5\\0.5")
        .words((0x7FE0, 0x0010), &values)
}

/// Two patients, three series of five slices, with numbers that are looked for in what comes out.
fn archive() -> Folder {
    let folder = Folder::new(&[("readme.txt", "no scan")]);
    for (patient, study, series) in [
        ("MRN77701", "1.2.77.1", "1.2.77.1.1"),
        ("MRN77701", "1.2.77.1", "1.2.77.1.2"),
        ("MRN77702", "1.2.77.2", "1.2.77.2.1"),
    ] {
        for number in 1..=5 {
            let name = format!("Name_{patient}/{series}-{number}.dcm");
            let bytes = slice(patient, study, series, number).file();
            folder.write(&name, &bytes);
        }
    }
    folder
}

fn with_table(folder: &Folder, table: &str, every: Option<usize>) -> Read {
    let path = folder.write("questions.csv", table.as_bytes());
    let options = Options {
        table: Some(path),
        every,
        ..Options::default()
    };
    read(Format::Dicom, folder.path(), &options)
}

/// Nothing that identifies may be in anything that is read.
fn assert_clean(read: &Read) {
    let text = format!("{:?} {:?}", read.rows, read.rejected);
    for trace in ["MRN", "777", "1.2.77", "Secret", "Name"] {
        assert!(!text.contains(trace), "{trace}");
    }
}

#[test]
fn every_series_gives_its_middle_slice_with_what_the_file_states() {
    let folder = archive();
    let read = plain(Format::Dicom, folder.path());
    assert_eq!((read.rows.len(), read.rejected.len()), (3, 0));
    assert_clean(&read);
    let row = &read.rows[0];
    assert_eq!(row.question, super::super::DERIVED_QUESTION);
    assert_eq!(row.answer, "CT of the chest, axial plane");
    for (name, value) in [
        ("question", "derived"),
        ("modality", "ct"),
        ("organ", "chest"),
        ("plane", "axial"),
    ] {
        assert_eq!(tag(row, name), value);
    }
    assert!(tag(row, "view").starts_with("axial slice 3 of 5"));
    assert_eq!(row.patient, code(Kind::Patient, "MRN77701"));
    assert_eq!(row.study, code(Kind::Study, "1.2.77.1"));
    assert_eq!(tag(row, "series"), code(Kind::Series, "1.2.77.1.1"));
    assert_eq!(read.rows[2].patient, code(Kind::Patient, "MRN77702"));
}

#[test]
fn every_nth_slice_becomes_an_example_if_asked_for() {
    let folder = archive();
    let options = Options {
        every: Some(2),
        ..Options::default()
    };
    let read = read(Format::Dicom, folder.path(), &options);
    assert_eq!(read.rows.len(), 9, "slices 1, 3 and 5 of three series");
    assert!(tag(&read.rows[1], "view").starts_with("axial slice 3 of 5"));
    let images: std::collections::HashSet<_> = read
        .rows
        .iter()
        .map(|row| format!("{:?}", row.images))
        .collect();
    assert_eq!(images.len(), 9);
}

#[test]
fn a_table_gives_questions_by_file_series_or_study() {
    let folder = archive();
    let table = "\
file,SeriesInstanceUID,StudyInstanceUID,question,answer,PatientName,modality\n\
Name_MRN77701/1.2.77.1.1-2.dcm#window=lung,,,Is it a lung?,yes,Secret,CT\n\
,1.2.77.1.2,,Which side?,left,Secret,\n\
,,1.2.77.1,What do the series show?,two series,Secret,\n\
,1.2.99,,Is it here?,no,Secret,\n\
../questions.csv,,,Outside?,no,Secret,\n";
    let read = with_table(&folder, table, None);
    assert_clean(&read);
    let answers: Vec<_> = read.rows.iter().map(|row| row.answer.as_str()).collect();
    assert_eq!(answers, ["yes", "left", "two series"]);
    assert!(tag(&read.rows[0], "view").contains("lung window"));
    assert_eq!(read.rows[2].images.len(), 2, "an image of each series");
    assert_eq!(read.rows[2].patient, code(Kind::Patient, "MRN77701"));
    assert!(
        read.rows
            .iter()
            .all(|row| tag(row, "patientname").is_empty())
    );
    assert_eq!(read.rejected.len(), 2);
    assert!(read.reasons()[0].contains("no file of this series"));
}

#[test]
fn damaged_files_are_rejected_and_counted_but_files_of_another_kind_are_not() {
    let folder = archive();
    // A video, which cannot be read.
    let video = slice("P", "1.5", "1.5.1", 1).file_as("1.2.840.10008.1.2.4.100");
    folder.write("video.dcm", &video);
    let read = plain(Format::Dicom, folder.path());
    assert_eq!(read.rows.len(), 3);
    assert_eq!(read.rejected.len(), 1);
    assert!(
        read.reasons()[0].contains("1 file damaged"),
        "{:?}",
        read.rejected
    );
}

#[test]
fn options_of_scans_are_refused_for_other_formats_and_a_folder_without_scans_is_an_error() {
    let folder = Folder::new(&[("a.csv", "image,question,answer\n")]);
    let options = Options {
        every: Some(2),
        ..Options::default()
    };
    let failed = |format, options: &Options| open(format, folder.path(), options).err().unwrap();
    let error = failed(Format::Folder, &options);
    assert!(error.to_string().contains("--every"), "{error}");
    let error = failed(Format::Dicom, &Options::default());
    assert!(error.to_string().contains("not a scan"), "{error}");
}

#[test]
fn slices_of_a_nifti_file_share_a_series() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/nifti/nibabel/tests/data/anatomical.nii");
    if !path.exists() {
        println!("skipped: anatomical.nii is not in ../shared/data");
        return;
    }
    let options = Options {
        every: Some(10),
        ..Options::default()
    };
    let read = read(Format::Dicom, &path, &options);
    assert!(read.rows.len() > 1);
    let series = tag(&read.rows[0], "series");
    assert!(series.starts_with("scan:"), "{series}");
    assert!(read.rows.iter().all(|row| tag(row, "series") == series));
    assert!(read.rows.iter().all(|row| row.study == series));
}
