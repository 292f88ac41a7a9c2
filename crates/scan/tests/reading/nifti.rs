//! All types of samples, byte orders and kinds of NIfTI, made in memory.

use rounds_scan::{Pixels, Volume};
use rounds_support::Cancel;

use crate::{options, read};

/// A NIfTI-1 file that is being written.
struct Maker {
    little: bool,
    header: Vec<u8>,
}

impl Maker {
    fn new(little: bool, dims: &[i16], code: i16) -> Self {
        let mut maker = Self {
            little,
            header: vec![0; 352],
        };
        maker.int(0, 348);
        for (index, dim) in [dims.len() as i16].iter().chain(dims).enumerate() {
            maker.short(40 + 2 * index, *dim);
        }
        maker.short(70, code);
        (0..5).for_each(|axis| maker.float(76 + 4 * axis, 1.0));
        maker.float(108, 352.0);
        maker.header[344..348].copy_from_slice(b"n+1\0");
        maker
    }

    fn put(&mut self, at: usize, mut little: Vec<u8>) {
        if !self.little {
            little.reverse();
        }
        self.header[at..at + little.len()].copy_from_slice(&little);
    }

    fn int(&mut self, at: usize, value: i32) {
        self.put(at, value.to_le_bytes().to_vec());
    }

    fn short(&mut self, at: usize, value: i16) {
        self.put(at, value.to_le_bytes().to_vec());
    }

