//! Logging in and out, and what is known of the settings.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Ended, Sandbox, airbyte, run, text};

/// `airbyte` with a configuration folder of its own and nothing else.
fn alone(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = airbyte(arguments);
    command.env("XDG_CONFIG_HOME", folder).args(["--output", "json"]);
    command
}

fn file(folder: &Path) -> PathBuf {
    folder.join("airbyte").join("profiles.toml")
}

/// Logs in with a secret on standard input.
fn login(sandbox: &Sandbox, folder: &Path, secret: &str, more: &[&str]) -> Ended {
    let mut command = alone(folder, &["auth", "login", "--secret-stdin"]);
    command.args(["--client-id", sandbox.ready("client_id"), "--api-root", sandbox.ready("public_api_root")]);
    let mut process = command
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(process.stdin.take().unwrap(), "{secret}").unwrap();
    let output = process.wait_with_output().unwrap();
    Ended {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn what_the_server_takes_is_stored_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::demo();
    let folder = tempfile::tempdir().unwrap();
    let secret = sandbox.ready("client_secret").to_owned();
    let stored = login(&sandbox, folder.path(), &secret, &[]).exits(0);
    assert!(!(stored.stdout.clone() + &stored.stderr).contains(&secret));
    assert_eq!(text(&stored.json(), "workspace_id"), sandbox.ready("workspace_id"));
    let mode = std::fs::metadata(file(folder.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let list = run(&mut alone(folder.path(), &["connection", "list"])).exits(0).json();
    assert_eq!(list.as_array().unwrap().len(), 1);

    let status = run(&mut alone(folder.path(), &["auth", "status"])).exits(0).json();
    assert_eq!(status["accepted"], true);
    assert!(text(&status["auth"], "origin").contains("profile `default`"), "{status}");
    assert!(text(&status, "user").contains('@'), "{status}");
    assert!(!status.to_string().contains(&secret));

    run(&mut alone(folder.path(), &["auth", "logout", "--dry-run"])).exits(0);
    run(&mut alone(folder.path(), &["auth", "logout"])).exits(0);
    run(&mut alone(folder.path(), &["auth", "logout"])).exits(4);
    run(&mut alone(folder.path(), &["connection", "list"])).exits(3);
    assert!(!std::fs::read_to_string(file(folder.path())).unwrap().contains(&secret));
}

#[test]
fn what_the_server_refuses_is_not_stored() {
    let sandbox = Sandbox::demo();
    let folder = tempfile::tempdir().unwrap();
    let error = login(&sandbox, folder.path(), "not-the-secret", &[]).exits(3).error();
    assert_eq!(error["kind"], "unauthorized");
    assert!(!error.to_string().contains("not-the-secret"));
    assert!(!file(folder.path()).exists());
    let error = login(&sandbox, folder.path(), "", &[]).exits(2).error();
    assert!(text(&error, "message").contains("empty"), "{error}");
}

#[test]
fn profiles_lie_beside_each_other() {
    let sandbox = Sandbox::demo();
    let folder = tempfile::tempdir().unwrap();
    let secret = sandbox.ready("client_secret").to_owned();
    login(&sandbox, folder.path(), &secret, &["--profile", "staging", "--workspace", "sandbox"]).exits(0);
    run(&mut alone(folder.path(), &["source", "list"])).exits(3);
    run(&mut alone(folder.path(), &["source", "list", "--profile", "staging"])).exits(0);
    let unknown = run(&mut alone(folder.path(), &["source", "list", "--profile", "other"])).exits(2).error();
    assert!(text(&unknown, "hint").contains("staging"), "{unknown}");
}

#[test]
fn nothing_is_asked_where_nobody_can_answer() {
    let folder = tempfile::tempdir().unwrap();
    let error = run(&mut alone(folder.path(), &["auth", "login"])).exits(2).error();
    assert!(text(&error, "hint").contains("--client-id"), "{error}");
    let error = run(&mut alone(folder.path(), &["auth", "login", "--token"])).exits(2).error();
    assert!(text(&error, "hint").contains("--secret-stdin"), "{error}");
}

#[test]
fn the_status_says_where_each_setting_comes_from() {
    let sandbox = Sandbox::demo();
    let mut command = sandbox.command(&["auth", "status", "--output", "json", "--profile", "staging"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(file(folder.path()).parent().unwrap()).unwrap();
    let profile = "[staging]\nclient_id = 'x'\nclient_secret = 'hunter2'\norganization_id = '0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e47'\n";
    std::fs::write(file(folder.path()), profile).unwrap();
    let status = run(command.env("XDG_CONFIG_HOME", folder.path())).exits(0).json();
    let origin = |setting: &str| text(&status[setting], "origin").to_owned();
    assert_eq!(origin("api_root"), "environment variable AIRBYTE_API_URL");
    assert_eq!(origin("auth"), "environment variable AIRBYTE_CLIENT_ID");
    assert_eq!(origin("profile"), "given explicitly");
    assert!(origin("organization_id").starts_with("profile `staging` of "), "{status}");
    // The file was written readable for all.
    assert!(status["warnings"].to_string().contains("chmod 600"), "{status}");
    assert!(!status.to_string().contains("hunter2"));
}

#[test]
fn the_status_of_refused_credentials_is_told_and_fails() {
    let sandbox = Sandbox::demo();
    let mut command = sandbox.command(&["auth", "status", "--output", "json"]);
    let refused = run(command.env("AIRBYTE_CLIENT_SECRET", "wrong")).exits(3);
    assert_eq!(refused.json()["accepted"], false);
    assert_eq!(refused.error()["kind"], "unauthorized");
    let mut command = sandbox.command(&["auth", "status", "--offline", "--output", "json"]);
    let offline = run(command.env("AIRBYTE_CLIENT_SECRET", "wrong")).exits(0).json();
    assert_eq!(offline["accepted"], Value::Null);
    assert_eq!(offline["warnings"], json!([]));
}

#[test]
fn how_the_server_is_reached_is_stored_and_shown_without_its_secrets() {
    let sandbox = Sandbox::demo();
    let folder = tempfile::tempdir().unwrap();
    let secret = sandbox.ready("client_secret").to_owned();
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/../cloud/tests/it/data/localhost.pem");
    let more = ["--root-certificates", authority, "--proxy", "http://me:hunter2@127.0.0.1:9"];
    let stored = login(&sandbox, folder.path(), &secret, &more).exits(0);
    assert!(!(stored.stdout + &stored.stderr).contains("hunter2"));
    let profile = std::fs::read_to_string(file(folder.path())).unwrap();
    assert!(profile.contains("hunter2") && profile.contains("localhost.pem"), "{profile}");

    let ended = run(&mut alone(folder.path(), &["auth", "status"])).exits(0);
    let status = ended.json();
    assert_eq!(text(&status["proxy"], "value"), "http://127.0.0.1:9");
    assert_eq!(text(&status["root_certificates"], "value"), authority);
    assert!(!(ended.stdout + &ended.stderr).contains("hunter2"));

    let broken = ["--client-certificate", authority];
    let refused = login(&sandbox, folder.path(), &secret, &broken).exits(2).error();
    assert!(text(&refused, "message").contains("key of the client certificate"), "{refused}");
}

#[test]
fn the_environment_says_which_server_and_which_profile() {
    let sandbox = Sandbox::demo();
    let folder = tempfile::tempdir().unwrap();
    let secret = sandbox.folder().join("secret");
    std::fs::write(&secret, sandbox.ready("client_secret")).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = alone(folder.path(), arguments);
        command.env("AIRBYTE_PROFILE", "staging");
        command
    };
    let mut login = command(&["auth", "login", "--secret-stdin", "--client-id", sandbox.ready("client_id")]);
    login.env("AIRBYTE_API_URL", sandbox.ready("public_api_root"));
    login.env("AIRBYTE_CONFIG_API_URL", sandbox.ready("config_api_root"));
    let stored = run(login.stdin(std::fs::File::open(&secret).unwrap())).exits(0).json();
    assert_eq!(stored["profile"], "staging");
    assert_eq!(text(&stored, "api_root"), sandbox.ready("public_api_root"));
    let content = std::fs::read_to_string(file(folder.path())).unwrap();
    assert!(content.contains("[staging]") && content.contains(sandbox.ready("config_api_root")), "{content}");
    run(&mut command(&["connection", "list"])).exits(0);
    assert_eq!(run(&mut command(&["auth", "logout"])).exits(0).json()["profile"], "staging");
}
