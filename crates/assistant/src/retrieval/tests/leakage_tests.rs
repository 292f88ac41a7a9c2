//! The query's own examples are found even when disguised, and the search for them never makes a question fail.

use super::*;

/// An example to write.
struct Made<'a> {
    id: &'a str,
    angle: f32,
    phash: u64,
    images: &'a [&'a str],
    patient: &'a str,
    study: &'a str,
}

fn of(id: &str) -> Made<'_> {
    Made {
        id,
        angle: 1.0,
        phash: phash_of(id.bytes().map(u64::from).sum()),
        images: &[],
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
        let new_image = |name: &&str| NewImage {
            image: ExampleImage {
                sha256: sha256_hex(name.as_bytes()),
                extension: "png".into(),
            },
            bytes: name.as_bytes().to_vec(),
            details: Some(ImageDetails {
                width: 1,
                height: 1,
                phash: made.phash,
            }),
        };
        let images: Vec<NewImage> = made.images.iter().map(new_image).collect();
        let vectors = NewVectors {
            image: (!images.is_empty()).then(|| at(made.angle).to_vec()),
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
        writer.add(example, &images, &[vectors]).unwrap();
    }
    writer.finish().unwrap();
    Index::open(Some(folder)).unwrap()
}

/// Numbers of the excluded examples; checks that `allows` agrees for every example.
fn excluded(index: &Index, query: &Query) -> Vec<usize> {
    let filter = leakage::LeakageFilter::new(index, query).unwrap();
    let refused = |number: &usize| {
        let example = index.example(*number).unwrap();
        !filter.allows(&example).unwrap()
    };
    let mut numbers: Vec<usize> = filter.excluded().iter().copied().collect();
    numbers.sort_unstable();
    assert_eq!(
        numbers,
        (0..index.rows()).filter(refused).collect::<Vec<_>>()
    );
    numbers
}

/// Patients and studies that overlap throughout the index, as in a hostile one.
#[test]
fn a_chain_of_patients_and_studies_is_followed_for_one_step_only() {
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
        // Patient 0 is in study 0, which also contains patient 1.
        (Some("p0"), None, vec![0, 1]),
        (Some("p7"), None, vec![12, 13, 14, 15]),
        // A given study identifies its patients, as an image does.
        (None, Some("s7"), vec![13, 14, 15, 16]),
        (Some("unknown"), None, vec![]),
    ] {
        let query = Query {
            patient,
            study,
            ..blank(&name, &[])
        };
        assert_eq!(excluded(&index, &query), left, "{patient:?} {study:?}");
    }
}

#[test]
fn an_image_shared_by_all_patients_excludes_no_other_patient() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<[String; 5]> = (0..30)
        .map(|i| ["a", "b", "p", "own ", "other "].map(|name| format!("{name}{i}")))
        .collect();
    let images: Vec<[&[&str]; 2]> = names
        .iter()
        .map(|[.., own, other]| [vec![own.as_str(), "placeholder"], vec![other.as_str()]])
        .map(|both| both.map(|images| &*images.leak()))
        .collect();
    let examples: Vec<Made> = (1..)
        .zip(names.iter().zip(&images))
        .flat_map(|(i, ([a, b, patient, ..], images))| {
            let one = |id, group: u64, images| Made {
                phash: phash_of(1000 * group + i),
                images,
                patient,
                ..of(id)
            };
            [one(a, 1, images[0]), one(b, 2, images[1])]
        })
        .collect();
    let index = made(folder.path(), &examples);
    let name = encoder();
    let own = [(sha256_hex(b"own 7"), phash_of(1008))];
    let query = Query {
        images: &own,
        ..blank(&name, &[&FAR])
    };
    assert_eq!(excluded(&index, &query), [14, 15]);
    let named = Query {
        patient: Some("p7"),
        ..blank(&name, &[&FAR])
    };
    assert_eq!(excluded(&index, &named), [14, 15]);
    let four = Plan {
        shots: 4,
        ..plan(Strategy::Image)
    };
    assert_eq!(ids(&index, &query, &four).len(), 4);
}

