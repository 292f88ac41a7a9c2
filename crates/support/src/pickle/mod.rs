//! Reads Python pickles without running anything in them.
//!
//! A pickle is a program that may name and call any Python function. The machine here carries out the instructions of
//! protocols 0 to 5 that build containers, texts and numbers. Where Python would import, call or load, it asks its
//! [`Policy`], which can only describe or refuse. It makes one pass and counts everything it builds. Never execute, import or
//! recurse over anything in a pickle.

mod cursor;
mod escapes;
mod machine;
mod policy;
mod values;

#[cfg(test)]
mod tests;

pub use cursor::Cursor;
pub use escapes::unescape;
pub use machine::{First, Unpickled, run, run_first};
pub use policy::{PickleError, Policy, Reason};
pub use values::{Handle, Heap, Span, Value, alloc};
