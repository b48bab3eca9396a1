//! Ctrl-C during a wait, and while rows are printed.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;

use crate::support::{Sandbox, signal};

/// Waits for a job that does not end, presses Ctrl-C (INT) or does what a service manager does (TERM) once the first line
/// about it is there, and returns the exit code and all of standard error.
fn interrupted(sandbox: &Sandbox, how: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let connection = sandbox.connection();
    let mut command = sandbox.command(&["connection", "sync", &connection, "--wait"]);
    let mut process = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("running") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it ended early: {said}");
    }
    signal(&process, how);
    stderr.read_to_string(&mut said).unwrap();
    (process.wait().unwrap().code(), said)
}

#[test]
fn the_job_goes_on_and_the_command_to_resume_with_is_printed() {
    for how in ["INT", "TERM"] {
        let sandbox = Sandbox::with(&["--fault", "slow-job=100h"]);
        let (code, said) = interrupted(&sandbox, how, &[]);
        assert_eq!(code, Some(130), "{said}");
        let job = &sandbox.json(&["job", "list"])[0];
        assert!(said.contains(&format!("airbyte job wait {}", job["job_id"])), "{said}");
        assert_eq!(job["status"], "running");
    }
}

#[test]
fn the_job_is_cancelled_where_that_was_asked_for() {
    for how in ["INT", "TERM"] {
        let sandbox = Sandbox::with(&["--fault", "slow-job=100h"]);
        let (code, said) = interrupted(&sandbox, how, &["--cancel-on-interrupt"]);
        assert_eq!(code, Some(130), "{said}");
        assert_eq!(sandbox.json(&["job", "list"])[0]["status"], "cancelled", "{said}");
    }
}

