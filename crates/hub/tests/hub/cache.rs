//! A cache folder, a hub that is quick to try again, and the answers of a well-behaved server.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rounds_hub::{Hub, HubError, RetryPolicy};
use rounds_support::Cancel;
use rounds_support::files::sha256_hex;

use super::server::{Answer, Asked, Server};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const REPOSITORY: &str = "team/model";
pub const FILE: &str = "weights.bin";

/// Bytes that do not repeat at any power of two.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

/// A hub's answer for a large file: hash and length are known, ranges are.
pub fn answer(asked: &Asked, content: &[u8]) -> Answer {
    let from = asked.range().filter(|_| asked.method == "GET").unwrap_or(0);
    let all = content.len();
    let described = |status| {
        Answer::new(status)
            .header("X-Repo-Commit", COMMIT)
            .header("X-Linked-Etag", format!("\"{}\"", sha256_hex(content)))
            .header("X-Linked-Size", all)
            .header("ETag", "W/\"small\"")
    };
    match from {
        0 => described(200).body(content),
        _ if from >= all => described(416).header("Content-Range", format!("bytes */{all}")),
        _ => described(206)
            .header("Content-Range", format!("bytes {from}-{}/{all}", all - 1))
            .body(&content[from..]),
    }
}

/// A server of one file.
pub fn serve(content: &[u8]) -> Server {
    serve_spoiled(content, 0, |_| {})
}

/// A server of one file that spoils its answers to the first `times` questions for the content.
pub fn serve_spoiled(
    content: &[u8],
    times: usize,
    spoil: impl Fn(&mut Answer) + Send + Sync + 'static,
) -> Server {
    let (content, gets) = (content.to_vec(), AtomicUsize::new(0));
    Server::start(move |asked| {
        let mut answer = answer(asked, &content);
        if asked.method == "GET" && gets.fetch_add(1, Ordering::SeqCst) < times {
            spoil(&mut answer);
        }
        answer
    })
}

/// A cache folder and a hub that is quick to try again.
pub struct TestCache {
    pub folder: tempfile::TempDir,
    pub cancel: Cancel,
    /// How long the hub waits for a server; short only where that is what is tested, for a busy machine is silent too.
    pub read_timeout: Duration,
}

impl TestCache {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            cancel: Cancel::new(),
            read_timeout: Duration::from_secs(30),
        }
    }

    pub fn hub(&self, endpoint: &str, token: Option<&str>, offline: bool) -> Hub {
        let token = token.map(str::to_owned);
        Hub::new(endpoint, self.folder.path(), token, offline).with_retry_policy(RetryPolicy {
            first_wait: Duration::from_millis(1),
            read_timeout: self.read_timeout,
            ..RetryPolicy::default()
        })
    }

    pub fn get(&self, server: &Server, expected: Option<&str>) -> Result<PathBuf, HubError> {
        let hub = self.hub(&server.address, Some("secret"), false);
        hub.file(
            REPOSITORY,
            "main",
            FILE,
            expected,
            &self.cancel,
            &mut |_| {},
        )
    }

    pub fn repo_folder(&self) -> PathBuf {
        self.folder.path().join("models--team--model")
    }

    /// The files in `blobs/`.
    pub fn blobs(&self) -> Vec<String> {
        let Ok(folder) = fs::read_dir(self.repo_folder().join("blobs")) else {
            return Vec::new();
        };
        let mut names: Vec<String> = folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Puts bytes where an earlier, interrupted run would have left them.
    pub fn leave(&self, etag: &str, bytes: &[u8]) -> PathBuf {
        let blobs = self.repo_folder().join("blobs");
        fs::create_dir_all(&blobs).unwrap();
        let path = blobs.join(format!("{etag}.incomplete"));
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// A hub that does not say how long a small file is; its etag is no hash of the content.
pub fn without_length(asked: &Asked, content: &[u8]) -> Answer {
    let mut answer = answer(asked, content);
    answer
        .headers
        .retain(|(name, _)| !name.starts_with("X-Linked"));
    answer.length = false;
    answer
}
