//! Everything that reads what somebody else has written, with what nobody meant.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/src/mutated.rs"]
mod mutated;

use std::ops::ControlFlow;
use std::path::PathBuf;

use chrono::{TimeZone, Timelike};
use proptest::prelude::*;
use tempfile::TempDir;

use self::mutated::{corpus, mutated, mutated_text};
use crate::fault::Fault;
use crate::schedule::Quartz;
use crate::sources::{csv, json_lines};

/// A file of these bytes.
fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

proptest! {
    #[test]
    fn crons(text in mutated_text(corpus("cron"))) {
        if let Ok(quartz) = Quartz::parse(&text) {
            let now = chrono_tz::UTC.with_ymd_and_hms(2026, 1, 31, 23, 59, 59).unwrap();
            if let Some(next) = quartz.next(now) {
                prop_assert!(next > now, "{text}: {next}");
                prop_assert_eq!(next.nanosecond(), 0);
            }
        }
    }

    #[test]
    fn faults(text in mutated_text(corpus("fault"))) {
        if let Ok(fault) = text.parse::<Fault>() {
            let written = fault.to_string();
            prop_assert_eq!(written.parse::<Fault>().unwrap().to_string(), written);
        }
    }

    /// Every row has as many cells as there are fields.
    #[test]
    fn csv_files(bytes in mutated(corpus("csv")), separator in prop::sample::select(vec!["", r#"{"sep": ";"}"#])) {
        let (_folder, path) = file(&bytes);
        let options = csv::Options::parse(separator).unwrap();
        let Ok(fields) = csv::fields(&path, &options) else { return Ok(()) };
        let mut cells = Vec::new();
        let _ = csv::read(&path, &options, &fields, &mut |rows| {
            cells.extend(rows.iter().map(Vec::len));
            ControlFlow::Continue(())
        });
        prop_assert!(cells.iter().all(|count| *count == fields.len()), "{cells:?}");
    }

    #[test]
    fn json_lines_files(bytes in mutated(corpus("jsonl"))) {
        let (_folder, path) = file(&bytes);
        let Ok(fields) = json_lines::fields(&path) else { return Ok(()) };
        let mut rows = 0;
        let _ = json_lines::read(&path, &fields, &mut |batch| {
            rows += batch.len();
            ControlFlow::Continue(())
        });
        prop_assert!(rows <= bytes.len());
    }
}
