//! One HTTP request at a time, which a raised cancel flag ends at once.
//!
//! The request runs on a thread of its own, so that a server that never answers cannot hold up the caller. Redirects are
//! not followed here: whoever does that decides anew, by [`Client::send`], whether the token may go there. Never send the
//! token to any origin but the endpoint's.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use super::address;
use super::error::{HubError, clean};
use super::patience::{LOOK, Patience, Trouble};
use rounds_support::Cancel;

/// Pieces of a body that may wait to be written.
const WAITING: usize = 8;
/// Longest piece in bytes.
const PIECE: usize = 128 << 10;
const CONNECT: Duration = Duration::from_secs(20);
/// Redirects that are followed for one file.
pub(super) const REDIRECTS: usize = 8;

/// A client for one file; dropping it closes its connections.
pub(super) struct Client<'a> {
    agent: Agent,
    /// The address asked first: only its origin gets the token.
    home: Uri,
    token: Option<HeaderValue>,
    cancel: &'a Cancel,
}

/// What a server answered; its body comes in pieces.
pub(super) struct Reply {
    pub(super) address: Uri,
    pub(super) status: u16,
    headers: HeaderMap,
    pieces: Receiver<Event>,
}

/// Part of an answer.
enum Event {
    Head(u16, HeaderMap),
    Piece(Vec<u8>),
    End,
    Broken(String),
}

impl<'a> Client<'a> {
    /// A client whose token goes to the origin of `home` only.
    pub(super) fn new(
        home: &Uri,
        token: Option<&str>,
        patience: Patience,
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
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(patience.silence))
            .timeout_per_write(Some(patience.silence))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            home: home.clone(),
            token,
            cancel,
        })
    }

    /// Whether an address is on the hub itself, not on a store that it redirects to.
    pub(super) fn is_home(&self, address: &Uri) -> bool {
        address::same_origin(&self.home, address)
    }

    /// The flag that ends its requests.
    pub(super) fn cancel(&self) -> &'a Cancel {
        self.cancel
    }

    /// Whether the hub gets a token.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Sends one request and waits for the head of its answer. `range` is the value of a `Range` header.
    pub(super) fn send(
        &self,
        method: &Method,
        address: &Uri,
        range: Option<&str>,
    ) -> Result<Reply, Trouble> {
        let unusable = |_| HubError::not_a_hub(address::host(address), "unusable address");
        let mut request = Request::builder()
            .method(method)
            .uri(address)
            // The bytes on the wire must be those that the hash and the length are of.
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        if let Some(token) = self.token.as_ref().filter(|_| self.is_home(address)) {
            request = request.header(header::AUTHORIZATION, token);
        }
        let mut request = request.body(()).map_err(unusable)?;
        if address::is_loopback(address) {
            request = self.agent.configure_request(request).proxy(None).build();
        }
        let (sender, pieces) = sync_channel(WAITING);
        let agent = self.agent.clone();
        std::thread::Builder::new()
            .name("hub".to_owned())
            .spawn(move || run(&agent, request, &sender))
            .map_err(|error| Trouble::again(clean(&error.to_string())))?;
        match self.next(&pieces)? {
            Event::Head(status, headers) => Ok(Reply {
                address: address.clone(),
                status,
                headers,
                pieces,
            }),
            Event::Broken(reason) => Err(Trouble::Again { reason, wait: None }),
            Event::Piece(_) | Event::End => Err(Trouble::again("no head of an answer")),
        }
    }

    /// The next piece of a body; `None` at its end.
    pub(super) fn piece(&self, reply: &Reply) -> Result<Option<Vec<u8>>, Trouble> {
        match self.next(&reply.pieces)? {
            Event::Piece(bytes) => Ok(Some(bytes)),
            Event::End => Ok(None),
            Event::Broken(reason) => Err(Trouble::Again { reason, wait: None }),
            Event::Head(..) => Err(Trouble::again("two heads of an answer")),
        }
    }

    fn next(&self, events: &Receiver<Event>) -> Result<Event, HubError> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(HubError::Cancelled);
            }
            match events.recv_timeout(LOOK) {
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
    /// Ends the thread of a request that nobody waits for any more.
    fn drop(&mut self) {
        self.agent.clone().shutdown();
    }
}

impl Reply {
    /// A header's value, if it has one that is text.
    pub(super) fn header(&self, name: &'static str) -> Option<&str> {
        let value = self.headers.get(HeaderName::from_static(name))?;
        value.to_str().ok().map(str::trim)
    }

    /// A header's value as a number of bytes or seconds.
    pub(super) fn number(&self, name: &'static str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    /// Where this answer redirects to.
    pub(super) fn redirect(&self) -> Result<Option<Uri>, HubError> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let refused = |reason| HubError::not_a_hub(address::host(&self.address), reason);
        let to = self
            .header("location")
            .and_then(|location| address::follow(&self.address, location))
            .ok_or_else(|| refused("it redirects to no address"))?;
        if address::is_downgrade(&self.address, &to) {
            return Err(refused("it redirects from https to http"));
        }
        Ok(Some(to))
    }
}

/// The thread: whoever waits may be gone at any moment.
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
    let mut buffer = vec![0_u8; PIECE];
    loop {
        let event = match reader.read(&mut buffer) {
            Ok(0) => Event::End,
            Ok(count) => Event::Piece(buffer.get(..count).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return broken(error.to_string()),
        };
        let last = matches!(event, Event::End);
        if events.send(event).is_err() || last {
            return;
        }
    }
}
