//! An HTTP client whose requests end as soon as the cancel flag is set.
//!
//! Each request runs on a separate thread, so that a silent server cannot block the caller. Redirects are not followed
//! automatically: the caller passes each one to [`Client::send`], which decides whether the token may go there. Never send
//! the token to any origin but the endpoint's.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use super::address;
use super::error::{HubError, clean};
use super::retry::{Failure, POLL_INTERVAL, RetryPolicy};
use rounds_support::Cancel;

/// Maximum number of received chunks waiting to be written.
const MAX_QUEUED_CHUNKS: usize = 8;
/// Maximum chunk length in bytes.
const CHUNK_BYTES: usize = 128 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum number of redirects for one file.
pub(super) const MAX_REDIRECTS: usize = 8;

/// A client for one file; dropping it closes its connections.
pub(super) struct Client<'a> {
    agent: Agent,
    /// The first URL requested. Only its origin gets the token.
    hub: Uri,
    token: Option<HeaderValue>,
    cancel: &'a Cancel,
}

/// A server's response; its body arrives in chunks.
pub(super) struct Reply {
    pub(super) address: Uri,
    pub(super) status: u16,
    headers: HeaderMap,
    chunks: Receiver<Event>,
}

/// Part of a response.
enum Event {
    Head(u16, HeaderMap),
    Chunk(Vec<u8>),
    End,
    Broken(String),
}

impl<'a> Client<'a> {
    /// A client that sends the token only to the origin of `hub`.
    pub(super) fn new(
        hub: &Uri,
        token: Option<&str>,
        retry_policy: RetryPolicy,
        cancel: &'a Cancel,
    ) -> Result<Self, HubError> {
        let token = match token {
            None => None,
            Some(token) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                    .map_err(|_| HubError::Token)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("rounds/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(retry_policy.read_timeout))
            .timeout_per_write(Some(retry_policy.read_timeout))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            hub: hub.clone(),
            token,
            cancel,
        })
    }

    /// Whether a URL is on the hub itself, not on a storage server it redirects to.
    pub(super) fn is_hub(&self, address: &Uri) -> bool {
        address::same_origin(&self.hub, address)
    }

    /// The cancel flag of its requests.
    pub(super) fn cancel(&self) -> &'a Cancel {
        self.cancel
    }

    /// Whether a token is sent to the hub.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Sends a request and waits for the response headers. `range` is the value of a `Range` header.
    pub(super) fn send(
        &self,
        method: &Method,
        address: &Uri,
        range: Option<&str>,
    ) -> Result<Reply, Failure> {
        let unusable = |_| HubError::not_a_hub(address::host(address), "invalid address");
        let mut request = Request::builder()
            .method(method)
            .uri(address)
            // Length and hash apply to the uncompressed bytes.
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        if let Some(token) = self.token.as_ref().filter(|_| self.is_hub(address)) {
            request = request.header(header::AUTHORIZATION, token);
        }
        let mut request = request.body(()).map_err(unusable)?;
        if address::is_loopback(address) {
            request = self.agent.configure_request(request).proxy(None).build();
        }
        let (sender, chunks) = sync_channel(MAX_QUEUED_CHUNKS);
        let agent = self.agent.clone();
        std::thread::Builder::new()
            .name("hub".to_owned())
            .spawn(move || run(&agent, request, &sender))
            .map_err(|error| Failure::retryable(clean(&error.to_string())))?;
        match self.next(&chunks)? {
            Event::Head(status, headers) => Ok(Reply {
                address: address.clone(),
                status,
                headers,
                chunks,
            }),
            Event::Broken(reason) => Err(Failure::Retryable { reason, wait: None }),
            Event::Chunk(_) | Event::End => Err(Failure::retryable("no response headers")),
        }
    }

    /// The next chunk of a body; `None` at its end.
    pub(super) fn chunk(&self, reply: &Reply) -> Result<Option<Vec<u8>>, Failure> {
        match self.next(&reply.chunks)? {
            Event::Chunk(bytes) => Ok(Some(bytes)),
            Event::End => Ok(None),
            Event::Broken(reason) => Err(Failure::Retryable { reason, wait: None }),
            Event::Head(..) => Err(Failure::retryable("duplicate response headers")),
        }
    }

    fn next(&self, events: &Receiver<Event>) -> Result<Event, HubError> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(HubError::Cancelled);
            }
            match events.recv_timeout(POLL_INTERVAL) {
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Event::Broken("the request was dropped".to_owned()));
                }
            }
        }
    }
}

impl Drop for Client<'_> {
    /// Ends the thread of an abandoned request.
    fn drop(&mut self) {
        self.agent.clone().shutdown();
    }
}

impl Reply {
    /// A header's value, if present and valid text.
    pub(super) fn header(&self, name: &'static str) -> Option<&str> {
        let value = self.headers.get(HeaderName::from_static(name))?;
        value.to_str().ok().map(str::trim)
    }

    /// A header's value as a number.
    pub(super) fn number(&self, name: &'static str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    /// The target of a redirect.
    pub(super) fn redirect(&self) -> Result<Option<Uri>, HubError> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let refused = |reason| HubError::not_a_hub(address::host(&self.address), reason);
        let to = self
            .header("location")
            .and_then(|location| address::follow(&self.address, location))
            .ok_or_else(|| refused("redirect without a valid address"))?;
        if address::is_downgrade(&self.address, &to) {
            return Err(refused("redirect from https to http"));
        }
        Ok(Some(to))
    }
}

/// The request thread. The receiver may disappear at any moment.
fn run(agent: &Agent, request: Request<()>, events: &SyncSender<Event>) {
    let broken = |reason: String| {
        let _ = events.send(Event::Broken(clean(&reason)));
    };
    let response = match agent.run(request) {
        Ok(response) => response,
        Err(ureq::Error::Io(error)) => return broken(error.to_string()),
        Err(error) => return broken(error.to_string()),
    };
    let (head, body) = response.into_parts();
    if events
        .send(Event::Head(head.status.as_u16(), head.headers))
        .is_err()
    {
        return;
    }
    let mut reader = body.into_reader();
    let mut buffer = vec![0_u8; CHUNK_BYTES];
    loop {
        let event = match reader.read(&mut buffer) {
            Ok(0) => Event::End,
            Ok(count) => Event::Chunk(buffer.get(..count).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return broken(error.to_string()),
        };
        let last = matches!(event, Event::End);
        if events.send(event).is_err() || last {
            return;
        }
    }
}
