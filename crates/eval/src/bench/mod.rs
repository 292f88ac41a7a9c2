//! Evaluations that can be repeated: a plan in, a folder with every answer out.
//!
//! [`Plan`] says what is asked, [`run`] asks it and keeps every answer in `items.jsonl`, [`Results`] makes the numbers from that file
//! alone, with their controls, and [`compare`] tests the difference of two of them. Nothing here knows how an answer is made: every
//! question goes through the assistant's engine, as a user's does.

mod ask;
mod bert;
mod change;
mod compare;
mod condition;
mod data;
mod data_error;
mod estimate;
mod examples;
mod inputs;
mod own_shots;
mod plan;
mod presets;
mod published;
mod published_data;
mod record;
mod results;
mod run;
mod run_error;
mod run_folder;
mod score;
mod source;
mod templates;

pub use bert::{BertError, BertOptions, BertRow, bert_scores};
pub use compare::{Comparison, Selection, compare};
pub use condition::{Condition, Control};
pub use data::{DataError, Item, Prepared, PreparedData, Shelf, prepare};
pub use estimate::{Estimate, estimate};
pub use examples::{Example, ExampleShot};
pub use plan::{Data, Plan, PlanError};
pub use presets::{PRESETS, Preset, preset};
pub(crate) use record::IMAGES;
pub use record::{Key, Record, RecordedShot};
pub use results::{Calibration, Cell, Measure, Results};
pub use run::{Outcome, RunOptions, run};
pub use run_error::RunError;
pub use run_folder::{RunFolder, RunFolderError, read_records};
pub use score::{Baseline, Metric, Scored, score};
pub use source::Source;
pub use templates::Templates;
