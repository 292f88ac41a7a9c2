//! How the strategies choose, and the order and the heading of what they chose.

use super::*;

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

#[test]
fn a_heading_ends_with_a_colon_only_if_shots_follow() {
    let heading = |found, asked, dropped| shots_heading(Strategy::Image, found, asked, dropped);
    assert_eq!(heading(2, 4, 0), "2 of 4 shots:");
    assert_eq!(heading(5, 4, 0), "5 shots:");
    let dropped = "2 of 4 shots (2 more did not fit in the prompt):";
    assert_eq!(heading(2, 4, 2), dropped);
    assert_eq!(heading(0, 4, 0), "no shots were found");
    let nothing_fits = "no shots, because 4 did not fit in the prompt";
    assert_eq!(heading(0, 4, 4), nothing_fits);
    assert_eq!(heading(0, 0, 0), "no shots");
    assert_eq!(shots_heading(Strategy::None, 0, 4, 0), "no shots");
}

#[test]
fn a_case_is_like_the_question_in_its_image_and_in_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path());
    let questions = ["Which plane is it?", "Is the liver healthy?"];
    for i in 0..8_u64 {
        // Two questions about each image.
        for (at, question) in questions.into_iter().enumerate() {
            let example = Example {
                id: format!("e{i}-{at}"),
                question: question.into(),
                answer: "a".into(),
                source: "test".into(),
                licence: "MIT".into(),
                study: format!("s{i}"),
                ..Example::default()
            };
            let image = new_image(&format!("image {i}"), phash_of(i));
            writer
                .add(example, &[image], &[vectors(i as f32 * 0.25)])
                .unwrap();
        }
    }
    writer.finish().unwrap();
    let index = Index::open(Some(folder.path())).unwrap();
    let (name, vector) = (encoder(), at(0.05));
    let vectors: &[&[f32]] = &[&vector];
    let query = Query {
        question: "is this liver healthy",
        ..blank(&name, vectors)
    };
    let plan = Plan {
        shots: 3,
        ..plan(Strategy::Case)
    };
    assert_eq!(ids(&index, &query, &plan), ["e0-1", "e1-1", "e2-1"]);
    // Several questions an image: `auto` is the same.
    let auto = Plan {
        strategy: Strategy::Auto,
        ..plan.clone()
    };
    let found = retrieve(&index, &query, &auto).unwrap();
    assert_eq!(found.fallback, Some(Strategy::Case));
    assert_eq!(ids(&index, &query, &auto), ids(&index, &query, &plan));
    // Without an image only the words count.
    let text = Query {
        vectors: &[],
        ..query
    };
    let found = retrieve(&index, &text, &plan).unwrap();
    assert_eq!(found.fallback, Some(Strategy::Text));
    let found = retrieve(&index, &text, &auto).unwrap();
    assert_eq!(found.fallback, Some(Strategy::Text));
}

#[test]
fn auto_is_image_where_each_image_has_one_question() {
    let folder = tempfile::tempdir().unwrap();
    let (index, name) = (index(folder.path()), encoder());
    let vector = at(0.3);
    let vectors: &[&[f32]] = &[&vector];
    let query = blank(&name, vectors);
    let found = retrieve(&index, &query, &plan(Strategy::Auto)).unwrap();
    assert_eq!(found.fallback, Some(Strategy::Image));
    assert_eq!(
        ids(&index, &query, &plan(Strategy::Auto)),
        ids(&index, &query, &plan(Strategy::Image))
    );
}
