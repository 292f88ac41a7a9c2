//! Synthetic teaching images ("phantoms") and what is true of them.
//!
//! Phantoms exist so that the program that ships can be trained, tested and shown without anybody's medical data. They
//! imitate what a student would recognise, nothing more: nothing learnt from them says anything about a patient.
//! This module must stay free of I/O and of other modules, and a seed must give the same picture for ever.

pub mod abdomen_ct;
pub mod blood_smear;
pub mod brain_mr;
pub mod canvas;
pub mod chest_film;
pub mod ecg_strip;
pub mod fundus;
pub mod head_ct;
pub mod knee_film;
pub mod questions;
pub mod skin_lesion;
pub mod spec;

use canvas::{Canvas, grey};
use rounds_support::rng::Rng;
use spec::{Drawn, KindSpec};

/// Every kind of phantom, in the order that kind indices mean.
pub static KINDS: [&KindSpec; 9] = [
    &chest_film::SPEC,
    &head_ct::SPEC,
    &abdomen_ct::SPEC,
    &knee_film::SPEC,
    &brain_mr::SPEC,
    &fundus::SPEC,
    &skin_lesion::SPEC,
    &blood_smear::SPEC,
    &ecg_strip::SPEC,
];

/// One drawn phantom.
pub struct Phantom {
    /// Index in [`KINDS`].
    pub kind: usize,
    pub seed: u64,
    pub canvas: Canvas,
    pub truth: Drawn,
}

impl Phantom {
    pub fn spec(&self) -> &'static KindSpec {
        KINDS[self.kind]
    }
}

/// Draws the phantom of a seed: kind `kind`, findings drawn by chance (about a quarter have none), `size` pixels a side.
pub fn render(kind: usize, seed: u64, size: usize) -> Phantom {
    let spec = KINDS[kind];
    let mut rng = Rng::new(seed).fork(kind as u64 + 1);
    let mut present = vec![false; spec.findings.len()];
    let wanted = match rng.below(8) {
        // A kind whose reading counts its findings (the ABCD rule) shows any number of them.
        roll if spec.reading_rule.is_some() => roll / 2 + usize::from(roll == 7),
        0 | 1 => 0,
        2..=5 => 1,
        _ => 2,
    };
    for _ in 0..wanted {
        let next = rng.below(present.len());
        let clash = spec
            .conflicts
            .iter()
            .any(|&(a, b)| (a == next && present[b]) || (b == next && present[a]));
        if !clash {
            present[next] = true;
        }
    }
    render_with(kind, seed, size, &present)
}

/// Draws a phantom with exactly the findings whose flag is set. The flags must respect the kind's conflicts.
pub fn render_with(kind: usize, seed: u64, size: usize, present: &[bool]) -> Phantom {
    let spec = KINDS[kind];
    let mut rng = Rng::new(seed).fork(0x5EED_0000 + kind as u64);
    let mut canvas = Canvas::new(size, grey(0.0));
    let truth = (spec.draw)(&mut canvas, &mut rng, present);
    Phantom {
        kind,
        seed,
        canvas,
        truth,
    }
}
