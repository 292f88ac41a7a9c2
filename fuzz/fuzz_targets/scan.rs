//! Searches for a DICOM, NIfTI or NRRD file, or an archive of them, that makes the readers panic, hang or use unbounded memory.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rounds_fuzz::scan(data));
