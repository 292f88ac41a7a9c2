//! Searches for a Parquet file that makes a data set reader panic, hang or use unbounded memory.
//!
//! Seeds are in `tests/golden/datasets`. The underlying reader panics on some damaged files, and the program turns
//! these panics into errors. The fuzzer's panic hook, which aborts at once, is removed: a panic that escapes still aborts.

#![no_main]

libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| rounds_fuzz::dataset::parquet(data)
);
