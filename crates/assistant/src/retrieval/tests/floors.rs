//! The floor applies before shots are counted, and a notice says what it rejected.

use super::*;

/// Eight images near the query with unrelated questions, and eight far ones with the same question.
fn index(folder: &std::path::Path) -> Index {
    let encoder = Encoder {
        sha256: encoder(),
        name: "test".into(),
        dimension: 2,
        bundle: String::new(),
        text: false,
    };
    create(folder, vec![encoder]).unwrap();
    let mut writer = Writer::open(folder).unwrap();
    for i in 0..16_u64 {
        let bytes = format!("floor {i}").into_bytes();
        let image = ExampleImage {
            sha256: sha256_hex(&bytes),
            extension: "png".into(),
        };
        let (near, turn) = (i < 8, 0.05 * i as f32);
        let example = Example {
            id: format!("e{i}"),
            images: vec![image.clone()],
            question: if near {
                "Which view is this?"
            } else {
                "Is there a nodule?"
            }
            .into(),
            answer: format!("answer {}", i % 3),
            source: "test".into(),
            licence: "MIT".into(),
            ..Example::default()
        };
        let new_image = NewImage {
            image,
            bytes,
            details: Some(ImageDetails {
                width: 1,
                height: 1,
                phash: phash_of(i),
            }),
        };
        let vectors = NewVectors {
            image: Some(at(if near { 0.1 + turn } else { 2.0 + turn }).to_vec()),
            text: None,
        };
        writer.add(example, &[new_image], &[vectors]).unwrap();
    }
    writer.finish().unwrap();
    Index::open(Some(folder)).unwrap()
}

fn found(index: &Index, vectors: &[&[f32]], strategy: Strategy, shots: usize, floor: f32) -> Found {
    let name = encoder();
    let plan = Plan {
        shots,
        floor: Some(floor),
        ..plan(strategy)
    };
    let query = Query {
        question: "Is there a nodule, which view?",
        ..blank(&name, vectors)
    };
    retrieve(index, &query, &plan).unwrap()
}

#[test]
fn every_strategy_fills_its_shots_from_examples_above_the_floor() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    let vector = at(0.0);
    let vectors: &[&[f32]] = &[&vector];
    for strategy in STRATEGIES {
        let four = found(&index, vectors, strategy, 4, 0.8);
        let near = |shot: &Shot| shot.example.number < 8;
        assert_eq!(four.shots.len(), 4, "{strategy:?}");
        assert!(four.shots.iter().all(near), "{strategy:?}");
        assert!(four.notices.is_empty(), "{strategy:?}: {:?}", four.notices);
        let ten = found(&index, vectors, strategy, 10, 0.8);
        assert_eq!(ten.shots.len(), 8, "{strategy:?}");
        let told = ["8 of 10 shots: the remaining examples are below the floor of 0.8"];
        assert_eq!(ten.notices, told, "{strategy:?}");
        let all = found(&index, vectors, strategy, 20, -1.0);
        let told = ["16 of 20 shots: no more matching examples found"];
        assert_eq!(all.notices, told, "{strategy:?}");
    }
}

#[test]
fn a_floor_without_an_image_is_ignored_with_a_notice() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    let text = found(&index, &[], Strategy::Text, 4, 0.8);
    assert_eq!(text.shots.len(), 4);
    let told = "the floor of 0.8 was ignored: there is no image to compare";
    assert!(
        text.notices.contains(&told.to_string()),
        "{:?}",
        text.notices
    );
}
