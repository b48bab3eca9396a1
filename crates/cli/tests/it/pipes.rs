//! A reader that goes away, as `head` does, is no failure.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::support::{Sandbox, airbyte};

/// Reads `lines` lines of the command's output and closes the pipe; returns the exit code and standard error.
fn cut_after(lines: usize, command: &mut Command) -> (Option<i32>, String) {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::with_capacity(64, process.stdout.take().unwrap());
    for _ in 0..lines {
        assert_ne!(stdout.read_line(&mut String::new()).unwrap(), 0, "too few lines");
    }
    drop(stdout);
    let mut said = String::new();
    process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (process.wait().unwrap().code(), said)
}

#[test]
fn text_that_nobody_reads() {
    assert_eq!(cut_after(1, &mut airbyte(["completion", "bash"])), (Some(0), String::new()));
    assert_eq!(cut_after(0, &mut airbyte(["completion", "zsh"])), (Some(0), String::new()));
    assert_eq!(cut_after(0, &mut airbyte(["--help"])), (Some(0), String::new()));
}

#[test]
fn what_failed_is_told_by_the_exit_code_though_nobody_reads() {
    let sandbox = Sandbox::with(&["--fault", "fail-job"]);
    let connection = sandbox.connection();
    let mut sync = sandbox.command(&["connection", "sync", &connection, "--wait", "--output", "json"]);
    let (code, said) = cut_after(0, &mut sync);
    assert_eq!(code, Some(1), "{said}");
    let error: serde_json::Value = serde_json::from_str(&said).unwrap();
    let id = error["error"]["job_id"].to_string();
    for ids in [vec![id.as_str()], vec![id.as_str(), id.as_str()]] {
        let arguments: Vec<&str> = ["job", "wait", "--output", "json"].into_iter().chain(ids).collect();
        let (code, said) = cut_after(0, &mut sandbox.command(&arguments));
        assert_eq!((code, said.contains("job_failed")), (Some(1), true), "{said}");
    }
}

#[test]
fn rows_that_nobody_reads() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    for format in ["jsonl", "csv", "arrow", "parquet"] {
        let mut command =
            sandbox.command(&["dataset", "export", &connection, "users", "--format", format, "-o", "-"]);
        let lines = usize::from(matches!(format, "jsonl" | "csv"));
        assert_eq!(cut_after(lines, &mut command), (Some(0), String::new()), "{format}");
    }
    let mut head =
        sandbox.command(&["dataset", "head", &connection, "users", "-n", "1000", "--output", "jsonl"]);
    assert_eq!(cut_after(1, &mut head), (Some(0), String::new()));
}
