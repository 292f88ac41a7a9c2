//! A private SQLite database in a folder of the user's, opened without trusting it, one process at a time.
//!
//! A damaged database is moved aside, together with its journal, under a name that says so; it is never deleted. A held
//! lock, a missing permission or a newer version is not damage: those are errors, and nothing is moved. What the tables
//! mean is the caller's.

#![warn(missing_docs, unreachable_pub)]

mod error;
mod file;
mod schema;

pub use error::{DatabaseError, hint_of};
pub use file::{OpenLock, open, open_in_memory, private_file, shrink};
pub use schema::Layout;
