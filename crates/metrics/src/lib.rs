//! Scores of answers, and the statistics that say what a score is worth.
//!
//! Published numbers can only be repeated with the published scorer, its faults included. So each scorer is here as its
//! reference implementation computes it, checked against that implementation's numbers (`tests/reference/metrics.py`);
//! where the reference has a fault, a corrected scorer stands beside it and both say what the fault is.
//!
//! Everything is a pure function of text and numbers: no I/O, no clock, no model, no other crate of the workspace.
//! Where a score does not exist (no items, confidences outside 0 to 1) the answer is `None`, never a number.

#![warn(missing_docs, unreachable_pub)]

pub mod agreement;
pub mod bert_score;
pub mod bleu;
pub mod bootstrap;
pub mod calibration;
pub mod choice;
pub mod cider;
mod difflib;
pub mod exact;
pub mod icc;
pub mod llava_med;
pub mod med_eval_kit;
pub mod overlap;
pub mod paired;
mod random;
pub mod ranks;
pub mod rouge;
mod special;
pub mod text;
pub mod vqa;
