//! What belongs to the query goes one step: its picture's examples, and all of their patients and studies.

use super::*;

/// One example of an index that is told in words.
struct Told<'a> {
    patient: &'a str,
    study: &'a str,
    pictures: &'a [&'a str],
}

/// Writes `e0`, `e1` and so on; a picture is known by its name, and all are unlike each other.
fn written(folder: &std::path::Path, told: &[Told]) -> Index {
    let encoder = Encoder {
        sha256: encoder(),
        name: "test".into(),
        dimension: 2,
        bundle: String::new(),
        text: false,
    };
    create(folder, vec![encoder]).unwrap();
    let mut writer = Writer::open(folder).unwrap();
    for (i, one) in told.iter().enumerate() {
        let pictures: Vec<NewPicture> = one.pictures.iter().map(|name| named(name)).collect();
        let example = Example {
            id: format!("e{i}"),
            images: pictures.iter().map(|p| p.image.clone()).collect(),
            question: "Is there a nodule?".into(),
            answer: "no".into(),
            source: "test".into(),
            licence: "MIT".into(),
            patient: one.patient.into(),
            study: one.study.into(),
            ..Example::default()
        };
        let vectors = NewVectors {
            image: Some(at(0.5).to_vec()),
            text: None,
        };
        writer.add(example, &pictures, &[vectors]).unwrap();
    }
    writer.finish().unwrap();
    Index::open(Some(folder)).unwrap()
}

fn named(name: &str) -> NewPicture {
    let bytes = name.as_bytes().to_vec();
    let sha256 = sha256_hex(&bytes);
    let look = u64::from_str_radix(&sha256[..16], 16).unwrap();
    NewPicture {
        image: ExampleImage {
            sha256,
            extension: "png".into(),
        },
        bytes,
        details: Some(Details {
            width: 1,
            height: 1,
            look,
        }),
    }
}

/// Numbers of what is left out for a query of this picture, patient and study.
fn left_out(
    index: &Index,
    picture: &str,
    patient: Option<&str>,
    study: Option<&str>,
) -> Vec<usize> {
    let name = encoder();
    let image = named(picture);
    let own = [(image.image.sha256, image.details.unwrap().look)];
    let query = Query {
        images: &own,
        patient,
        study,
        ..blank(&name, &[&FAR])
    };
    let kept_away = left_out::LeftOut::new(index, &query).unwrap();
    let all = 0..index.rows();
    let of_last_look: Vec<usize> = all
        .filter(|n| {
            let example = index.example(*n).unwrap();
            !kept_away.allows_example(&example).unwrap()
        })
        .collect();
    let mut numbers: Vec<usize> = kept_away.numbers().iter().copied().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, of_last_look);
    numbers
}

#[test]
fn a_picture_that_every_patient_has_takes_nobody_else_away() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<[String; 3]> = (0..30)
        .map(|i| [format!("p{i}"), format!("own {i}"), format!("other {i}")])
        .collect();
    let told: Vec<(&str, Vec<&str>)> = names
        .iter()
        .flat_map(|[patient, own, other]| {
            let with = vec![own.as_str(), "placeholder"];
            [
                (patient.as_str(), with),
                (patient.as_str(), vec![other.as_str()]),
            ]
        })
        .collect();
    let told: Vec<Told> = told
        .iter()
        .map(|(patient, pictures)| Told {
            patient,
            study: "",
            pictures,
        })
        .collect();
    let index = written(folder.path(), &told);
    assert_eq!(left_out(&index, "own 7", None, None), [14, 15]);
    assert_eq!(left_out(&index, "a new one", Some("p7"), None), [14, 15]);
    let own = named("own 7").image.sha256;
    let (name, four) = (
        encoder(),
        Plan {
            shots: 4,
            ..plan(Strategy::Image)
        },
    );
    let query = Query {
        images: &[(own, 0)],
        ..blank(&name, &[&FAR])
    };
    assert_eq!(ids(&index, &query, &four).len(), 4);
    // It is the query's own where it is what is asked about.
    let shown = left_out(&index, "placeholder", None, None);
    assert_eq!(shown.len(), 60, "every patient was asked about");
}

#[test]
fn studies_that_overlap_lead_no_further_than_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    // Patient i has the studies i and i + 1, each with a picture.
    let names: Vec<[String; 3]> = (0..40)
        .flat_map(|i| [(i, i), (i, i + 1)])
        .map(|(i, study)| [format!("p{i}"), format!("s{study}"), format!("{i} {study}")])
        .collect();
    let pictures: Vec<[&str; 1]> = names.iter().map(|n| [n[2].as_str()]).collect();
    let told: Vec<Told> = names
        .iter()
        .zip(&pictures)
        .map(|(n, pictures)| Told {
            patient: &n[0],
            study: &n[1],
            pictures,
        })
        .collect();
    let index = written(folder.path(), &told);
    // The example of patient 5 and study 6: all of that patient, and patient 6 in that study.
    assert_eq!(left_out(&index, "5 6", None, None), [10, 11, 12]);
    // A study that is named tells its patients, as the picture does.
    assert_eq!(
        left_out(&index, "a new one", None, Some("s6")),
        [10, 11, 12, 13]
    );
}
