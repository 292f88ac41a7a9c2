//! Whole, interrupted, resumed and cancelled transfers.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use rounds_hub::{HubError, Progress};
use rounds_support::files::sha256_hex;

use super::cache::{
    COMMIT, FILE, REPOSITORY, TestCache, answer, content, serve, serve_spoiled, without_length,
};
use super::server::{Answer, Asked, Server};

#[test]
fn a_file_is_fetched_once_and_lies_where_every_hub_client_looks() {
    let whole = content(300_000);
    let sha256 = sha256_hex(&whole);
    let server = serve(&whole);
    let cache = TestCache::new();
    let hub = cache.hub(&server.address, None, false);
    let mut last = (0, None);
    let mut progress = |now: Progress<'_>| {
        assert_eq!(now.file, FILE);
        assert!(now.done >= last.0);
        last = (now.done, now.total);
    };
    let fetch = |progress: &mut dyn FnMut(Progress<'_>)| {
        hub.fetch(REPOSITORY, "main", FILE, None, &cache.cancel, progress)
    };
    let first = fetch(&mut progress).unwrap();
    assert_eq!(last, (300_000, Some(300_000)));
    assert_eq!(fs::read(&first.path).unwrap(), whole);
    assert_eq!((first.commit.as_str(), first.size), (COMMIT, 300_000));
    assert!(first.sha256 == sha256 && !first.from_cache);
    let snapshot = cache
        .repo_folder()
        .join("snapshots")
        .join(COMMIT)
        .join(FILE);
    assert_eq!(first.path, snapshot);
    #[cfg(unix)]
    assert_eq!(
        fs::read_link(&snapshot).unwrap(),
        Path::new("../../blobs").join(&sha256)
    );
    assert_eq!(cache.blobs(), [sha256.as_str()]);
    let commit = fs::read_to_string(cache.repo_folder().join("refs/main")).unwrap();
    assert_eq!(commit, COMMIT);
    let paths: Vec<String> = server.seen().into_iter().map(|a| a.path).collect();
    assert_eq!(paths, vec!["/team/model/resolve/main/weights.bin"; 2]);

    let second = fetch(&mut |_| {}).unwrap();
    assert!(second.from_cache && second.sha256 == sha256);
    assert_eq!(cache.get(&server, Some(&sha256)).unwrap(), snapshot);
    assert_eq!(server.seen().len(), 2, "the network was asked again");
}

#[test]
fn an_interrupted_transfer_goes_on_where_it_stopped() {
    let whole = content(500_000);
    let server = serve_spoiled(&whole, 2, |answer| answer.cut = Some(100_000));
    let cache = TestCache::new();
    let path = cache.get(&server, None).unwrap();
    assert_eq!(fs::read(path).unwrap(), whole);
    let ranges: Vec<_> = server.seen().iter().filter_map(Asked::range).collect();
    assert_eq!(ranges, [100_000, 200_000]);
}

#[test]
fn a_server_that_falls_silent_is_asked_again() {
    let whole = content(50_000);
    let server = serve_spoiled(&whole, 1, |answer| answer.silent_after = Some(10_000));
    let cache = TestCache {
        read_timeout: Duration::from_millis(500),
        ..TestCache::new()
    };
    assert_eq!(fs::read(cache.get(&server, None).unwrap()).unwrap(), whole);
    let seen = server.seen();
    assert!(seen.iter().any(|asked| asked.range() == Some(10_000)));
}

#[test]
fn a_transfer_that_never_gets_through_is_given_up_after_five_new_tries() {
    let whole = content(1000);
    let server = Server::start(move |asked| match asked.method.as_str() {
        "HEAD" => answer(asked, &whole),
        _ => Answer::new(503),
    });
    let error = TestCache::new().get(&server, None).unwrap_err();
    assert!(matches!(error, HubError::Network { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "cannot download from 127.0.0.1: the server returned status 503"
    );
    assert_eq!(server.count("GET"), 6);
}

#[test]
fn what_an_earlier_run_left_is_gone_on_with() {
    let whole = content(1000);
    let server = serve(&whole);
    let cache = TestCache::new();
    cache.leave(&sha256_hex(&whole), &whole[..400]);
    assert_eq!(fs::read(cache.get(&server, None).unwrap()).unwrap(), whole);
    assert_eq!(server.seen().last().unwrap().range(), Some(400));

    // Whole already: only its hash is wanted.
    let cache = TestCache::new();
    cache.leave(&sha256_hex(&whole), &whole);
    let gets = server.count("GET");
    assert_eq!(fs::read(cache.get(&server, None).unwrap()).unwrap(), whole);
    assert_eq!(server.count("GET"), gets);

    // Longer than the file can be: begun anew.
    let cache = TestCache::new();
    cache.leave(&sha256_hex(&whole), &content(2000));
    assert_eq!(fs::read(cache.get(&server, None).unwrap()).unwrap(), whole);
}

#[test]
fn a_server_that_ignores_ranges_is_begun_anew() {
    let whole = content(200_000);
    let served = whole.clone();
    let gets = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        let mut all = asked.clone();
        all.headers.remove("range");
        let mut answer = answer(&all, &served);
        if asked.method == "GET" && gets.fetch_add(1, Ordering::SeqCst) == 0 {
            answer.cut = Some(150_000);
        }
        answer
    });
    let cache = TestCache::new();
    assert_eq!(fs::read(cache.get(&server, None).unwrap()).unwrap(), whole);
    assert_eq!(server.seen().last().unwrap().range(), Some(150_000));
}

