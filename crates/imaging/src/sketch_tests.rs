//! Alterations of drawings; real images are in the tests of retrieval.

use super::*;
use crate::{PixelExtras, SourceInfo};

fn drawn(width: u32, height: u32, bright: impl Fn(f64, f64) -> f64) -> Image {
    let at = |i: u32| {
        let (x, y) = (f64::from(i % width), f64::from(i / width));
        [bright(x, y) as u8; 3]
    };
    Image {
        width,
        height,
        rgb: (0..width * height).flat_map(at).collect(),
        extras: PixelExtras::default(),
        source: SourceInfo::unknown(),
    }
}

/// Discs of different sizes and levels; another seed has them elsewhere.
fn discs(seed: u32) -> impl Fn(f64, f64) -> f64 + Copy {
    move |x, y| {
        let discs = (0..12_u32).map(|i| {
            let next = |k: u32| {
                let angle = f64::from(seed) * 12.9898 + f64::from(i) * 78.233 + f64::from(k);
                (angle.sin() * 43_758.545_3).rem_euclid(1.0)
            };
            let far = (x - 200.0 * next(1)).hypot(y - 150.0 * next(2));
            if far < 8.0 + 22.0 * next(3) {
                60.0 + 60.0 * next(4)
            } else {
                0.0
            }
        });
        discs.fold(30.0, f64::max)
    }
}

fn sketched(width: u32, height: u32, bright: impl Fn(f64, f64) -> f64) -> Sketch {
    Sketch::of(&drawn(width, height, bright))
}

#[test]
fn an_altered_copy_shows_the_same() {
    let shown = discs(1);
    let stored = sketched(200, 150, shown);
    let in_frame = |x: f64, y: f64| match (60.0..260.0).contains(&x) && (80.0..230.0).contains(&y) {
        true => shown(x - 60.0, y - 80.0),
        false => 0.0,
    };
    let copies = [
        ("smaller", sketched(120, 90, |x, y| shown(x / 0.6, y / 0.6))),
        (
            "brighter",
            sketched(200, 150, |x, y| 40.0 + 1.2 * shown(x, y)),
        ),
        ("mirrored", sketched(200, 150, |x, y| shown(199.0 - x, y))),
        (
            "upside down",
            sketched(200, 150, |x, y| shown(x, 149.0 - y)),
        ),
        (
            "a half turn",
            sketched(200, 150, |x, y| shown(199.0 - x, 149.0 - y)),
        ),
        (
            "a quarter turn",
            sketched(150, 200, |x, y| shown(y, 149.0 - x)),
        ),
        (
            "three quarters",
            sketched(150, 200, |x, y| shown(199.0 - y, x)),
        ),
        ("transposed", sketched(150, 200, |x, y| shown(y, x))),
        (
            "transversed",
            sketched(150, 200, |x, y| shown(199.0 - y, 149.0 - x)),
        ),
        ("inverted", sketched(200, 150, |x, y| 255.0 - shown(x, y))),
        ("framed", sketched(320, 310, in_frame)),
        (
            "cropped",
            sketched(120, 90, |x, y| shown(x + 40.0, y + 30.0)),
        ),
        ("one side", sketched(150, 150, |x, y| shown(x + 50.0, y))),
        (
            "turned, inverted and cropped",
            sketched(90, 120, |x, y| 255.0 - shown(y + 40.0, 119.0 - x)),
        ),
    ];
    for (name, copy) in copies {
        let similarity = copy.similarity(&stored);
        assert!(copy.shows_same(&stored), "{name}: {similarity}");
        assert!(stored.shows_same(&copy), "{name}, the other way round");
    }
}

#[test]
fn another_image_of_the_same_kind_does_not() {
    let stored = sketched(200, 150, discs(1));
    for seed in 2..12 {
        let other = sketched(200, 150, discs(seed));
        let similarity = other.similarity(&stored);
        assert!(!other.shows_same(&stored), "{seed}: {similarity}");
    }
}

#[test]
fn blank_tiny_and_narrow_images_show_nothing_in_common() {
    let all = [
        sketched(200, 150, discs(1)),
        sketched(200, 150, |_, _| 90.0),
        sketched(1, 1, |_, _| 9.0),
        sketched(3, 3, |x, y| 20.0 * x * y),
        sketched(2000, 3, |x, _| x % 200.0),
        sketched(3, 2000, |_, y| y % 200.0),
    ];
    for (at, one) in all.iter().enumerate() {
        for other in &all[at + 1..] {
            assert!(!one.shows_same(other), "{at}");
        }
    }
}
