//! `airbyte dataset`: rows of a connection, or of a destination that a file describes.

use std::fs::File;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ended, Sandbox, airbyte, parquet, run, text};

/// `airbyte dataset ...` without any way to an Airbyte.
fn alone(folder: &Path, arguments: &[&str]) -> Ended {
    run(airbyte(["dataset"]).args(arguments).args(["--output", "json"]).current_dir(folder))
}

#[test]
fn a_destination_file_needs_no_account() {
    let sandbox = Sandbox::demo();
    sandbox.synced_connection();
    let file = sandbox.destination_file();
    let alone = |arguments: &[&str]| alone(sandbox.folder(), arguments);

    let counted = alone(&["count", "users", "--destination", &file]).exits(0).json();
    assert_eq!(counted, json!({"stream": "users", "rows": 1000}));

    let head = alone(&["head", "users", "--destination", &file, "-n", "3"]).exits(0).json();
    assert_eq!(head.as_array().unwrap().len(), 3);
    // Nobody tells the columns' types here, so the record may still be one JSON text.
    assert!(head[0].to_string().contains("email"), "{head}");

    let schema = alone(&["schema", "--destination", &file, "users"]).exits(0).json();
    assert_eq!(crate::support::keys(&schema[0]), ["column", "type", "nullable"]);

    let exported =
        alone(&["export", "users", "--destination", &file, "--format", "arrow", "-o", "users.arrow"])
            .exits(0)
            .json();
    assert_eq!((&exported["rows"], &exported["file"]), (&json!(1000), &json!("users.arrow")));
}

#[test]
fn every_format_holds_the_same_rows() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let export = |name: &str| {
        // The ending tells the format.
        let exported = sandbox.json(&["dataset", "export", &connection, "users", "--no-meta", "-o", name]);
        assert_eq!(exported["rows"], 1000, "{name}");
        sandbox.folder().join(name)
    };
    let ids = |rows: Vec<String>| {
        let mut ids: Vec<i64> = rows.iter().map(|id| id.parse().unwrap()).collect();
        ids.sort_unstable();
        ids
    };
    let expected: Vec<i64> = (1..=1000).collect();

    let (names, rows) = parquet(&export("users.parquet"));
    let id = names.iter().position(|name| name == "id").unwrap();
    assert_eq!(ids(rows.iter().map(|row| row[id].clone().unwrap()).collect()), expected);

    let lines = std::fs::read_to_string(export("users.jsonl")).unwrap();
    let objects: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ids(objects.iter().map(|object| object["id"].to_string()).collect()), expected);

    let csv = std::fs::read_to_string(export("users.csv")).unwrap();
    assert_eq!(csv.lines().next().unwrap(), names.join(","));

    let arrow = std::fs::read(export("users.arrow")).unwrap();
    assert!(arrow.starts_with(b"ARROW1") && arrow.ends_with(b"ARROW1"));

    let piped =
        sandbox.run(&["dataset", "export", &connection, "users", "--no-meta", "--format", "csv", "-o", "-"]);
    assert_eq!(piped.exits(0).stdout, csv);
    assert!(!sandbox.folder().join("-").exists());
}

#[test]
fn a_folder_is_split_by_size_and_whole_or_not_there() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let export = ["dataset", "export", &connection, "users", "--folder", "users"];
    let whole = sandbox.json(&export);
    assert_eq!((&whole["rows"], &whole["folder"]), (&json!(1000), &json!("users")));
    assert_eq!((&whole["files"], whole.get("file")), (&json!(["users/part-00000.parquet"]), None));

    // Never into a folder that has something in it: that would be the rows of two exports.
    let taken = sandbox.script(&export).exits(1).error();
    assert_eq!(taken["kind"], "io");
    assert!(text(&taken, "message").contains("already"), "{taken}");

    // A statement's rows go the same way. Batches are not split, so a statement with many rows is asked for.
    let sql =
        "with recursive n(x) as (select 1 union all select x + 1 from n where x < 200000) select x from n";
    let query = ["dataset", "query", &connection, sql, "--folder", "many", "--format", "jsonl"];
    let many: Vec<&str> = query.into_iter().chain(["--file-size", "0.5MB"]).collect();
    let many = sandbox.json(&many);
    let files = many["files"].as_array().unwrap();
    assert!(files.len() > 2, "{many}");
    let mut rows = 0;
    for file in files {
        let file = sandbox.folder().join(file.as_str().unwrap());
        let lines = std::fs::read_to_string(file).unwrap();
        for line in lines.lines() {
            rows += 1;
            assert_eq!(line, format!("{{\"x\":{rows}}}"));
        }
    }
    assert_eq!((rows, &many["rows"]), (200_000, &json!(200_000)));
    let shown = sandbox.run(&["dataset", "export", &connection, "users", "--folder", "again"]).exits(0);
    assert!(
        shown.stdout.contains("1,000 rows") && shown.stdout.contains("a file of again"),
        "{}",
        shown.stdout
    );
}

