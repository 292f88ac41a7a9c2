//! Looking through an index finds what a question would leave out, and says so.

use super::*;

fn reasons(found: &Found) -> Vec<(&str, &str)> {
    let shots = found.shots.iter();
    shots
        .map(|shot| (shot.example.id.as_str(), shot.reason.as_str()))
        .collect()
}

#[test]
fn the_querys_own_image_is_found_first_and_named_as_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let own = at(6.0 * 0.25);
    let vectors: &[&[f32]] = &[&own];
    let phash = [("another file".to_string(), phash_of(6))];
    let query = Query {
        images: &phash,
        ..blank(&name, vectors)
    };
    for strategy in STRATEGIES {
        let found = browse(&index, &query, &plan(strategy)).unwrap();
        assert_eq!(found.shots.len(), 12, "{strategy:?}");
        assert_eq!(found.shots.iter().filter(|s| s.is_same_image()).count(), 1);
    }
    let three = Plan {
        shots: 3,
        ..plan(Strategy::Image)
    };
    let found = browse(&index, &query, &three).unwrap();
    assert_eq!(found.shortfall, None);
    let [own, other, patient] = reasons(&found)[..] else {
        panic!("{found:?}");
    };
    assert_eq!(own, ("e6", "the same image; image similarity 1.000"));
    assert_eq!(other, ("e5", "image similarity 0.969"));
    let same = "the same patient or study; image similarity 0.969";
    assert_eq!(patient, ("e7", same));
    // As shots, both are left out.
    let shots = ids(&index, &query, &three);
    assert!(!shots.contains(&"e6".into()) && !shots.contains(&"e7".into()));
}
