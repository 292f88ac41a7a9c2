//! Blinded clinical rating: people read the answers of several systems without knowing whose they are, and give each 0 to
//! 10 points.
//!
//! [`make`] pairs the answers of evaluation runs into one rating file, in random order, and seals which answer is whose.
//! Every rater has a file of their own ([`RatingsFile`]), which grows by a line with each rating and is never rewritten.
//! [`Report`] opens the seal and compares systems and raters. The formats are described in `docs/rating.md`.
//!
//! Nothing here draws or reads keys, and nothing but [`Report`] may tell which system an answer comes from.

mod agreement;
mod error;
mod make;
mod rating_types;
mod ratings;
mod report;
mod results;
mod sealed;
mod set;
mod table;
#[cfg(test)]
mod tests;

pub use agreement::Agreement;
pub use error::RatingError;
pub use make::{Made, Request, make};
pub use rating_types::{Entry, Flag, Flags, MAX_SCORE, Rating, letter};
pub use ratings::{Ratings, RatingsFile, check_rater, rater_files, ratings_path};
pub use report::{FlagShares, RaterRow, Report, SystemRow};
pub use set::{Item, ItemImage, RatingSet, ShownAnswer};
