//! Evaluations that can be repeated: a plan in, a folder with every answer out.
//!
//! [`Plan`] says what is asked, [`run`] asks it and keeps every answer in `items.jsonl`, [`Results`] makes the numbers from that file
//! alone, with their controls, and [`compare`] tests the difference of two of them. Nothing here knows how an answer is made: every
//! question goes through the assistant's engine, as a user's does.

mod bert;
mod change;
mod compare;
mod condition;
mod data;
mod estimate;
mod plan;
mod presets;
mod published;
mod published_data;
mod record;
mod results;
mod run;
mod run_error;
mod score;

pub use bert::{BertError, BertOptions, BertRow, bert_scores};
pub use compare::{Comparison, Selection, compare};
pub use condition::{Condition, Control};
pub use data::{DataError, Item, Prepared, PreparedData, Shelf, prepare};
pub use estimate::{Estimate, estimate};
pub use plan::{Data, Plan, PlanError, Source};
pub use presets::{PRESETS, Preset, preset};
pub(crate) use record::IMAGES;
pub use record::{Key, Record, RecordedShot, RunFolder, RunFolderError, read_records};
pub use results::{Calibration, Cell, Example, Measure, Results};
pub use run::{Outcome, RunOptions, run};
pub use run_error::RunError;
pub use score::{Baseline, Metric, Scored, score};
