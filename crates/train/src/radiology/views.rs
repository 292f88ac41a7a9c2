//! Augmented views of images. Left and right are never exchanged.

use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

use super::data::RadiologyData;
use rounds_imaging::{HighBitDepth, load, squash_transform};
use rounds_support::rng::Rng;

/// How an augmented view differs from its image.
struct Change {
    /// Scale, rotation in radians, shift in shares of the side.
    scale: f32,
    angle: f32,
    shift: [f32; 2],
    brightness: f32,
    contrast: f32,
}

impl Change {
    fn random(rng: &mut Rng) -> Self {
        Self {
            scale: rng.range(0.85, 1.18),
            angle: rng.range(-0.17, 0.17),
            shift: [rng.range(-0.07, 0.07), rng.range(-0.07, 0.07)],
            brightness: rng.range(-22.0, 22.0),
            contrast: rng.range(0.8, 1.25),
        }
    }
}

/// `rgb` `[side, side, 3]`, changed: sampled bilinearly, black outside.
fn changed(rgb: &[u8], side: usize, change: &Change) -> Vec<u8> {
    let centre = (side as f32 - 1.0) / 2.0;
    let (sin, cos) = change.angle.sin_cos();
    let at = |x: isize, y: isize, c: usize| {
        let inside = |v: isize| v >= 0 && (v as usize) < side;
        match inside(x) && inside(y) {
            true => f32::from(rgb[(y as usize * side + x as usize) * 3 + c]),
            false => 0.0,
        }
    };
    let mut out = Vec::with_capacity(rgb.len());
    for y in 0..side {
        for x in 0..side {
            let (dx, dy) = (
                (x as f32 - centre) / change.scale - change.shift[0] * side as f32,
                (y as f32 - centre) / change.scale - change.shift[1] * side as f32,
            );
            let (sx, sy) = (cos * dx + sin * dy + centre, cos * dy - sin * dx + centre);
            let (fx, fy) = (sx.floor(), sy.floor());
            let (tx, ty) = (sx - fx, sy - fy);
            let (fx, fy) = (fx as isize, fy as isize);
            for c in 0..3 {
                let top = at(fx, fy, c) * (1.0 - tx) + at(fx + 1, fy, c) * tx;
                let low = at(fx, fy + 1, c) * (1.0 - tx) + at(fx + 1, fy + 1, c) * tx;
                let v = top * (1.0 - ty) + low * ty;
                let v = (v - 128.0) * change.contrast + 128.0 + change.brightness;
                out.push(v.round().clamp(0.0, 255.0) as u8);
            }
        }
    }
    out
}

/// Every image of `data` as 8-bit RGB `[side, side, 3]`.
///
/// Errors where one cannot be read.
pub(crate) fn squashed(
    data: &RadiologyData,
    side: usize,
    threads: usize,
) -> Result<Vec<Vec<u8>>, String> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| e.to_string())?;
    let failed = AtomicBool::new(false);
    pool.install(|| {
        data.images
            .par_iter()
            .map(|image| {
                if failed.load(Ordering::Relaxed) {
                    return Err("stopped".to_string());
                }
                let read = load(&image.path).map_err(|e| format!("{}: {e}", image.path.display()));
                if read.is_err() {
                    failed.store(true, Ordering::Relaxed);
                }
                Ok(squash_transform(&read?, side, HighBitDepth::default()))
            })
            .collect()
    })
}

/// View `view` of image `image`, from its pixels `rgb` `[side, side, 3]`. View 0 is the image itself.
pub(crate) fn view(rgb: &[u8], side: usize, image: usize, view: usize, seed: u64) -> Vec<u8> {
    if view == 0 {
        return rgb.to_vec();
    }
    let mut rng = Rng::new(seed ^ 0x5EED_0000).fork((image * 64 + view) as u64);
    changed(rgb, side, &Change::random(&mut rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_keeps_left_left() {
        let side = 32;
        // The left half is bright.
        let rgb: Vec<u8> = (0..side * side * 3)
            .map(|at| if at / 3 % side < side / 2 { 200 } else { 20 })
            .collect();
        assert_eq!(view(&rgb, side, 0, 0, 1), rgb);
        for v in 1..20 {
            let changed = view(&rgb, side, 0, v, 1);
            let half = |left: bool| -> u32 {
                let of = |at: &usize| (at / 3 % side < side / 2) == left;
                let all = (0..changed.len()).filter(of);
                all.map(|at| u32::from(changed[at])).sum()
            };
            assert!(half(true) > half(false), "view {v}");
        }
    }
}
