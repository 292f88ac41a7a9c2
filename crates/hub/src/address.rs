//! URLs of files on the hub and of redirects.
//!
//! Two URLs have the same origin if scheme, host and port agree. A token must only be sent to the hub's own origin.

use ureq::http::Uri;

use super::error::HubError;

/// The URL of a file at a revision. The names must have been checked with [`super::names`].
pub(super) fn of_file(
    endpoint: &str,
    repository: &str,
    revision: &str,
    file: &str,
) -> Result<Uri, HubError> {
    let endpoint = endpoint.trim_end_matches('/');
    // A revision is a single path segment, so its slashes are encoded.
    let revision = encode(revision, false);
    let text = format!(
        "{endpoint}/{repository}/resolve/{revision}/{}",
        encode(file, true)
    );
    text.parse()
        .ok()
        .filter(is_web)
        .ok_or_else(|| HubError::name("hub address", endpoint))
}

/// Resolves a `Location` header against `base`; `None` if the result is not an HTTP URL.
pub(super) fn follow(base: &Uri, location: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    let text = if is_absolute(location) {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = base
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    text.parse().ok().filter(is_web)
}

/// Whether it begins with a scheme (RFC 3986, section 3.1). A URL inside its query does not count.
fn is_absolute(location: &str) -> bool {
    location.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// Whether both have the same scheme, host and port.
pub(super) fn same_origin(one: &Uri, other: &Uri) -> bool {
    origin(one) == origin(other)
}

/// Whether a redirect from `from` to `to` would drop encryption.
pub(super) fn is_downgrade(from: &Uri, to: &Uri) -> bool {
    from.scheme_str() == Some("https") && to.scheme_str() != Some("https")
}

/// Whether the host is this machine, which is reached without a proxy.
pub(super) fn is_loopback(address: &Uri) -> bool {
    let host = address.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The host name, for messages.
pub(super) fn host(address: &Uri) -> &str {
    address.host().unwrap_or("the hub")
}

fn is_web(address: &Uri) -> bool {
    matches!(address.scheme_str(), Some("http" | "https"))
        && address.host().is_some_and(|host| !host.is_empty())
}

fn origin(address: &Uri) -> (Option<&str>, Option<String>, Option<u16>) {
    let scheme = address.scheme_str();
    let usual = match scheme {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    };
    (
        scheme,
        address.host().map(str::to_ascii_lowercase),
        address.port_u16().or(usual),
    )
}

fn encode(text: &str, keep_slash: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            b'/' if keep_slash => encoded.push('/'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn a_url_keeps_slashes_in_file_names_and_encodes_those_in_revisions() {
        let address = of_file("https://hub.example/", "a/b", "refs/pr/1", "c/d e.bin").unwrap();
        assert_eq!(
            address.to_string(),
            "https://hub.example/a/b/resolve/refs%2Fpr%2F1/c/d%20e.bin"
        );
        assert!(of_file("ftp://hub.example", "a/b", "main", "c").is_err());
        assert!(of_file("not an address", "a/b", "main", "c").is_err());
    }

    #[test]
    fn a_redirect_may_be_absolute_or_relative() {
        let base = uri("https://hub.example/a/b");
        for (location, leads) in [
            ("https://store.example/x?y=z", "https://store.example/x?y=z"),
            ("//store.example/x", "https://store.example/x"),
            ("/x", "https://hub.example/x"),
            ("x", "https://hub.example/a/x"),
            (
                "/x?u=https://other.example/y",
                "https://hub.example/x?u=https://other.example/y",
            ),
            (
                "x?u=https://y.example",
                "https://hub.example/a/x?u=https://y.example",
            ),
        ] {
            assert_eq!(follow(&base, location), Some(uri(leads)));
        }
        assert_eq!(follow(&base, "file:///etc/passwd"), None);
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let hub = uri("https://hub.example/a");
        assert!(same_origin(&hub, &uri("https://HUB.example:443/b")));
        assert!(!same_origin(&hub, &uri("https://hub.example:444/a")));
        assert!(!same_origin(&hub, &uri("http://hub.example/a")));
        assert!(!same_origin(&hub, &uri("https://hub.example.evil/a")));
        assert!(is_downgrade(&hub, &uri("http://hub.example/a")));
        assert!(is_loopback(&uri("http://127.0.0.1:80/")) && is_loopback(&uri("http://[::1]/")));
        assert!(!is_loopback(&hub));
    }
}
