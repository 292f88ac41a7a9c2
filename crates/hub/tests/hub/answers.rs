//! Redirects, refusals and hostile answers, and where the token goes.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use rounds_hub::HubError;
use rounds_support::Hint;

use super::cache::{COMMIT, FILE, REPOSITORY, TestCache, answer, content};
use super::server::{Answer, Asked, Server};

#[test]
fn the_token_follows_a_redirect_on_the_hub_and_goes_to_no_other_host() {
    let whole = content(20_000);
    let stored = whole.clone();
    let store = Server::start(move |asked| {
        let mut answer = answer(asked, &stored);
        answer.headers.clear();
        answer
    });
    let (served, elsewhere) = (whole.clone(), format!("{}/store?a=b", store.address));
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/here" => {
            let mut answer = answer(asked, &served).header("Location", &elsewhere);
            (answer.status, answer.body) = (302, Vec::new());
            answer
        }
        _ => Answer::new(307).header("Location", "/here"),
    });
    let cache = TestCache::new();
    let path = cache.get(&server, None).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert!(path.to_string_lossy().contains(COMMIT));
    let token = |asked: &Asked| asked.headers.get("authorization").cloned();
    assert_eq!(server.seen().len(), 4);
    for asked in server.seen() {
        assert_eq!(token(&asked).as_deref(), Some("Bearer secret"));
    }
    let asked = store.seen();
    assert_eq!(asked.len(), 1, "the store was asked before it had to be");
    assert_eq!(token(&asked[0]), None);
}

#[test]
fn a_commit_that_only_a_store_names_is_not_believed() {
    let store = Server::start(|asked| answer(asked, b"x"));
    let elsewhere = format!("{}/x", store.address);
    let server = Server::start(move |_| Answer::new(302).header("Location", &elsewhere));
    let error = TestCache::new().get(&server, None).unwrap_err();
    assert!(matches!(error, HubError::NotAHub { .. }), "{error}");
    assert_eq!(store.count("HEAD"), 1);
}

#[test]
fn a_link_to_the_store_that_has_run_out_is_asked_for_again() {
    let whole = content(1000);
    let (stored, refused) = (whole.clone(), AtomicUsize::new(0));
    let store = Server::start(move |asked| match refused.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::new(403),
        _ => answer(asked, &stored),
    });
    let (served, elsewhere) = (whole.clone(), store.address.clone());
    let server = Server::start(move |asked| {
        let mut answer = answer(asked, &served).header("Location", format!("{elsewhere}/x"));
        answer.status = 302;
        answer
    });
    let cache = TestCache::new();
    assert_eq!(fs::read(cache.get(&server, None).unwrap()).unwrap(), whole);
    assert_eq!(server.count("GET"), 2);
}

#[test]
fn a_redirect_without_end_is_left() {
    let server = Server::start(|_| Answer::new(302).header("Location", "/again"));
    let error = TestCache::new().get(&server, None).unwrap_err();
    assert!(error.to_string().ends_with("too many redirects"), "{error}");
}

#[test]
fn a_hub_that_cannot_be_reached_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let cache = TestCache::new();
    let hub = cache.hub(&address, None, false);
    let error = hub
        .file(REPOSITORY, "main", FILE, None, &cache.cancel, &mut |_| {})
        .unwrap_err();
    assert!(matches!(&error, HubError::Network { host, .. } if host == "127.0.0.1"));
    assert!(error.hint().unwrap().contains("HF_ENDPOINT"));
}

#[test]
fn a_refusal_says_what_to_do_and_is_not_tried_again() {
    let server = Server::start(|asked| {
        let status = match asked.headers.get("authorization") {
            Some(_) => 403,
            None => 401,
        };
        Answer::new(status).header("X-Error-Message", "Access is\trestricted")
    });
    let cache = TestCache::new();
    let hub = cache.hub(&server.address, None, false);
    let error = hub
        .file(REPOSITORY, "main", FILE, None, &cache.cancel, &mut |_| {})
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "access to team/model was denied (status 401): Access is restricted"
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains("licence") && hint.contains("set HF_TOKEN"));
    let error = cache.get(&server, None).unwrap_err();
    assert!(matches!(
        error,
        HubError::Unauthorised {
            status: 403,
            token_sent: true,
            ..
        }
    ));
    assert!(!error.to_string().contains("secret") && !format!("{hub:?}").contains("secret"));
    assert_eq!(server.seen().len(), 2, "a refusal was asked again");
}

#[test]
fn an_escape_sequence_in_an_answer_never_shows() {
    for text in ["a\u{1B}[31mb", "a\u{9B}31mb", "a\u{202E}b"] {
        for name in [
            "X-Error-Message",
            "X-Linked-Etag",
            "X-Repo-Commit",
            "Location",
        ] {
            for status in [200, 302, 404] {
                let server = Server::start(move |_| Answer::new(status).header(name, text));
                let error = TestCache::new().get(&server, None).unwrap_err().to_string();
                assert!(
                    !error.contains(['\u{1B}', '\u{9B}', '\u{202E}']),
                    "{error:?}"
                );
            }
        }
    }
}

#[test]
fn a_file_that_the_hub_lacks_is_named() {
    let server = Server::start(|_| Answer::new(404).header("X-Error-Message", "Entry not found"));
    let error = TestCache::new().get(&server, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the hub has no weights.bin in team/model at main: Entry not found"
    );
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn names_from_the_server_that_leave_the_cache_are_refused() {
    for (name, value) in [
        ("X-Linked-Etag", "\"../../../evil\""),
        ("X-Linked-Etag", "\"a.b\""),
        ("X-Linked-Etag", ""),
        ("X-Repo-Commit", "../evil"),
        ("X-Repo-Commit", ".."),
    ] {
        let whole = content(10);
        let server = Server::start(move |asked| {
            let mut answer = answer(asked, &whole);
            answer.headers.retain(|(there, _)| *there != name);
            answer.header(name, value)
        });
        let cache = TestCache::new();
        let error = cache.get(&server, None).unwrap_err();
        assert!(matches!(error, HubError::Name { .. }), "{error}");
        assert_eq!(fs::read_dir(cache.folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_server_that_is_no_hub_is_told_apart() {
    let server = Server::start(|_| Answer::new(200).body(b"<html>"));
    let error = TestCache::new().get(&server, None).unwrap_err();
    assert!(matches!(error, HubError::NotAHub { .. }), "{error}");
}

#[test]
fn names_and_tokens_that_no_hub_has_are_refused_before_anything_is_sent() {
    let cache = TestCache::new();
    let server = Server::start(|_| Answer::new(500));
    let hub = cache.hub(&server.address, Some("two\nlines"), false);
    let get = |repository: &str, revision: &str, file: &str| {
        hub.file(repository, revision, file, None, &cache.cancel, &mut |_| {})
            .unwrap_err()
    };
    assert_eq!(get(REPOSITORY, "main", FILE), HubError::Token);
    for (repository, revision, file) in [
        ("../x", "main", "f"),
        ("a/b", "..", "f"),
        ("a/b", "main", "../f"),
    ] {
        assert!(matches!(
            get(repository, revision, file),
            HubError::Name { .. }
        ));
    }
    assert_eq!(server.seen().len(), 0);
}
