//! A floating-point drawing surface for phantoms.
//!
//! Anatomy is drawn in *body coordinates*: the unit square, x to the right of the image, y downwards, (0.5, 0.5) the
//! centre. The canvas applies a `Pose` (a small rotation, shift and zoom of the patient in the frame), so drawing modules
//! can ignore it. Shapes have soft edges and are only evaluated inside their bounding box, so that drawing a 224 px phantom
//! takes a few milliseconds.

use rounds_support::rng::Rng;

/// A colour; grey has three equal channels. 0 is black, 1 is white; other values are clamped at the end.
pub type Colour = [f32; 3];

/// Grey of the given brightness.
pub const fn grey(v: f32) -> Colour {
    [v, v, v]
}

/// The position of the patient in the frame. A body point maps to an image point by rotation about the centre, zoom, then
/// shift.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Rotation in radians, clockwise on screen.
    pub angle: f32,
    /// Magnification.
    pub zoom: f32,
    /// Shift, as a fraction of the image side.
    pub shift: [f32; 2],
}

impl Pose {
    /// No rotation, zoom or shift.
    pub const STRAIGHT: Pose = Pose {
        angle: 0.0,
        zoom: 1.0,
        shift: [0.0, 0.0],
    };

    /// A plausible small random misalignment: up to `max_angle` radians, 6 % zoom and 3 % shift.
    pub fn jitter(rng: &mut Rng, max_angle: f32) -> Self {
        Self {
            angle: rng.range(-max_angle, max_angle),
            zoom: rng.range(0.94, 1.06),
            shift: [rng.range(-0.03, 0.03), rng.range(-0.03, 0.03)],
        }
    }

    /// Body coordinates to image coordinates (both unit squares).
    pub fn to_image(&self, p: [f32; 2]) -> [f32; 2] {
        let (s, c) = self.angle.sin_cos();
        let (x, y) = (p[0] - 0.5, p[1] - 0.5);
        [
            0.5 + self.shift[0] + self.zoom * (c * x - s * y),
            0.5 + self.shift[1] + self.zoom * (s * x + c * y),
        ]
    }

    /// Image coordinates to body coordinates.
    pub fn to_body(&self, p: [f32; 2]) -> [f32; 2] {
        let (s, c) = self.angle.sin_cos();
        let (x, y) = (
            (p[0] - 0.5 - self.shift[0]) / self.zoom,
            (p[1] - 0.5 - self.shift[1]) / self.zoom,
        );
        [0.5 + c * x + s * y, 0.5 - s * x + c * y]
    }
}

/// How a painted colour is combined with the existing one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blend {
    /// Covers with the given opacity.
    Over,
    /// Adds light (bone over soft tissue, an opacity in a lung).
    Add,
    /// Multiplies (a shadow; a colour below 1 darkens).
    Multiply,
}

/// A square image being drawn.
#[derive(Clone, Debug)]
pub struct Canvas {
    /// Side in pixels.
    pub size: usize,
    /// Row-major pixels, `size * size`.
    pub pixels: Vec<Colour>,
    /// Applied to everything painted after it is set.
    pub pose: Pose,
}

impl Canvas {
    /// A canvas of one colour.
    pub fn new(size: usize, background: Colour) -> Self {
        Self {
            size,
            pixels: vec![background; size * size],
            pose: Pose::STRAIGHT,
        }
    }

    /// Paints `colour` with the opacity `coverage(x, y)` (body coordinates, 0..1) inside the body-space box
    /// `[x0, y0, x1, y1]`.
    pub fn paint(
        &mut self,
        bounds: [f32; 4],
        blend: Blend,
        colour: Colour,
        coverage: impl Fn(f32, f32) -> f32,
    ) {
        self.shade(bounds, blend, |x, y| (colour, coverage(x, y)));
    }

