//! `rounds session`: lists, searches, exports and deletes saved sessions.

use clap::Subcommand;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

use super::confirm::confirm_deletion;
use super::failure::Outcome;
use super::out;
use rounds_session::{
    ExportFormat, Hit, Removed, SessionId, Sessions, Summary, has_words, local_time, rfc3339,
};
use rounds_support::errors::{bytes, count, display_path};
use rounds_support::sanitise::clean_line_max;
use rounds_support::{Failure, INTENDED_USE, Paths, stderr_line};

const DAY: u64 = 24 * 60 * 60;

#[derive(Subcommand)]
pub enum SessionCommand {
    /// List sessions, most recently used first
    List {
        /// Maximum number of sessions
        #[arg(short = 'n', long, default_value_t = 20)]
        limit: usize,
        /// Print one JSON object per session
        #[arg(long)]
        json: bool,
    },
    /// Search questions, answers, rationales and titles
    Search {
        /// Words to search for
        #[arg(required = true)]
        words: Vec<String>,
        /// Maximum number of hits
        #[arg(short = 'n', long, default_value_t = 20)]
        limit: usize,
        /// Print one JSON object per hit
        #[arg(long)]
        json: bool,
    },
    /// Print a session, or write it to a file
    #[command(visible_alias = "show")]
    Export {
        /// Session id, number or title
        session: String,
        /// File to write; never overwrites one [default: standard output]
        #[arg(short, long)]
        out: Option<PathBuf>,
        /// Export format [default: by the file name's extension, else Markdown]
        #[arg(long, value_parser = formats())]
        format: Option<ExportFormat>,
    },
    /// Change the title of a session
    Rename {
        /// Session id, number or title
        session: String,
        /// New title
        title: String,
    },
    /// Delete sessions with their images
    Delete {
        /// Session ids, numbers or titles
        #[arg(required = true)]
        sessions: Vec<String>,
        /// Delete without asking
        #[arg(long)]
        yes: bool,
    },
    /// Delete sessions not used for a number of days
    Purge {
        /// Delete sessions not used for this many days
        #[arg(long, value_name = "DAYS")]
        older_than: u64,
        /// Delete without asking
        #[arg(long)]
        yes: bool,
    },
    /// Show how many sessions are saved, how large they are and where
    Stats {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// The export formats as values of a flag.
fn formats() -> impl TypedValueParser<Value = ExportFormat> {
    let value = |format: ExportFormat| PossibleValue::new(format.name()).help(format.description());
    PossibleValuesParser::new(ExportFormat::ALL.map(value)).try_map(|name| {
        ExportFormat::named(&name).ok_or_else(|| format!("{name} is not an export format"))
    })
}

/// Prints a note on standard error; does nothing if it is closed.
pub fn print_note(notice: &str) {
    stderr_line(format_args!("note: {notice}"));
}

/// Runs the command.
pub fn run(command: &SessionCommand) -> Outcome {
    let paths = Paths::find()?;
    let mut sessions = Sessions::open(&paths)?;
    if let Some(notice) = sessions.notice() {
        print_note(notice);
    }
    match command {
        SessionCommand::List { limit, json } => list(&sessions, *limit, *json),
        SessionCommand::Search { words, limit, json } => {
            search(&sessions, &words.join(" "), *limit, *json)
        }
        SessionCommand::Export {
            session,
            out,
            format,
        } => export(&sessions, session, out.as_ref(), *format),
        SessionCommand::Rename { session, title } => {
            let id = sessions.find(session)?;
            sessions.rename(&id, title)?;
            Ok(0)
        }
        SessionCommand::Delete {
            sessions: names,
            yes,
        } => delete(&mut sessions, names, *yes),
        SessionCommand::Purge { older_than, yes } => purge(&mut sessions, *older_than, *yes),
        SessionCommand::Stats { json } => stats(&sessions, &paths, *json),
    }
}

fn print(lines: impl Iterator<Item = String>) -> Outcome {
    for line in lines {
        out::print(line)?;
    }
    Ok(0)
}

fn list(sessions: &Sessions, limit: usize, json: bool) -> Outcome {
    let all = sessions.list(limit, 0)?;
    if all.is_empty() && limit > 0 {
        print_note("there are no saved sessions");
    }
    print(all.iter().map(|summary| match json {
        true => as_json(summary).to_string(),
        false => line(summary),
    }))
}

fn line(summary: &Summary) -> String {
    let last = summary.image.iter().chain(&summary.last_answer);
    let last: Vec<&str> = last.map(String::as_str).collect();
    format!(
        "{:>4}  {}  {:<15}  {:>9}  model {}, index {}  {}{}",
        summary.number,
        summary.id,
        local_time(summary.used),
        count(summary.turns as usize, "turn"),
        summary.model,
        summary.index,
        summary.title,
        match last.as_slice() {
            [] => String::new(),
            last => format!("  ({})", last.join(": ")),
        }
    )
}

fn search(sessions: &Sessions, words: &str, limit: usize, json: bool) -> Outcome {
    if !has_words(words) {
        return Err(Failure::usage("there is nothing to search for").hint(
            "give at least one letter or digit, for example `rounds session search nodule`",
        ));
    }
    let hits = sessions.search(words, limit)?;
    if hits.is_empty() && limit > 0 {
        let words = clean_line_max(words, 60);
        print_note(&format!("no session contains all of: {words}"));
    }
    print(hits.iter().map(|hit| match json {
        true => hit_as_json(hit).to_string(),
        false => hit_line(hit),
    }))
}

fn hit_line(hit: &Hit) -> String {
    match hit.turn {
        Some(turn) => format!(
            "{:<12} {}  {}: {}",
            format!("{}#{turn}", hit.session),
            hit.title,
            hit.part.name(),
            hit.snippet.text
        ),
        None => format!("{:<12} {}", hit.session.as_str(), hit.title),
    }
}

fn hit_as_json(hit: &Hit) -> Value {
    json!({
        "session": hit.session.as_str(), "turn": hit.turn, "title": hit.title, "part": hit.part.name(),
        "text": hit.snippet.text, "score": hit.score, "intended_use": INTENDED_USE,
    })
}

fn as_json(summary: &Summary) -> Value {
    json!({
        "session": summary.id.as_str(), "number": summary.number, "title": summary.title, "turns": summary.turns,
        "model": summary.model, "index": summary.index, "created": rfc3339(summary.created),
        "used": rfc3339(summary.used), "image": summary.image, "last_answer": summary.last_answer,
        "intended_use": INTENDED_USE,
    })
}

fn export(
    sessions: &Sessions,
    name: &str,
    out: Option<&PathBuf>,
    format: Option<ExportFormat>,
) -> Outcome {
    let id = sessions.find(name)?;
    let format = match (format, out) {
        (Some(format), _) => format,
        (None, Some(path)) if path.extension().is_some() => {
            ExportFormat::of(path).ok_or_else(|| {
                Failure::usage(format!(
                    "cannot export to a file like {}",
                    display_path(path)
                ))
                .hint("use a file name ending in .md, .html or .json, or add --format")
            })?
        }
        _ => ExportFormat::default(),
    };
    match out {
        Some(path) => sessions.export_to(&id, format, path, false)?,
        None => {
            return print(std::iter::once(sessions.export(&id, format)?));
        }
    }
    Ok(0)
}

fn delete(sessions: &mut Sessions, names: &[String], yes: bool) -> Outcome {
    let found = names.iter().map(|name| sessions.find(name));
    let mut ids: Vec<SessionId> = found.collect::<Result<_, _>>()?;
    // The same session may be named twice.
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    for id in &ids {
        let title = sessions.summary(id)?.title;
        stderr_line(format_args!("{id}  {title}"));
    }
    confirm_deletion(
        &format!("permanently delete {}?", count(ids.len(), "session")),
        yes,
    )?;
    let mut all = Removed::default();
    for id in &ids {
        let removed = sessions.delete(id)?;
        all.sessions += removed.sessions;
        all.images += removed.images;
        all.image_bytes += removed.image_bytes;
    }
    print_removed(all)
}

fn purge(sessions: &mut Sessions, days: u64, yes: bool) -> Outcome {
    confirm_deletion(
        &format!(
            "permanently delete all sessions not used for {}?",
            count(days as usize, "day")
        ),
        yes,
    )?;
    let age = Duration::from_secs(days.saturating_mul(DAY));
    print_removed(sessions.purge_older_than(age)?)
}

fn print_removed(removed: Removed) -> Outcome {
    print(std::iter::once(format!(
        "deleted {} with {} ({})",
        count(removed.sessions, "session"),
        count(removed.images, "image"),
        bytes(removed.image_bytes)
    )))
}

fn stats(sessions: &Sessions, paths: &Paths, as_object: bool) -> Outcome {
    let stats = sessions.stats()?;
    let folder = rounds_support::sanitise::clean_line(&paths.data_dir.display().to_string());
    let moment = |ms: Option<i64>| ms.map_or("never".into(), local_time);
    print(std::iter::once(match as_object {
        true => json!({
            "sessions": stats.sessions, "turns": stats.turns, "images": stats.images,
            "image_bytes": stats.image_bytes, "database_bytes": stats.database_bytes, "folder": folder,
            "oldest": stats.oldest.map(rfc3339), "newest": stats.newest.map(rfc3339),
            "intended_use": INTENDED_USE,
        })
        .to_string(),
        false => format!(
            "{}, {}, {} ({}), database {}\nlast used between {} and {}\nfolder {folder}",
            count(stats.sessions as usize, "session"),
            count(stats.turns as usize, "turn"),
            count(stats.images as usize, "image"),
            bytes(stats.image_bytes),
            bytes(stats.database_bytes),
            moment(stats.oldest),
            moment(stats.newest),
        ),
    }))
}