#[test]
fn places_that_make_no_sense_are_refused() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    let export = |more: &[&str]| {
        let arguments: Vec<&str> =
            ["dataset", "export", &connection, "users"].into_iter().chain(more.iter().copied()).collect();
        sandbox.script(&arguments)
    };
    for more in [
        [].as_slice(),
        &["--format", "csv"],
        &["-o", "users.csv", "--folder", "users"],
        &["-o", "users.csv", "--file-size", "1MB"],
        &["--folder", "users", "--file-size", "much"],
    ] {
        export(more).exits(2).error();
    }
    let missing = export(&["--folder", "missing/users"]).exits(1).error();
    assert_eq!(missing["kind"], "io");
    let format = sandbox.script(&["dataset", "query", &connection, "select 1", "--format", "csv"]).exits(2);
    assert!(text(&format.error(), "hint").contains("-o FILE"), "{}", format.stderr);
    assert!(!sandbox.folder().join("users").exists());
}

#[test]
fn people_see_a_table() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let table = sandbox.run(&["dataset", "head", &connection, "users", "-n", "5"]).exits(0).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines.len() >= 6, "{table}");
    assert!(lines[0].contains("id") && lines[0].contains("name"), "{table}");
    // Whoever reads it elsewhere than on a terminal wants all of it.
    assert!(lines[0].contains("_airbyte_ab_id") && !table.contains('…'), "{table}");
}

#[test]
fn a_stream_that_is_not_there_names_those_that_are() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let error =
        sandbox.script(&["dataset", "export", &connection, "user", "-o", "user.csv"]).exits(4).error();
    let said = format!("{}\n{}", text(&error, "message"), error["hint"]);
    assert!(said.contains("users"), "{said}");
    assert!(!sandbox.folder().join("user.csv").exists());

    let file = sandbox.destination_file();
    let error = alone(sandbox.folder(), &["count", "user", "--destination", &file]).exits(4).error();
    assert_eq!(error["kind"], "stream_not_found");
    assert!(format!("{}\n{}", text(&error, "message"), error["hint"]).contains("users"), "{error}");
}

#[test]
fn a_masked_secret_names_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let destination = json!({
        "destinationType": "postgres",
        "configuration": {
            "host": "127.0.0.1", "port": 1, "database": "db", "schema": "public", "username": "u", "password": "**********"
        }
    });
    std::fs::write(folder.path().join("pg.json"), destination.to_string()).unwrap();
    let error = alone(folder.path(), &["export", "users", "--destination", "pg.json", "-o", "users.arrow"])
        .exits(3)
        .error();
    assert_eq!(error["kind"], "missing_secret");
    let said = format!("{}\n{}", text(&error, "message"), error["hint"]);
    assert!(said.contains("AIRBYTE_SECRET_POSTGRES_PASSWORD"), "{said}");
    assert!(!said.contains("**"), "{said}");
    assert!(!folder.path().join("users.arrow").exists());
}

#[test]
fn destination_files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    File::create(folder.path().join("empty.json")).unwrap();
    std::fs::write(folder.path().join("list.json"), "[]").unwrap();
    for (file, code, kind) in [
        ("missing.json", 1, "io"),
        (".", 1, "io"),
        ("empty.json", 2, "invalid_input"),
        ("list.json", 2, "invalid_input"),
    ] {
        let error = alone(folder.path(), &["count", "users", "--destination", file]).exits(code).error();
        assert_eq!(error["kind"], kind, "{file}: {error}");
    }
}

