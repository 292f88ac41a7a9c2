//! Searches for a weights file that makes the reader panic, hang or use unbounded memory.
//!
//! Seeds are the test files of the reader:
//! `mkdir -p fuzz/corpus/pickle && cargo +nightly fuzz run pickle fuzz/corpus/pickle tests/golden/pickles`

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rounds_fuzz::pickle(data));