    /// Like [`Canvas::paint`], but with a colour for each point: the closure returns (colour, coverage).
    pub fn shade(
        &mut self,
        bounds: [f32; 4],
        blend: Blend,
        shader: impl Fn(f32, f32) -> (Colour, f32),
    ) {
        let corners = [
            [bounds[0], bounds[1]],
            [bounds[2], bounds[1]],
            [bounds[0], bounds[3]],
            [bounds[2], bounds[3]],
        ]
        .map(|p| self.pose.to_image(p));
        let n = self.size as f32;
        let low = |i: usize| {
            let v = corners.iter().map(|c| c[i]).fold(f32::MAX, f32::min);
            ((v * n).floor() - 1.0).clamp(0.0, n) as usize
        };
        let high = |i: usize| {
            let v = corners.iter().map(|c| c[i]).fold(f32::MIN, f32::max);
            ((v * n).ceil() + 1.0).clamp(0.0, n) as usize
        };
        for row in low(1)..high(1) {
            for col in low(0)..high(0) {
                let at = [(col as f32 + 0.5) / n, (row as f32 + 0.5) / n];
                let body = self.pose.to_body(at);
                let (colour, coverage) = shader(body[0], body[1]);
                if coverage <= 0.0 {
                    continue;
                }
                let a = coverage.min(1.0);
                let pixel = &mut self.pixels[row * self.size + col];
                for channel in 0..3 {
                    let old = pixel[channel];
                    pixel[channel] = match blend {
                        Blend::Over => old + (colour[channel] - old) * a,
                        Blend::Add => old + colour[channel] * a,
                        Blend::Multiply => old * (1.0 + (colour[channel] - 1.0) * a),
                    };
                }
            }
        }
    }

    /// Paints a soft-edged ellipse.
    pub fn ellipse(&mut self, e: Ellipse, blend: Blend, colour: Colour, opacity: f32) {
        self.paint(e.bounds(), blend, colour, |x, y| opacity * e.coverage(x, y));
    }

    /// Paints a polyline with round ends; `width` is its full width in body units.
    pub fn stroke(
        &mut self,
        points: &[[f32; 2]],
        width: f32,
        soft: f32,
        blend: Blend,
        colour: Colour,
        opacity: f32,
    ) {
        if points.is_empty() {
            return;
        }
        let pad = width + soft;
        let fold =
            |i: usize, f: fn(f32, f32) -> f32, from: f32| points.iter().map(|p| p[i]).fold(from, f);
        let bounds = [
            fold(0, f32::min, f32::MAX) - pad,
            fold(1, f32::min, f32::MAX) - pad,
            fold(0, f32::max, f32::MIN) + pad,
            fold(1, f32::max, f32::MIN) + pad,
        ];
        self.paint(bounds, blend, colour, |x, y| {
            let d = points
                .windows(2)
                .map(|w| segment_distance([x, y], w[0], w[1]))
                .fold(f32::MAX, f32::min);
            opacity * ramp(width * 0.5 - d, soft)
        });
    }

    /// Multiplies every pixel by smooth noise around 1: `amount` 0.1 gives about +-10 %, with `scale` blobs across the frame.
    pub fn mottle(&mut self, rng: &mut Rng, scale: f32, amount: f32) {
        let field = Noise::new(rng);
        let n = self.size as f32;
        for row in 0..self.size {
            for col in 0..self.size {
                let v = field.fractal(col as f32 / n * scale, row as f32 / n * scale, 3);
                for c in &mut self.pixels[row * self.size + col] {
                    *c *= 1.0 + amount * v;
                }
            }
        }
    }

    /// Adds grain: independent noise of standard deviation `sigma` per pixel, equal in all channels.
    pub fn grain(&mut self, rng: &mut Rng, sigma: f32) {
        for pixel in &mut self.pixels {
            // The sum of two uniforms is close enough to normal, and cheap.
            let v = (rng.unit() + rng.unit() - 1.0) * 2.45 * sigma;
            for c in pixel {
                *c += v;
            }
        }
    }

    /// Applies an exposure curve: `v -> (v * gain + bias) ^ gamma`, clamped to 0..1.
    pub fn expose(&mut self, gain: f32, bias: f32, gamma: f32) {
        for c in self.pixels.iter_mut().flatten() {
            *c = (*c * gain + bias).clamp(0.0, 1.0).powf(gamma);
        }
    }

    /// The finished image as 8-bit RGB, row-major, `3 * size * size` bytes.
    pub fn to_rgb8(&self) -> Vec<u8> {
        self.pixels
            .iter()
            .flatten()
            .map(|v| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8)
            .collect()
    }
}