#[test]
fn a_format_that_nothing_tells() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.connection();
    for file in ["users.xlsx", "users", "-"] {
        let error = sandbox.script(&["dataset", "export", &connection, "users", "-o", file]).exits(2).error();
        assert!(text(&error, "hint").contains("--format"), "{file}: {error}");
    }
    sandbox
        .script(&["dataset", "export", &connection, "users", "--format", "xlsx", "-o", "users"])
        .exits(2)
        .error();
    sandbox.script(&["dataset", "count", "users"]).exits(2).error();
}

#[test]
fn rows_are_picked_and_ordered_by_the_database() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let count = |conditions: &[&str]| -> i64 {
        let wheres = conditions.iter().flat_map(|condition| ["--where", condition]);
        let arguments: Vec<&str> =
            ["dataset", "count", &connection, "users"].into_iter().chain(wheres).collect();
        sandbox.json(&arguments)["rows"].as_i64().unwrap()
    };
    assert_eq!(count(&[]), 1_000);
    assert_eq!(count(&["id <= 10"]), 10);
    assert_eq!(count(&["id > 10", "id<=12"]), 2);
    assert_eq!(count(&["id != 1"]), 999);
    assert_eq!(count(&["email is null"]), 0);
    assert_eq!(count(&["email is not null"]), 1_000);
    // Which columns are read does not change which rows are.
    let counted = |condition: &str| {
        let count = ["dataset", "count", &connection, "users", "--columns", "name", "--where", condition];
        sandbox.json(&count)["rows"].as_i64().unwrap()
    };
    for condition in ["id <= 10", "age >= 18", "age < 20", "created_at >= 2022-01-01T00:00:00Z"] {
        assert_eq!(counted(condition), count(&[condition]), "{condition}");
    }
    let head = sandbox.json(&[
        "dataset",
        "head",
        &connection,
        "users",
        "-n",
        "3",
        "--order-by",
        "id:desc",
        "--columns",
        "id",
    ]);
    assert_eq!(head, serde_json::json!([{ "id": 1_000 }, { "id": 999 }, { "id": 998 }]));
    let loud = sandbox
        .run(&["dataset", "count", &connection, "users", "--where", "id <= 10", "-vv"])
        .exits(0)
        .stderr;
    assert!(loud.contains("select count(*) from") && loud.contains("<= 10"), "the statement is told: {loud}");
    let file = sandbox.folder().join("few.csv");
    let file = file.to_str().unwrap();
    let few = sandbox.json(&[
        "dataset",
        "export",
        &connection,
        "users",
        "--where",
        "id < 5",
        "--order-by",
        "id",
        "-o",
        file,
    ]);
    assert_eq!(few["rows"], 4);
    for wrong in ["id", "id > many", "nothing = 1", "created_at > yesterday"] {
        let count = ["dataset", "count", &connection, "users", "--columns", "name", "--where", wrong];
        text(&sandbox.script(&count).exits(2).error(), "hint");
    }
    sandbox.script(&["dataset", "head", &connection, "users", "--columns", "id,id"]).exits(2);
    sandbox.script(&["dataset", "head", &connection, "users", "--order-by", "nothing"]).exits(2);
}

/// A limit on the size of files, which fails as a full disk does: in the middle of a file, and with its last bytes.
#[test]
fn a_full_disk_leaves_no_file_that_looks_whole() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let exports = sandbox.folder().join("exports");
    std::fs::create_dir(&exports).unwrap();
    let export = |blocks: &str, arguments: &[&str]| {
        let with_limit = sandbox.command(&[]);
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")])
            .arg(with_limit.get_program())
            .args(["dataset", "export", &connection, "users", "--output", "json"])
            .args(arguments)
            .env_clear()
            .current_dir(&exports);
        for (name, value) in with_limit.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        run(&mut command)
    };
    let left = || -> Vec<_> {
        std::fs::read_dir(&exports).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    for format in ["csv", "jsonl", "arrow", "parquet"] {
        let (file, folder) = (format!("users.{format}"), format!("users-{format}"));
        let whole = export("unlimited", &["--format", format, "-o", &file]).exits(0).json();
        let bytes = whole["bytes"].as_u64().unwrap();
        let before = std::fs::read(exports.join(&file)).unwrap();
        // Blocks have 512 bytes; the database of the rows needs some for itself.
        for blocks in [100, (bytes - 1) / 512] {
            let blocks = blocks.to_string();
            for place in [["-o", "new"], ["-o", &file], ["--folder", &folder]] {
                let arguments = ["--format", format, place[0], place[1]];
                let error = export(&blocks, &arguments).exits(1).error();
                assert_eq!(error["kind"], "io", "{format}, {place:?}, {blocks}: {error}");
                assert!(
                    text(&error, "message").contains("written"),
                    "{format}, {place:?}, {blocks}: {error}"
                );
            }
            assert_eq!(left(), [file.as_str()], "{format}, {blocks}");
        }
        assert_eq!(
            std::fs::read(exports.join(&file)).unwrap(),
            before,
            "{format}: what was there is not touched"
        );
        std::fs::remove_file(exports.join(&file)).unwrap();
    }
}

