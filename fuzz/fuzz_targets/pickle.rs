//! Looks for a file of weights that makes the reader panic, hang or take memory without end.
//!
//! Seeds are the files that the reader's tests read:
//! `mkdir -p fuzz/corpus/pickle && cargo +nightly fuzz run pickle fuzz/corpus/pickle tests/golden/pickles`

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rounds_fuzz::pickle(data));
