//! Checks the system: device, processor, folders, the hub's cache, the terminal.

use serde_json::json;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::tui::Capabilities;
use rounds_support::errors::{bytes, count, display_path};
use rounds_support::{FileError, Hint, Paths, free_space};

/// Free space below this many bytes gets a note: a session with its images takes a few MiB.
const LOW_SPACE: u64 = 100 << 20;

/// Whether the compute device can be opened.
pub fn device(asked: &str) -> Finding {
    let opened = rounds_model::device::open(asked);
    match opened {
        Ok((_, found)) => Finding::new("device", "", format!("{found} (requested: {asked})"))
            .with_facts(json!({ "asked": asked, "found": found })),
        Err(error) => Finding::new("device", "", asked).error(&error),
    }
}

/// The processor and its vector instructions.
pub fn cpu() -> Finding {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut summary = count(threads, "thread");
    let mut facts = json!({ "threads": threads });
    for (name, found) in instructions() {
        summary.push_str(&format!(", {}{name}", if found { "" } else { "no " }));
        facts[name] = found.into();
    }
    Finding::new("cpu", "", summary).with_facts(facts)
}

/// Instructions that speed up answers, and whether the processor has them.
#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<(&'static str, bool)> {
    vec![
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ]
}

/// Instructions that speed up answers, and whether the processor has them.
#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<(&'static str, bool)> {
    Vec::new()
}

/// The nearest existing folder at or above `path`.
fn nearest_existing(path: &Path) -> PathBuf {
    let mut above = path.ancestors().filter(|path| path.exists());
    above.next().unwrap_or(Path::new("/")).to_path_buf()
}

/// Errors if no file can be written at `path`; leaves nothing behind.
fn writable(path: &Path) -> Result<(), FileError> {
    let folder = nearest_existing(path);
    match tempfile::tempfile_in(&folder) {
        Ok(_) => Ok(()),
        Err(error) => Err(FileError::from_io(&folder, "write in", &error)),
    }
}

/// A folder and its free space.
fn folder(part: &'static str, name: &str, path: &Path) -> Finding {
    let free = free_space(&nearest_existing(path));
    let space = free.map_or(String::new(), |free| format!(", {} free", bytes(free)));
    let yet = if path.exists() {
        ""
    } else {
        ", not created yet"
    };
    let finding = Finding::new(part, name, format!("{}{yet}{space}", display_path(path)))
        .with_facts(json!({
            "path": display_path(path), "exists": path.exists(), "free_bytes": free,
        }));
    match free {
        Some(free) if free < LOW_SPACE => finding.note(
            format!("only {} free", bytes(free)),
            Some("free some space, or choose another folder with ROUNDS_HOME".into()),
        ),
        _ => finding,
    }
}

/// Whether the program's folders are writable and have free space.
pub fn folders(paths: &Paths, findings: &mut Vec<Finding>) {
    for (name, path) in [
        ("data", &paths.data_dir),
        ("cache", &paths.cache_dir),
        ("logs", &paths.log_dir),
    ] {
        let finding = folder("folder", name, path);
        findings.push(match writable(path) {
            Ok(()) => finding,
            // The chat needs the data folder for its sessions; the other folders are optional.
            Err(error) if name == "data" => {
                let hint = "choose another folder with ROUNDS_HOME, or chat with --no-log";
                finding.fails(error, Some(hint.into()))
            }
            Err(error) => finding.note(&error, error.hint()),
        });
    }
}

/// Whether models can be pulled into the hub's cache.
#[cfg(feature = "hub")]
pub fn hub() -> Finding {
    let hub = rounds_hub::Hub::from_env();
    let Some(cache) = hub.cache() else {
        return Finding::new("hub", "", "no cache folder").note(
            rounds_hub::HubError::NoCache,
            rounds_hub::HubError::NoCache.hint(),
        );
    };
    let mut finding = folder("hub", "cache", cache);
    finding.summary.push_str(&match hub.is_offline() {
        true => ", offline (HF_HUB_OFFLINE)".to_string(),
        false => format!(", from {}", hub.endpoint()),
    });
    finding.facts["offline"] = hub.is_offline().into();
    finding.facts["endpoint"] = hub.endpoint().into();
    match writable(cache) {
        Ok(()) => finding,
        Err(error) => finding.note(
            format!("models cannot be pulled: {error}"),
            Some("choose another folder with HF_HUB_CACHE".into()),
        ),
    }
}

/// This build cannot pull models.
#[cfg(not(feature = "hub"))]
pub fn hub() -> Finding {
    Finding::new("hub", "", "not in this build").with_facts(json!({ "built": false }))
}

/// Whether the terminal supports the full-screen chat.
pub fn terminal() -> Finding {
    if let Some(reason) = crate::cli::chat::line_mode_reason() {
        return Finding::new(
            "terminal",
            "",
            format!("{reason}: the chat runs line by line here"),
        )
        .with_facts(json!({ "full_screen": false, "reason": reason }));
    }
    let found = crate::tui::capabilities();
    let Capabilities {
        image_protocol,
        colours,
        size,
        asked,
        tmux,
    } = &found;
    let (columns, rows) = size;
    let source = match asked {
        true => "reported by the terminal",
        false => "guessed from the environment",
    };
    let finding = Finding::new(
        "terminal",
        "",
        format!("{columns} x {rows}, {colours}, images as {image_protocol} ({source})"),
    )
    .with_facts(json!({
        "full_screen": true, "pictures": image_protocol, "colours": colours,
        "columns": columns, "rows": rows, "asked": asked, "tmux": tmux,
    }));
    if found.is_too_small() {
        let hint = "enlarge the window, or chat with --plain";
        return finding.note("too small for the full-screen chat", Some(hint.into()));
    }
    match *tmux && *image_protocol == "half-blocks" {
        true => finding.note(
            "inside tmux, images are drawn as half-blocks unless passthrough is allowed",
            Some("add `set -g allow-passthrough on` to tmux.conf".into()),
        ),
        false => finding,
    }
}
