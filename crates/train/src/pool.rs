//! The training images: phantoms rendered once and stored at the model's input size.

use candle_core::{Device, Result, Tensor};

use rounds_imaging::{Format, HighBitDepth, Image, Mode, SourceInfo, clip_transform};
use rounds_phantom::{KINDS, Phantom, render};
use rounds_support::rng::Rng;

/// Side in pixels at which phantoms are rendered and stored.
pub const PHANTOM_SIDE: usize = 224;

/// First seed of each use; the ranges never overlap.
pub mod seeds {
    /// Training and held-out phantoms.
    pub const TRAIN: u64 = 1_000_000_000;
    /// Examples of the index of the tests.
    pub const INDEX: u64 = 5_000_000_000;
    /// Sample cases.
    pub const CASES: u64 = 7_000_000_000;
    /// Evaluation.
    pub const EVALUATION: u64 = 9_000_000_000;
}

/// Phantoms without their canvases, and their pixels at `side`.
pub struct Pool {
    /// Side of the images in pixels.
    pub side: usize,
    /// The phantoms, without their pixels.
    pub phantoms: Vec<Phantom>,
    pixels: Vec<u8>,
}

/// A phantom's image as the program would load it from a file.
pub fn phantom_image(phantom: &Phantom) -> Image {
    let side = phantom.canvas.size as u32;
    let rgb = phantom.canvas.to_rgb8();
    Image {
        extras: rounds_imaging::PixelExtras::default(),
        width: side,
        height: side,
        source: SourceInfo {
            name: format!("{}-{}", phantom.spec().id, phantom.seed),
            format: Format::Png,
            bytes: 0,
            sha256: rounds_support::files::sha256_hex(&rgb),
            original_mode: Mode::Rgb,
        },
        rgb,
    }
}

impl Pool {
    /// Renders `count` phantoms, cycling through the kinds, with seeds from `first`, on `threads` threads.
    pub fn render(
        count: usize,
        first: u64,
        side: usize,
        threads: usize,
        done: &(dyn Fn(usize) + Sync),
    ) -> Self {
        let counter = std::sync::atomic::AtomicUsize::new(0);
        let per_thread = count.div_ceil(threads.max(1));
        let chunks: Vec<(Vec<Phantom>, Vec<u8>)> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads.max(1))
                .map(|t| {
                    let counter = &counter;
                    scope.spawn(move || {
                        let range = (t * per_thread)..((t + 1) * per_thread).min(count);
                        let (mut phantoms, mut pixels) = (Vec::new(), Vec::new());
                        for i in range {
                            let mut phantom =
                                render(i % KINDS.len(), first + i as u64, PHANTOM_SIDE);
                            pixels.extend(clip_transform(
                                &phantom_image(&phantom),
                                side,
                                HighBitDepth::Scaled,
                            ));
                            phantom.canvas.pixels = Vec::new();
                            phantoms.push(phantom);
                            let n = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            if n.is_multiple_of(64) {
                                done(n);
                            }
                        }
                        (phantoms, pixels)
                    })
                })
                .collect();
            handles.into_iter().filter_map(|h| h.join().ok()).collect()
        });
        let (mut phantoms, mut pixels) = (Vec::with_capacity(count), Vec::new());
        for (more, bytes) in chunks {
            phantoms.extend(more);
            pixels.extend(bytes);
        }
        Self {
            side,
            phantoms,
            pixels,
        }
    }

    /// One image at the pool's size.
    pub fn image(&self, image: usize) -> Image {
        let bytes = 3 * self.side * self.side;
        let rgb = self.pixels[image * bytes..(image + 1) * bytes].to_vec();
        Image {
            extras: rounds_imaging::PixelExtras::default(),
            width: self.side as u32,
            height: self.side as u32,
            source: SourceInfo {
                name: format!("pool-{image}"),
                format: Format::Png,
                bytes: 0,
                sha256: rounds_support::files::sha256_hex(&rgb),
                original_mode: Mode::Rgb,
            },
            rgb,
        }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.phantoms.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.phantoms.is_empty()
    }

    /// Normalised pixels `[images, 3, side, side]`. With `rng` each image is augmented: shifted by a few pixels, with slightly
    /// different exposure and noise.
    pub fn batch(
        &self,
        images: &[usize],
        norm: &([f32; 3], [f32; 3]),
        mut rng: Option<&mut Rng>,
        device: &Device,
    ) -> Result<Tensor> {
        let side = self.side;
        let plane = side * side;
        let mut out = vec![0f32; images.len() * 3 * plane];
        for (&image, out) in images.iter().zip(out.chunks_exact_mut(3 * plane)) {
            let source = &self.pixels[image * 3 * plane..(image + 1) * 3 * plane];
            let (mut dx, mut dy, mut gain, mut bias, mut sigma) = (0isize, 0isize, 1.0, 0.0, 0.0);
            let mut noise = 0x1234_5678_u32;
            if let Some(rng) = rng.as_deref_mut() {
                dx = rng.below(7) as isize - 3;
                dy = rng.below(7) as isize - 3;
                gain = rng.range(0.85, 1.15);
                bias = rng.range(-0.06, 0.06);
                sigma = rng.range(0.0, 0.03);
                noise = rng.next_u64() as u32 | 1;
            }
            for y in 0..side {
                let sy = (y as isize + dy).clamp(0, side as isize - 1) as usize;
                for x in 0..side {
                    let sx = (x as isize + dx).clamp(0, side as isize - 1) as usize;
                    noise ^= noise << 13;
                    noise ^= noise >> 17;
                    noise ^= noise << 5;
                    let grain = (noise >> 8) as f32 / 16_777_216.0 * 3.46 - 1.73;
                    for c in 0..3 {
                        let v = f32::from(source[(sy * side + sx) * 3 + c]) / 255.0;
                        let v = (v * gain + bias + grain * sigma).clamp(0.0, 1.0);
                        out[c * plane + y * side + x] = (v - norm.0[c]) / norm.1[c];
                    }
                }
            }
        }
        Tensor::from_vec(out, (images.len(), 3, side, side), device)
    }
}
