//! What belongs to the query is found however it is hidden, and looking for it fails no question.

use super::*;

/// An example to be written: its angle, its look, its pictures, and whose it is.
struct Made<'a> {
    id: &'a str,
    angle: f32,
    look: u64,
    pictures: &'a [&'a str],
    patient: &'a str,
    study: &'a str,
}

fn of(id: &str) -> Made<'_> {
    Made {
        id,
        angle: 1.0,
        look: look_of(id.bytes().map(u64::from).sum()),
        pictures: &[],
        patient: "",
        study: "",
    }
}

fn made(folder: &std::path::Path, examples: &[Made]) -> Index {
    let encoder = Encoder {
        sha256: encoder(),
        name: "test".into(),
        dimension: 2,
        bundle: String::new(),
        text: false,
    };
    create(folder, vec![encoder]).unwrap();
    let mut writer = Writer::open(folder).unwrap();
    for made in examples {
        let picture = |name: &&str| NewPicture {
            image: ExampleImage {
                sha256: sha256_hex(name.as_bytes()),
                extension: "png".into(),
            },
            bytes: name.as_bytes().to_vec(),
            details: Some(Details {
                width: 1,
                height: 1,
                look: made.look,
            }),
        };
        let pictures: Vec<NewPicture> = made.pictures.iter().map(picture).collect();
        let vectors = NewVectors {
            image: (!pictures.is_empty()).then(|| at(made.angle).to_vec()),
            text: None,
        };
        let example = Example {
            id: made.id.into(),
            question: format!("Is there a nodule in {}?", made.id),
            answer: "no".into(),
            patient: made.patient.into(),
            study: made.study.into(),
            ..Example::default()
        };
        writer.add(example, &pictures, &[vectors]).unwrap();
    }
    writer.finish().unwrap();
    Index::open(Some(folder)).unwrap()
}

/// Patients and studies that overlap all through an index, as a hostile one may have them.
#[test]
fn a_chain_as_long_as_the_index_is_followed_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let count = 20_000;
    let names: Vec<[String; 3]> = (0..count)
        .map(|i: usize| {
            let patient = format!("p{}", i.div_ceil(2));
            [format!("chain{i}"), patient, format!("s{}", i / 2)]
        })
        .collect();
    let chain: Vec<Made> = names
        .iter()
        .map(|[id, patient, study]| Made {
            patient,
            study,
            ..of(id)
        })
        .collect();
    let index = made(folder.path(), &chain);
    let name = encoder();
    let query = Query {
        patient: Some("p0"),
        ..blank(&name, &[])
    };
    assert!(ids(&index, &query, &plan(Strategy::Random)).is_empty());
    let query = Query {
        patient: Some("nobody"),
        ..blank(&name, &[])
    };
    assert_eq!(ids(&index, &query, &plan(Strategy::Random)).len(), 100);
}

#[test]
fn an_example_that_another_process_removed_fails_no_question() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let own = [(
        index.by_id("e6").unwrap().images[0].sha256.clone(),
        look_of(6),
    )];
    let mut writer = Writer::open(folder.path()).unwrap();
    for id in ["e6", "e7"] {
        writer.remove(id).unwrap();
    }
    writer.finish().unwrap();
    let near = at(6.0 * 0.25 + 0.001);
    let vectors: &[&[f32]] = &[&near];
    for strategy in STRATEGIES {
        for query in [
            blank(&name, vectors),
            Query {
                images: &own,
                ..blank(&name, vectors)
            },
            Query {
                patient: Some("p3"),
                ..blank(&name, vectors)
            },
        ] {
            let found = ids(&index, &query, &plan(strategy));
            assert_eq!(found.len(), 10, "{strategy:?}: {found:?}");
        }
    }
}

/// Forty strangers are nearer by vector than the query's changed picture.
#[test]
fn the_querys_patient_is_left_out_wherever_its_picture_ranks() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..40).map(|i| format!("stranger{i}")).collect();
    let mut examples: Vec<Made> = names
        .iter()
        .zip(0_u8..)
        .map(|(id, i)| Made {
            angle: 0.01 * f32::from(i),
            look: look_of(u64::from(i)),
            ..of(id)
        })
        .collect();
    let pictures: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    for (example, pictures) in examples.iter_mut().zip(&pictures) {
        example.pictures = pictures;
    }
    examples.push(Made {
        angle: 0.75,
        look: look_of(100),
        pictures: &["changed copy"],
        patient: "me",
        ..of("copy")
    });
    examples.push(Made {
        angle: 0.5,
        look: look_of(101),
        pictures: &["another day"],
        patient: "me",
        ..of("other")
    });
    let index = made(folder.path(), &examples);
    let name = encoder();
    let own = [("another file".to_string(), look_of(100) ^ 0b1011)];
    let vector = at(0.0);
    for vectors in [&[&vector[..]][..], &[]] {
        for strategy in STRATEGIES {
            let query = Query {
                images: &own,
                ..blank(&name, vectors)
            };
            let found = ids(&index, &query, &plan(strategy));
            assert_eq!(found.len(), 40, "{strategy:?}");
            assert!(found.iter().all(|id| id.starts_with("stranger")));
        }
    }
}

#[test]
fn a_blank_around_a_name_hides_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    for (patient, study, left) in [(" p3 ", "", 10), ("", "\ts1\n", 11), (" ", " ", 12)] {
        let query = Query {
            patient: Some(patient),
            study: Some(study),
            ..blank(&name, &[&FAR])
        };
        assert_eq!(ids(&index, &query, &plan(Strategy::Text)).len(), left);
    }
}

#[test]
fn what_shares_a_picture_with_an_example_of_the_query_is_its_own_too() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = |id, pictures| Made { pictures, ..of(id) };
    let index = made(
        folder.path(),
        &[
            pictures("both", &["own", "its other view"]),
            pictures("view", &["its other view"]),
            pictures("else", &["of somebody else"]),
        ],
    );
    let name = encoder();
    let own = [(sha256_hex(b"own"), look_of(7))];
    let query = Query {
        images: &own,
        ..blank(&name, &[&FAR])
    };
    for strategy in STRATEGIES {
        assert_eq!(
            ids(&index, &query, &plan(strategy)),
            ["else"],
            "{strategy:?}"
        );
    }
}
