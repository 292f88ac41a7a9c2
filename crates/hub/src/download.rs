//! Fetching one file into the cache: ask, make room, transfer, check, and only then let it be seen.
//!
//! What was interrupted stays as an unfinished blob and goes on from there; what is wrong is deleted. Never link a blob
//! that was not checked.

use std::fs;
use std::path::Path;

use ureq::http::Uri;

use super::cache::Shelf;
use super::client::{Client, Reply};
use super::error::HubError;
use super::partial::Partial;
use super::patience::{Tries, Trouble};
use super::remote::{self, Asked, Remote};
use super::{Fetched, Hub, Progress, address, names, present};
use rounds_support::{Cancel, FileError, files, free_space};

/// New tries of asking about a file: who cannot be reached at all should be told so soon.
const ASK_TRIES: u32 = 2;

/// Fetches a file that the cache lacks.
pub(super) fn download(
    hub: &Hub,
    shelf: &Shelf,
    asked: Asked,
    expected: Option<&str>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Fetched, HubError> {
    let from = address::of_file(&hub.endpoint, asked.repository, asked.revision, asked.file)?;
    let client = Client::new(&from, hub.token.as_deref(), hub.patience, cancel)?;
    let download = Download {
        hub,
        client: &client,
        asked,
        from: &from,
        expected,
    };
    let remote = download.ask()?;
    // The hub itself may say that it has another content: gigabytes need not come first.
    if names::is_sha256(&remote.etag) {
        agrees(asked, expected, &remote.etag)?;
    }
    let blobs = shelf.prepare()?;
    let _lock = shelf.lock(&remote.etag, cancel)?;
    let blob = shelf.blob(&remote.etag);
    let fetched = if is_whole(&blob, remote.size) {
        let commit = remote.commit.clone();
        present::check(shelf, asked, expected, commit, blob, cancel, progress)?
    } else {
        let incomplete = shelf.incomplete(&remote.etag);
        let sha256 = download.complete(&remote, &blobs, &incomplete, progress)?;
        fs::rename(&incomplete, &blob)
            .map_err(|error| FileError::from_io(&blob, "write", &error))?;
        Fetched {
            size: files::length(&blob)?,
            path: blob,
            commit: remote.commit.clone(),
            sha256,
            from_cache: false,
        }
    };
    let path = shelf.link(&remote.etag, &remote.commit, asked.file)?;
    shelf.write_ref(asked.revision, &remote.commit)?;
    Ok(Fetched { path, ..fetched })
}

/// Whether a SHA-256 is the expected one.
pub(super) fn agrees(asked: Asked, expected: Option<&str>, found: &str) -> Result<(), HubError> {
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(found) => Err(HubError::HashMismatch {
            file: asked.file.to_owned(),
            expected: expected.to_ascii_lowercase(),
            found: found.to_ascii_lowercase(),
        }),
        _ => Ok(()),
    }
}

fn is_wrong(error: &HubError) -> bool {
    matches!(
        error,
        HubError::HashMismatch { .. } | HubError::LengthMismatch { .. }
    )
}

fn is_whole(blob: &Path, size: Option<u64>) -> bool {
    fs::metadata(blob)
        .is_ok_and(|there| there.is_file() && size.is_none_or(|size| there.len() == size))
}

/// Refuses a file that does not fit before its first byte comes.
fn check_room(blobs: &Path, remote: &Remote, partial: &Partial) -> Result<(), HubError> {
    let needed = remote.size.unwrap_or(0).saturating_sub(partial.written());
    // A file system that does not say is found out by writing.
    match free_space(blobs) {
        Some(free) if free < needed => Err(HubError::NoSpace {
            folder: blobs.to_path_buf(),
            needed,
            free,
        }),
        _ => Ok(()),
    }
}

/// The transfer of one file.
struct Download<'a> {
    hub: &'a Hub,
    client: &'a Client<'a>,
    asked: Asked<'a>,
    from: &'a Uri,
    expected: Option<&'a str>,
}

