//! Everything that reads bytes from outside, with bytes that nobody meant: it must neither panic nor go on for ever, and
//! what it takes it must be able to show.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use airbyte_api_raw::{config, public};
use chrono::Utc;
use secrecy::SecretString;
use serde_json::Value;

use crate::catalog::Catalog;
use crate::connection::ConnectionInfo;
use crate::decoder::decoder;
use crate::job::JobInfo;
use crate::manifest::Manifest;
use crate::problem::read_problem;
use crate::redact::Redactor;
use crate::retry::parse_retry_after;
use crate::schedule::CronExpression;
use crate::state::ConnectionState;
use crate::timestamp::{parse_duration, parse_timestamp};

decoder!(problem, bytes);
fn problem(body: &[u8]) {
    let redactor = Redactor::new([SecretString::from("newline")]);
    if let Some(problem) = read_problem(body, &redactor) {
        let said = format!("{problem:?} {:?}", problem.summary());
        // Unless it was put together from parts that are none.
        let is_whole = body.windows(7).any(|part| part == b"newline");
        assert!(!is_whole || !said.contains("newline"), "{said}");
        assert!(said.len() < 200_000, "{} bytes are said", said.len());
    }
}

decoder!(profile, text);
fn profile(text: &str) {
    if let Err(error) = crate::profile::parse(text, Path::new("profiles.toml")) {
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}

decoder!(manifest, text);
fn manifest(text: &str) {
    if let Ok(manifest) = text.parse::<Manifest>() {
        let _ = manifest.check();
        assert!(manifest.as_json().to_string().len() < 1_000_000);
    }
}

decoder!(state, text);
/// What was read is written as it was.
fn state(text: &str) {
    if let Ok(state) = text.parse::<ConnectionState>() {
        let written = state.to_json();
        let again: ConnectionState = written.parse().unwrap();
        assert_eq!(again, state);
        assert_eq!(again.to_json(), written);
        for stream in state.streams() {
            assert!(state.stream(stream.stream.clone()).is_ok());
        }
    }
}

decoder!(catalog, bytes);
fn catalog(body: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return };
    if let Ok(mut catalog) = Catalog::from_json(json.clone()) {
        assert_eq!(catalog.as_json(), &json);
        let _ = catalog.to_protocol();
        for stream in catalog.streams() {
            let _ = catalog.select(stream.stream, false);
        }
    }
}

decoder!(job, bytes);
fn job(body: &[u8]) {
    if let Ok(job) = serde_json::from_slice::<public::types::JobResponse>(body)
        && let Ok(info) = JobInfo::try_from(job)
    {
        assert!(serde_json::to_string(&info).is_ok());
    }
}

decoder!(connection, bytes);
fn connection(body: &[u8]) {
    if let Ok(connection) = serde_json::from_slice::<public::types::ConnectionResponse>(body) {
        let info = ConnectionInfo::from(connection);
        let _ = (info.schedule.to_schedule(), format!("{info:?}"));
    }
}

decoder!(log, bytes);
fn log(body: &[u8]) {
    if let Ok(attempt) = serde_json::from_slice::<config::types::AttemptInfoRead>(body) {
        for line in crate::log::lines(attempt) {
            let _ = line.to_string();
        }
    }
}

decoder!(cron, text);
fn cron(text: &str) {
    match text.parse::<CronExpression>() {
        // It is what it is read as.
        Ok(cron) => {
            let again: CronExpression = cron.as_str().parse().unwrap();
            assert_eq!(again.as_str(), cron.as_str());
        }
        Err(error) => {
            let _ = (error.to_string(), error.hint());
        }
    }
}

decoder!(time, text);
fn time(text: &str) {
    if let Some(time) = parse_timestamp(text) {
        assert_eq!(parse_timestamp(&time.to_rfc3339()), Some(time));
    }
    let _ = parse_duration(text);
    let _ = parse_retry_after(text, Utc::now());
}
