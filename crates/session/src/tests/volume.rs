//! Timings with ten thousand turns; printed, not asserted, because machines differ.

use super::*;
use std::time::Instant;

fn timed<T>(what: &str, work: impl Fn() -> T) {
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let since = Instant::now();
            std::hint::black_box(work());
            since.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{what}: median {:.1} ms, worst {:.1} ms",
        times[7], times[14]
    );
}

#[test]
#[ignore = "prints times; run with --ignored --nocapture"]
fn ten_thousand_turns_are_listed_and_searched_quickly() {
    let home = Home::new();
    let mut sessions = home.open();
    let words = [
        "nodule", "effusion", "heart", "fracture", "lesion", "contrast", "artery", "lobe", "mass",
        "opacity",
    ];
    // Waiting for the disk is measured separately below.
    sessions
        .connection
        .pragma_update(None, "synchronous", "off")
        .unwrap();
    for session in 0..1000 {
        let id = sessions
            .create(&format!("Case {session}"), "nano", "phantoms")
            .unwrap();
        for turn in 0..10 {
            let word = |shift: usize| words[(session * 7 + turn * 3 + shift) % words.len()];
            let question = format!(
                "Is there a {} near the {} in view {session}-{turn}?",
                word(0),
                word(4)
            );
            let turn = sessions.begin_turn(&id, &asking(&question)).unwrap();
            let shots = (0..8)
                .map(|n| NewShot {
                    thumbnail: None,
                    ..shot(&format!("Is the {} seen?", word(n)))
                })
                .collect();
            let answer = Box::new(StoredAnswer {
                log_probabilities: vec![-0.5; 64],
                ..answer(&format!("a {} is seen", word(1)))
            });
            sessions
                .finish_turn(
                    &turn,
                    TurnEnd {
                        shots,
                        ..Outcome::Answered(answer).into()
                    },
                )
                .unwrap();
        }
    }
    let stats = sessions.stats().unwrap();
    assert_eq!((stats.turns, stats.sessions), (10_000, 1000));
    assert_eq!(sessions.list(50, 900).unwrap().len(), 50);
    assert_eq!(sessions.search("view 500-3", 50).unwrap().len(), 1);
    println!(
        "{} turns in {} sessions, {:.1} MB",
        stats.turns,
        stats.sessions,
        stats.database_bytes as f64 / 1e6
    );
    timed("list of 50", || sessions.list(50, 0).unwrap());
    timed("list of 50 from 900", || sessions.list(50, 900).unwrap());
    timed("search of a word in 1 turn", || {
        sessions.search("view 500-3", 50).unwrap()
    });
    timed("search of a word in every turn", || {
        sessions.search("seen", 50).unwrap()
    });
    timed("search of two words", || {
        sessions.search("nodule lobe", 50).unwrap()
    });
    timed("load of a session", || {
        sessions.load(&sessions.find("500").unwrap()).unwrap()
    });
    timed("open", || home.open());
    timed("full check by SQLite", || {
        let check = "pragma quick_check";
        sessions
            .connection
            .query_row(check, [], |row| row.get::<_, String>(0))
            .unwrap()
    });
    sessions
        .connection
        .pragma_update(None, "synchronous", "full")
        .unwrap();
    let id = sessions.create("x", "m", "i").unwrap();
    let turn = sessions.begin_turn(&id, &asking("q")).unwrap();
    let sessions = std::cell::RefCell::new(sessions);
    timed("append_partial of 2 KB", || {
        sessions
            .borrow_mut()
            .append_partial(&turn, &"word ".repeat(400))
            .unwrap();
    });
}
