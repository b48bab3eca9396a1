//! `airbyte sandbox`: how it starts and stops.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support::{Sandbox, airbyte, keys, run, signal};

#[test]
fn readiness_is_one_line_of_json_and_a_signal_ends_it_cleanly() {
    for name in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = airbyte(["sandbox", "--json"]);
        let mut process = command
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        assert_eq!(
            keys(&ready),
            [
                "public_api_root",
                "config_api_root",
                "client_id",
                "client_secret",
                "workspace_id",
                "organization_id"
            ]
        );
        signal(&process, name);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        process.stderr.take().unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "{name}");
        assert_eq!(process.wait().unwrap().code(), Some(0), "{name}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{name}: files are left behind");
    }
}

#[test]
fn export_lines_lead_a_shell_to_it() {
    let mut command = airbyte(["sandbox", "--seed", "demo"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    // The comment for people comes after the lines.
    let mut said = String::new();
    while !said.contains("airbyte ") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it ended early: {said}");
    }
    let mut lines = String::new();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    while !lines.contains("AIRBYTE_LOCAL_ROOT") {
        assert_ne!(stdout.read_line(&mut lines).unwrap(), 0, "it ended early: {lines}");
    }
    let script = format!("{lines}\nexec \"$0\" connection list --output json");
    let listed = std::process::Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_airbyte")])
        .output()
        .unwrap();
    let list: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(list[0]["name"], "Faker to SQLite");
    signal(&process, "INT");
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_data_folder_keeps_objects_and_the_way_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let first = Sandbox::with(&["--data-dir", data]);
    let (client_id, connection) = (first.ready("client_id").to_owned(), first.synced_connection());
    drop(first);
    let second = Sandbox::with(&["--data-dir", data]);
    let third = run(&mut airbyte(["sandbox", "--json", "--output", "json", "--data-dir", data])).exits(6);
    assert!(third.error()["message"].as_str().unwrap().contains("another sandbox"), "{}", third.stderr);
    assert_eq!(second.ready("client_id"), client_id);
    assert_eq!(second.json(&["job", "list", "--connection", &connection])[0]["status"], "succeeded");
}

#[test]
fn on_all_addresses_it_is_reached_at_one() {
    let sandbox = Sandbox::with(&["--listen", "0.0.0.0:0"]);
    assert!(sandbox.ready("public_api_root").starts_with("http://127.0.0.1:"));
    assert!(!sandbox.json(&["connection", "list"]).as_array().unwrap().is_empty());
}

#[test]
fn what_it_refuses() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = run(&mut airbyte(["sandbox", "--json", "--output", "json", "--listen", &address])).exits(1);
    assert!(refused.error()["message"].as_str().unwrap().contains(&address), "{}", refused.stderr);
    for arguments in [
        ["--fault", "nonsense"],
        ["--fault", "status=9"],
        ["--seed", "everything"],
        ["--edition", "nightly"],
        ["--listen", "here"],
        ["--time-scale", "-1"],
        ["--token-ttl", "soon"],
        ["--postgres", "mysql://localhost/db"],
        // Nothing would come of it without `--seed demo`.
        ["--postgres", "postgres://localhost/db"],
    ] {
        let refused = run(airbyte(["sandbox", "--json", "--output", "json"]).args(arguments)).exits(2);
        assert_eq!(refused.stdout, "", "{arguments:?}");
        refused.error();
    }
}
