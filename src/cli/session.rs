//! `rounds session`: lists, searches, exports and deletes saved sessions.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

use super::confirm::confirm_deletion;
use super::{Failure, Outcome, out};
use rounds_session::{
    Format, Removed, SessionError, SessionId, Sessions, Summary, readable_time, rfc3339,
};
use rounds_support::errors::{bytes, count};
use rounds_support::{Hint, INTENDED_USE, Paths, stderr_line};

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
    /// Search questions, answers, rationales, shots and titles
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
        #[arg(long, value_enum)]
        format: Option<ExportAs>,
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

#[derive(Clone, Copy, ValueEnum)]
pub enum ExportAs {
    Markdown,
    /// One page that contains the images
    Html,
    /// With full provenance; see docs/session.schema.json
    Json,
}

impl From<ExportAs> for Format {
    fn from(format: ExportAs) -> Self {
        match format {
            ExportAs::Markdown => Self::Markdown,
            ExportAs::Html => Self::Html,
            ExportAs::Json => Self::Json,
        }
    }
}

/// A session that does not exist is a usage error; anything else is a store error.
fn failed(error: SessionError) -> Failure {
    use SessionError::{Address, Ambiguous, Unknown, UnknownTurn};
    match &error {
        Unknown(_) | Ambiguous { .. } | UnknownTurn { .. } | Address(_) => {
            Failure::usage(&error, error.hint())
        }
        _ => Failure::model(&error),
    }
}

/// Prints a note on standard error; does nothing if it is closed.
pub fn print_note(notice: &str) {
    stderr_line(format_args!("note: {notice}"));
}

/// Runs the command.
pub fn run(command: &SessionCommand) -> Outcome {
    let paths = Paths::find().map_err(|e| Failure::usage(e, e.hint()))?;
    let mut sessions = Sessions::open(&paths).map_err(failed)?;
    if let Some(notice) = sessions.notice() {
        print_note(notice);
    }
    match command {
        SessionCommand::List { limit, json } => {
            let all = sessions.list(*limit, 0).map_err(failed)?;
            print(all.iter().map(|summary| match json {
                true => as_json(summary).to_string(),
                false => line(summary),
            }))
        }
        SessionCommand::Search { words, limit, json } => {
            let hits = sessions.search(&words.join(" "), *limit).map_err(failed)?;
            print(hits.iter().map(|hit| {
                let turn = hit.turn.map_or(String::new(), |turn| format!("#{turn}"));
                match json {
                    true => json!({
                        "session": hit.session.as_str(), "turn": hit.turn, "title": hit.title,
                        "text": hit.snippet.text, "score": hit.score, "intended_use": INTENDED_USE,
                    })
                    .to_string(),
                    false => format!(
                        "{:<12} {}: {}",
                        format!("{}{turn}", hit.session),
                        hit.title,
                        hit.snippet.text
                    ),
                }
            }))
        }
        SessionCommand::Export {
            session,
            out,
            format,
        } => export(&sessions, session, out.as_ref(), *format),
        SessionCommand::Rename { session, title } => {
            let id = sessions.find(session).map_err(failed)?;
            sessions.rename(&id, title).map_err(failed)?;
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

fn line(summary: &Summary) -> String {
    format!(
        "{:>4}  {}  {}  {:>9}  model {}, index {}  {}",
        summary.number,
        summary.id,
        readable_time(summary.used),
        count(summary.turns as usize, "turn"),
        summary.model,
        summary.index,
        summary.title
    )
}

fn as_json(summary: &Summary) -> Value {
    json!({
        "session": summary.id.as_str(), "number": summary.number, "title": summary.title, "turns": summary.turns,
        "model": summary.model, "index": summary.index, "created": rfc3339(summary.created),
        "used": rfc3339(summary.used), "intended_use": INTENDED_USE,
    })
}

fn export(
    sessions: &Sessions,
    name: &str,
    out: Option<&PathBuf>,
    format: Option<ExportAs>,
) -> Outcome {
    let id = sessions.find(name).map_err(failed)?;
    let ending = out.and_then(|path| path.extension()?.to_str());
    let format = match (format, ending) {
        (Some(format), _) => format.into(),
        (None, None | Some("md" | "markdown")) => Format::Markdown,
        (None, Some("html" | "htm")) => Format::Html,
        (None, Some("json")) => Format::Json,
        (None, Some(other)) => {
            return Err(Failure::usage(
                format!("cannot export to .{other} files"),
                Some("use a file name ending in .md, .html or .json, or add --format".into()),
            ));
        }
    };
    match out {
        Some(path) => sessions.export_to(&id, format, path).map_err(failed)?,
        None => {
            return print(std::iter::once(
                sessions.export(&id, format).map_err(failed)?,
            ));
        }
    }
    Ok(0)
}

fn delete(sessions: &mut Sessions, names: &[String], yes: bool) -> Outcome {
    let found = names.iter().map(|name| sessions.find(name));
    let mut ids: Vec<SessionId> = found.collect::<Result<_, _>>().map_err(failed)?;
    // The same session may be named twice.
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    for id in &ids {
        let title = sessions.summary(id).map_err(failed)?.title;
        stderr_line(format_args!("{id}  {title}"));
    }
    confirm_deletion(
        &format!("permanently delete {}?", count(ids.len(), "session")),
        yes,
    )?;
    let mut all = Removed::default();
    for id in &ids {
        let removed = sessions.delete(id).map_err(failed)?;
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
    print_removed(sessions.purge_older_than(age).map_err(failed)?)
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
    let stats = sessions.stats().map_err(failed)?;
    let folder = rounds_support::sanitise::clean_line(&paths.data_dir.display().to_string());
    let moment = |ms: Option<i64>| ms.map_or("never".into(), readable_time);
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
