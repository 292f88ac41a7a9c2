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

/// Numbers of what is left out, which the last look at each example agrees with.
fn left_out(index: &Index, query: &Query) -> Vec<usize> {
    let kept_away = left_out::LeftOut::new(index, query).unwrap();
    let refused = |number: &usize| {
        let example = index.example(*number).unwrap();
        !kept_away.allows_example(&example).unwrap()
    };
    let mut numbers: Vec<usize> = kept_away.numbers().iter().copied().collect();
    numbers.sort_unstable();
    assert_eq!(
        numbers,
        (0..index.rows()).filter(refused).collect::<Vec<_>>()
    );
    numbers
}

/// Patients and studies that overlap all through an index, as a hostile one may have them.
#[test]
fn a_chain_as_long_as_the_index_is_followed_for_one_step() {
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
    for (patient, study, left) in [
        // Patient 0 was seen in study 0, in which patient 1 was seen too.
        (Some("p0"), None, vec![0, 1]),
        (Some("p7"), None, vec![12, 13, 14, 15]),
        // A study that is named tells its patients, as a picture does.
        (None, Some("s7"), vec![13, 14, 15, 16]),
        (Some("nobody"), None, vec![]),
    ] {
        let query = Query {
            patient,
            study,
            ..blank(&name, &[])
        };
        assert_eq!(left_out(&index, &query), left, "{patient:?} {study:?}");
    }
}

#[test]
fn a_picture_that_every_patient_has_takes_nobody_else_away() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<[String; 5]> = (0..30)
        .map(|i| ["a", "b", "p", "own ", "other "].map(|name| format!("{name}{i}")))
        .collect();
    let pictures: Vec<[&[&str]; 2]> = names
        .iter()
        .map(|[.., own, other]| [vec![own.as_str(), "placeholder"], vec![other.as_str()]])
        .map(|both| both.map(|pictures| &*pictures.leak()))
        .collect();
    let examples: Vec<Made> = (1..)
        .zip(names.iter().zip(&pictures))
        .flat_map(|(i, ([a, b, patient, ..], pictures))| {
            let one = |id, place: u64, pictures| Made {
                look: look_of(1000 * place + i),
                pictures,
                patient,
                ..of(id)
            };
            [one(a, 1, pictures[0]), one(b, 2, pictures[1])]
        })
        .collect();
    let index = made(folder.path(), &examples);
    let name = encoder();
    let own = [(sha256_hex(b"own 7"), look_of(1008))];
    let query = Query {
        images: &own,
        ..blank(&name, &[&FAR])
    };
    assert_eq!(left_out(&index, &query), [14, 15]);
    let named = Query {
        patient: Some("p7"),
        ..blank(&name, &[&FAR])
    };
    assert_eq!(left_out(&index, &named), [14, 15]);
    let four = Plan {
        shots: 4,
        ..plan(Strategy::Image)
    };
    assert_eq!(ids(&index, &query, &four).len(), 4);
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
