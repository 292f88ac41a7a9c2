//! A monkey at the keyboard: 200 sequences of 500 random keys, mixed with other events.

use super::harness::Harness;
use crate::tui::ExitReason;
use crate::tui::keys::TABLE;
use crate::tui::state::{Activity, Effect, Entry, Event};
use rounds_support::Failure;
use rounds_support::sanitise::is_forbidden;

/// A small seeded random generator (xorshift).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.next(from.len())]
    }
}

fn keys() -> Vec<&'static str> {
    let plain = "a b k 0 1 ? / é 結 space enter esc tab up down left right";
    let mut keys: Vec<&str> = TABLE
        .iter()
        .flat_map(|row| row.keys.split(' '))
        .chain(plain.split(' '))
        .collect();
    // Quitting would end the sequence.
    keys.retain(|key| *key != "ctrl-d" && *key != "ctrl-c");
    keys
}

const LINES: [&str; 20] = [
    "/shot 2",
    "/without 1",
    "/move 2 1",
    "/turns 1",
    "/branches 1",
    "/status",
    "/stop",
    "/edit other words",
    "/attach /data/x.png",
    "/detach 1",
    "/k 3",
    "/strategy random",
    "/pin chest-0001",
    "/compare k=1",
    "/cases chest-nodule",
    "/new",
    "/rename x",
    "/delete",
    "/export x.md",
    "/model /somewhere",
];

fn step(user: &mut Harness, dice: &mut Dice, keys: &[&str]) {
    match dice.next(40) {
        0 => user.resize(dice.next(210) as u16 + 1, dice.next(70) as u16 + 1),
        1 => user.attach(dice.pick(&["a.png", "b.png", "c.png"])),
        2 => user.paste(dice.pick(&["text\u{1b}[2J\nmore", "/scans/a.png", "結節影 👩‍⚕️", ""])),
        3 => user.wait(dice.next(3000) as u64),
        4 => {
            user.type_text(dice.pick(&LINES));
            user.press("enter");
        }
        5 => {
            let (column, row) = (dice.next(210) as u16, dice.next(70) as u16);
            user.event(Event::Click { column, row });
            user.event(Event::Scroll {
                column,
                row,
                lines: dice.next(7) as isize - 3,
            });
        }
        6 => user.event(Event::Folder {
            folder: "/data".into(),
            result: Ok(vec![Entry {
                path: "/data/x.png".into(),
                name: "x.png".into(),
                folder: dice.next(2) == 0,
                length: 7,
            }]),
        }),
        7 => {
            let effects = user.effects();
            let job = effects.iter().find_map(|e| {
                if let Effect::Open { job, .. } = e {
                    Some(*job)
                } else {
                    None
                }
            });
            let result = if dice.next(2) == 0 {
                Ok(Default::default())
            } else {
                Err(Failure::usage("no"))
            };
            user.event(Event::Opened {
                job: job.unwrap_or(3),
                result,
            });
        }
        8..16 => step_model(user, dice),
        _ => user.press(dice.pick(keys)),
    }
}

/// A random event of the model, if it is running.
fn step_model(user: &mut Harness, dice: &mut Dice) {
    let Activity::Turn { turn, .. } = user.state.activity else {
        return;
    };
    match dice.next(6) {
        0 => user.retrieve(dice.next(6)),
        1 | 2 => user.stream("some text Answer: yes "),
        3 => user.answer("yes"),
        4 => user.model_stops(),
        _ => user.event(Event::TurnFailed {
            turn,
            error: Failure::usage("broken"),
        }),
    }
}

#[test]
fn random_keys_never_panic_and_quitting_always_works() {
    let keys = keys();
    for seed in 1..=200_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut user = Harness::new(dice.next(160) as u16 + 1, dice.next(50) as u16 + 1);
        for _ in 0..500 {
            step(&mut user, &mut dice, &keys);
        }
        for cell in &user.terminal.backend().buffer().content {
            assert!(
                !cell.symbol().contains(is_forbidden),
                "seed {seed}: {:?}",
                cell.symbol()
            );
        }
        // Whatever happened, quitting works.
        user.effects();
        user.event(Event::Terminate(ExitReason::Left));
        assert!(
            user.effects()
                .iter()
                .any(|e| matches!(e, Effect::Leave(ExitReason::Left))),
            "seed {seed}"
        );
    }
}