/// An ellipse in body coordinates.
#[derive(Clone, Copy, Debug)]
pub struct Ellipse {
    /// Centre.
    pub centre: [f32; 2],
    /// Radii along its own axes.
    pub radii: [f32; 2],
    /// Rotation in radians, clockwise on screen.
    pub turn: f32,
    /// Width of the soft edge in body units.
    pub soft: f32,
}

impl Ellipse {
    /// An upright ellipse with an edge softness of 0.01.
    pub fn new(cx: f32, cy: f32, rx: f32, ry: f32) -> Self {
        Self {
            centre: [cx, cy],
            radii: [rx, ry],
            turn: 0.0,
            soft: 0.01,
        }
    }

    /// Sets the rotation in radians.
    pub fn turned(self, turn: f32) -> Self {
        Self { turn, ..self }
    }

    /// Sets the width of the soft edge.
    pub fn soft(self, soft: f32) -> Self {
        Self { soft, ..self }
    }

    /// Approximate signed distance to the edge in body units; positive inside.
    pub fn depth(&self, x: f32, y: f32) -> f32 {
        let (s, c) = self.turn.sin_cos();
        let (dx, dy) = (x - self.centre[0], y - self.centre[1]);
        let (u, v) = (c * dx + s * dy, -s * dx + c * dy);
        let r = ((u / self.radii[0]).powi(2) + (v / self.radii[1]).powi(2)).sqrt();
        (1.0 - r) * self.radii[0].min(self.radii[1])
    }

    /// 1 well inside, 0 outside, a ramp of width `soft` centred on the edge.
    pub fn coverage(&self, x: f32, y: f32) -> f32 {
        ramp(self.depth(x, y), self.soft)
    }

    /// A body-space box that contains the ellipse.
    pub fn bounds(&self) -> [f32; 4] {
        let r = self.radii[0].max(self.radii[1]) + self.soft;
        [
            self.centre[0] - r,
            self.centre[1] - r,
            self.centre[0] + r,
            self.centre[1] + r,
        ]
    }
}

/// Smooth step of a signed depth: 0 at `-soft/2`, 1 at `+soft/2`.
pub fn ramp(depth: f32, soft: f32) -> f32 {
    let t = (depth / soft.max(1e-4) + 0.5).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Distance from `p` to the segment `a`-`b`.
pub fn segment_distance(p: [f32; 2], a: [f32; 2], b: [f32; 2]) -> f32 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length = dx * dx + dy * dy;
    let t = if length > 0.0 {
        (((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    ((p[0] - a[0] - t * dx).powi(2) + (p[1] - a[1] - t * dy).powi(2)).sqrt()
}

/// Seeded smooth value noise.
pub struct Noise {
    salt: u64,
}

impl Noise {
    /// Noise seeded from `rng`.
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            salt: rng.next_u64(),
        }
    }

    fn lattice(&self, x: i64, y: i64) -> f32 {
        let mut h = self.salt
            ^ (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        h = (h ^ (h >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        h ^= h >> 32;
        (h & 0xFFFF) as f32 / 32768.0 - 1.0
    }

    /// One octave, about -1..1, lattice spacing 1.
    pub fn value(&self, x: f32, y: f32) -> f32 {
        let (fx, fy) = (x.floor(), y.floor());
        let (ix, iy) = (fx as i64, fy as i64);
        let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
        let (u, v) = (smooth(x - fx), smooth(y - fy));
        let top = self.lattice(ix, iy) * (1.0 - u) + self.lattice(ix + 1, iy) * u;
        let low = self.lattice(ix, iy + 1) * (1.0 - u) + self.lattice(ix + 1, iy + 1) * u;
        top * (1.0 - v) + low * v
    }

    /// Several octaves, about -1..1.
    pub fn fractal(&self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut sum, mut gain, mut frequency) = (0.0, 0.5, 1.0);
        for _ in 0..octaves {
            sum += gain * self.value(x * frequency, y * frequency);
            gain *= 0.5;
            frequency *= 2.0;
        }
        sum
    }
}
