//! The edges of a small grey image, and how well those of a part fit on them.

/// Values that are multiplied side by side.
const LANES: usize = 8;
/// Two parts have edges alike only if one has at most this many times those of the other.
const MAX_ENERGY_RATIO: f32 = 4.0;

/// Direction and damped strength of the edge at every pixel but the outer ones: two values each, at most 1 together.
pub(super) struct Edges {
    width: usize,
    values: Vec<f32>,
    /// The sum of the squares of all values.
    energy: f32,
}

impl Edges {
    /// Of grey pixels, row by row; an edge is the difference of pixels `step` to both sides, which is less than half a side.
    pub(super) fn of(grey: &[u8], (width, height): (usize, usize), step: usize) -> Self {
        let at = |x: usize, y: usize| grey.get(y * width + x).copied().map_or(0.0, f32::from);
        let columns = step..width - step;
        let inner = (step..height - step).flat_map(|y| columns.clone().map(move |x| (x, y)));
        let slopes = inner.map(|(x, y)| {
            let across = at(x + step, y) - at(x - step, y);
            [across, at(x, y + step) - at(x, y - step)]
        });
        let mut values = Vec::with_capacity(2 * width * height);
        values.extend(slopes.flatten());
        let mean_square = values.iter().map(|v| v * v).sum::<f32>() / (values.len() / 2) as f32;
        for slope in values.as_chunks_mut::<2>().0 {
            let [across, down] = *slope;
            let strength = (across * across + down * down + mean_square).sqrt();
            *slope = slope.map(|v| v / strength.max(f32::MIN_POSITIVE));
        }
        Self {
            width: width - 2 * step,
            energy: values.iter().map(|v| v * v).sum(),
            values,
        }
    }

    /// How well `part` fits with its first pixel at (`x`, `y`), or how well its negative does.
    pub(super) fn correlation(&self, part: &Self, x: usize, y: usize) -> f32 {
        let rows = self.values.chunks_exact(2 * self.width).skip(y);
        let parts = part.values.chunks_exact(2 * part.width);
        let (mut product, mut here) = (0.0, 0.0);
        for (row, part) in rows.zip(parts) {
            let row = row.get(2 * x..).unwrap_or_default();
            let (row, part) = products(row, part);
            here += row;
            product += part;
        }
        // Where one has next to no edges, what there is fits by chance.
        let (few, many) = (f32::min(here, part.energy), f32::max(here, part.energy));
        match few * MAX_ENERGY_RATIO > many {
            true => f32::abs(product) / f32::sqrt(few * many),
            false => 0.0,
        }
    }
}

/// The sums of the squares of `row`, and of its products with `part`, over the length of `part`.
fn products(row: &[f32], part: &[f32]) -> (f32, f32) {
    // Independent sums can be computed side by side.
    let (mut squares, mut products) = ([0.0; LANES], [0.0; LANES]);
    let row = row.get(..part.len()).unwrap_or_default();
    let (rows, row_rest) = row.as_chunks::<LANES>();
    let (parts, part_rest) = part.as_chunks::<LANES>();
    for (row, part) in rows.iter().zip(parts) {
        for lane in 0..LANES {
            squares[lane] += row[lane] * row[lane];
            products[lane] += row[lane] * part[lane];
        }
    }
    let (mut square, mut product) = (squares.iter().sum::<f32>(), products.iter().sum::<f32>());
    for (row, part) in row_rest.iter().zip(part_rest) {
        square += row * row;
        product += row * part;
    }
    (square, product)
}
