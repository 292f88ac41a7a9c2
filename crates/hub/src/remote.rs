//! What the hub says about a file before it is fetched: its commit, its etag and its length.
//!
//! These headers are believed from the hub's own origin only; the store behind a redirect may give a length, and an etag
//! where the hub gave none.

use std::time::Duration;

use ureq::http::{Method, Uri};

use super::client::{Client, REDIRECTS, Reply};
use super::error::{HubError, clean};
use super::patience::Trouble;
use super::{address, names};

/// The file that was asked for, to speak of it in errors.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) repository: &'a str,
    pub(super) revision: &'a str,
    pub(super) file: &'a str,
}

/// A file as the hub describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    /// The commit that the revision stands for.
    pub(super) commit: String,
    /// The blob's name; the SHA-256 of a large file.
    pub(super) etag: String,
    /// Length in bytes, if it is announced.
    pub(super) size: Option<u64>,
}

/// Asks by HEAD; a server without that is asked by GET for the first byte.
pub(super) fn ask(client: &Client, asked: Asked, from: &Uri) -> Result<Remote, Trouble> {
    let (mut method, mut range) = (Method::HEAD, None);
    let mut at = from.clone();
    // Only a commit is its own commit.
    let mut commit = names::is_commit(asked.revision).then(|| asked.revision.to_owned());
    let (mut etag, mut size) = (None, None);
    for _ in 0..=REDIRECTS {
        let reply = client.send(&method, &at, range)?;
        if matches!(reply.status, 405 | 501) && method == Method::HEAD {
            (method, range) = (Method::GET, Some("bytes=0-0"));
            continue;
        }
        let home = client.is_home(&at);
        if home {
            commit = reply.header("x-repo-commit").map(str::to_owned).or(commit);
            etag = reply.header("x-linked-etag").map(str::to_owned).or(etag);
            size = reply.number("x-linked-size").or(size);
        }
        let Some(next) = reply.redirect()? else {
            // An empty file has no first byte.
            if reply.status != 416 || range.is_none() {
                check_status(client, asked, &reply)?;
            }
            etag = etag.or_else(|| reply.header("etag").map(str::to_owned));
            size = size.or_else(|| whole_length(&reply));
            return described(&at, commit, etag, size);
        };
        // The store may refuse a HEAD; what the hub said is enough.
        if commit.is_some() && etag.is_some() && !client.is_home(&next) {
            return described(&at, commit, etag, size);
        }
        at = next;
    }
    Err(HubError::not_a_hub(address::host(from), "too many redirects").into())
}

/// An answer to a request for the file's content, after redirects.
pub(super) fn get(
    client: &Client,
    asked: Asked,
    from: &Uri,
    range: Option<&str>,
) -> Result<Reply, Trouble> {
    let mut at = from.clone();
    for _ in 0..=REDIRECTS {
        let reply = client.send(&Method::GET, &at, range)?;
        match reply.redirect()? {
            Some(next) => at = next,
            None => {
                // 416 says something about our partial file, which the caller knows more of.
                if reply.status != 416 {
                    check_status(client, asked, &reply)?;
                }
                return Ok(reply);
            }
        }
    }
    Err(HubError::not_a_hub(address::host(from), "too many redirects").into())
}

/// The whole length that a `Content-Range` names: of `bytes 5-9/10` and `bytes */10`.
pub(super) fn range_total(reply: &Reply) -> Option<u64> {
    reply
        .header("content-range")?
        .rsplit_once('/')?
        .1
        .parse()
        .ok()
}

/// The first byte that a `Content-Range` names.
pub(super) fn range_start(reply: &Reply) -> Option<u64> {
    let range = reply.header("content-range")?.strip_prefix("bytes")?;
    range.trim_start().split_once('-')?.0.parse().ok()
}

/// Whether the body is packed, so that neither length nor hash are of its bytes.
pub(super) fn is_packed(reply: &Reply) -> bool {
    reply
        .header("content-encoding")
        .is_some_and(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity"))
}

fn whole_length(reply: &Reply) -> Option<u64> {
    match reply.status {
        _ if is_packed(reply) => None,
        206 | 416 => range_total(reply),
        _ => reply.number("content-length"),
    }
}

fn described(
    at: &Uri,
    commit: Option<String>,
    etag: Option<String>,
    size: Option<u64>,
) -> Result<Remote, Trouble> {
    let lacks = |what: &str| HubError::not_a_hub(address::host(at), what);
    let commit = commit.ok_or_else(|| lacks("it names no commit for the file"))?;
    let etag = etag.ok_or_else(|| lacks("it names no etag for the file"))?;
    let etag = etag.trim_start_matches("W/").trim_matches('"').to_owned();
    names::plain("commit", &commit)?;
    names::plain("etag", &etag)?;
    Ok(Remote { commit, etag, size })
}

/// Sorts the statuses into good ones, refusals, and those worth another try.
fn check_status(client: &Client, asked: Asked, reply: &Reply) -> Result<(), Trouble> {
    let status = reply.status;
    // A store's refusal is of a link that has run out: the hub gives a new one.
    let refused = client.is_home(&reply.address);
    let detail = || clean(reply.header("x-error-message").unwrap_or_default());
    match status {
        200..=206 => Ok(()),
        401 | 403 if refused => Err(HubError::Unauthorised {
            repository: asked.repository.to_owned(),
            status,
            token_sent: client.has_token(),
            detail: detail(),
        }
        .into()),
        404 | 410 if refused => Err(HubError::NotFound {
            repository: asked.repository.to_owned(),
            revision: asked.revision.to_owned(),
            file: asked.file.to_owned(),
            detail: detail(),
        }
        .into()),
        401 | 403 | 404 | 408 | 410 | 425 | 429 | 500.. => Err(Trouble::Again {
            reason: format!("it answers with status {status}"),
            wait: reply.number("retry-after").map(Duration::from_secs),
        }),
        _ => Err(HubError::network(
            address::host(&reply.address),
            &format!("it answers with status {status}"),
        )
        .into()),
    }
}
