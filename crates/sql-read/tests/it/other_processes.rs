//! What processes of their own do: parts that one has planned and another reads, and files that the disk has no room for.
//! The tests start themselves for it.

use std::path::Path;
use std::process::Command;

use airbyte_sql_read::{Dataset, Destination, ErrorKind, Format, Split, Splits, StreamSpec};
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::support::Schema;

/// What the other process is to do.
const TASK: &str = "AIRBYTE_TEST_TASK";

/// Reads the file that tells the task.
fn task() -> Value {
    serde_json::from_slice(&std::fs::read(std::env::var(TASK).unwrap()).unwrap()).unwrap()
}

/// This program, to run one test that waits for a task.
fn other(mut command: Command, test: &str, task: &Value, folder: &Path) -> std::process::Output {
    let file = folder.join("task.json");
    std::fs::write(&file, task.to_string()).unwrap();
    command.args(["--exact", &format!("other_processes::{test}"), "--ignored", "--nocapture"]);
    let ended = command.env(TASK, &file).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    std::fs::remove_file(file).unwrap();
    ended
}

/// Reads one part and prints its rows.
#[tokio::test]
#[ignore = "started by another test"]
async fn read_a_part() {
    let task = task();
    let split: Split = serde_json::from_value(task["split"].clone()).unwrap();
    let warehouse = Destination::from_json(&task["destination"]).unwrap().connect().await.unwrap();
    let batches: Vec<_> = warehouse.read_split(&split).await.unwrap().try_collect().await.unwrap();
    for batch in batches {
        for number in crate::support::shown(&batch, "n") {
            println!("row {number}");
        }
    }
}

/// Has every part read by a process of its own: together they are the numbers from 1 up to `rows`.
fn are_read_elsewhere(destination: &Value, splits: &Splits, rows: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Vec::new();
    for split in splits.splits() {
        let task = json!({"destination": destination, "split": split});
        let program = Command::new(std::env::current_exe().unwrap());
        let printed = String::from_utf8(other(program, "read_a_part", &task, folder.path()).stdout).unwrap();
        numbers.extend(printed.lines().filter_map(|line| line.rsplit_once("row ")?.1.parse::<usize>().ok()));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=rows).collect::<Vec<_>>());
}

async fn dataset(document: &Value) -> Dataset {
    let destination = Destination::from_json(document).unwrap();
    destination.connect().await.unwrap().dataset(&StreamSpec::new("rows")).await.unwrap()
}

#[tokio::test]
async fn parts_of_a_postgresql_are_read_elsewhere_as_they_were_planned() {
    let schema = Schema::new("parts_elsewhere").await;
    schema
        .run("create table rows as select n, repeat('x', 500) as x from generate_series(1, 2000) as n")
        .await;
    let document = json!({"destinationType": "postgres", "configuration": schema.configuration()});
    let splits = dataset(&document).await.splits(3).await.unwrap();
    assert_eq!(splits.splits().len(), 3);
    // The other processes see the state of the plan.
    schema.run("delete from rows where n % 2 = 0; insert into rows values (-1, '')").await;
    are_read_elsewhere(&document, &splits, 2_000);
}

#[tokio::test]
async fn parts_of_a_file_are_read_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(
            "create table rows (n integer, x text); insert into rows with recursive s (n) as (select 1 union all select n + 1 from s
             where n < 2000) select n, hex(zeroblob(250)) from s",
        )
        .unwrap();
    let document = json!({"destinationType": "sqlite", "configuration": {"destination_path": path}});
    let splits = dataset(&document).await.splits(3).await.unwrap();
    assert!(splits.splits().len() > 1);
    are_read_elsewhere(&document, &splits, 2_000);
}

#[cfg(feature = "duckdb")]
#[tokio::test]
async fn parts_of_a_duckdb_are_read_elsewhere() {
    let made = "create table rows as select range + 1 as n from range(300000)";
    let Some(file) = crate::duckdb::File::new(made) else { return };
    let document = json!({"destinationType": "duckdb", "configuration": {"destination_path": file.path}});
    let splits = dataset(&document).await.splits(2).await.unwrap();
    assert_eq!(splits.splits().len(), 2);
    are_read_elsewhere(&document, &splits, 300_000);
}

/// Exports a table to files that it has no room for, and says what came of it.
#[tokio::test]
#[ignore = "started by another test"]
async fn export_without_room() {
    let task = task();
    let dataset = dataset(&task["destination"]).await;
    let folder = Path::new(task["folder"].as_str().unwrap());
    for format in [Format::Parquet, Format::Csv, Format::JsonLines, Format::Arrow] {
        let name = format.name();
        for error in [
            dataset.export(folder.join(name), format).await.unwrap_err(),
            dataset.export_folder(folder.join(format!("{name}s")), format).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Io, "{name}: {error:?}");
            let mut causes = vec![error.to_string()];
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                causes.push(next.to_string());
                cause = next.source();
            }
            assert!(causes.join(": ").contains("File too large"), "{name}: {causes:?}");
        }
    }
}

/// A limit on the size of files stands for a disk that fills: both are an error of the system in the middle of a file.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_there_is_no_room_for_is_an_error_and_leaves_nothing() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = data.path().join("rows.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(
            "create table rows (n integer, x text); insert into rows with recursive s (n) as (select 1 union all select n + 1 from s
             where n < 20000) select n, hex(randomblob(100)) from s",
        )
        .unwrap();
    // What was there before stays.
    std::fs::write(out.path().join("csv"), "before").unwrap();
    let task = json!({
        "destination": {"destinationType": "sqlite", "configuration": {"destination_path": path}},
        "folder": out.path(),
    });
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 500; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap());
    other(limited, "export_without_room", &task, data.path());
    let left: Vec<_> =
        std::fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["csv"]);
    assert_eq!(std::fs::read_to_string(out.path().join("csv")).unwrap(), "before");
}
