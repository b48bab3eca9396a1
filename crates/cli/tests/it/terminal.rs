//! What people see on a terminal, and what they are asked there: the command runs on a pseudo-terminal of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use console::{measure_text_width, strip_ansi_codes};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::support::{Sandbox, airbyte, signal, text};

/// Longer than anything here takes, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A command on a terminal.
struct OnTerminal {
    process: Child,
    keys: File,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl OnTerminal {
    fn start(command: &mut Command, columns: u16) -> Self {
        let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).unwrap();
        let slave = File::from(pair.slave);
        let end = || slave.try_clone().unwrap();
        command.env("PAGER", "cat").stdin(end()).stdout(end()).stderr(end());
        let process = command.spawn().unwrap();
        // The command holds the terminal's other end, too: without this one it ends when the process does.
        command.stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        drop(slave);
        let keys = File::from(pair.master);
        let mut screen = keys.try_clone().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                if sender.send(bytes[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { process, keys, output, seen: String::new() }
    }

    /// Waits until this is on the screen.
    #[track_caller]
    fn sees(&mut self, what: &str) {
        while !self.seen.contains(what) {
            let Ok(bytes) = self.output.recv_timeout(PATIENCE) else {
                panic!("`{what}` is not seen in {:?}", self.seen)
            };
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Waits until keys are read one by one and not shown: a question is there a moment before the terminal has been told,
    /// and Ctrl-C is no key until then.
    #[track_caller]
    fn reads_keys(&self) {
        let begun = Instant::now();
        while tcgetattr(&self.keys).unwrap().local_flags.contains(LocalFlags::ECHO) {
            assert!(begun.elapsed() < PATIENCE, "no keys are read after {:?}", self.seen);
            std::thread::yield_now();
        }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// The exit code and all that was written to the terminal.
    fn ends(mut self) -> (Option<i32>, String) {
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.process.kill().ok();
                    self.process.wait().ok();
                    panic!("it does not end: {:?}", self.seen);
                }
            }
        }
        (self.process.wait().unwrap().code(), std::mem::take(&mut self.seen))
    }
}

fn on_terminal(command: &mut Command, columns: u16) -> (Option<i32>, String) {
    OnTerminal::start(command.env("TERM", "xterm-256color"), columns).ends()
}

/// Whether anything is coloured, bold or dim; where the cursor goes is another matter.
fn has_style(seen: &str) -> bool {
    seen.split("\u{1b}[").skip(1).any(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or_default();
        rest[end..].starts_with('m') && !matches!(&rest[..end], "" | "0")
    })
}

#[test]
fn a_question_is_answered_with_a_line_and_no_is_no_success() {
    let sandbox = Sandbox::demo();
    let there = || !sandbox.json(&["source", "list", "--name", "File"]).as_array().unwrap().is_empty();
    for (key, code, word) in [
        ("no\r", 1, "nothing was done"),
        ("\u{3}", 130, "interrupted"),
        ("\r", 1, "nothing was done"),
        ("yes\r", 0, "deleted"),
    ] {
        assert!(there(), "before {key:?}");
        let mut delete = sandbox.command(&["source", "delete", "File"]);
        let mut asked = OnTerminal::start(delete.env("TERM", "xterm-256color"), 100);
        asked.sees("Go on?");
        asked.reads_keys();
        asked.types(key);
        let (ended, seen) = asked.ends();
        assert_eq!(ended, Some(code), "{key:?}: {seen}");
        assert!(seen.contains("This will delete source `File`") && seen.contains(word), "{key:?}: {seen}");
    }
    assert!(!there());
}

#[test]
fn a_login_asks_for_what_is_missing_and_shows_no_secret() {
    let sandbox = Sandbox::demo();
    let mut login = airbyte(["auth", "login", "--api-root", sandbox.ready("public_api_root")]);
    login.env("XDG_CONFIG_HOME", sandbox.folder()).env("TERM", "xterm-256color");
    let mut asked = OnTerminal::start(&mut login, 100);
    asked.sees("Client id");
    asked.types(&format!("{}\r", sandbox.ready("client_id")));
    asked.sees("it is not shown");
    asked.reads_keys();
    let secret = sandbox.ready("client_secret");
    asked.types(&format!("{secret}\r"));
    let (code, seen) = asked.ends();
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains(sandbox.ready("client_id")) && !seen.contains(secret), "{seen}");
    let stored = std::fs::read_to_string(sandbox.folder().join("airbyte/profiles.toml")).unwrap();
    assert!(stored.contains(secret));
}

