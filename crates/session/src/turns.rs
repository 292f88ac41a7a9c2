//! Saves a turn when it is asked, while text arrives, and when it ends.
//!
//! Each step is one transaction and is on disk when it returns, so a kill at any moment loses at most the text since the
//! last step. A saved answer is never overwritten.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::sync::Arc;

use crate::clock;
use crate::error::{SessionError, at_most};
use crate::id::{SessionId, TurnId};
use crate::images::{MAX_IMAGES, MAX_THUMBNAIL_BYTES};
use crate::record::{
    MAX_TEXT, Record, clean_value, cleaned_answer, cleaned_image, cleaned_shots, cleaned_sources,
    cleaned_text, cleaned_title,
};
use crate::sessions::Sessions;
use crate::types::{
    NewImage, NewShot, NewTurn, Outcome, StoredImage, StoredShot, TurnEnd, TurnState,
};
use rounds_support::{files, sanitise};

/// Random ids to try before giving up; with 35 random bits even the second is hardly ever needed.
const MAX_ID_TRIES: usize = 8;

/// The columns that change when a turn ends.
struct Ending {
    state: TurnState,
    /// Empty leaves the saved text as it is.
    text: String,
    rationale: Option<String>,
    message: Option<String>,
}

impl Sessions {
    /// Creates a session. An empty title becomes `untitled`.
    pub fn create(
        &mut self,
        title: &str,
        model: &str,
        index: &str,
    ) -> Result<SessionId, SessionError> {
        let moment = clock::now();
        for _ in 0..MAX_ID_TRIES {
            let bytes = self
                .connection
                .query_row("select randomblob(5)", [], |row| row.get(0))?;
            let id = SessionId::from_bytes(bytes);
            let written = self.connection.execute(
                "insert or ignore into sessions (id, title, model, index_name, created, used) values (?1, ?2, ?3, ?4, ?5, ?5)",
                params![id.as_str(), cleaned_title(title), cleaned_title(model), cleaned_title(index), moment],
            )?;
            if written == 1 {
                return Ok(id);
            }
        }
        Err(SessionError::Busy)
    }

    /// Saves a question and its images before it is answered.
    ///
    /// Errors, saving nothing, if the session or the parent does not exist, or something is over its limit.
    pub fn begin_turn(
        &mut self,
        session: &SessionId,
        turn: &NewTurn,
    ) -> Result<TurnId, SessionError> {
        at_most("images in a question", turn.images.len(), MAX_IMAGES)?;
        let question = cleaned_text("bytes in the question", &turn.question)?;
        let line = |text: &Option<String>| text.as_deref().map(sanitise::clean_line);
        let images: Vec<StoredImage> = turn.images.iter().map(stored_image).collect();
        let hashes: Vec<String> = images.iter().map(|image| image.sha256.clone()).collect();
        let record = Record {
            settings: clean_value(turn.settings.clone()),
            sources: turn.sources.clone().map(cleaned_sources),
            patient: line(&turn.patient),
            study: line(&turn.study),
            images,
            ..Record::default()
        };
        let text = record.to_text()?;
        let writer = self.writer.token(&self.connection)?.to_owned();
        let moment = clock::now();
        // Images may be a gigabyte, so they are written before the transaction: other processes must not wait that long for
        // its lock. If another process removes one meanwhile, it is written again inside the transaction.
        locate(&self.connection, session, turn.parent)?;
        for (sha256, image) in hashes.iter().zip(&turn.images) {
            self.images.put(sha256, &image.bytes)?;
        }

        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (owner, number) = locate(&transaction, session, turn.parent)?;
        let id = TurnId {
            session: session.clone(),
            number,
        };
        transaction.execute(
            "insert into turns (session, number, parent, asked, state, writer, question, record)
             values (?1, ?2, ?3, ?4, 'asked', ?5, ?6, ?7)",
            params![owner, number, turn.parent, moment, writer, question, text],
        )?;
        let row = transaction.last_insert_rowid();
        for (sha256, image) in hashes.iter().zip(&turn.images) {
            self.images.ensure(sha256, &image.bytes)?;
            add_image_reference(&transaction, row, sha256, image.bytes.len())?;
        }
        transaction.execute(
            "update sessions set used = ?2, turns = turns + 1 where number = ?1",
            params![owner, moment],
        )?;
        transaction.commit()?;
        Ok(id)
    }

    /// Saves the whole partial text, replacing what was saved before. Cheap enough to call every second.
    ///
    /// Errors if the turn has ended.
    pub fn append_partial(&mut self, turn: &TurnId, text: &str) -> Result<(), SessionError> {
        let text = cleaned_text("bytes in the answer", text)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let row = unfinished(&transaction, turn)?;
        transaction
            .prepare_cached("update turns set answer = ?2, ended = ?3 where row = ?1")?
            .execute(params![row, text, clock::now()])?;
        transaction.commit()?;
        Ok(())
    }

