//! What tests stand on, whatever ships: the model `nano`, an index of phantoms, and phantoms as sample cases.
//!
//! `rounds train ship` and `rounds train index` write them.

use std::path::{Path, PathBuf};

/// A file or folder of the fixtures: `nano`, `index` or `cases`, or a path in one of them.
pub(crate) fn path(name: &str) -> PathBuf {
    // The packages of the workspace are at different depths.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = package.ancestors().map(|root| root.join("tests/fixtures"));
    let fixtures = folders.find(|folder| folder.is_dir());
    fixtures.expect("tests/fixtures").join(name)
}