#[test]
fn ctrl_c_at_a_secret_ends_the_login_and_what_is_typed_is_shown_again() {
    let sandbox = Sandbox::demo();
    let root = sandbox.ready("public_api_root");
    let mut login = airbyte(["auth", "login", "--client-id", "x", "--api-root", root]);
    login.env("XDG_CONFIG_HOME", sandbox.folder()).env("TERM", "xterm-256color");
    let mut asked = OnTerminal::start(&mut login, 100);
    asked.sees("it is not shown");
    asked.reads_keys();
    signal(&asked.process, "INT");
    let terminal = asked.keys.try_clone().unwrap();
    let (code, seen) = asked.ends();
    assert_eq!(code, Some(130), "{seen}");
    assert!(seen.contains("interrupted"), "{seen}");
    assert!(tcgetattr(&terminal).unwrap().local_flags.contains(LocalFlags::ECHO));
}

#[test]
fn forty_columns_are_enough() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    for arguments in [
        ["connection", "list"].as_slice(),
        &["source", "list"],
        &["job", "list"],
        &["connection", "streams", &connection],
        &["connection", "history", &connection],
        &["dataset", "list", &connection],
        &["dataset", "schema", &connection, "users"],
        &["dataset", "head", &connection, "users"],
    ] {
        let (code, seen) = on_terminal(&mut sandbox.command(arguments), 40);
        assert_eq!(code, Some(0), "{arguments:?}: {seen}");
        for line in strip_ansi_codes(&seen).lines() {
            // An id is never cut: of no use it would be otherwise.
            let id = line.split([' ', ':']).any(|word| word.len() == 36 && word.matches('-').count() == 4);
            assert!(id || measure_text_width(line) <= 40, "{arguments:?}: {line:?}\n{seen}");
        }
    }
}

#[test]
fn eighty_columns_have_a_line_for_each_job_and_forty_the_chart() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let (_, seen) = on_terminal(&mut sandbox.command(&["job", "list"]), 80);
    let seen = strip_ansi_codes(&seen).into_owned();
    assert!(seen.lines().count() == 2 && seen.contains("succeeded") && seen.contains(&connection), "{seen}");
    let (_, seen) = on_terminal(&mut sandbox.command(&["connection", "history", &connection]), 40);
    assert!(seen.contains("RECORDS") && seen.contains('█'), "{seen}");
}

