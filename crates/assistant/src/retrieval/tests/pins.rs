//! Pins, exclusions, conditions and floors.

use super::*;

#[test]
fn an_example_pinned_twice_is_one_shot() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let twice = Plan {
        shots: 3,
        pinned: vec!["e9".into(), "e8".into(), "e9".into()],
        ..plan(Strategy::Image)
    };
    let found = ids(&index, &blank(&name, &[&at(0.1)]), &twice);
    assert_eq!(found, ["e9", "e8", "e0"].map(String::from));
}

#[test]
fn the_floor_applies_before_shots_are_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.1);
    let vectors: &[&[f32]] = &[&vector];
    for strategy in STRATEGIES {
        // Three are above the floor: those at 0, 0.25 and 0.5.
        for (shots, expected) in [(2, 2), (3, 3), (5, 3)] {
            let plan = Plan {
                shots,
                floor: Some(0.8),
                ..plan(strategy)
            };
            let found = retrieve(&index, &blank(&name, vectors), &plan).unwrap();
            assert_eq!(found.shots.len(), expected, "{strategy:?} {shots}");
            assert!(found.shots.iter().all(|shot| shot.example.number < 3));
            let told = found.notices.iter().any(|n| n.contains("floor of 0.8"));
            assert_eq!(told, shots == 5, "{strategy:?}: {:?}", found.notices);
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
fn a_pinned_shot_has_its_similarity_where_there_is_an_image_to_compare() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.1);
    let vectors: &[&[f32]] = &[&vector];
    let pinned = |query: &Query, strategy| {
        let plan = Plan {
            shots: 1,
            pinned: vec!["e9".into()],
            ..plan(strategy)
        };
        let found = retrieve(&index, query, &plan).unwrap();
        assert!(found.shots[0].is_pinned(), "{strategy:?}");
        found.shots[0].score
    };
    let expected = (9.0 * 0.25 - 0.1_f32).cos();
    for strategy in STRATEGIES.into_iter().chain([Strategy::Fixed]) {
        let score = pinned(&blank(&name, vectors), strategy);
        assert!((score - expected).abs() < 1e-3, "{strategy:?}: {score}");
        assert_eq!(pinned(&blank(&name, &[]), strategy), 0.0, "{strategy:?}");
    }
    let other = "f".repeat(64);
    let score = pinned(&blank(&other, vectors), Strategy::Fixed);
    assert_eq!(score, 0.0, "the index has no vectors of this encoder");
}
