//! A query never gets itself as a shot, with any strategy and any search.

mod altered_copies;
mod browsing;
mod floors;
mod leakage_tests;
mod strategies;

use super::*;
use rounds_index::{Encoder, ExampleImage, ImageDetails, NewImage, NewVectors, Writer, create};
use rounds_support::Cancel;
use rounds_support::files::sha256_hex;

const STRATEGIES: [Strategy; 6] = [
    Strategy::Image,
    Strategy::Text,
    Strategy::Hybrid,
    Strategy::Diverse,
    Strategy::Balanced,
    Strategy::Random,
];
const FAR: [f32; 2] = [-0.6, -0.8];

fn encoder() -> String {
    "e".repeat(64)
}

/// A perceptual hash far from those of the other examples.
fn phash_of(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn at(angle: f32) -> [f32; 2] {
    [angle.cos(), angle.sin()]
}

/// A writer to a new index with the test encoder.
fn writer(folder: &std::path::Path) -> Writer {
    let encoder = Encoder {
        sha256: encoder(),
        name: "test".into(),
        dimension: 2,
        bundle: String::new(),
        text: false,
    };
    create(folder, vec![encoder]).unwrap();
    Writer::open(folder).unwrap()
}

/// An image of one pixel.
fn new_image(name: &str, phash: u64) -> NewImage {
    let bytes = name.as_bytes().to_vec();
    NewImage {
        image: ExampleImage {
            sha256: sha256_hex(&bytes),
            extension: "png".into(),
        },
        bytes,
        details: Some(ImageDetails {
            width: 1,
            height: 1,
            phash,
        }),
    }
}

fn vectors(angle: f32) -> NewVectors {
    NewVectors {
        image: Some(at(angle).to_vec()),
        text: None,
    }
}

/// Twelve examples: two without a patient and two for each of five patients, one study each, with vectors on a half circle
/// and perceptual hashes far apart.
fn index(folder: &std::path::Path) -> Index {
    let mut writer = writer(folder);
    for i in 0..12_u64 {
        let example = Example {
            id: format!("e{i}"),
            question: "Is there a nodule?".into(),
            answer: if i % 4 == 0 { "no" } else { "yes" }.into(),
            rationale: "I see it.".into(),
            tags: vec![(
                "organ".into(),
                if i % 2 == 0 { "chest" } else { "head" }.into(),
            )],
            source: "test".into(),
            licence: "MIT".into(),
            patient: if i < 2 {
                String::new()
            } else {
                format!("p{}", i / 2)
            },
            study: format!("s{i}"),
            ..Example::default()
        };
        let image = new_image(&format!("image {i}"), phash_of(i));
        let vectors = vectors(i as f32 * 0.25);
        writer.add(example, &[image], &[vectors]).unwrap();
    }
    writer.finish().unwrap();
    Index::open(Some(folder)).unwrap()
}

fn plan(strategy: Strategy) -> Plan {
    Plan {
        shots: 100,
        strategy,
        search: Search::Exact,
        floor: None,
        filter: Vec::new(),
        pinned: Vec::new(),
        excluded: Vec::new(),
    }
}

fn blank<'a>(encoder: &'a str, vectors: &'a [&'a [f32]]) -> Query<'a> {
    Query {
        encoder,
        vectors,
        text: None,
        images: &[],
        altered: &[],
        same_pixels: None,
        question: "a nodule",
        patient: None,
        study: None,
        seed: 3,
    }
}

fn ids(index: &Index, query: &Query, plan: &Plan) -> Vec<String> {
    let found = retrieve(index, query, plan).unwrap();
    found.shots.into_iter().map(|s| s.example.id).collect()
}