/// A device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn standard_output_that_takes_nothing_is_a_failure() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let head = ["dataset", "head", &connection, "users", "--output", "json"];
    let mut commands = vec![sandbox.command(&head), sandbox.command(&["connection", "list"])];
    for format in ["csv", "jsonl", "arrow", "parquet"] {
        let export = ["dataset", "export", &connection, "users", "--format", format, "-o", "-"];
        commands.push(sandbox.command(&export));
    }
    for mut command in commands {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = command.stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let ended = ended.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("No space left"), "{command:?}: {said}");
    }
}

#[test]
fn rows_of_an_unfinished_refresh_beside_older_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("shop.db");
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute_batch(
            "create table users (id integer, _airbyte_generation_id integer); insert into users values (1, 3), (2, 4)",
        )
        .unwrap();
    let destination = json!({"destinationType": "sqlite", "configuration": {"destination_path": database}});
    std::fs::write(folder.path().join("d.json"), destination.to_string()).unwrap();
    let told = |said: &str| said.contains("the refreshes 3 to 4");
    let plain = |arguments: &[&str]| {
        run(airbyte(["dataset"]).args(arguments).current_dir(folder.path()).args(["--destination", "d.json"]))
            .exits(0)
    };
    let of_users: [&[&str]; 3] =
        [&["count", "users"], &["head", "users"], &["export", "users", "-o", "-", "--format", "csv"]];
    for arguments in of_users {
        assert!(told(&plain(arguments).stderr), "{arguments:?}");
        assert!(!told(&plain(&[arguments, &["--quiet"]].concat()).stderr), "{arguments:?}");
        assert!(!told(&plain(&[arguments, &["--where", "id = 1"]].concat()).stderr), "{arguments:?}");
    }
    let export: &[&str] = &["export", "users", "-o", "users.csv", "--columns", "id"];
    assert!(told(&plain(export).stderr));

    let for_scripts =
        |arguments: &[&str]| alone(folder.path(), &[arguments, &["--destination", "d.json"]].concat());
    for arguments in [of_users[0], export] {
        let object = for_scripts(arguments).exits(0).json();
        assert!(told(object["warnings"][0].as_str().unwrap()), "{object}");
        assert_eq!(object["rows"], 2);
    }
    // An array of rows has no place for it.
    let head = for_scripts(of_users[1]).exits(0);
    assert_eq!(head.json().as_array().unwrap().len(), 2);
    let beside: Value = serde_json::from_str(head.stderr.trim()).unwrap();
    assert!(told(beside["warning"].as_str().unwrap()), "{beside}");
}

#[test]
fn an_export_in_parts_has_every_row_once() {
    let sandbox = Sandbox::demo();
    let connection = sandbox.synced_connection();
    let written =
        sandbox.json(&["dataset", "export", &connection, "users", "-o", "users.parquet", "--parallel", "4"]);
    assert_eq!((&written["rows"], &written["stream"]), (&1_000.into(), &"users".into()));
    let (names, rows) = parquet(&sandbox.folder().join("users.parquet"));
    let id = names.iter().position(|name| name == "id").unwrap();
    let ids: std::collections::BTreeSet<i64> =
        rows.iter().map(|row| row[id].as_ref().unwrap().parse().unwrap()).collect();
    assert!(ids.into_iter().eq(1..=1_000) && rows.len() == 1_000);
    sandbox.script(&["dataset", "export", &connection, "users", "-o", "no.csv", "--parallel", "0"]).exits(2);
}
