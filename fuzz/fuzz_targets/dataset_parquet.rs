//! Looks for a Parquet file that makes a reader of data sets panic, hang or take memory without end.
//!
//! Seeds are in `tests/golden/datasets`. The reader beneath panics over some damaged files; these panics are caught
//! and made errors, so the fuzzer's hook, which ends the process at once, is taken out: what escapes still ends it.

#![no_main]

libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| rounds_fuzz::dataset::parquet(data)
);