#[test]
fn the_querys_image_patient_and_study_are_never_shots() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let far: &[&[f32]] = &[&FAR];
    let near_6 = at(6.0 * 0.25 + 0.001);
    let hash = [(index.by_id("e6").unwrap().images[0].sha256.clone(), 0)];
    // Not equal, but close, with a similar perceptual hash.
    let like_6 = at(6.0 * 0.25 + 0.1);
    let phash = [("another file".to_string(), phash_of(6) ^ 0b11)];
    for search in [Search::Exact, Search::Hnsw, Search::HnswRs] {
        index.resolve_search(&name, search, &Cancel::new()).unwrap();
        for strategy in STRATEGIES {
            let plan = Plan {
                search,
                ..plan(strategy)
            };
            let of = |query: &Query| ids(&index, query, &plan);
            let blank = blank(&name, far);
            assert_eq!(of(&blank).len(), 12, "{strategy:?}");
            let by_hash = of(&Query {
                images: &hash,
                ..blank
            });
            let by_vector = of(&Query {
                vectors: &[&near_6, &FAR],
                ..blank
            });
            let by_phash = of(&Query {
                vectors: &[&like_6, &FAR],
                images: &phash,
                ..blank
            });
            let by_patient = of(&Query {
                patient: Some("p3"),
                ..blank
            });
            for found in [by_hash, by_vector, by_phash, by_patient] {
                assert_eq!(found.len(), 10, "{search:?} {strategy:?}: {found:?}");
                assert!(!found.contains(&"e6".into()) && !found.contains(&"e7".into()));
            }
            let by_study = of(&Query {
                study: Some("s1"),
                ..blank
            });
            assert_eq!(by_study.len(), 11);
            assert!(!by_study.contains(&"e1".into()));
        }
    }
}

#[test]
fn an_image_similar_only_by_phash_or_only_by_vector_may_be_a_shot() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let close = at(6.0 * 0.25 + 0.1);
    let other = [("another file".to_string(), u64::MAX << 32)];
    let vectors: &[&[f32]] = &[&close];
    let measured = Query {
        images: &other,
        ..blank(&name, vectors)
    };
    assert_eq!(ids(&index, &measured, &plan(Strategy::Image)).len(), 12);
    let phash = [("another file".to_string(), phash_of(6))];
    let looked = Query {
        images: &phash,
        ..blank(&name, &[&FAR])
    };
    assert_eq!(ids(&index, &looked, &plan(Strategy::Image)).len(), 12);
}

#[test]
fn an_empty_patient_excludes_no_other_example() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let first = [(index.by_id("e0").unwrap().images[0].sha256.clone(), 0)];
    let query = Query {
        images: &first,
        patient: Some(""),
        ..blank(&name, &[])
    };
    let found = ids(&index, &query, &plan(Strategy::Image));
    assert_eq!(found.len(), 11, "only the image itself: {found:?}");
}

#[test]
fn both_searches_give_the_same_ranking() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.3);
    let of = |search| {
        index.resolve_search(&name, search, &Cancel::new()).unwrap();
        let plan = Plan {
            search,
            ..plan(Strategy::Image)
        };
        ids(&index, &blank(&name, &[&vector]), &plan)
    };
    assert_eq!(of(Search::Exact), of(Search::Hnsw));
    assert_eq!(of(Search::Exact), of(Search::HnswRs));
    assert_eq!(of(Search::Exact)[0], "e1");
}

#[test]
fn the_result_says_which_search_was_used() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.3);
    // So few rows are scanned even if the graph is requested and exists.
    for search in [Search::Exact, Search::Hnsw] {
        for (strategy, by) in [
            (Strategy::Image, Some(Search::Exact)),
            (Strategy::Hybrid, Some(Search::Exact)),
            (Strategy::Text, None),
            (Strategy::Random, None),
        ] {
            let plan = Plan {
                search,
                ..plan(strategy)
            };
            let found = retrieve(&index, &blank(&name, &[&vector]), &plan).unwrap();
            assert_eq!(found.search, by, "{strategy:?}");
        }
    }
}

