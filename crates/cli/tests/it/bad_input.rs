//! Bad input: one clear message, a hint, the documented exit code, and nothing half done.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{NOWHERE, Sandbox, airbyte, run, text};

/// The root of a server that is not there.
fn nobody_listens() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/api/public/v1")
}

fn message_and_hint(error: &Value) -> String {
    format!("{}\n{}", text(error, "message"), text(error, "hint"))
}

#[test]
fn no_credentials_at_all() {
    let error = run(&mut airbyte(["connection", "list", "--output", "json"])).exits(3).error();
    assert_eq!(error["kind"], "missing_credentials");
    for way in ["airbyte auth login", "AIRBYTE_CLIENT_ID", "AIRBYTE_BEARER_TOKEN", "profile"] {
        assert!(message_and_hint(&error).contains(way), "{way}: {error}");
    }
}

#[test]
fn people_get_an_error_line_and_a_hint_line() {
    let ended = run(&mut airbyte(["connection", "list"])).exits(3);
    assert_eq!(ended.stdout, "");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("error: "), "{}", ended.stderr);
    assert!(lines.iter().any(|line| line.starts_with("hint: ")), "{}", ended.stderr);
}

#[test]
fn wrong_credentials() {
    let sandbox = Sandbox::demo();
    let mut command = sandbox.command(&["connection", "list", "--output", "json"]);
    let error = run(command.env("AIRBYTE_CLIENT_SECRET", "not-the-secret")).exits(3).error();
    assert_eq!((&error["kind"], &error["status"]), (&json!("unauthorized"), &json!(401)));
    assert!(!error.to_string().contains("not-the-secret"), "{error}");
    text(&error, "hint");
}

#[test]
fn a_host_that_cannot_be_reached() {
    let mut command = airbyte(["workspace", "list", "--output", "json", "--api-root", &nobody_listens()]);
    let error = run(command.env("AIRBYTE_BEARER_TOKEN", "token")).exits(5).error();
    assert_eq!((&error["kind"], &error["retryable"]), (&json!("network"), &json!(true)));
    assert!(message_and_hint(&error).contains("127.0.0.1"), "{error}");
}

#[test]
fn an_api_root_that_is_none() {
    let sandbox = Sandbox::demo();
    let host = sandbox.ready("public_api_root").trim_end_matches("/api/public/v1");
    for root in ["not an address", "ftp://example.com/api/public/v1", host, &format!("{host}/api/v1")] {
        let error = sandbox.script(&["workspace", "list", "--api-root", root]).exits(2).error();
        assert_eq!(error["kind"], "configuration", "{root}: {error}");
        text(&error, "hint");
    }
}

#[test]
fn a_web_page_in_place_of_an_answer() {
    let sandbox = Sandbox::with(&["--fault", "html=200,op=listConnections"]);
    let error = sandbox.script(&["connection", "list"]).exits(2).error();
    assert!(text(&error, "message").contains("web page"), "{error}");
    text(&error, "hint");
}

#[test]
fn ids_with_a_slip_need_neither_credentials_nor_a_request() {
    let id = "5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a5";
    for arguments in [
        ["connection", "get", id].as_slice(),
        &["connection", "sync", id],
        &["source", "get", id],
        &["destination", "get", id],
        &["workspace", "get", id],
        &["job", "list", "--connection", id],
        &["dataset", "list", id],
        &["dataset", "head", id, "users"],
        &["connection", "list", "--workspace", id],
    ] {
        let mut command = airbyte(arguments);
        command.args(["--output", "json", "--api-root", &nobody_listens()]);
        let error = run(command.env("AIRBYTE_BEARER_TOKEN", "token")).exits(2).error();
        assert_eq!(error["kind"], "invalid_input", "{arguments:?}");
        assert!(text(&error, "message").contains(id), "{arguments:?}: {error}");
    }
}

#[test]
fn names_that_nothing_has_are_not_found_and_similar_ones_suggested() {
    let sandbox = Sandbox::demo();
    for (arguments, close) in [
        (["connection", "get", "Faker to SQLit"].as_slice(), "`Faker to SQLite`"),
        (&["connection", "sync", "Faker to MySQL"], "`Faker to SQLite`"),
        (&["source", "get", "Fakr"], "`Faker`"),
        (&["destination", "check", "embedded"], "`Embedded SQLite`"),
        (&["workspace", "get", "Sandbx"], "`Sandbox`"),
        (&["job", "list", "--connection", "nothing like it"], "airbyte connection list"),
        (&["dataset", "list", "faker to sqlit"], "`Faker to SQLite`"),
        (&["connection", "list", "--workspace", "Sandboxx"], "`Sandbox`"),
        (&["tag", "delete", "nightly", "--yes"], "no tag at all"),
    ] {
        let error = sandbox.script(arguments).exits(4).error();
        assert_eq!(error["kind"], "not_found", "{arguments:?}");
        assert!(text(&error, "hint").contains(close), "{arguments:?}: {error}");
    }
    assert_eq!(sandbox.json(&["job", "list"]), json!([]));
}

