//! Looks for a JSON list of rows that makes a reader of data sets panic, hang or take memory without end.
//!
//! Seeds are in `tests/golden/datasets`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rounds_fuzz::dataset::json(data));
