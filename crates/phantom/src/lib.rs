//! Synthetic teaching images ("phantoms") and their ground truth.
//!
//! With phantoms the program can be trained, tested and demonstrated without anyone's medical data. They imitate what a
//! student would recognise and no more: nothing learnt from them applies to a patient. This crate must do no I/O, and a
//! seed must always give the same image.

#![warn(missing_docs, unreachable_pub)]

mod abdomen_ct;
mod blood_smear;
mod brain_mr;
pub mod canvas;
mod chest_film;
mod ecg_strip;
mod fundus;
mod head_ct;
mod knee_film;
pub mod questions;
mod skin_lesion;
pub mod spec;

use canvas::{Canvas, grey};
use rounds_support::rng::Rng;
use spec::{GroundTruth, KindSpec};

/// Every kind of phantom, in the order of kind indices.
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
    /// The seed it was drawn from.
    pub seed: u64,
    /// The image.
    pub canvas: Canvas,
    /// What the image shows.
    pub truth: GroundTruth,
}

impl Phantom {
    /// The kind of phantom.
    pub fn spec(&self) -> &'static KindSpec {
        KINDS[self.kind]
    }
}

/// Draws the phantom of a kind and seed with random findings (about a quarter have none), `size` pixels per side.
pub fn render(kind: usize, seed: u64, size: usize) -> Phantom {
    let spec = KINDS[kind];
    let mut rng = Rng::new(seed).fork(kind as u64 + 1);
    let mut present = vec![false; spec.findings.len()];
    let wanted = match rng.below(8) {
        // A kind whose reading counts findings (the ABCD rule) can show any number of them.
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
