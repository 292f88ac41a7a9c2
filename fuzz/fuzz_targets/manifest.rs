//! Searches for a `model.toml` that makes the reader panic, hang or use unbounded memory.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rounds_fuzz::manifest(data));
