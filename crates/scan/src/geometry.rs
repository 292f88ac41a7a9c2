//! Affine maps from indices of voxels to millimetres in the patient: x to the left, y to the back, z to the head.
//!
//! A map is a 4 x 4 matrix by rows whose last row is 0 0 0 1, as in [`crate::Volume`]. Indices point to voxel centres.

/// From indices to millimetres.
pub type Affine = [[f64; 4]; 4];

/// Below this, three directions count as lying in one plane: a determinant in cubic millimetres.
const FLAT: f64 = 1e-9;

/// The map that changes nothing.
pub const IDENTITY: Affine = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 0.0],
    [0.0, 0.0, 0.0, 1.0],
];

/// Where a point goes.
pub fn apply(affine: &Affine, point: [f64; 3]) -> [f64; 3] {
    let [x, y, z] = point;
    let [first, second, third, _] = affine;
    [first, second, third].map(|row| row[0] * x + row[1] * y + row[2] * z + row[3])
}

/// One column of the map: the step of an axis, or with 3 the origin.
pub fn column(affine: &Affine, number: usize) -> [f64; 3] {
    let [first, second, third, _] = affine;
    [first, second, third].map(|row| row.get(number).copied().unwrap_or_default())
}

/// The length of a vector.
pub fn length(vector: [f64; 3]) -> f64 {
    dot(vector, vector).sqrt()
}

/// The inner product.
pub fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// First `inner`, then `outer`.
pub fn compose(outer: &Affine, inner: &Affine) -> Affine {
    let mut product = [[0.0; 4]; 4];
    for (row, left) in product.iter_mut().zip(outer) {
        for (j, cell) in row.iter_mut().enumerate() {
            *cell = (0..4).map(|k| left[k] * inner[k][j]).sum();
        }
    }
    product
}

/// The map with these columns: the steps of the three axes, then the origin.
pub fn from_columns(x: [f64; 3], y: [f64; 3], z: [f64; 3], origin: [f64; 3]) -> Affine {
    let row = |i: usize| [x[i], y[i], z[i], origin[i]];
    [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]]
}

/// The determinant of the three directions: the volume of a voxel, signed.
pub fn determinant(affine: &Affine) -> f64 {
    let [a, b, c] = [0, 1, 2].map(|i| column(affine, i));
    dot(a, cross(b, c))
}

/// The vector product.
pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// The map backwards; `None` where the directions do not span the space or a number is not finite.
pub fn inverse(affine: &Affine) -> Option<Affine> {
    let [a, b, c] = [0, 1, 2].map(|i| column(affine, i));
    let determinant = determinant(affine);
    if !determinant.is_finite() || determinant.abs() < FLAT {
        return None;
    }
    let rows = [cross(b, c), cross(c, a), cross(a, b)].map(|row| row.map(|x| x / determinant));
    let origin = column(affine, 3);
    let row = |i: usize| {
        let row = rows[i];
        [row[0], row[1], row[2], -dot(row, origin)]
    };
    let inverse = [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]];
    let finite = inverse.iter().flatten().all(|x| x.is_finite());
    finite.then_some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_and_its_inverse_cancel() {
        let oblique = from_columns(
            [0.7, 0.1, 0.0],
            [-0.1, 0.8, 0.2],
            [0.0, -0.5, 3.0],
            [-120.0, 40.0, 7.0],
        );
        let back = inverse(&oblique).unwrap();
        let point = [3.0, -2.5, 11.0];
        let there = apply(&oblique, point);
        let again = apply(&back, there);
        assert!((0..3).all(|i| (again[i] - point[i]).abs() < 1e-9));
        let nothing = compose(&back, &oblique);
        let differs = |i: usize, j: usize| (nothing[i][j] - IDENTITY[i][j]).abs() > 1e-9;
        assert!(!(0..4).any(|i| (0..4).any(|j| differs(i, j))));
    }

    #[test]
    fn directions_in_one_plane_have_no_inverse() {
        let flat = from_columns([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0; 3]);
        assert_eq!(inverse(&flat), None);
        let mut broken = IDENTITY;
        broken[0][0] = f64::NAN;
        assert_eq!(inverse(&broken), None);
    }
}
