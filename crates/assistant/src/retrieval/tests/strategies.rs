//! Pins and floors.

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
