//! The program as a process: a home folder of its own, its commands and how they ended.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rounds_assistant::Setup;
use serde_json::Value;

pub mod fixtures;

/// The program under test. Start it with [`on_fixtures`].
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_rounds");
/// A sample case of the fixtures, relative to the repository's root.
pub const CASE: &str = "tests/fixtures/cases/chest-nodule.png";
/// What every answer and export says once.
pub const INTENDED_USE: &str = "education and research only, not for diagnosis";

/// Variables of the program that name what to take for the model, index and sample cases that ship, with the fixtures.
const REPLACEMENTS: [(&str, &str); 3] = [
    ("ROUNDS_SHIPPED_MODEL", "nano"),
    ("ROUNDS_SHIPPED_INDEX", "index"),
    ("ROUNDS_SHIPPED_CASES", "cases"),
];

/// Lets the program, or what `command` starts it with, take the fixtures for what ships. So tests do not depend on what
/// that is.
pub fn on_fixtures(command: &mut Command) -> &mut Command {
    for (variable, fixture) in REPLACEMENTS {
        command.env(variable, fixtures::path(fixture));
    }
    command
}

/// Lets the program take what really ships.
pub fn on_what_ships(command: &mut Command) -> &mut Command {
    for (variable, _) in REPLACEMENTS {
        command.env_remove(variable);
    }
    command
}

/// The fixtures for an assistant of this process. Nothing may be written to them: a test that does takes a copy.
pub fn setup() -> Setup {
    Setup {
        model: Some(fixtures::path("nano")),
        index: Some(fixtures::path("index")),
        device: "cpu".into(),
        ..Setup::default()
    }
}

/// A command of the program on the fixtures, with this home folder, in the repository's root. All three standard streams
/// are pipes.
pub fn rounds(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    on_fixtures(&mut command)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("ROUNDS_HOME", home)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end with this text on standard input. The program may end before it has read everything.
pub fn feed(mut command: Command, input: &str) -> Output {
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.as_bytes().to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the input is written or refused");
    output
}

/// Exit code (-1 after a signal), standard output and standard error of a command.
pub fn run(home: &Path, arguments: &[&str]) -> (i32, String, String) {
    ended(&feed(rounds(home, arguments), ""))
}

/// Exit code (-1 after a signal), standard output and standard error.
pub fn ended(output: &Output) -> (i32, String, String) {
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8"),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// What a command that succeeded printed.
#[track_caller]
pub fn ok(output: &Output) -> String {
    let (code, out, _) = ended(output);
    assert_eq!(code, 0, "{output:?}");
    out
}

/// One object on each line.
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("every line of stdout is JSON"))
        .collect()
}

/// The same home for tests that leave nothing in it that another could meet.
pub fn shared_home() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("home")
}

/// A home folder that goes with the test.
pub struct Home {
    pub folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        rounds(self.folder.path(), arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.feed(arguments, "")
    }

    pub fn feed(&self, arguments: &[&str], input: &str) -> Output {
        feed(self.command(arguments), input)
    }

    /// Writes the settings file.
    pub fn settings(&self, text: &str) {
        std::fs::create_dir_all(self.path("config")).expect("a folder");
        std::fs::write(self.path("config/config.toml"), text).expect("written");
    }
}

/// Sends SIGINT from another process, as a terminal does.
pub fn interrupt(child: &Child) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status();
    assert!(sent.expect("sh").success());
}