impl Download<'_> {
    /// What the hub says about the file.
    fn ask(&self) -> Result<Remote, HubError> {
        let patience = self.hub.patience;
        let limit = ASK_TRIES.min(patience.tries);
        let mut tries = Tries::new(patience, limit, 0, self.client.cancel());
        loop {
            match remote::ask(self.client, self.asked, self.from) {
                Ok(remote) => return Ok(remote),
                Err(trouble) => tries.again(trouble, self.from, 0)?,
            }
        }
    }

    /// Makes the unfinished blob whole and checks it; returns its SHA-256. A wrong one is deleted.
    fn complete(
        &self,
        remote: &Remote,
        blobs: &Path,
        incomplete: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<String, HubError> {
        let mut report = |done| {
            progress(Progress {
                file: self.asked.file,
                done,
                total: remote.size,
            });
        };
        let cancel = self.client.cancel();
        let mut partial = Partial::open(incomplete, remote.size, cancel, &mut report)?;
        check_room(blobs, remote, &partial)?;
        self.transfer(remote, &mut partial, progress)
            .and_then(|()| {
                let found = partial.finish()?;
                if names::is_sha256(&remote.etag) {
                    agrees(self.asked, Some(&remote.etag), &found)?;
                }
                agrees(self.asked, self.expected, &found)?;
                Ok(found)
            })
            .inspect_err(|error| {
                if is_wrong(error) {
                    let _ = fs::remove_file(incomplete);
                }
            })
    }

    /// Receives the rest of the file, in as many tries as are allowed.
    fn transfer(
        &self,
        remote: &Remote,
        partial: &mut Partial,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), HubError> {
        let patience = self.hub.patience;
        let there = partial.written();
        let mut tries = Tries::new(patience, patience.tries, there, self.client.cancel());
        while remote.size != Some(partial.written()) {
            match self.receive(remote.size, partial, progress) {
                Ok(()) => break,
                Err(trouble) => tries.again(trouble, self.from, partial.written())?,
            }
        }
        Ok(())
    }

    /// One try: from where the partial file ends to the end of the file.
    fn receive(
        &self,
        size: Option<u64>,
        partial: &mut Partial,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Trouble> {
        let start = partial.written();
        let range = (start > 0).then(|| format!("bytes={start}-"));
        let reply = remote::get(self.client, self.asked, self.from, range.as_deref())?;
        let Some(announced) = self.begin(&reply, size, partial)? else {
            return Ok(());
        };
        let total = size.or(announced);
        let mut report = |done| {
            progress(Progress {
                file: self.asked.file,
                done,
                total,
            });
        };
        report(partial.written());
        while let Some(bytes) = self.client.piece(&reply)? {
            let after = partial.written().saturating_add(bytes.len() as u64);
            if let Some(total) = total.filter(|&total| after > total) {
                return Err(self.wrong_length(total, after).into());
            }
            partial.append(&bytes).map_err(HubError::from)?;
            report(after);
        }
        let there = partial.written();
        match total {
            Some(total) if there < total => Err(Trouble::again(format!(
                "it ends after {there} of {total} bytes"
            ))),
            _ => Ok(()),
        }
    }

    /// Makes the partial file ready for the answer's bytes. Returns the whole length if the answer announces one, and
    /// `None` if the file is whole already.
    fn begin(
        &self,
        reply: &Reply,
        size: Option<u64>,
        partial: &mut Partial,
    ) -> Result<Option<Option<u64>>, Trouble> {
        if remote::is_packed(reply) {
            let host = address::host(&reply.address);
            return Err(HubError::not_a_hub(host, "it packs what it sends").into());
        }
        let start = partial.written();
        let announced = match reply.status {
            200 => reply.number("content-length"),
            206 | 416 => remote::range_total(reply),
            status => return Err(Trouble::again(format!("it answers with status {status}"))),
        };
        if let (Some(size), Some(announced)) = (size, announced)
            && size != announced
        {
            return Err(self.wrong_length(size, announced).into());
        }
        if reply.status == 200 {
            if start > 0 {
                // It does not know ranges, and sends the whole file.
                partial.restart().map_err(HubError::from)?;
            }
        } else if reply.status == 416 && announced == Some(start) {
            return Ok(None);
        } else if reply.status == 416 || remote::range_start(reply) != Some(start) {
            partial.restart().map_err(HubError::from)?;
            return Err(Trouble::again("it sends another range than was asked for"));
        }
        Ok(Some(announced))
    }

    fn wrong_length(&self, expected: u64, found: u64) -> HubError {
        HubError::LengthMismatch {
            file: self.asked.file.to_owned(),
            expected,
            found,
        }
    }
}