    fn float(&mut self, at: usize, value: f32) {
        self.put(at, value.to_le_bytes().to_vec());
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn file(self, samples: &[u8]) -> Vec<u8> {
        [self.header, samples.to_vec()].concat()
    }
}

fn volume(bytes: Vec<u8>) -> Volume {
    read(bytes, "a.nii")
        .and_then(|opened| opened.volume(&Cancel::new()))
        .unwrap()
}

fn values(volume: &Volume) -> &[f32] {
    match &volume.pixels {
        Pixels::Values(values) => values,
        Pixels::Rgb(_) => panic!("colours"),
    }
}

#[test]
fn all_types_are_read_in_both_byte_orders() {
    macro_rules! check {
        ($type:ty, $code:literal, $value:expr, $expected:expr) => {
            let value: $type = $value;
            for little in [true, false] {
                let bytes = if little {
                    value.to_le_bytes()
                } else {
                    value.to_be_bytes()
                };
                let file = Maker::new(little, &[1, 1, 1], $code).file(&bytes);
                assert_eq!(values(&volume(file)), [$expected], "code {}", $code);
            }
        };
    }
    check!(u8, 2, 200, 200.0);
    check!(i8, 256, -100, -100.0);
    check!(i16, 4, -30_000, -30_000.0);
    check!(u16, 512, 60_000, 60_000.0);
    check!(i32, 8, -70_000, -70_000.0);
    check!(u32, 768, 4_000_000_000, 4_000_000_000.0);
    check!(i64, 1024, -5_000_000_000, -5_000_000_000.0);
    check!(u64, 1280, 1 << 63, 9_223_372_036_854_775_808.0);
    check!(f32, 16, 1.5, 1.5);
    check!(f64, 64, -2.25, -2.25);
    let complex: Vec<u8> = [3.0_f32, 4.0]
        .iter()
        .flat_map(|part| part.to_le_bytes())
        .collect();
    assert_eq!(
        values(&volume(Maker::new(true, &[1, 1, 1], 32).file(&complex))),
        [5.0]
    );
    for (code, bytes) in [(128, &[1, 2, 3][..]), (2304, &[1, 2, 3, 9])] {
        assert_eq!(
            volume(Maker::new(true, &[1, 1], code).file(bytes)).pixels,
            Pixels::Rgb(vec![1, 2, 3])
        );
    }
}

#[test]
fn scaling_nan_time_and_affine_are_understood() {
    let floats: Vec<u8> = [1.0_f32, f32::NAN, 3.0, f32::INFINITY]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let file = Maker::new(true, &[2, 1, 1, 2], 16).with(|maker| {
        maker.float(112, 2.0);
        maker.float(116, 10.0);
        maker.float(76 + 16, 1.5);
        maker.header[123] = 2 | 8;
        maker.short(254, 1);
        for (row, values) in [
            [-2.0, 0.0, 0.0, 5.0],
            [0.0, 3.0, 0.0, 6.0],
            [0.0, 0.0, 4.0, 7.0],
        ]
        .iter()
        .enumerate()
        {
            values
                .iter()
                .enumerate()
                .for_each(|(i, value)| maker.float(280 + 16 * row + 4 * i, *value));
        }
    });
    let opened = read(file.file(&floats), "a.nii").unwrap();
    let series = opened.only().unwrap();
    assert_eq!(series.components, 2);
    let first = series.component(0, &Cancel::new()).unwrap();
    assert_eq!(values(&first)[0], 12.0);
    assert!(values(&first)[1].is_nan());
    assert_eq!(
        values(&series.component(1, &Cancel::new()).unwrap())[0],
        16.0
    );
    assert!(series.component(2, &Cancel::new()).is_err());
    assert_eq!(first.facts.frame_time_ms, Some(1500.0));
    assert_eq!(first.spacing, [Some(2.0), Some(3.0), Some(4.0)]);
    // From right, front, head to left, back, head.
    let expected = [
        [2.0, 0.0, 0.0, -5.0],
        [0.0, -3.0, 0.0, -6.0],
        [0.0, 0.0, 4.0, 7.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    assert_eq!(first.affine, Some(expected));
}

#[test]
fn impossible_headers_are_refused_and_a_cut_file_is_padded() {
    let huge = Maker::new(true, &[30_000, 30_000, 30_000, 30_000], 64).file(&[]);
    assert!(
        read(huge, "a.nii")
            .unwrap_err()
            .to_string()
            .contains("too large")
    );
    for dims in [&[-1, 2, 3][..], &[0, 1]] {
        assert!(read(Maker::new(true, dims, 4).file(&[]), "a.nii").is_err());
    }
    let odd = Maker::new(true, &[1, 1, 1], 77).file(&[0]);
    assert!(read(odd, "a.nii").unwrap_err().to_string().contains("type"));
    let offset = Maker::new(true, &[1, 1, 1], 2)
        .with(|maker| maker.float(108, f32::NAN))
        .file(&[0]);
    assert!(read(offset, "a.nii").is_err());
    let cut = volume(Maker::new(true, &[2, 2, 1], 2).file(&[7, 8]));
    assert_eq!(values(&cut)[..2], [7.0, 8.0]);
    assert!(values(&cut)[2..].iter().all(|value| value.is_nan()));
    assert!(
        cut.facts
            .notes
            .iter()
            .any(|note| note.contains("incomplete"))
    );
    let file = Maker::new(true, &[1, 1, 2], 4).file(&[7, 0, 8]);
    let opened = read(file, "a.nii").unwrap();
    let series = opened.only().unwrap();
    assert_eq!(values(&series.slice(0).unwrap()), [7.0]);
    let error = series.slice(1).unwrap_err().to_string();
    assert!(error.contains("ends before"), "{error}");
}

#[test]
fn pairs_are_read_from_either_file_also_compressed_and_analyze_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let pair = |magic: &[u8; 4]| {
        let mut maker = Maker::new(true, &[2, 1, 1], 4).with(|maker| maker.float(108, 0.0));
        maker.header[344..348].copy_from_slice(magic);
        maker.header[..348].to_vec()
    };
    let samples: Vec<u8> = [7_i16, -8]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("a.hdr", &pair(b"ni1\0"));
    write("a.img", &samples);
    write("b.hdr.gz", &gzip(&pair(b"ni1\0")));
    write("b.img.gz", &gzip(&samples));
    write("c.hdr", &pair(&[0; 4]));
    write("c.img", &samples);
    for name in ["a.hdr", "a.img", "b.hdr.gz", "b.img.gz", "c.hdr", "c.img"] {
        let opened = rounds_scan::open(&folder.path().join(name), &options()).unwrap();
        let volume = opened.volume(&Cancel::new()).unwrap();
        assert_eq!(values(&volume), [7.0, -8.0], "{name}");
        assert_eq!(
            volume.facts.encoding.starts_with("Analyze"),
            name.starts_with('c')
        );
    }
}

#[test]
fn a_gzip_bomb_is_not_followed() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let head = Maker::new(true, &[1000, 1000, 300], 2).file(&[]);
    std::io::Write::write_all(&mut encoder, &head).unwrap();
    std::io::copy(
        &mut std::io::Read::take(std::io::repeat(0), 300_000_000),
        &mut encoder,
    )
    .unwrap();
    let error = read(encoder.finish().unwrap(), "a.nii.gz")
        .and_then(|opened| opened.volume(&Cancel::new()))
        .unwrap_err();
    assert!(error.to_string().contains("grows to more than"), "{error}");
}
