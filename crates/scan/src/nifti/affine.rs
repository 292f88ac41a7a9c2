//! Affines of NIfTI: from a quaternion, and from its axes (right, front, head) to those of DICOM (left, back, head).

use crate::geometry::{Affine, determinant};

/// The first three rows of the affine of a qform (nifti1.h, method 2). `None` if the quaternion is none.
pub(super) fn from_quaternion(
    [b, c, d]: [f64; 3],
    steps: [f64; 3],
    is_left_handed: bool,
    shift: [f64; 3],
) -> Option<[[f64; 4]; 3]> {
    let square = b * b + c * c + d * d;
    // Rounding may carry it a little over 1; then the turn is by 180 degrees.
    if !square.is_finite() || square > 1.01 {
        return None;
    }
    let (a, b, c, d) = if square < 1.0 {
        ((1.0 - square).sqrt(), b, c, d)
    } else {
        let length = square.sqrt();
        (0.0, b / length, c / length, d / length)
    };
    let turn = [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            a * a + d * d - b * b - c * c,
        ],
    ];
    let handed = [1.0, 1.0, if is_left_handed { -1.0 } else { 1.0 }];
    Some([0, 1, 2].map(|row| {
        let [x, y, z] = [0, 1, 2].map(|axis| turn[row][axis] * steps[axis].abs() * handed[axis]);
        [x, y, z, shift[row]]
    }))
}

/// `None` if the rows do not span a space.
pub(super) fn to_lps(ras: [[f64; 4]; 3], to_mm: f64) -> Option<Affine> {
    let [x, y, z] = ras.map(|row| row.map(|value| value * to_mm));
    let affine = [
        x.map(|value| -value),
        y.map(|value| -value),
        z,
        [0.0, 0.0, 0.0, 1.0],
    ];
    let is_finite = affine.iter().flatten().all(|value| value.is_finite());
    (is_finite && determinant(&affine).abs() > 1e-12).then_some(affine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_turn_keeps_the_axes_and_a_half_turn_about_z_swaps_two_signs() {
        let rows = from_quaternion([0.0; 3], [2.0, 3.0, 4.0], true, [1.0, 2.0, 3.0]).unwrap();
        assert_eq!(
            rows,
            [
                [2.0, 0.0, 0.0, 1.0],
                [0.0, 3.0, 0.0, 2.0],
                [0.0, 0.0, -4.0, 3.0]
            ]
        );
        let rows = from_quaternion([0.0, 0.0, 1.0], [1.0; 3], false, [0.0; 3]).unwrap();
        assert_eq!(rows[0][0], -1.0);
        assert_eq!(
            from_quaternion([1.0, 1.0, 0.0], [1.0; 3], false, [0.0; 3]),
            None
        );
    }

    #[test]
    fn flat_or_infinite_affines_are_none() {
        assert_eq!(
            to_lps([[1.0, 0.0, 0.0, 0.0], [0.0; 4], [0.0, 0.0, 1.0, 0.0]], 1.0),
            None
        );
        let infinite = [
            [1.0, 0.0, 0.0, f64::INFINITY],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ];
        assert_eq!(to_lps(infinite, 1.0), None);
    }
}
