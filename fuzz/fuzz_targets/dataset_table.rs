//! Searches for a CSV or TSV table that makes a data set reader panic, hang or use unbounded memory.
//!
//! Seeds are in `tests/golden/datasets`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rounds_fuzz::dataset::table(data));
