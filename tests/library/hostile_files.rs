//! Runs what the fuzz targets do over files that are here, whole and damaged, and watches the memory they take.

use crate::{fixtures, targets};
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
pub fn peak(work: impl FnOnce()) -> isize {
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
        damage(&path.display().to_string(), &whole, ENOUGH, targets::pickle);
    }
}

/// Every beginning of `whole`, and every byte of it changed in four ways.
fn damage(what: &str, whole: &[u8], enough: isize, target: fn(&[u8])) {
    let check = |bytes: &[u8]| {
        let taken = peak(|| target(bytes));
        assert!(taken < enough, "{what}: {taken} bytes");
    };
    check(whole);
    for length in 0..whole.len() {
        check(&whole[..length]);
    }
    let mut damaged = whole.to_vec();
    for at in 0..whole.len() {
        for byte in [whole[at] ^ 0x01, whole[at] ^ 0x80, 0x00, 0xff] {
            damaged[at] = byte;
            check(&damaged);
        }
        damaged[at] = whole[at];
    }
}

#[test]
fn safetensors_gguf_and_manifests_whole_and_damaged_are_read_within_bounds() {
    use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
    use candle_core::{Device, Tensor};
    let numbers = |n: usize| (0..n).map(|i| i as f32).collect::<Vec<_>>();
    let a = Tensor::from_vec(numbers(12), (3, 4), &Device::Cpu).unwrap();
    let b = Tensor::from_vec(numbers(64), (2, 32), &Device::Cpu).unwrap();
    let file = safetensors::serialize([("a", &a), ("b", &b)], None).unwrap();
    assert_eq!(
        rounds_model::weights::safetensors::check(&file),
        Ok(2),
        "the whole file is good"
    );
    // An error of candle's may carry a backtrace, whose symbols take some 35 MB the first time.
    let enough = 3 * ENOUGH;
    damage("safetensors", &file, enough, targets::safetensors);
    let mut file = std::io::Cursor::new(Vec::new());
    let packed = QTensor::quantize(&b, GgmlDType::Q8_0).unwrap();
    let plain = QTensor::quantize(&a, GgmlDType::F32).unwrap();
    gguf_file::write(&mut file, &[], &[("a", &plain), ("b", &packed)]).unwrap();
    let file = file.into_inner();
    assert_eq!(rounds_model::load::check_gguf(&file).unwrap(), 2);
    damage("gguf", &file, enough, targets::gguf);
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gguf/types.gguf");
    damage(
        "llama.cpp's gguf",
        &fs::read(golden).unwrap(),
        enough,
        targets::gguf,
    );
    let manifest = fs::read(fixtures::path("nano/model.toml")).unwrap();
    damage("manifest", &manifest, enough, targets::manifest);
}
