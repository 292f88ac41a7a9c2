//! Models.

pub mod flamingo;
pub mod language;
pub mod ops;
pub mod vision;
