//! Runs what the fuzz target of scans does over small files, whole and damaged, and watches the memory they take.

use crate::hostile_files::peak;
use crate::targets;

#[path = "../../crates/scan/tests/reading/make.rs"]
#[expect(dead_code, reason = "the scan crate's tests need more of it")]
mod make;

/// The files have a few KiB; a header may claim up to 16 million samples, of 4 bytes as values and 3 as an image.
const ENOUGH: isize = 160 << 20;

fn seeds() -> Vec<Vec<u8>> {
    let mut nifti = vec![0_u8; 352 + 64];
    for (at, field) in [
        (0, &348_i32.to_le_bytes()[..]),
        (40, &[3, 0, 4, 0, 4, 0, 4, 0, 1, 0, 1, 0, 1, 0, 1, 0]),
        (70, &[2, 0, 8, 0]),
        (76, &1_f32.to_le_bytes()),
        (108, &352_f32.to_le_bytes()),
        (344, b"n+1\0"),
    ] {
        nifti[at..at + field.len()].copy_from_slice(field);
    }
    let slice = || make::slice("1.2.3.4", 1.0, 1, 300);
    let frames = slice()
        .text((0x0028, 0x0008), b"IS", "2")
        .words((0x7FE0, 0x0010), &[5; 24]);
    // RLE: a table of two segments, each a run.
    let mut rle = vec![0_u8; 64];
    rle[0] = 2;
    rle[4] = 64;
    rle[8] = 66;
    rle.extend([0xF5, 1, 0xF5, 2]);
    let packed = make::grey(make::Encoding::Explicit, 4, 3)
        .fragments(&[], &[rle.as_slice()])
        .file_as("1.2.840.10008.1.2.5");
    let fields = b"NRRD0004\ntype: short\ndimension: 4\nsizes: 2 4 3 2\nencoding: raw\nendian: little\nkinds: list space space space\n\n";
    let nrrd = [&fields[..], &[7; 96]].concat();
    let text = b"NRRD0004\ntype: float\ndimension: 2\nsizes: 3 2\nencoding: ascii\nspace: LPS\nspace directions: (1,0,0) (0,2,0)\nspace origin: (0,0,5)\n\n1 2 3 4 5 6\n";
    vec![
        nifti,
        slice().file(),
        frames.file(),
        packed,
        nrrd,
        text.to_vec(),
    ]
}

#[test]
fn damaged_scans_neither_panic_nor_take_memory_beyond_their_samples() {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(99);
        (state >> 33) as usize % below.max(1)
    };
    for (number, seed) in seeds().into_iter().enumerate() {
        let opened = rounds_scan::open_bytes(seed.clone(), "a.dcm", &Default::default());
        assert!(opened.is_ok(), "seed {number}: {opened:?}");
        for round in 0..400 {
            let mut data = seed.clone();
            match round {
                0 => {}
                _ if round % 4 == 0 => data.truncate(random(data.len())),
                _ => {
                    for _ in 0..1 + random(4) {
                        let at = random(data.len());
                        data[at] = random(256) as u8;
                    }
                }
            }
            let held = peak(|| targets::scan(&data));
            assert!(held < ENOUGH, "seed {number}, round {round}: {held}");
        }
    }
}
