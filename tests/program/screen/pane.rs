//! A tmux server of its own with one pane, and a program in it that is typed into and looked at.
//!
//! Nothing here waits for a length of time and then believes: every look has a deadline and fails with the screen that it saw.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::{PROGRAM, on_fixtures};

/// Far more than anything takes: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(120);
/// Looks before a deadline counts.
const LEAST_LOOKS: usize = 400;
const PAUSE: Duration = Duration::from_millis(25);
/// Settings of an answer that goes on for seconds, so that there is time to interrupt it. This hot, all tokens are equally
/// likely, so the seed alone says that the first to stop at comes late.
pub const LONG: [&str; 6] = [
    "--temperature",
    "100",
    "--max-new-tokens",
    "900",
    "--strategy",
    "none",
];

/// Whether there is a tmux. Where there is none this says so, and fails where `CI` is set.
pub fn there_is_tmux() -> bool {
    if Command::new("tmux").arg("-V").output().is_ok() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "tmux not found: install it"
    );
    // Past the test harness, which shows nothing of a test that passes.
    let _ = writeln!(std::io::stderr(), "tmux not found: skipped");
    false
}

/// A folder for everything that the program keeps.
pub struct Home(TempDir);

impl Home {
    /// Of somebody who has never run the program.
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Of somebody who has seen the first screens.
    pub fn used() -> Self {
        let home = Self::new();
        fs::create_dir(home.path().join("data")).expect("a folder");
        fs::write(home.path().join("data/accepted"), "accepted\n").expect("written");
        home
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A pane with a program in it. Dropped, it takes its server and the program with it: a terminal that goes away hangs up,
/// and lets what was stopped go on.
pub struct Pane {
    folder: TempDir,
}

impl Pane {
    /// The chat in a pane of `columns` by `rows`.
    pub fn chat(home: &Home, size: (u16, u16), arguments: &[&str]) -> Self {
        // A shell stands between: tmux makes a program of its own go on whenever it is stopped.
        let mut command = vec!["sh", "-c", "sh \"$CHAT\" \"$@\"; exit $?", "sh"];
        command.extend(arguments);
        Self::start(home, size, &command)
    }

    /// The chat, open and ready to answer.
    pub fn ready(home: &Home, size: (u16, u16), arguments: &[&str]) -> Self {
        let pane = Self::chat(home, size, arguments);
        pane.see(" ready |");
        pane
    }

    /// A shell, in which `sh "$CHAT"` opens the chat.
    pub fn shell(home: &Home, size: (u16, u16)) -> Self {
        let pane = Self::start(home, size, &["sh", "-i"]);
        pane.line("echo a shell is 'there'");
        pane.see("a shell is there");
        pane
    }

    /// A pane with `command`, for which `$CHAT` is a script that notes its process and becomes the chat.
    fn start(home: &Home, (columns, rows): (u16, u16), command: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let chat = folder.path().join("chat");
        let script = format!(
            "echo $$ > \"$CHAT.noted\"\nmv \"$CHAT.noted\" \"$CHAT.pid\"\nexec '{PROGRAM}' chat \"$@\"\n"
        );
        fs::write(&chat, script).expect("written");
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let started = on_fixtures(&mut tmux(folder.path()))
            .args(["-f", "/dev/null", "new-session", "-d"])
            .args(["-x", &columns, "-y", &rows])
            .args(["-c", env!("CARGO_MANIFEST_DIR")])
            .args(command)
            .env("ROUNDS_HOME", home.path())
            .env("CHAT", chat)
            .output()
            .expect("tmux runs");
        assert!(started.status.success(), "{}", said(&started));
        Self { folder }
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        let output = tmux(self.folder.path()).args(arguments).output();
        output.expect("tmux runs")
    }

    fn must(&self, arguments: &[&str]) -> String {
        let output = self.tmux(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What tmux knows of the pane.
    fn ask(&self, format: &str) -> String {
        let answer = self.must(&["display-message", "-p", format]);
        answer.trim().to_string()
    }

    /// Presses keys, by tmux's names.
    pub fn keys(&self, keys: &[&str]) {
        let mut command = vec!["send-keys"];
        command.extend(keys);
        self.must(&command);
    }

    /// Types text.
    pub fn text(&self, text: &str) {
        self.must(&["send-keys", "-l", text]);
    }

    /// Types text and presses Enter.
    pub fn line(&self, text: &str) {
        self.text(text);
        self.keys(&["Enter"]);
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.must(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    /// What stands on the screen now.
    pub fn screen(&self) -> String {
        self.must(&["capture-pane", "-p"])
    }

    /// The first screen with `text` on it.
    pub fn see(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    /// The first screen for which `until` holds.
    pub fn wait(&self, what: &str, until: impl Fn(&str) -> bool) -> String {
        let mut seen = String::new();
        poll(|| {
            seen = self.screen();
            until(&seen)
        })
        .unwrap_or_else(|()| panic!("never seen: {what}\n{seen}"));
        seen
    }

    /// Whether the program draws on the alternate screen and asked for the mouse, and the cursor is shown.
    pub fn wait_for_modes(&self, alternate: bool, mouse: bool, cursor: bool) {
        let bit = u8::from;
        let wanted = format!("{} {} {}", bit(alternate), bit(mouse), bit(cursor));
        let mut found = String::new();
        poll(|| {
            found = self.ask("#{alternate_on} #{mouse_any_flag} #{cursor_flag}");
            found == wanted
        })
        .unwrap_or_else(|()| panic!("modes {found}, not {wanted}\n{}", self.screen()));
    }

    /// Closes the pane: to the program its terminal goes away.
    pub fn close(&self) {
        self.must(&["kill-pane"]);
    }

    /// The process of the chat, when it has been started.
    pub fn program(&self) -> u32 {
        let mut pid = None;
        let path = self.folder.path().join("chat.pid");
        let found = poll(|| {
            let text = fs::read_to_string(&path).unwrap_or_default();
            pid = text.trim().parse().ok();
            pid.is_some()
        });
        found.expect("the script notes its process");
        pid.expect("a process id")
    }

    /// Stops the chat where it is, and returns its process when it stands still.
    pub fn freeze(&self) -> u32 {
        let pid = self.program();
        signal(pid, &["STOP"]);
        wait_for_stop(pid);
        pid
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// The server whose socket is in `folder`.
fn tmux(folder: &Path) -> Command {
    let mut command = Command::new("tmux");
    command.arg("-S").arg(folder.join("tmux"));
    for name in ["TMUX", "TMUX_PANE", "COLORTERM", "NO_COLOR", "ENV"] {
        command.env_remove(name);
    }
    command
        .env("TERM", "xterm-256color")
        .env("LC_ALL", "C.UTF-8");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Looks until it holds; an error after the deadline. Where this process itself was kept from looking, it looks on.
pub fn poll(mut holds: impl FnMut() -> bool) -> Result<(), ()> {
    let until = Instant::now() + DEADLINE;
    let mut looks = 0;
    loop {
        let last = looks >= LEAST_LOOKS && Instant::now() > until;
        if holds() {
            return Ok(());
        }
        if last {
            return Err(());
        }
        looks += 1;
        sleep(PAUSE);
    }
}

/// Sends a process the signals named, one right after the other.
pub fn signal(pid: u32, names: &[&str]) {
    let each = names.iter().map(|name| format!("kill -{name} {pid}"));
    // The process may be gone before the last of them.
    let script = each.collect::<Vec<_>>().join("; ") + "; true";
    let sent = Command::new("sh").args(["-c", &script]).output();
    assert!(sent.expect("sh runs").status.success());
}

/// Waits until a process is no more; one that nobody has collected yet does not run any more.
pub fn wait_for_end(pid: u32) {
    let ended = poll(|| {
        let state = state(pid);
        state.is_empty() || state.starts_with('Z')
    });
    assert!(ended.is_ok(), "process {pid} still runs");
}

/// Waits until a process was stopped by a signal.
pub fn wait_for_stop(pid: u32) {
    let stopped = poll(|| state(pid).starts_with('T'));
    assert!(stopped.is_ok(), "process {pid} does not stop");
}

/// The letters that `ps` has for what a process does; none where there is none.
fn state(pid: u32) -> String {
    let listed = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .expect("ps runs");
    String::from_utf8_lossy(&listed.stdout).trim().to_string()
}
