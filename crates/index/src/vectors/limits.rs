//! The limits of vector files, which the layout enforces and error messages name.

/// Format version of all three files.
pub(super) const VERSION: u32 = 1;
/// Largest dimension. 255 · 128 · 16,384 fits an i32, which the integer kernels rely on.
pub(super) const MAX_DIMENSION: usize = 16_384;
/// Most rows: row numbers are 32 bits wide in the graph.
pub(super) const MAX_ROWS: usize = 1 << 31;