#[test]
fn of_several_with_the_name_the_candidates_are_listed() {
    let sandbox = Sandbox::demo();
    let first = sandbox.json(&["source", "list", "--name", "Faker"]);
    let second = sandbox.json(&[
        "source",
        "create",
        "Faker",
        "--type",
        "faker",
        "-F",
        "count=10",
        "--allow-same-name",
    ]);
    let ended = sandbox.run(&["source", "get", "Faker"]).exits(2);
    for id in [text(&first[0], "source_id"), text(&second, "source_id")] {
        assert!(ended.stderr.contains(id), "{}", ended.stderr);
    }
    assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
}

#[test]
fn names_with_quotes_emoji_and_right_to_left_text_are_names() {
    let sandbox = Sandbox::demo();
    for name in ["\"it's\" ☕", "שלום עולם", "a/b?c=d&e", "--odd", "10%", "\u{1b}[31mred"] {
        let made =
            sandbox.run(&["source", "create", "--output=json", "--type=faker", "-Fcount=10", "--", name]);
        let made = made.exits(0).json();
        let got = sandbox.run(&["source", "get", "--output=json", "--", name]).exits(0).json();
        assert_eq!(got["source_id"], made["source_id"], "{name}");
        let shown = sandbox.run(&["source", "list"]).exits(0).stdout;
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
}

#[test]
fn without_a_workspace_the_only_one_is_meant_and_of_several_none() {
    let sandbox = Sandbox::demo();
    let command = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.env_remove("AIRBYTE_WORKSPACE_ID").args(["--output", "json"]);
        run(&mut command)
    };
    assert_eq!(command(&["connection", "list"]).exits(0).json().as_array().unwrap().len(), 1);
    sandbox.json(&["workspace", "create", "Second"]);
    let error = command(&["connection", "list"]).exits(2).error();
    assert!(text(&error, "hint").contains("--workspace"), "{error}");
    assert_eq!(command(&["connection", "list", "--workspace", "second"]).exits(0).json(), json!([]));
}

#[test]
fn objects_that_are_not_there() {
    let sandbox = Sandbox::demo();
    for arguments in [
        ["workspace", "get", NOWHERE].as_slice(),
        &["source", "get", NOWHERE],
        &["destination", "get", NOWHERE],
        &["connection", "get", NOWHERE],
        &["connection", "sync", NOWHERE],
        &["job", "get", "987654321"],
        &["job", "wait", "987654321"],
        &["dataset", "list", NOWHERE],
        &["dataset", "export", NOWHERE, "users", "-o", "users.csv"],
    ] {
        let ended = sandbox.script(arguments).exits(4);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert_eq!(ended.error()["kind"], "not_found", "{arguments:?}");
        let named =
            arguments.iter().find(|argument| argument.contains("0000") || argument.contains("9876")).unwrap();
        assert!(text(&ended.error(), "message").contains(named), "{arguments:?}: {}", ended.stderr);
    }
    assert!(!sandbox.folder().join("users.csv").exists());
    let ended = sandbox.script(&["connection", "list", "--workspace", NOWHERE]).exits(4);
    text(&ended.error(), "hint");
}

#[test]
fn a_connection_of_another_workspace_than_the_one_named() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    let other = sandbox.json(&["api", "POST", "/workspaces", "-f", "name=Other"]);
    let other = text(&other, "workspaceId");
    for arguments in [
        ["connection", "sync", &connection, "--workspace", other].as_slice(),
        &["connection", "get", &connection, "--workspace", other],
        &["dataset", "list", &connection, "--workspace", other],
    ] {
        let error = sandbox.script(arguments).exits(4).error();
        assert!(message_and_hint(&error).contains(sandbox.ready("workspace_id")), "{arguments:?}: {error}");
    }
    assert_eq!(sandbox.json(&["job", "list"]), json!([]));
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_anything_is_asked() {
    let sandbox = Sandbox::demo();
    let folder = sandbox.folder().to_str().unwrap().to_owned();
    for place in [&folder, "missing/users.parquet"] {
        let mut command =
            sandbox.command(&["dataset", "export", NOWHERE, "users", "-o", place, "--output", "json"]);
        command.args(["--format", "parquet", "--api-root", &nobody_listens()]);
        let error = run(&mut command).exits(1).error();
        assert_eq!(error["kind"], "io", "{place}");
        text(&error, "hint");
    }
}

