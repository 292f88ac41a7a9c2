//! The choice of shots, with every strategy, over small indexes made here.

mod altered_copies;
mod browsing;
mod floors;
mod leakage_tests;
mod own_examples;
mod pins;
mod searches;
mod strategies;

use super::*;
use rounds_index::{Encoder, ExampleImage, ImageDetails, NewImage, NewVectors, Writer, create};
use rounds_support::Cancel;
use rounds_support::files::sha256_hex;

const STRATEGIES: [Strategy; 7] = [
    Strategy::Image,
    Strategy::Text,
    Strategy::Hybrid,
    Strategy::Case,
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
