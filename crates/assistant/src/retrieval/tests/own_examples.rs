//! A query never gets itself as a shot: its image, its patient and its study.

use super::*;

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
