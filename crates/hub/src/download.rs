//! Downloads one file into the cache: query, check disk space, transfer, verify, and only then link it.
//!
//! An interrupted download is kept as an unfinished blob and resumed; wrong content is deleted. Never link an unverified
//! blob.

use std::fs;
use std::path::Path;

use ureq::http::Uri;

use super::cache::RepoCache;
use super::client::{Client, Reply};
use super::error::HubError;
use super::partial::Partial;
use super::remote::{self, FileRequest, RemoteFile};
use super::retry::{Failure, Retries};
use super::verify_cached::{check_hash, verify_cached};
use super::{Fetched, Hub, Progress, address, names};
use rounds_support::{Cancel, FileError, files, free_space};

/// Retries when querying metadata: a user whose hub is unreachable should learn so soon.
const METADATA_RETRIES: u32 = 2;

/// Downloads a file that is not in the cache.
pub(super) fn download(
    hub: &Hub,
    repo: &RepoCache,
    request: FileRequest,
    expected: Option<&str>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Fetched, HubError> {
    let from = address::of_file(
        &hub.endpoint,
        request.repository,
        request.revision,
        request.file,
    )?;
    let client = Client::new(&from, hub.token.as_deref(), hub.retry_policy, cancel)?;
    let download = Download {
        hub,
        client: &client,
        request,
        from: &from,
        expected,
    };
    let remote = download.metadata()?;
    // The hub may already announce the wrong content: fail before downloading gigabytes.
    if names::is_sha256(&remote.etag) {
        check_hash(request, expected, &remote.etag)?;
    }
    let blobs = repo.prepare()?;
    let _lock = repo.lock(&remote.etag, cancel)?;
    let blob = repo.blob(&remote.etag);
    let fetched = if is_complete(&blob, remote.size) {
        let commit = remote.commit.clone();
        verify_cached(repo, request, expected, commit, blob, cancel, progress)?
    } else {
        let incomplete = repo.incomplete(&remote.etag);
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
    let path = repo.link(&remote.etag, &remote.commit, request.file)?;
    repo.write_ref(request.revision, &remote.commit)?;
    Ok(Fetched { path, ..fetched })
}

fn is_wrong(error: &HubError) -> bool {
    matches!(
        error,
        HubError::HashMismatch { .. } | HubError::LengthMismatch { .. }
    )
}

fn is_complete(blob: &Path, size: Option<u64>) -> bool {
    fs::metadata(blob)
        .is_ok_and(|there| there.is_file() && size.is_none_or(|size| there.len() == size))
}

/// Fails if the file does not fit on the disk.
fn check_disk_space(blobs: &Path, remote: &RemoteFile, partial: &Partial) -> Result<(), HubError> {
    let needed = remote.size.unwrap_or(0).saturating_sub(partial.written());
    // If the free space is unknown, writing will tell.
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
    request: FileRequest<'a>,
    from: &'a Uri,
    expected: Option<&'a str>,
}

impl Download<'_> {
    /// Queries the file's metadata.
    fn metadata(&self) -> Result<RemoteFile, HubError> {
        let retry_policy = self.hub.retry_policy;
        let limit = METADATA_RETRIES.min(retry_policy.max_retries);
        let mut retries = Retries::new(retry_policy, limit, 0, self.client.cancel());
        loop {
            match remote::metadata(self.client, self.request, self.from) {
                Ok(remote) => return Ok(remote),
                Err(failure) => retries.wait(failure, self.from, 0)?,
            }
        }
    }

    /// Completes the unfinished blob and verifies it; returns its SHA-256. Wrong content is deleted.
    fn complete(
        &self,
        remote: &RemoteFile,
        blobs: &Path,
        incomplete: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<String, HubError> {
        let mut report = |done| {
            progress(Progress {
                file: self.request.file,
                done,
                total: remote.size,
            });
        };
        let cancel = self.client.cancel();
        let mut partial = Partial::open(incomplete, remote.size, cancel, &mut report)?;
        check_disk_space(blobs, remote, &partial)?;
        self.transfer(remote, &mut partial, progress)
            .and_then(|()| {
                let found = partial.finish()?;
                if names::is_sha256(&remote.etag) {
                    check_hash(self.request, Some(&remote.etag), &found)?;
                }
                check_hash(self.request, self.expected, &found)?;
                Ok(found)
            })
            .inspect_err(|error| {
                if is_wrong(error) {
                    let _ = fs::remove_file(incomplete);
                }
            })
    }

    /// Receives the rest of the file, with retries.
    fn transfer(
        &self,
        remote: &RemoteFile,
        partial: &mut Partial,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), HubError> {
        let retry_policy = self.hub.retry_policy;
        let there = partial.written();
        let mut retries = Retries::new(
            retry_policy,
            retry_policy.max_retries,
            there,
            self.client.cancel(),
        );
        while remote.size != Some(partial.written()) {
            match self.receive(remote.size, partial, progress) {
                Ok(()) => break,
                Err(failure) => retries.wait(failure, self.from, partial.written())?,
            }
        }
        Ok(())
    }

    /// One attempt to receive the rest of the file.
    fn receive(
        &self,
        size: Option<u64>,
        partial: &mut Partial,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Failure> {
        let start = partial.written();
        let range = (start > 0).then(|| format!("bytes={start}-"));
        let reply = remote::get(self.client, self.request, self.from, range.as_deref())?;
        let Some(announced) = self.prepare(&reply, size, partial)? else {
            return Ok(());
        };
        let total = size.or(announced);
        let mut report = |done| {
            progress(Progress {
                file: self.request.file,
                done,
                total,
            });
        };
        report(partial.written());
        while let Some(bytes) = self.client.chunk(&reply)? {
            let after = partial.written().saturating_add(bytes.len() as u64);
            if let Some(total) = total.filter(|&total| after > total) {
                return Err(self.wrong_length(total, after).into());
            }
            partial.append(&bytes).map_err(HubError::from)?;
            report(after);
        }
        let there = partial.written();
        match total {
            Some(total) if there < total => Err(Failure::retryable(format!(
                "the connection ended after {there} of {total} bytes"
            ))),
            _ => Ok(()),
        }
    }

    /// Prepares the partial file for the response body. Returns the total length if announced, and `None` if the file is
    /// already complete.
    fn prepare(
        &self,
        reply: &Reply,
        size: Option<u64>,
        partial: &mut Partial,
    ) -> Result<Option<Option<u64>>, Failure> {
        if remote::is_compressed(reply) {
            let host = address::host(&reply.address);
            return Err(HubError::not_a_hub(host, "it sends compressed content").into());
        }
        let start = partial.written();
        let announced = match reply.status {
            200 => reply.number("content-length"),
            206 | 416 => remote::range_total(reply),
            status => {
                return Err(Failure::retryable(format!(
                    "the server returned status {status}"
                )));
            }
        };
        if let (Some(size), Some(announced)) = (size, announced)
            && size != announced
        {
            return Err(self.wrong_length(size, announced).into());
        }
        if reply.status == 200 {
            if start > 0 {
                // The server does not support ranges and sends the whole file.
                partial.restart().map_err(HubError::from)?;
            }
        } else if reply.status == 416 && announced == Some(start) {
            return Ok(None);
        } else if reply.status == 416 || remote::range_start(reply) != Some(start) {
            partial.restart().map_err(HubError::from)?;
            return Err(Failure::retryable(
                "the server sent a different range than requested",
            ));
        }
        Ok(Some(announced))
    }

    fn wrong_length(&self, expected: u64, found: u64) -> HubError {
        HubError::LengthMismatch {
            file: self.request.file.to_owned(),
            expected,
            found,
        }
    }
}
