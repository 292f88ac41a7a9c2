//! Wrong contents and lengths, damaged files, full disks.

use std::fs;
use std::path::Path;

use rounds_hub::HubError;
use rounds_support::Hint;
use rounds_support::files::sha256_hex;

use super::cache::{TestCache, answer, content, serve, without_length};
use super::server::Server;

#[test]
fn a_content_that_is_not_its_etag_is_deleted() {
    let whole = content(1000);
    let server = Server::start(move |asked| {
        let mut answer = answer(asked, &whole);
        if let Some(byte) = answer.body.first_mut() {
            *byte ^= 1;
        }
        answer
    });
    let cache = TestCache::new();
    let error = cache.get(&server, None).unwrap_err();
    assert!(matches!(error, HubError::HashMismatch { .. }), "{error}");
    assert_eq!(cache.blobs(), [""; 0]);
    assert!(!cache.repo_folder().join("refs/main").exists());
}

#[test]
fn a_content_that_is_not_expected_is_refused_as_early_as_can_be() {
    let whole = content(1000);
    let server = serve(&whole);
    let cache = TestCache::new();
    let other = sha256_hex(b"other");
    let error = cache.get(&server, Some(&other)).unwrap_err();
    assert!(matches!(error, HubError::HashMismatch { .. }), "{error}");
    assert!(error.hint().unwrap().contains("pins.toml"));
    assert_eq!(server.count("GET"), 0, "it came although its etag told");

    // A small file's etag tells nothing.
    let server = Server::start(move |asked| without_length(asked, &whole));
    let error = cache.get(&server, Some(&other)).unwrap_err();
    assert!(matches!(error, HubError::HashMismatch { .. }), "{error}");
    assert_eq!(cache.blobs(), [""; 0]);
    let error = cache.get(&server, Some("not a hash")).unwrap_err();
    assert!(matches!(error, HubError::Name { .. }), "{error}");
}

#[test]
fn a_damaged_file_in_the_cache_is_found_out_and_deleted() {
    let whole = content(1000);
    let (server, sha256) = (serve(&whole), sha256_hex(&whole));
    let cache = TestCache::new();
    let path = cache.get(&server, None).unwrap();
    fs::write(&path, content(999)).unwrap();
    let error = cache.get(&server, Some(&sha256)).unwrap_err();
    assert!(matches!(error, HubError::HashMismatch { .. }), "{error}");
    assert_eq!(cache.blobs(), [""; 0]);
    assert_eq!(
        fs::read(cache.get(&server, Some(&sha256)).unwrap()).unwrap(),
        whole
    );

    // Another expectation says nothing against the file, which somebody else may use.
    let error = cache.get(&server, Some(&sha256_hex(b"x"))).unwrap_err();
    assert!(matches!(error, HubError::HashMismatch { .. }), "{error}");
    assert_eq!(cache.blobs(), [sha256.as_str()]);
}

/// Somebody put a link to a copy of their own into the cache.
#[test]
#[cfg(unix)]
fn a_wrong_file_outside_the_cache_is_named_and_never_deleted() {
    let whole = content(1000);
    let (served, sha256) = (whole.clone(), sha256_hex(&whole));
    let server = Server::start(move |asked| answer(asked, &served));
    let cache = TestCache::new();
    let path = cache.get(&server, None).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    // By any name, and by one that looks like a blob's.
    for name in ["my own.bin", sha256.as_str()] {
        let own = elsewhere.path().join(name);
        fs::write(&own, b"another version").unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&own, &path).unwrap();
        let error = cache.get(&server, Some(&sha256)).unwrap_err();
        assert!(matches!(error, HubError::OutsideCache { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint().unwrap().contains("weights.bin"));
        assert_eq!(fs::read(&own).unwrap(), b"another version");
        assert!(fs::symlink_metadata(&path).is_ok());
    }
}

#[test]
fn a_length_that_is_not_the_announced_one_is_refused() {
    // Shorter and honest about it, longer and honest, longer without a word.
    for (length, says) in [(900, true), (1100, true), (1100, false)] {
        let whole = content(1000);
        let server = Server::start(move |asked| {
            let mut answer = answer(asked, &whole);
            if asked.method == "GET" {
                answer.body = content(length);
                answer.length = says;
            }
            answer
        });
        let cache = TestCache::new();
        let error = cache.get(&server, None).unwrap_err();
        assert!(
            matches!(error, HubError::LengthMismatch { expected: 1000, .. }),
            "{error}"
        );
        assert_eq!(cache.blobs(), [""; 0]);
        assert_eq!(server.count("GET"), 1);
    }
}

#[test]
fn a_file_that_does_not_fit_is_refused_before_it_comes() {
    if rounds_support::free_space(Path::new(".")).is_none() {
        eprintln!("skipped: this system does not say how much space is free");
        return;
    }
    let server = Server::start(|asked| {
        let mut answer = answer(asked, b"x");
        answer.headers.retain(|(name, _)| *name != "X-Linked-Size");
        answer.header("X-Linked-Size", 1_u64 << 60)
    });
    let error = TestCache::new().get(&server, None).unwrap_err();
    assert!(matches!(error, HubError::NoSpace { .. }), "{error}");
    assert!(error.hint().unwrap().contains("HF_HOME"));
    assert_eq!(server.count("GET"), 0);
}

#[test]
fn a_disk_that_fills_up_is_an_error_that_keeps_the_partial_file() {
    #[cfg(target_os = "linux")]
    {
        let whole = content(100_000);
        let sha256 = sha256_hex(&whole);
        let server = serve(&whole);
        let cache = TestCache::new();
        let left = cache.leave(&sha256, b"");
        fs::remove_file(&left).unwrap();
        // A device that takes nothing stands in for a full disk.
        std::os::unix::fs::symlink("/dev/full", &left).unwrap();
        let error = cache.get(&server, None).unwrap_err();
        assert!(error.to_string().starts_with("no space left"), "{error}");
        assert!(error.hint().unwrap().contains("HF_HOME"));
        assert!(fs::symlink_metadata(&left).is_ok());
        assert_eq!(server.count("GET"), 1, "a full disk was tried again");
    }
    #[cfg(not(target_os = "linux"))]
    eprintln!("skipped: no /dev/full here");
}