#[test]
fn a_refused_range_means_that_the_file_is_whole_or_begins_anew() {
    let whole = content(1000);
    for left in [1000, 1500] {
        let served = whole.clone();
        let server = Server::start(move |asked| without_length(asked, &served));
        let cache = TestCache::new();
        cache.leave("small", &content(left));
        assert_eq!(fs::read(cache.get(&server, None).unwrap()).unwrap(), whole);
        let begun_anew = server.seen().last().unwrap().range().is_none();
        assert_eq!(begun_anew, left == 1500);
        assert_eq!(cache.blobs(), ["small"]);
    }
}

#[test]
fn a_file_of_unknown_length_ends_where_the_server_ends() {
    for length in [0, 70_000] {
        let whole = content(length);
        let served = whole.clone();
        let server = Server::start(move |asked| without_length(asked, &served));
        let cache = TestCache::new();
        let path = cache.get(&server, Some(&sha256_hex(&whole))).unwrap();
        assert_eq!(fs::read(path).unwrap(), whole);
    }
}

#[test]
fn a_server_without_head_is_asked_by_get() {
    let whole = content(1000);
    let served = whole.clone();
    let server = Server::start(move |asked| match asked.method.as_str() {
        "HEAD" => Answer::new(405),
        _ => answer(asked, &served),
    });
    let cache = TestCache::new();
    assert_eq!(fs::read(cache.get(&server, None).unwrap()).unwrap(), whole);
    assert_eq!(server.count("HEAD"), 1);
}

/// Longer than any machine is busy.
const SILENCE: Duration = Duration::from_secs(600);

/// With a hub so patient that only the flag can end what it waits for.
fn patient() -> TestCache {
    TestCache {
        read_timeout: SILENCE,
        ..TestCache::new()
    }
}

#[test]
fn a_cancelled_transfer_stops_at_once_and_keeps_what_it_has() {
    let whole = content(100_000);
    let server = serve_spoiled(&whole, 1, |answer| answer.silent_after = Some(40_000));
    let cache = patient();
    let hub = cache.hub(&server.address, None, false);
    let cancel = cache.cancel.clone();
    let mut raised = None;
    let mut progress = |now: Progress<'_>| {
        if now.done == 40_000 {
            raised = Some(Instant::now());
            cancel.cancel();
        }
    };
    let error = hub
        .file(REPOSITORY, "main", FILE, None, &cache.cancel, &mut progress)
        .unwrap_err();
    assert_eq!(error, HubError::Cancelled);
    assert!(raised.unwrap().elapsed() < SILENCE / 2);
    let left = cache
        .repo_folder()
        .join(format!("blobs/{}.incomplete", sha256_hex(&whole)));
    assert_eq!(fs::read(left).unwrap(), whole[..40_000]);
    cache.cancel.reset();
    assert_eq!(fs::read(cache.get(&server, None).unwrap()).unwrap(), whole);
    assert_eq!(server.seen().last().unwrap().range(), Some(40_000));
}

#[test]
fn a_server_that_never_answers_can_be_cancelled() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let cache = patient();
    let hub = cache.hub(&address, None, false);
    let cancel = cache.cancel.clone();
    let raise = std::thread::spawn(move || {
        let asking = listener.accept().unwrap();
        cancel.cancel();
        asking
    });
    let started = Instant::now();
    let error = hub
        .file(REPOSITORY, "main", FILE, None, &cache.cancel, &mut |_| {})
        .unwrap_err();
    assert_eq!(error, HubError::Cancelled);
    assert!(started.elapsed() < SILENCE / 2);
    drop(raise.join().unwrap());
}

#[test]
fn two_pulls_at_once_transfer_a_file_once() {
    let whole = content(200_000);
    let (served, all_asked) = (whole.clone(), Barrier::new(3));
    let server = Arc::new(Server::start(move |asked| {
        // Nobody has the file before everybody wants it.
        if asked.method == "HEAD" {
            all_asked.wait();
        }
        answer(asked, &served)
    }));
    let cache = Arc::new(TestCache::new());
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (server, cache) = (server.clone(), cache.clone());
            std::thread::spawn(move || cache.get(&server, None).unwrap())
        })
        .collect();
    for thread in threads {
        assert_eq!(fs::read(thread.join().unwrap()).unwrap(), whole);
    }
    assert_eq!(server.count("GET"), 1);
}
