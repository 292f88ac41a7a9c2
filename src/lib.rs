//! `rounds`: few-shot medical image chat for the terminal. Education and research only, never diagnosis.

pub mod imaging;
pub mod model;
pub mod phantom;
pub mod support;
pub mod train;