    /// Saves how a turn ended.
    ///
    /// Errors, changing nothing, if it has already ended or something is over its limit.
    pub fn finish_turn(&mut self, turn: &TurnId, end: TurnEnd) -> Result<(), SessionError> {
        let (ending, answer) = match end.outcome {
            Outcome::Answered(answer) => {
                let mut answer = cleaned_answer(*answer)?;
                let ending = Ending {
                    state: TurnState::Answered,
                    text: std::mem::take(&mut answer.answer),
                    rationale: answer.rationale.take(),
                    message: None,
                };
                (ending, Some(answer))
            }
            Outcome::Stopped { text } => (unanswered(TurnState::Stopped, &text, None)?, None),
            Outcome::Failed { text, message } => {
                (unanswered(TurnState::Failed, &text, Some(&message))?, None)
            }
        };
        let (shots, thumbnails) = stored_shots(end.shots)?;
        // The prompt is a convenience, so one that is too long must not cost the answer.
        let prompt = end.prompt.filter(|prompt| prompt.len() <= MAX_TEXT);

        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let row = unfinished(&transaction, turn)?;
        let text: String =
            transaction.query_row("select record from turns where row = ?1", [row], |r| {
                r.get(0)
            })?;
        let begun = Record::from_text(&text)?;
        let record = Record {
            answer,
            shots,
            prompt: prompt.map(|prompt| sanitise::clean(&prompt)),
            sources: end.sources.map(cleaned_sources).or(begun.sources),
            ..begun
        };
        let keeps_text = ending.text.is_empty() && ending.state != TurnState::Answered;
        transaction.execute(
            "update turns set state = ?2, writer = null, ended = ?3, answer = iif(?4, answer, ?5), rationale = ?6,
               message = ?7, record = ?8 where row = ?1",
            params![
                row,
                ending.state.name(),
                clock::now(),
                keeps_text,
                ending.text,
                ending.rationale,
                ending.message,
                record.to_text()?
            ],
        )?;
        for thumbnail in &thumbnails {
            let sha256 = files::sha256_hex(thumbnail);
            self.images.put(&sha256, thumbnail)?;
            add_image_reference(&transaction, row, &sha256, thumbnail.len())?;
        }
        transaction.execute(
            "update sessions set used = ?2 where id = ?1",
            params![turn.session.as_str(), clock::now()],
        )?;
        transaction.commit()?;
        Ok(())
    }
}

fn unanswered(state: TurnState, text: &str, message: Option<&str>) -> Result<Ending, SessionError> {
    Ok(Ending {
        state,
        text: cleaned_text("bytes in the answer", text)?,
        rationale: None,
        message: message
            .map(|message| cleaned_text("bytes in the message", message))
            .transpose()?,
    })
}

fn stored_image(image: &NewImage) -> StoredImage {
    cleaned_image(StoredImage {
        sha256: files::sha256_hex(&image.bytes),
        name: image.name.clone(),
        format: image.format.clone(),
        width: image.width,
        height: image.height,
        bytes: image.bytes.len() as u64,
    })
}

/// The bytes of thumbnails.
type Thumbnails = Vec<Arc<[u8]>>;

/// The shots to save, and the bytes of their thumbnails.
fn stored_shots(shots: Vec<NewShot>) -> Result<(Vec<StoredShot>, Thumbnails), SessionError> {
    let mut thumbnails = Vec::new();
    let mut kept = Vec::new();
    for NewShot {
        mut shot,
        thumbnail,
    } in shots
    {
        shot.thumbnail = thumbnail.as_ref().map(|jpeg| StoredImage {
            sha256: files::sha256_hex(jpeg),
            name: "thumbnail".to_owned(),
            format: "jpg".to_owned(),
            bytes: jpeg.len() as u64,
            ..StoredImage::default()
        });
        if let Some(jpeg) = thumbnail {
            at_most("bytes in a thumbnail", jpeg.len(), MAX_THUMBNAIL_BYTES)?;
            thumbnails.push(jpeg.into());
        }
        kept.push(shot);
    }
    Ok((cleaned_shots(kept)?, thumbnails))
}

fn add_image_reference(
    transaction: &Transaction,
    row: i64,
    sha256: &str,
    bytes: usize,
) -> Result<(), SessionError> {
    transaction
        .prepare_cached("insert or ignore into images (sha256, bytes) values (?1, ?2)")?
        .execute(params![sha256, bytes as i64])?;
    transaction
        .prepare_cached("insert or ignore into pictured (sha256, turn) values (?1, ?2)")?
        .execute(params![sha256, row])?;
    Ok(())
}

/// Row number of a session and the number of its next turn, which follows `parent`.
///
/// Errors if the session or `parent` does not exist.
fn locate(
    connection: &Connection,
    session: &SessionId,
    parent: Option<u32>,
) -> Result<(i64, u32), SessionError> {
    let found = connection
        .query_row(
            "select s.number, 1 + coalesce((select max(t.number) from turns t where t.session = s.number), 0)
             from sessions s where s.id = ?1",
            [session.as_str()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?
        .ok_or_else(|| SessionError::Unknown(session.to_string()))?;
    if let Some(number) = parent {
        let session = session.clone();
        row_of(connection, &TurnId { session, number })?;
    }
    Ok(found)
}

/// Row number and state of a turn.
pub(crate) fn row_of(
    connection: &Connection,
    turn: &TurnId,
) -> Result<(i64, String), SessionError> {
    connection
        .prepare_cached(
            "select t.row, t.state from turns t join sessions s on s.number = t.session
             where s.id = ?1 and t.number = ?2",
        )?
        .query_row(params![turn.session.as_str(), turn.number], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?
        .ok_or_else(|| SessionError::UnknownTurn {
            session: turn.session.to_string(),
            turn: turn.number,
        })
}

/// Row number of a turn that may still get text. One marked interrupted may: its writer is evidently still running.
fn unfinished(transaction: &Transaction, turn: &TurnId) -> Result<i64, SessionError> {
    let (row, state) = row_of(transaction, turn)?;
    let open = [TurnState::Asked, TurnState::Interrupted].map(TurnState::name);
    if !open.contains(&state.as_str()) {
        return Err(SessionError::Ended(turn.to_string()));
    }
    Ok(row)
}
