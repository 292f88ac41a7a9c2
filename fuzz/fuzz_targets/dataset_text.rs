//! Searches for a file of lines with separated fields that makes a data set reader panic, hang or use unbounded memory.
//!
//! Seeds are in `tests/golden/datasets`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rounds_fuzz::dataset::text(data));
