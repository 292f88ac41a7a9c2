//! Queries the metadata of a file: commit, etag and length.
//!
//! Only the hub's own origin is trusted for these headers. The storage server behind a redirect may supply the length, and
//! the etag if the hub sent none.

use std::time::Duration;

use ureq::http::{Method, Uri};

use super::client::{Client, MAX_REDIRECTS, Reply};
use super::error::{HubError, clean};
use super::retry::Failure;
use super::{address, names};

/// A requested file.
#[derive(Clone, Copy)]
pub(super) struct FileRequest<'a> {
    pub(super) repository: &'a str,
    pub(super) revision: &'a str,
    pub(super) file: &'a str,
}

/// Metadata of a file on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RemoteFile {
    /// The commit that the revision points to.
    pub(super) commit: String,
    /// The blob name; for large files, the SHA-256.
    pub(super) etag: String,
    /// Length in bytes, if announced.
    pub(super) size: Option<u64>,
}

/// Sends a HEAD request, or a GET request for the first byte if the server does not support HEAD.
pub(super) fn metadata(
    client: &Client,
    request: FileRequest,
    from: &Uri,
) -> Result<RemoteFile, Failure> {
    let (mut method, mut range) = (Method::HEAD, None);
    let mut at = from.clone();
    // If the revision is a commit, no header is needed.
    let mut commit = names::is_commit(request.revision).then(|| request.revision.to_owned());
    let (mut etag, mut size) = (None, None);
    for _ in 0..=MAX_REDIRECTS {
        let reply = client.send(&method, &at, range)?;
        if matches!(reply.status, 405 | 501) && method == Method::HEAD {
            (method, range) = (Method::GET, Some("bytes=0-0"));
            continue;
        }
        let on_hub = client.is_hub(&at);
        if on_hub {
            commit = reply.header("x-repo-commit").map(str::to_owned).or(commit);
            etag = reply.header("x-linked-etag").map(str::to_owned).or(etag);
            size = reply.number("x-linked-size").or(size);
        }
        let Some(next) = reply.redirect()? else {
            // An empty file has no first byte, so 416 is fine then.
            if reply.status != 416 || range.is_none() {
                check_status(client, request, &reply)?;
            }
            etag = etag.or_else(|| reply.header("etag").map(str::to_owned));
            size = size.or_else(|| total_length(&reply));
            return remote_file(&at, commit, etag, size);
        };
        // The storage server may refuse HEAD, and the hub's headers are sufficient.
        if commit.is_some() && etag.is_some() && !client.is_hub(&next) {
            return remote_file(&at, commit, etag, size);
        }
        at = next;
    }
    Err(HubError::not_a_hub(address::host(from), "too many redirects").into())
}

/// Requests the file's content, following redirects.
pub(super) fn get(
    client: &Client,
    request: FileRequest,
    from: &Uri,
    range: Option<&str>,
) -> Result<Reply, Failure> {
    let mut at = from.clone();
    for _ in 0..=MAX_REDIRECTS {
        let reply = client.send(&Method::GET, &at, range)?;
        match reply.redirect()? {
            Some(next) => at = next,
            None => {
                // 416 depends on the partial file, so the caller handles it.
                if reply.status != 416 {
                    check_status(client, request, &reply)?;
                }
                return Ok(reply);
            }
        }
    }
    Err(HubError::not_a_hub(address::host(from), "too many redirects").into())
}

/// The total length in a `Content-Range`, such as `bytes 5-9/10` or `bytes */10`.
pub(super) fn range_total(reply: &Reply) -> Option<u64> {
    reply
        .header("content-range")?
        .rsplit_once('/')?
        .1
        .parse()
        .ok()
}

/// The first byte position in a `Content-Range`.
pub(super) fn range_start(reply: &Reply) -> Option<u64> {
    let range = reply.header("content-range")?.strip_prefix("bytes")?;
    range.trim_start().split_once('-')?.0.parse().ok()
}

/// Whether the body is compressed, so that length and hash do not apply to it.
pub(super) fn is_compressed(reply: &Reply) -> bool {
    reply
        .header("content-encoding")
        .is_some_and(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity"))
}

fn total_length(reply: &Reply) -> Option<u64> {
    match reply.status {
        _ if is_compressed(reply) => None,
        206 | 416 => range_total(reply),
        _ => reply.number("content-length"),
    }
}

fn remote_file(
    at: &Uri,
    commit: Option<String>,
    etag: Option<String>,
    size: Option<u64>,
) -> Result<RemoteFile, Failure> {
    let lacks = |what: &str| HubError::not_a_hub(address::host(at), what);
    let commit = commit.ok_or_else(|| lacks("it sends no commit for the file"))?;
    let etag = etag.ok_or_else(|| lacks("it sends no etag for the file"))?;
    let etag = etag.trim_start_matches("W/").trim_matches('"').to_owned();
    names::identifier("commit", &commit)?;
    names::identifier("etag", &etag)?;
    Ok(RemoteFile { commit, etag, size })
}

/// Classifies the status as success, refusal or worth a retry.
fn check_status(client: &Client, request: FileRequest, reply: &Reply) -> Result<(), Failure> {
    let status = reply.status;
    // A refusal by the storage server means an expired link, and the hub issues a new one.
    let on_hub = client.is_hub(&reply.address);
    let detail = || clean(reply.header("x-error-message").unwrap_or_default());
    match status {
        200..=206 => Ok(()),
        401 | 403 if on_hub => Err(HubError::Unauthorised {
            repository: request.repository.to_owned(),
            status,
            token_sent: client.has_token(),
            detail: detail(),
        }
        .into()),
        404 | 410 if on_hub => Err(HubError::NotFound {
            repository: request.repository.to_owned(),
            revision: request.revision.to_owned(),
            file: request.file.to_owned(),
            detail: detail(),
        }
        .into()),
        401 | 403 | 404 | 408 | 410 | 425 | 429 | 500.. => Err(Failure::Retryable {
            reason: format!("the server returned status {status}"),
            wait: reply.number("retry-after").map(Duration::from_secs),
        }),
        _ => Err(HubError::network(
            address::host(&reply.address),
            &format!("the server returned status {status}"),
        )
        .into()),
    }
}