#[test]
fn an_example_removed_by_another_process_does_not_make_a_question_fail() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let own = [(
        index.by_id("e6").unwrap().images[0].sha256.clone(),
        phash_of(6),
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

/// Forty unrelated examples are nearer by vector than the altered copy of the query.
#[test]
fn the_querys_patient_is_excluded_wherever_its_image_ranks() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..40).map(|i| format!("stranger{i}")).collect();
    let mut examples: Vec<Made> = names
        .iter()
        .zip(0_u8..)
        .map(|(id, i)| Made {
            angle: 0.01 * f32::from(i),
            phash: phash_of(u64::from(i)),
            ..of(id)
        })
        .collect();
    let images: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    for (example, images) in examples.iter_mut().zip(&images) {
        example.images = images;
    }
    examples.push(Made {
        angle: 0.75,
        phash: phash_of(100),
        images: &["changed copy"],
        patient: "me",
        ..of("copy")
    });
    examples.push(Made {
        angle: 0.5,
        phash: phash_of(101),
        images: &["another day"],
        patient: "me",
        ..of("other")
    });
    let index = made(folder.path(), &examples);
    let name = encoder();
    let own = [("another file".to_string(), phash_of(100) ^ 0b1011)];
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
fn spaces_around_a_name_do_not_hide_its_examples() {
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
fn an_example_that_shares_an_image_with_an_example_of_the_query_is_excluded() {
    let folder = tempfile::tempdir().unwrap();
    let with_images = |id, images| Made { images, ..of(id) };
    let index = made(
        folder.path(),
        &[
            with_images("both", &["own", "its other view"]),
            with_images("view", &["its other view"]),
            with_images("else", &["of somebody else"]),
        ],
    );
    let name = encoder();
    let own = [(sha256_hex(b"own"), phash_of(7))];
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

#[test]
fn a_turned_copy_is_excluded_with_its_patient_unless_its_pixels_are_others() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let altered = [phash_of(6) ^ 0b101];
    let query = Query {
        altered: &altered,
        ..blank(&name, &[&FAR])
    };
    let left = |pixels: Option<bool>| {
        let same_pixels = |_: &ExampleImage| pixels;
        let query = Query {
            same_pixels: Some(&same_pixels),
            ..query
        };
        excluded(&index, &query)
    };
    assert_eq!(left(None), [6, 7]);
    assert_eq!(left(Some(true)), [6, 7]);
    assert_eq!(left(Some(false)), Vec::<usize>::new());
}

#[test]
fn a_shot_with_the_pixels_of_the_query_is_replaced_and_its_patient_excluded() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let own = index.by_id("e6").unwrap().images[0].sha256.clone();
    let same_pixels = |image: &ExampleImage| Some(image.sha256 == own);
    let near = at(6.0 * 0.25 + 0.01);
    let vectors: &[&[f32]] = &[&near];
    let query = Query {
        same_pixels: Some(&same_pixels),
        ..blank(&name, vectors)
    };
    for strategy in STRATEGIES {
        let found = ids(&index, &query, &plan(strategy));
        assert_eq!(found.len(), 10, "{strategy:?}: {found:?}");
    }
    let four = Plan {
        shots: 4,
        ..plan(Strategy::Image)
    };
    assert_eq!(ids(&index, &query, &four), ["e5", "e8", "e4", "e9"]);
    let pinned = Plan {
        pinned: vec!["e6".into()],
        ..four
    };
    assert_eq!(ids(&index, &query, &pinned), ["e5", "e8", "e4", "e9"]);
}

#[test]
fn a_notice_counts_the_examples_that_show_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let images = |id, images| Made { images, ..of(id) };
    let index = made(
        folder.path(),
        &[
            images("one", &["own"]),
            images("two", &["own"]),
            images("copy", &["copy"]),
            images("else", &["of somebody else"]),
        ],
    );
    let name = encoder();
    let own = |image: &[u8]| [(sha256_hex(image), phash_of(7))];
    let told = |images: &[(String, u64)]| {
        let query = Query {
            images,
            ..blank(&name, &[&FAR])
        };
        let found = retrieve(&index, &query, &plan(Strategy::Image)).unwrap();
        let notices = found.notices.into_iter();
        notices
            .filter(|notice| notice.contains("near-duplicate"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&own(b"copy")),
        ["1 example shows this image or a near-duplicate of it and was left out"]
    );
    assert_eq!(
        told(&own(b"own")),
        ["2 examples show this image or a near-duplicate of it and were left out"]
    );
    assert!(told(&own(b"not in the index")).is_empty());
}