#[test]
fn conditions_floor_pins_and_exclusions_are_respected() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.1);
    let vectors: &[&[f32]] = &[&vector];
    let query = blank(&name, vectors);
    let chest = Plan {
        filter: vec![
            "organ=chest".parse().unwrap(),
            "patient!=p3".parse().unwrap(),
        ],
        ..plan(Strategy::Image)
    };
    assert_eq!(
        ids(&index, &query, &chest),
        ["e0", "e2", "e4", "e8", "e10"].map(String::from)
    );
    let floor = Plan {
        floor: Some(0.8),
        ..plan(Strategy::Image)
    };
    let found = retrieve(&index, &query, &floor).unwrap();
    assert_eq!(found.shots.len(), 3, "those at 0, 0.25 and 0.5");
    assert!(found.notices.iter().any(|n| n.contains("floor")));
    let pinned = Plan {
        shots: 3,
        pinned: vec!["e9".into(), "e8".into()],
        excluded: vec!["e0".into()],
        ..plan(Strategy::Image)
    };
    assert_eq!(
        ids(&index, &query, &pinned),
        ["e9", "e8", "e1"].map(String::from)
    );
    let fixed = Plan {
        pinned: vec!["e9".into()],
        ..plan(Strategy::Fixed)
    };
    assert_eq!(ids(&index, &query, &fixed), ["e9"]);
    let missing = Plan {
        pinned: vec!["e99".into()],
        ..plan(Strategy::Fixed)
    };
    assert!(matches!(
        retrieve(&index, &query, &missing),
        Err(IndexError::Missing { what: "pinned", .. })
    ));
}

#[test]
fn diverse_shots_maximise_marginal_relevance_and_balanced_shots_cover_every_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.3);
    let vectors: &[&[f32]] = &[&vector];
    let query = blank(&name, vectors);
    let of = |strategy, shots| {
        let plan = Plan {
            shots,
            ..plan(strategy)
        };
        retrieve(&index, &query, &plan).unwrap().shots
    };
    let numbers = |shots: &[Shot]| shots.iter().map(|s| s.example.number).collect::<Vec<_>>();
    assert_eq!(numbers(&of(Strategy::Image, 3)), [1, 2, 0]);
    // Maximal marginal relevance by hand: half the similarity to the query minus half the greatest similarity to a chosen one.
    let similarity = |a: f32, b: f32| (a - b).cos();
    let mut expected: Vec<usize> = vec![1];
    while expected.len() < 3 {
        let gain = |i: &usize| {
            let angle = *i as f32 * 0.25;
            let chosen = expected.iter().map(|c| similarity(angle, *c as f32 * 0.25));
            similarity(angle, 0.3) - chosen.fold(-1.0, f32::max)
        };
        let next = (0..12)
            .filter(|i| !expected.contains(i))
            .max_by(|a, b| gain(a).total_cmp(&gain(b)));
        expected.extend(next);
    }
    // Chosen by marginal relevance, but ranked by similarity to the query.
    let to_query = |i: &usize| similarity(*i as f32 * 0.25, 0.3);
    expected.sort_by(|a, b| to_query(b).total_cmp(&to_query(a)));
    let spread = numbers(&of(Strategy::Diverse, 3));
    assert_eq!(spread, expected);
    assert_ne!(spread, numbers(&of(Strategy::Image, 3)));
    let answers: Vec<String> = of(Strategy::Balanced, 4)
        .into_iter()
        .map(|s| s.example.answer)
        .collect();
    assert_eq!(
        answers.iter().filter(|a| *a == "no").count(),
        2,
        "{answers:?}"
    );
}

#[test]
fn shots_are_arranged_in_the_requested_order() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.0);
    let plan = Plan {
        shots: 4,
        ..plan(Strategy::Image)
    };
    let shots = retrieve(&index, &blank(&name, &[&vector]), &plan)
        .unwrap()
        .shots;
    let of = |order: Order, seed| -> Vec<usize> {
        order.arrange(&shots, seed).iter().map(|s| s.rank).collect()
    };
    assert_eq!(of(Order::SimilarLast, 0), [4, 3, 2, 1]);
    assert_eq!(of(Order::SimilarFirst, 0), [1, 2, 3, 4]);
    assert_eq!(of(Order::Shuffled, 5), of(Order::Shuffled, 5));
    assert!((0..20).any(|seed| of(Order::Shuffled, seed) != of(Order::Shuffled, 5)));
}

