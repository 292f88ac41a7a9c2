//! Saved sessions: each question with its images and shots, the answer, and everything needed to repeat it.
//!
//! Everything is saved as it happens, in one private SQLite database and one folder of images, so that neither a kill nor a
//! moved file loses a session. The store has its own plain types and knows no model and no index. Never delete or
//! overwrite data that cannot be read: move it aside and tell the user.

#![warn(missing_docs, unreachable_pub)]

mod branches;
mod clock;
mod error;
pub mod export;
mod find;
mod id;
mod images;
mod liveness;
mod provenance_diff;
mod read;
mod record;
mod remove;
mod replay;
mod schema;
mod search;
mod sessions;
mod turns;
mod types;

pub use branches::Branch;
pub use clock::{local as local_time, rfc3339};
pub use error::SessionError;
pub use export::ExportFormat;
pub use id::{SessionId, TurnAddress, TurnId};
pub use images::{MAX_IMAGES, MAX_THUMBNAIL_BYTES};
pub use read::Stats;
pub use record::{MAX_SHOTS, MAX_TEXT, MAX_TITLE};
pub use remove::Removed;
pub use replay::{Change, Difference, Verdict, compare};
pub use search::{Hit, Part, Snippet, has_words};
pub use sessions::Sessions;
pub use types::{
    NewImage, NewShot, NewTurn, Outcome, Session, Sources, StoredAnswer, StoredImage, StoredShot,
    Summary, Turn, TurnEnd, TurnState,
};

#[cfg(test)]
mod tests;