#[test]
fn ctrl_c_while_a_sync_moves_leaves_no_line_of_it() {
    let sandbox = Sandbox::with(&["--fault", "slow-job=100h"]);
    let connection = sandbox.connection();
    let mut sync = sandbox.command(&["connection", "sync", &connection, "--wait"]);
    let mut moving = OnTerminal::start(sync.env("TERM", "xterm-256color"), 100);
    moving.sees("running");
    // The terminal shows the key. Behind the last column it would have a line of its own, and one of the moving ones
    // would stay.
    moving.types("\u{3}");
    moving.sees("^C");
    signal(&moving.process, "INT");
    let (code, seen) = moving.ends();
    assert_eq!(code, Some(130), "{seen}");
    let (before, after) = seen.split_once("^C").unwrap();
    assert!(before.ends_with('\r'), "{seen:?}");
    assert!(after.contains("\rerror") || after.contains("\r\u{1b}[1m\u{1b}[31merror"), "{seen:?}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let sandbox = Sandbox::demo();
    let failing = || sandbox.command(&["connection", "get", "nothing of the name"]);
    let coloured = "\u{1b}[1m\u{1b}[31merror";
    let (code, seen) = on_terminal(&mut failing(), 100);
    assert_eq!(code, Some(4));
    assert!(seen.contains(coloured), "{seen:?}");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut command = failing();
        command.env("TERM", "xterm-256color").env(name, value);
        let (_, seen) = OnTerminal::start(&mut command, 100).ends();
        assert!(seen.starts_with("error: ") && !seen.contains('\u{1b}'), "{name}: {seen:?}");
        // Build servers show colours where nothing else speaks for them; not against these.
        let (_, seen) = OnTerminal::start(command.env("CI", "true"), 100).ends();
        assert!(seen.starts_with("error: ") && !seen.contains('\u{1b}'), "{name} in CI: {seen:?}");
        let mut help = airbyte(["--help"]);
        let help = help.env("TERM", "xterm-256color").env("CI", "true").env(name, value);
        let (_, seen) = OnTerminal::start(help, 100).ends();
        assert!(seen.contains("Usage:") && !has_style(&seen), "{name}: {seen:?}");
    }
    let (_, seen) = on_terminal(failing().arg("--no-color"), 100);
    assert!(seen.starts_with("error: "), "{seen:?}");
}

#[test]
fn a_sync_moves_on_a_terminal_and_is_lines_where_nothing_can_move() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    let sync = || sandbox.command(&["connection", "sync", &connection, "--wait"]);
    let (code, seen) = on_terminal(&mut sync(), 100);
    assert_eq!(code, Some(0), "{seen}");
    // The moving lines are taken away; the result stays.
    assert!(seen.contains("\u{1b}[2K") && seen.contains("succeeded"), "{seen:?}");
    let (code, seen) = OnTerminal::start(sync().env("TERM", "dumb"), 100).ends();
    assert_eq!(code, Some(0), "{seen}");
    assert!(!seen.contains('\u{1b}') && seen.contains("succeeded"), "{seen:?}");
    let (code, seen) = on_terminal(sync().env("NO_COLOR", "1"), 40);
    assert_eq!(code, Some(0), "{seen}");
    assert!(!has_style(&seen), "{seen:?}");
    // A line that is too long would go over two, and the cursor not far enough back.
    let plain = strip_ansi_codes(&seen);
    let of_streams = plain.split(['\r', '\n']).filter(|line| line.starts_with("  users"));
    assert!(of_streams.into_iter().all(|line| measure_text_width(line) <= 40), "{seen:?}");
}

#[test]
fn ctrl_c_in_an_export_leaves_nothing_of_it() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n";
    for place in [["-o", "endless.csv"].as_slice(), &["--folder", "endless", "--file-size=100kB"]] {
        let mut query = sandbox.command(&["dataset", "query", &connection, endless]);
        let mut writing =
            OnTerminal::start(query.args(place).current_dir(sandbox.folder()).env("TERM", "xterm"), 100);
        writing.sees(" rows/s");
        signal(&writing.process, "INT");
        let (code, seen) = writing.ends();
        assert_eq!(code, Some(130), "{seen}");
        assert!(seen.contains("nothing was written under the name"), "{seen}");
        let left = std::fs::read_dir(sandbox.folder()).unwrap().flatten();
        let left: Vec<String> = left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        assert!(!left.iter().any(|name| name.contains("endless") || name.contains("export")), "{left:?}");
    }
}

#[test]
fn the_first_rows_of_a_statement_are_shown_and_the_rest_is_offered() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n";
    let (code, seen) = on_terminal(&mut sandbox.command(&["dataset", "query", &connection, endless]), 100);
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("the first 100 rows") && !seen.contains("101"), "{seen}");
    assert_eq!(text(&sandbox.json(&["job", "get", "1"]), "status"), "succeeded");
}
