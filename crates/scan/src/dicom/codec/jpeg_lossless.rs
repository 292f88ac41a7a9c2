//! Lossless JPEG with Huffman codes (ITU T.81 annex H): every sample is a prediction from its neighbours and a difference.

use super::bits::{Bits, Stuffing};
use super::jpeg::{Scan, Tables};
use crate::dicom::layout::Layout;
use crate::time_limit;

/// Decodes a scan into `values`; returns how many rows were there. `None` if the scan is damaged from the start.
pub(super) fn scan(
    scan: &Scan<'_>,
    tables: &Tables,
    layout: &Layout,
    values: &mut [i32],
) -> Option<usize> {
    let parts: Vec<_> = scan
        .parts
        .iter()
        .map(|&(component, dc, _)| Some((component, tables.dc.get(dc)?.as_ref()?)))
        .collect::<Option<_>>()?;
    if !(1..=7).contains(&scan.first) || scan.shift >= scan.precision {
        return None;
    }
    let start = 1 << (scan.precision - scan.shift - 1);
    let stride = layout.columns * layout.samples;
    let mut bits = Bits::new(scan.bytes, scan.at, Stuffing::Byte);
    let mut above = vec![0_i32; stride];
    let mut line = vec![0_i32; stride];
    let mut units = 0_usize;
    // The first line of an interval is only predicted from the left.
    let mut is_first = true;
    for (y, row) in values.chunks_exact_mut(stride).enumerate() {
        for x in 0..layout.columns {
            if tables.restart > 0 && units == tables.restart {
                if !bits.restart() {
                    return Some(y);
                }
                units = 0;
                is_first = true;
            }
            for &(component, table) in &parts {
                let here = x * layout.samples + component;
                let left = here
                    .checked_sub(layout.samples)
                    .and_then(|at| line.get(at))
                    .copied();
                let corner = here
                    .checked_sub(layout.samples)
                    .and_then(|at| above.get(at))
                    .copied();
                let up = above.get(here).copied().unwrap_or_default();
                let predicted = match (is_first, left) {
                    (true, None) => start,
                    (true, Some(left)) if units > 0 || x > 0 => left,
                    (true, Some(_)) => start,
                    (false, None) => up,
                    (false, Some(left)) => {
                        predict(scan.first, left, up, corner.unwrap_or_default())
                    }
                };
                let Some(difference) = table.difference(&mut bits) else {
                    return Some(y);
                };
                let value = (predicted + difference) & 0xFFFF;
                *line.get_mut(here)? = value;
                *row.get_mut(here)? = value << scan.shift;
            }
            units += 1;
        }
        if bits.is_over() || time_limit::is_over() {
            return Some(y);
        }
        is_first = false;
        std::mem::swap(&mut line, &mut above);
    }
    Some(layout.rows)
}

/// T.81 table H.1.
fn predict(selection: u8, left: i32, up: i32, corner: i32) -> i32 {
    match selection {
        1 => left,
        2 => up,
        3 => corner,
        4 => left + up - corner,
        5 => left + ((up - corner) >> 1),
        6 => up + ((left - corner) >> 1),
        _ => (left + up) >> 1,
    }
}
