//! The cache without the network, and whole models with their pins.

use std::fs;

use rounds_hub::{CatalogueFile, Entry, Family, HubError, Licence, Pins, Role, Source, pull};
use rounds_support::Hint;
use rounds_support::files::sha256_hex;

use super::cache::{COMMIT, FILE, REPOSITORY, TestCache, answer, content, serve};
use super::server::{Answer, Asked, Server};

/// A model with a tokenizer, a file that the hub may lack, and weights in two shards.
fn entry() -> Entry {
    let file = |name: &str, optional| CatalogueFile {
        name: name.to_owned(),
        size: None,
        sha256: None,
        optional,
    };
    Entry {
        name: "cache".to_owned(),
        about: String::new(),
        family: Family::FlamingoV2,
        gated_every: Some(4),
        trained_parameters: None,
        licence: Licence {
            text: String::new(),
            pages: Vec::new(),
        },
        sources: vec![Source {
            role: Role::Language,
            repository: REPOSITORY.to_owned(),
            revision: "main".to_owned(),
            weights: true,
            files: vec![file("tokenizer.json", false), file("extra.json", true)],
        }],
    }
}

/// A hub with a small model; `shard` is the content of its second shard.
fn model(shard: &'static [u8]) -> Server {
    Server::start(move |asked| {
        let index = br#"{"weight_map": {"a": "one.bin", "b": "two.bin", "c": "one.bin"}}"#;
        match asked.path.rsplit('/').next().unwrap() {
            "tokenizer.json" => answer(asked, b"{}"),
            "pytorch_model.bin.index.json" => answer(asked, index),
            "one.bin" => answer(asked, b"one"),
            "two.bin" => answer(asked, shard),
            _ => Answer::new(404),
        }
    })
}

#[test]
fn offline_only_the_cache_is_used() {
    let whole = content(1000);
    let server = serve(&whole);
    let cache = TestCache::new();
    let hub = cache.hub(&server.address, None, true);
    let get = |revision: &str, expected: Option<&str>| {
        hub.file(
            REPOSITORY,
            revision,
            FILE,
            expected,
            &cache.cancel,
            &mut |_| {},
        )
    };
    let error = get("main", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "weights.bin of team/model is not cached, and HF_HUB_OFFLINE is set"
    );
    assert!(error.hint().unwrap().contains("HF_HUB_OFFLINE"));
    assert_eq!(server.seen().len(), 0);
    let path = cache.get(&server, None).unwrap();
    let asked = server.seen().len();
    for revision in ["main", COMMIT] {
        assert_eq!(get(revision, Some(&sha256_hex(&whole))).unwrap(), path);
        assert_eq!(hub.cached(REPOSITORY, revision, FILE), Some(path.clone()));
    }
    assert!(matches!(get("other", None), Err(HubError::Offline { .. })));
    assert_eq!(server.seen().len(), asked);
}

#[test]
fn a_model_is_pulled_at_one_commit_and_its_files_are_pinned() {
    let server = model(b"two");
    let cache = TestCache::new();
    let data = tempfile::tempdir().unwrap();
    let mut pins = Pins::open(data.path()).unwrap();
    let hub = cache.hub(&server.address, None, false);
    let pulled = pull(&hub, &entry(), &mut pins, &cache.cancel, &mut |_| {}).unwrap();
    assert_eq!(pulled[0].role, Role::Language);
    assert_eq!(pulled[0].commit, COMMIT);
    assert_eq!(pulled[0].weights, ["one.bin", "two.bin"]);
    assert_eq!(fs::read(pulled[0].folder.join("two.bin")).unwrap(), b"two");
    assert!(pulled[0].files.contains_key("tokenizer.json"));
    assert!(!pulled[0].files.contains_key("extra.json"));
    let seen = server.seen();
    let (first, rest) = seen.split_at(2);
    assert!(first.iter().all(|a| a.path.contains("/resolve/main/")));
    assert!(rest.iter().all(|a| a.path.contains(COMMIT)));

    let pins_now = Pins::open(data.path()).unwrap();
    let pinned = pins_now.expected(REPOSITORY, "main", "two.bin");
    assert_eq!(pinned, Some(sha256_hex(b"two").as_str()));

    // Again from the cache, without the network.
    let offline = cache.hub(&server.address, None, true);
    let again = pull(&offline, &entry(), &mut pins, &cache.cancel, &mut |_| {}).unwrap();
    assert_eq!(again[0].folder, pulled[0].folder);
    assert_eq!(again[0].files.len(), pulled[0].files.len());

    // The same branch with another content is refused, on a machine with an empty cache too.
    let server = model(b"evil");
    let cache = TestCache::new();
    let hub = cache.hub(&server.address, None, false);
    let error = pull(&hub, &entry(), &mut pins, &cache.cancel, &mut |_| {}).unwrap_err();
    assert!(
        matches!(&error, HubError::HashMismatch { file, .. } if file == "two.bin"),
        "{error}"
    );
    let came = |asked: &Asked| asked.method == "GET" && asked.path.ends_with("two.bin");
    assert!(!server.seen().iter().any(came), "it came although pinned");
}

#[test]
fn a_length_that_is_not_the_catalogues_is_refused() {
    let server = model(b"two");
    let cache = TestCache::new();
    let data = tempfile::tempdir().unwrap();
    let mut pins = Pins::open(data.path()).unwrap();
    let mut entry = entry();
    entry.sources[0].files[0].size = Some(3);
    let hub = cache.hub(&server.address, None, false);
    let error = pull(&hub, &entry, &mut pins, &cache.cancel, &mut |_| {}).unwrap_err();
    assert!(matches!(
        error,
        HubError::LengthMismatch {
            expected: 3,
            found: 2,
            ..
        }
    ));
}
