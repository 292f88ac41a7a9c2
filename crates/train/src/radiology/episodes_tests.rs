//! Tests of `episodes`.

use super::*;

#[test]
fn a_name_is_answerable_once_both_kinds_were_named() {
    let coarse: Vec<Coarse> = (0..20)
        .map(|i| Coarse {
            modality: Some(if i % 2 == 0 { "ct" } else { "mri" }),
            plane: Some("axial"),
            organ: Some("head"),
        })
        .collect();
    let all: Vec<usize> = (0..20).collect();
    let binding = Binding::new(&coarse, &all);
    let mut rng = Rng::new(3);
    assert!(
        binding
            .pair(Contrast::Organ, Organs::Trained, &mut rng)
            .is_none()
    );
    let pair = binding
        .pair(Contrast::Modality, Organs::Trained, &mut rng)
        .unwrap();
    for _ in 0..20 {
        let episode = binding.episode(pair, 4, 1, true, false, &mut rng);
        assert_eq!(episode.len(), 5);
        assert!(episode[4].answerable && !episode[0].answerable);
        let same = |a: &EpisodeTurn, b: &EpisodeTurn| a.first_image() % 2 == b.first_image() % 2;
        for turn in &episode {
            assert_eq!(same(turn, &episode[0]), turn.answer == episode[0].answer);
        }
    }
}

#[test]
fn held_out_names_are_never_trained_on() {
    let mut rng = Rng::new(5);
    let trained: Vec<String> = (0..500).map(|_| made_up_name(&mut rng, false)).collect();
    for _ in 0..500 {
        assert!(!trained.contains(&made_up_name(&mut rng, true)));
    }
}