#[test]
fn a_start_that_is_interrupted_says_where_to_look() {
    let sandbox = Sandbox::with(&["--fault", "slow-start=100h", "--fault", "slow-job=100h"]);
    let connection = sandbox.connection();
    let mut command = sandbox.command(&["connection", "sync", &connection]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // The job exists long before the answer that tells so.
    while sandbox.json(&["job", "list"]).as_array().unwrap().is_empty() {}
    signal(&process, "INT");
    let mut said = String::new();
    process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains(&format!("airbyte job list --connection {connection}")), "{said}");
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_the_first() {
    let sandbox = Sandbox::with(&["--fault", "slow-job=100h", "--fault", "hang=10m,op=cancelJob"]);
    let connection = sandbox.connection();
    let mut command =
        sandbox.command(&["connection", "sync", &connection, "--wait", "--cancel-on-interrupt"]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("running") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it ended early: {said}");
    }
    // Which of them comes while the request hangs does not matter.
    let code = loop {
        signal(&process, "INT");
        if let Some(status) = process.try_wait().unwrap() {
            break status.code();
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("not known"), "{said}");
}

#[test]
fn many_jobs_go_on_and_are_named() {
    let sandbox = Sandbox::with(&["--fault", "slow-job=100h"]);
    sandbox.json(&[
        "connection",
        "create",
        "Second",
        "--source=Faker",
        "--destination=Embedded SQLite",
        "--stream=users",
    ]);
    let (code, said) = interrupted(&sandbox, "INT", &["Second"]);
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("airbyte job wait 1 2") || said.contains("airbyte job wait 2 1"), "{said}");
    assert!(sandbox.json(&["job", "list"]).as_array().unwrap().iter().all(|job| job["status"] == "running"));
}

/// Rows without an end.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

#[test]
fn rows_that_nobody_reads_do_not_hold_ctrl_c_up_and_do_not_look_whole() {
    let sandbox = Sandbox::demo();
    sandbox.synced_connection();
    let file = sandbox.destination_file();
    for form in [["--output", "json"].as_slice(), &["--output", "jsonl"], &["--format", "csv", "-o", "-"]] {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = sandbox.command(&["dataset", "query", "--destination", &file, ENDLESS]);
        let written = writer.try_clone().unwrap();
        let mut process = command.args(form).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let is_full = || {
            let mut room = [PollFd::new(written.as_fd(), PollFlags::POLLOUT)];
            poll(&mut room, PollTimeout::ZERO).unwrap() == 0
        };
        while !is_full() {
            assert!(process.try_wait().unwrap().is_none(), "{form:?}: it ended early");
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(&process, "INT");
        let begun = Instant::now();
        let code = loop {
            if let Some(status) = process.try_wait().unwrap() {
                break status.code();
            }
            if begun.elapsed() > Duration::from_mins(1) {
                process.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let (mut said, mut rows) = (String::new(), String::new());
        process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(code, Some(130), "{form:?}: {said}");
        assert!(said.contains("interrupted"), "{form:?}: {said}");
        drop((written, command));
        reader.read_to_string(&mut rows).unwrap();
        assert!(rows.len() > 1000, "{form:?}: {rows}");
        // An array stays open, so that no reader takes it for all there is; lines are whole but for the last one.
        match form {
            [_, "json"] => assert!(rows.starts_with('[') && serde_json::from_str::<Value>(&rows).is_err()),
            [_, "jsonl"] => {
                let whole = &rows[..rows.rfind('\n').unwrap()];
                for (line, number) in whole.lines().zip(1..) {
                    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["i"], number);
                }
            }
            _ => assert!(rows.starts_with("i\n1\n2\n"), "{rows:.20}"),
        }
    }
}

#[test]
fn input_that_nobody_writes_does_not_hold_ctrl_c_up() {
    let sandbox = Sandbox::demo();
    let pipe = sandbox.folder().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (pipe, referred) = (pipe.to_str().unwrap(), format!("password=${{file:{}}}", pipe.display()));
    for (how, arguments) in [
        ("INT", &["connection", "apply", "-"][..]),
        ("TERM", &["source", "create", "S", "--config", "-"]),
        ("TERM", &["connection", "apply", pipe]),
        ("INT", &["source", "create", "S", "--type", "faker", "-f", &referred]),
    ] {
        let mut command = sandbox.command(arguments);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        // Which of them comes when the command hears it does not matter.
        let code = loop {
            std::thread::sleep(Duration::from_millis(50));
            if let Some(status) = process.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > Duration::from_mins(1) {
                process.kill().unwrap();
                panic!("{arguments:?} goes on");
            }
            signal(&process, how);
        };
        let mut said = String::new();
        process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        // One that comes before the command listens ends it as it ends any program.
        if let Some(code) = code.code() {
            assert_eq!(code, 130, "{said}");
            assert!(said.contains("interrupted"), "{said}");
        }
    }
}

#[test]
fn a_job_that_had_started_is_told_and_cancelled_where_another_one_had_not() {
    let sandbox = Sandbox::with(&["--fault", "slow-job=100h", "--fault", "slow-start=100h,times=1"]);
    let first = sandbox.connection();
    let create = ["connection", "create", "Second", "--source=Faker", "--destination=Embedded SQLite"];
    sandbox.json(&[&create[..], &["--stream=users"]].concat());
    let mut command =
        sandbox.command(&["connection", "sync", &first, "Second", "--wait", "--output=json", "-v"]);
    let mut process =
        command.arg("--cancel-on-interrupt").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
    // One start is answered, the other one never is.
    log.find(|line| line.contains("\"createJob\"") && line.contains("outcome=\"ok\"")).unwrap();
    while sandbox.json(&["job", "list"]).as_array().unwrap().len() < 2 {}
    signal(&process, "INT");
    let said: Vec<String> = log.collect();
    let mut shown = String::new();
    process.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(130), "{said:?}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let started: Vec<&Value> =
        shown.as_array().unwrap().iter().filter(|outcome| outcome.get("job_id").is_some()).collect();
    assert_eq!(started.len(), 1, "{shown}");
    let job = sandbox.json(&["job", "get", &started[0]["job_id"].to_string()]);
    assert_eq!(
        (&job["status"], &started[0]["status"]),
        (&"cancelled".into(), &"cancelled".into()),
        "{shown}"
    );
}
