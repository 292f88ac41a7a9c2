//! Embeds the shipped model, index, prompts and sample cases, so that the installed program works from any folder.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Appends every file below `folder` to `out`.
fn collect_files(folder: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            collect_files(&path, out);
        } else {
            out.push(path);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let mut table = String::from("static SHIPPED: &[(&str, &[u8])] = &[\n");
    for folder in ["assets", "index", "prompts"] {
        println!("cargo:rerun-if-changed={folder}");
        let mut found = Vec::new();
        collect_files(&root.join(folder), &mut found);
        found.sort();
        for path in found {
            let name = path
                .strip_prefix(&root)?
                .to_string_lossy()
                .replace('\\', "/");
            writeln!(
                table,
                "    ({name:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))),",
                format!("/{name}")
            )?;
        }
    }
    table.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("shipped.rs");
    std::fs::write(out, table)?;
    Ok(())
}
