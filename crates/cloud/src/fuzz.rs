//! Everything that reads bytes from outside, with bytes that nobody meant: it must neither panic nor go on for ever, and
//! what it takes it must be able to show.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/src/mutated.rs"]
mod mutated;

use std::path::Path;

use airbyte_api_raw::{config, public};
use chrono::Utc;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::Value;

use self::mutated::{corpus, mutated, mutated_text};
use crate::catalog::Catalog;
use crate::connection::ConnectionInfo;
use crate::job::JobInfo;
use crate::log;
use crate::manifest::Manifest;
use crate::problem::read_problem;
use crate::profile;
use crate::redact::Redactor;
use crate::retry::parse_retry_after;
use crate::schedule::CronExpression;
use crate::state::ConnectionState;
use crate::timestamp::{parse_duration, parse_timestamp};

proptest! {
    #[test]
    fn bodies_of_failures(body in mutated(corpus("problem"))) {
        let redactor = Redactor::new([SecretString::from("newline")]);
        if let Some(problem) = read_problem(&body, &redactor) {
            let said = format!("{problem:?} {:?}", problem.summary());
            // Unless it was put together from parts that are none.
            let is_whole = body.windows(7).any(|part| part == b"newline");
            prop_assert!(!is_whole || !said.contains("newline"), "{said}");
            prop_assert!(said.len() < 200_000, "{} bytes are said", said.len());
        }
    }

    #[test]
    fn profiles(text in mutated_text(corpus("profile"))) {
        if let Err(error) = profile::parse(&text, Path::new("profiles.toml")) {
            prop_assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }

    #[test]
    fn manifests(text in mutated_text(corpus("manifest"))) {
        if let Ok(manifest) = text.parse::<Manifest>() {
            let _ = manifest.check();
            prop_assert!(manifest.as_json().to_string().len() < 1_000_000);
        }
    }

    /// What was read is written as it was.
    #[test]
    fn states(text in mutated_text(corpus("state"))) {
        if let Ok(state) = text.parse::<ConnectionState>() {
            let written = state.to_json();
            let again: ConnectionState = written.parse().unwrap();
            prop_assert_eq!(&again, &state);
            prop_assert_eq!(again.to_json(), written);
            for stream in state.streams() {
                prop_assert!(state.stream(stream.stream.clone()).is_ok());
            }
        }
    }

    #[test]
    fn catalogs(body in mutated(corpus("catalog"))) {
        let Ok(json) = serde_json::from_slice::<Value>(&body) else { return Ok(()) };
        if let Ok(mut catalog) = Catalog::from_json(json.clone()) {
            prop_assert_eq!(catalog.as_json(), &json);
            let _ = catalog.to_protocol();
            for stream in catalog.streams() {
                let _ = catalog.select(stream.stream, false);
            }
        }
    }

    #[test]
    fn jobs(body in mutated(corpus("job"))) {
        if let Ok(job) = serde_json::from_slice::<public::types::JobResponse>(&body)
            && let Ok(info) = JobInfo::try_from(job)
        {
            prop_assert!(serde_json::to_string(&info).is_ok());
        }
    }

    #[test]
    fn connections(body in mutated(corpus("connection"))) {
        if let Ok(connection) = serde_json::from_slice::<public::types::ConnectionResponse>(&body) {
            let info = ConnectionInfo::from(connection);
            let _ = (info.schedule.to_schedule(), format!("{info:?}"));
        }
    }

    #[test]
    fn logs(body in mutated(corpus("log"))) {
        if let Ok(attempt) = serde_json::from_slice::<config::types::AttemptInfoRead>(&body) {
            for line in log::lines(attempt) {
                let _ = line.to_string();
            }
        }
    }

    #[test]
    fn crons(text in mutated_text(corpus("cron"))) {
        match text.parse::<CronExpression>() {
            // It is what it is read as.
            Ok(cron) => {
                let again: CronExpression = cron.as_str().parse().unwrap();
                prop_assert_eq!(again.as_str(), cron.as_str());
            }
            Err(error) => {
                let _ = (error.to_string(), error.hint());
            }
        }
    }

    #[test]
    fn times(text in mutated_text(corpus("time"))) {
        if let Some(time) = parse_timestamp(&text) {
            prop_assert_eq!(parse_timestamp(&time.to_rfc3339()), Some(time));
        }
        let _ = parse_duration(&text);
        let _ = parse_retry_after(&text, Utc::now());
    }
}