#[test]
fn people_are_told_at_once_that_a_host_cannot_be_reached() {
    use std::io::{BufRead, BufReader};
    let mut command = airbyte(["workspace", "list", "--api-root", &nobody_listens()]);
    let mut process =
        command.env("AIRBYTE_BEARER_TOKEN", "token").stderr(std::process::Stdio::piped()).spawn().unwrap();
    let begun = std::time::Instant::now();
    let mut line = String::new();
    BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let passed = begun.elapsed();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(line.contains("trying again in"), "{line}");
    assert!(passed < std::time::Duration::from_secs(5), "{passed:?}");
}

#[cfg(unix)]
#[test]
fn a_profile_file_that_cannot_be_used_is_told_by_its_place() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::demo();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("airbyte").join("profiles.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let list = |content: &[u8]| {
        std::fs::write(&file, content).unwrap();
        run(sandbox.command(&["source", "list"]).env("XDG_CONFIG_HOME", folder.path()))
    };
    for content in
        [b"[default]\nclient_secret = hunter2\n".as_slice(), b"\xff\xfe", b"[default]\nunknown = 1\n"]
    {
        let ended = list(content).exits(2);
        assert!(
            ended.stderr.contains("profiles.toml") && !ended.stderr.contains("hunter2"),
            "{}",
            ended.stderr
        );
    }
    let open = list(b"[default]\nclient_id = 'x'\nclient_secret = 'hunter2'\n").exits(0);
    assert!(open.stderr.contains("warning: others can read"), "{}", open.stderr);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(
        run(sandbox.command(&["source", "list"]).env("XDG_CONFIG_HOME", folder.path())).exits(0).stderr,
        ""
    );
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let ended = run(sandbox.command(&["source", "list"]).env("XDG_CONFIG_HOME", folder.path())).exits(2);
    assert!(ended.stderr.contains("that you may read it"), "{}", ended.stderr);
}

#[test]
fn an_expired_token_is_no_riddle() {
    let sandbox = Sandbox::demo();
    let mut command = sandbox.command(&["source", "list", "--output", "json"]);
    command.env_remove("AIRBYTE_CLIENT_ID").env_remove("AIRBYTE_CLIENT_SECRET");
    let error = run(command.env("AIRBYTE_BEARER_TOKEN", "ey.expired.token")).exits(3).error();
    assert_eq!(error["kind"], "unauthorized");
    assert!(!error.to_string().contains("ey.expired"), "{error}");
    text(&error, "hint");
}

#[test]
fn a_configuration_with_a_key_that_is_there_twice() {
    let sandbox = Sandbox::demo();
    let file = sandbox.folder().join("configuration.yaml");
    for twice in ["count: 1\nseed: 2\ncount: 3\n", "{\"count\": 1, \"count\": 3}"] {
        std::fs::write(&file, twice).unwrap();
        let create = ["source", "create", "Twice", "--type=faker", "--config", file.to_str().unwrap()];
        let error = sandbox.script(&create).exits(2).error();
        assert!(text(&error, "message").contains("duplicate entry with key \"count\""), "{error}");
    }
    let sources = sandbox.json(&["source", "list", "--fields", "name"]);
    assert!(!sources.to_string().contains("Twice"), "{sources}");
}

#[test]
fn a_field_that_makes_no_sense_is_not_shown() {
    let sandbox = Sandbox::demo();
    for fields in [["-F", "password=hunter2"], ["-f", "hunter2"], ["-F", "hunter2"]] {
        for arguments in [
            &["source", "update", "Faker"][..],
            &["source", "create", "S", "--type=faker"],
            &["api", "POST", "/sources"],
        ] {
            let arguments = [arguments, &fields[..]].concat();
            for ended in [sandbox.script(&arguments).exits(2), sandbox.run(&arguments).exits(2)] {
                let said = ended.stdout + &ended.stderr;
                assert!(said.contains("field") && !said.contains("hunter2"), "{arguments:?}: {said}");
            }
        }
    }
}