#[test]
fn an_encoder_without_vectors_in_the_index_is_refused_if_vectors_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    let other = "f".repeat(64);
    let query = blank(&other, &[&FAR]);
    let refused = retrieve(&index, &query, &plan(Strategy::Image));
    assert!(matches!(refused, Err(IndexError::Encoder { .. })));
    assert_eq!(ids(&index, &query, &plan(Strategy::Text)).len(), 12);
    assert!(matches!(
        retrieve(
            &index,
            &blank(&encoder(), &[&FAR]),
            &plan(Strategy::ImageToText)
        ),
        Err(IndexError::NoTextVectors)
    ));
}

/// Two examples with two images each; the query is the second image of the first.
#[test]
fn an_example_whose_second_image_is_the_query_is_never_a_shot() {
    let folder = tempfile::tempdir().unwrap();
    let name = encoder();
    let mut writer = writer(folder.path());
    for i in 0..2_u64 {
        let new_images: Vec<NewImage> = (0..2)
            .map(|position| new_image(&format!("image {i} {position}"), phash_of(2 * i + position)))
            .collect();
        let images = new_images.iter().map(|new| new.image.clone()).collect();
        let example = Example {
            id: format!("two{i}"),
            images,
            question: "Is there a nodule?".into(),
            answer: "no".into(),
            source: "test".into(),
            licence: "MIT".into(),
            ..Example::default()
        };
        writer.add(example, &new_images, &[vectors(1.0)]).unwrap();
    }
    writer.finish().unwrap();
    let index = Index::open(Some(folder.path())).unwrap();
    let own = [("another file".to_string(), phash_of(1) ^ 0b101)];
    for strategy in STRATEGIES {
        let query = Query {
            images: &own,
            ..blank(&name, &[&FAR])
        };
        assert_eq!(
            ids(&index, &query, &plan(strategy)),
            ["two1"],
            "{strategy:?}"
        );
    }
}

#[test]
fn without_an_image_shots_are_chosen_by_text_and_a_notice_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let found = retrieve(&index, &blank(&name, &[]), &plan(Strategy::Diverse)).unwrap();
    assert_eq!(found.fallback, Some(Strategy::Text));
    assert!(found.notices[0].contains("chosen by your words"));
    let found = retrieve(&index, &blank(&name, &[&FAR]), &plan(Strategy::Diverse)).unwrap();
    assert_eq!(found.fallback, None);
}

/// Two questions about each image.
#[test]
fn every_image_is_a_shot_only_once_and_shots_are_sorted_by_score() {
    let folder = tempfile::tempdir().unwrap();
    let name = encoder();
    drop(index(folder.path()));
    let mut writer = Writer::open(folder.path()).unwrap();
    let first = Index::open(Some(folder.path())).unwrap();
    for i in 0..12 {
        let old = first.by_id(&format!("e{i}")).unwrap();
        let images: Vec<NewImage> = old
            .images
            .iter()
            .map(|image| NewImage {
                image: image.clone(),
                bytes: format!("image {i}").into_bytes(),
                details: None,
            })
            .collect();
        let vectors = NewVectors {
            image: Some(at(i as f32 * 0.25).to_vec()),
            text: None,
        };
        let example = Example {
            id: format!("again{i}"),
            question: "What does it show?".into(),
            number: 0,
            ..old
        };
        writer.add(example, &images, &[vectors]).unwrap();
    }
    writer.finish().unwrap();
    let index = Index::open(Some(folder.path())).unwrap();
    assert_eq!(index.rows(), 24);
    let query = blank(&name, &[&FAR]);
    for strategy in STRATEGIES {
        let plan = Plan {
            pinned: vec!["again3".into()],
            ..plan(strategy)
        };
        let found = retrieve(&index, &query, &plan).unwrap();
        let mut images: Vec<_> = found
            .shots
            .iter()
            .map(|s| s.example.images[0].sha256.clone())
            .collect();
        let all = images.len();
        images.sort_unstable();
        images.dedup();
        assert_eq!((images.len(), all), (12, 12), "{strategy:?}");
        let scores: Vec<f32> = found.shots[1..].iter().map(|s| s.score).collect();
        assert!(
            scores.is_sorted_by(|a, b| a >= b),
            "{strategy:?}: {scores:?}"
        );
    }
}
