//! The model families that this program can run, apart from `bundle` and `error` because both name them.

/// Model families that this program can run.
pub const FAMILIES: [&str; 2] = ["flamingo", "idefics"];
