//! Everything that reads what somebody else has written, with what nobody meant.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::LazyLock;

use chrono::{TimeZone, Timelike};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::decoder::{decoder, mutated};
use crate::fault::Fault;
use crate::schedule::Quartz;
use crate::{Sandbox, Seed, sources};

/// A file of these bytes.
fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

decoder!(cron, text);
fn cron(text: &str) -> bool {
    let Ok(quartz) = Quartz::parse(text) else { return false };
    let now = chrono_tz::UTC.with_ymd_and_hms(2026, 1, 31, 23, 59, 59).unwrap();
    if let Some(next) = quartz.next(now) {
        assert!(next > now, "{text}: {next}");
        assert_eq!(next.nanosecond(), 0);
    }
    true
}

decoder!(fault, text);
fn fault(text: &str) -> bool {
    let Ok(fault) = text.parse::<Fault>() else { return false };
    let written = fault.to_string();
    assert_eq!(written.parse::<Fault>().unwrap().to_string(), written);
    true
}

decoder!(csv, bytes);
/// Every row has as many cells as there are fields.
fn csv(bytes: &[u8]) -> bool {
    let (_folder, path) = file(bytes);
    let mut taken = false;
    for separator in ["", r#"{"sep": ";"}"#] {
        let options = sources::csv::Options::parse(separator).unwrap();
        let Ok(fields) = sources::csv::fields(&path, &options) else { continue };
        let mut cells = Vec::new();
        let read = sources::csv::read(&path, &options, &fields, &mut |rows| {
            cells.extend(rows.iter().map(Vec::len));
            ControlFlow::Continue(())
        });
        assert!(cells.iter().all(|count| *count == fields.len()), "{cells:?}");
        taken |= read.is_ok();
    }
    taken
}

decoder!(jsonl, bytes);
fn jsonl(bytes: &[u8]) -> bool {
    let (_folder, path) = file(bytes);
    let Ok(fields) = sources::json_lines::fields(&path) else { return false };
    let mut rows = 0;
    let read = sources::json_lines::read(&path, &fields, &mut |batch| {
        rows += batch.len();
        ControlFlow::Continue(())
    });
    assert!(rows <= bytes.len());
    read.is_ok()
}

/// The database and the credentials of a data folder that a sandbox has left.
fn data_folder() -> &'static [Vec<u8>; 2] {
    static FILES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(written);
    &FILES
}

const FILES: [&str; 2] = ["airbyte.db", "application.json"];

fn written() -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        Sandbox::builder().data_dir(folder.path()).start().await.unwrap().shutdown().await;
    });
    FILES.map(|name| std::fs::read(folder.path().join(name)).unwrap())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    // Each case starts a sandbox.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// A folder with a damaged file is refused with a word that names the file, or the damage does not matter.
    #[test]
    fn data_folders(bytes in mutated(data_folder().to_vec()), which in 0..2_usize) {
        let folder = tempfile::tempdir().unwrap();
        for (number, name) in FILES.iter().enumerate() {
            let content = if number == which { &bytes } else { &data_folder()[number] };
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let (_, secret): (String, String) = serde_json::from_slice(&data_folder()[1]).unwrap();
        let started = block_on(async {
            let sandbox = Sandbox::builder().seed(Seed::Empty).data_dir(folder.path()).start().await?;
            sandbox.shutdown().await;
            Ok::<_, crate::Error>(())
        });
        if let Err(error) = started {
            let said = format!("{error} {error:?}");
            prop_assert!(error.to_string().contains(FILES[which]), "{said}");
            prop_assert!(!said.contains(&secret), "{said}");
        }
    }
}
