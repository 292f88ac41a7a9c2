//! What the machine gives: device, processor, folders, the hub's cache, the terminal.

use serde_json::json;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::tui::Abilities;
use rounds_support::errors::{bytes, shown};
use rounds_support::{FileError, Hint, Paths, free_space};

/// Less room than this is worth a word, in bytes: a session with its pictures is a few MiB.
const LITTLE_ROOM: u64 = 100 << 20;

pub fn device(asked: &str) -> Finding {
    let opened = rounds_model::device::open(asked);
    match opened {
        Ok((_, found)) => Finding::new("device", "", format!("{found} (asked for {asked})"))
            .with(json!({ "asked": asked, "found": found })),
        Err(error) => Finding::new("device", "", asked).error(&error),
    }
}

pub fn cpu() -> Finding {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut says = format!("{threads} threads");
    let mut facts = json!({ "threads": threads });
    for (name, found) in instructions() {
        says.push_str(&format!(", {}{name}", if found { "" } else { "no " }));
        facts[name] = found.into();
    }
    Finding::new("cpu", "", says).with(facts)
}

/// Instructions that make answers faster, and whether they are there.
#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<(&'static str, bool)> {
    vec![
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ]
}

/// Instructions that make answers faster, and whether they are there.
#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<(&'static str, bool)> {
    Vec::new()
}

/// The nearest folder at or above `path` that is there.
fn there(path: &Path) -> PathBuf {
    let mut above = path.ancestors().filter(|path| path.exists());
    above.next().unwrap_or(Path::new("/")).to_path_buf()
}

/// Errors where no file can be written at `path`; leaves nothing behind.
fn writable(path: &Path) -> Result<(), FileError> {
    let folder = there(path);
    match tempfile::tempfile_in(&folder) {
        Ok(_) => Ok(()),
        Err(error) => Err(FileError::from_io(&folder, "write in", &error)),
    }
}

/// A folder with its room.
fn folder(part: &'static str, name: &str, path: &Path) -> Finding {
    let free = free_space(&there(path));
    let room = free.map_or(String::new(), |free| format!(", {} free", bytes(free)));
    let yet = if path.exists() { "" } else { ", not made yet" };
    let finding = Finding::new(part, name, format!("{}{yet}{room}", shown(path))).with(json!({
        "path": shown(path), "exists": path.exists(), "free_bytes": free,
    }));
    match free {
        Some(free) if free < LITTLE_ROOM => finding.note(
            format!("only {} are left there", bytes(free)),
            Some("free some space, or choose another folder with ROUNDS_HOME".into()),
        ),
        _ => finding,
    }
}

pub fn folders(paths: &Paths, findings: &mut Vec<Finding>) {
    for (name, path) in [
        ("data", &paths.data_dir),
        ("cache", &paths.cache_dir),
        ("logs", &paths.log_dir),
    ] {
        let finding = folder("folder", name, path);
        findings.push(match writable(path) {
            Ok(()) => finding,
            // Without sessions there is no chat; the others can be done without.
            Err(error) if name == "data" => {
                let hint = "say another folder with ROUNDS_HOME, or chat with --no-log";
                finding.fails(error, Some(hint.into()))
            }
            Err(error) => finding.note(&error, error.hint()),
        });
    }
}

#[cfg(feature = "hub")]
pub fn hub() -> Finding {
    let hub = rounds_hub::Hub::from_env();
    let Some(cache) = hub.cache() else {
        return Finding::new("hub", "", "no place for its files").note(
            rounds_hub::HubError::NoCache,
            rounds_hub::HubError::NoCache.hint(),
        );
    };
    let mut finding = folder("hub", "cache", cache);
    finding.says.push_str(&match hub.is_offline() {
        true => ", offline (HF_HUB_OFFLINE)".to_string(),
        false => format!(", from {}", hub.endpoint()),
    });
    finding.facts["offline"] = hub.is_offline().into();
    finding.facts["endpoint"] = hub.endpoint().into();
    match writable(cache) {
        Ok(()) => finding,
        Err(error) => finding.note(
            format!("models cannot be pulled: {error}"),
            Some("say another folder with HF_HUB_CACHE".into()),
        ),
    }
}

#[cfg(not(feature = "hub"))]
pub fn hub() -> Finding {
    Finding::new("hub", "", "not in this build").with(json!({ "built": false }))
}

pub fn terminal() -> Finding {
    if let Some(reason) = crate::cli::screen::only_lines() {
        return Finding::new(
            "terminal",
            "",
            format!("{reason}: the chat goes line by line here"),
        )
        .with(json!({ "full_screen": false, "reason": reason }));
    }
    let found = crate::tui::abilities();
    let Abilities {
        pictures,
        colours,
        size,
        asked,
        tmux,
    } = &found;
    let (columns, rows) = size;
    let how = match asked {
        true => "as it says itself",
        false => "by its environment",
    };
    let finding = Finding::new(
        "terminal",
        "",
        format!("{columns} x {rows}, {colours}, pictures by {pictures} ({how})"),
    )
    .with(json!({
        "full_screen": true, "pictures": pictures, "colours": colours,
        "columns": columns, "rows": rows, "asked": asked, "tmux": tmux,
    }));
    if found.is_too_small() {
        let hint = "make its window larger, or chat with --plain";
        return finding.note("it is too small for the full screen", Some(hint.into()));
    }
    match *tmux && *pictures == "half-blocks" {
        true => finding.note(
            "tmux stands between, and hands on finer pictures only where it is told to",
            Some("put `set -g allow-passthrough on` into tmux.conf".into()),
        ),
        false => finding,
    }
}
