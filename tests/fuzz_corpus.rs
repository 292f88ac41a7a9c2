//! Runs what the fuzz targets do over files that are here, whole and damaged, and watches the memory they take.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

/// No file here is longer than 4 KiB. A tensor may repeat its elements up to 16 MiB, so one reading takes no more than
/// that and some change.
const ENOUGH: isize = 20 << 20;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count of what this thread holds.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes on to the system's allocator as it came; counting neither allocates nor touches the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get() + layout.size().cast_signed());
        PEAK.set(PEAK.get().max(HELD.get()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size().cast_signed());
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Bytes that `work` held at its peak, beyond what was held before it.
fn peak(work: impl FnOnce()) -> isize {
    HELD.set(0);
    PEAK.set(0);
    work();
    PEAK.get()
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in [
        root.join("tests/golden").join(format!("{name}s")),
        root.join("fuzz/corpus").join(name),
    ] {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "json") {
                files.push((path.clone(), fs::read(path).unwrap()));
            }
        }
    }
    files
}

#[test]
fn weight_files_whole_and_damaged_are_read_within_bounds() {
    let files = corpus("pickle");
    assert!(files.len() > 20, "{} files", files.len());
    for (path, whole) in files {
        let check = |bytes: &[u8]| {
            let taken = peak(|| targets::pickle(bytes));
            assert!(taken < ENOUGH, "{}: {taken} bytes", path.display());
        };
        check(&whole);
        for length in 0..whole.len() {
            check(&whole[..length]);
        }
        let mut damaged = whole.clone();
        for at in 0..whole.len() {
            for byte in [whole[at] ^ 0x01, whole[at] ^ 0x80, 0x00, 0xff] {
                damaged[at] = byte;
                check(&damaged);
            }
            damaged[at] = whole[at];
        }
    }
}
