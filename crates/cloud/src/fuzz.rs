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
use crate::ticket::JobTicket;
use crate::timestamp::{parse_duration, parse_timestamp};

decoder!(problem, bytes);
fn problem(body: &[u8]) -> bool {
    let redactor = Redactor::new([SecretString::from("newline")]);
    let problem = read_problem(body, &redactor);
    if let Some(problem) = &problem {
        let said = format!("{problem:?} {:?}", problem.summary());
        // Unless it was put together from parts that are none.
        let is_whole = body.windows(7).any(|part| part == b"newline");
        assert!(!is_whole || !said.contains("newline"), "{said}");
        assert!(said.len() < 200_000, "{} bytes are said", said.len());
    }
    problem.is_some()
}

decoder!(profile, text);
/// An error tells no value. It does tell a name, which a secret can become by damage.
fn profile(text: &str) -> bool {
    let names: Vec<String> = text.parse::<toml::Table>().iter().flat_map(names).collect();
    match crate::profile::parse(text, Path::new("profiles.toml")) {
        Ok(_) => true,
        Err(error) => {
            let named = names.iter().any(|name| name.contains("hidden"));
            assert!(named || !error.to_string().contains("hidden"), "{error}");
            false
        }
    }
}

fn names(table: &toml::Table) -> Vec<String> {
    let inner = table.values().filter_map(toml::Value::as_table).flat_map(names);
    table.keys().cloned().chain(inner).collect()
}

decoder!(manifest, text);
/// What an alias stands for is there as often as it is named, and no more often.
fn manifest(text: &str) -> bool {
    let Ok(manifest) = text.parse::<Manifest>() else { return false };
    let _ = manifest.check();
    assert!(manifest.as_json().to_string().len() < 1_000_000 + text.len() * text.len());
    true
}

decoder!(state, text);
/// What was read is written as it was.
fn state(text: &str) -> bool {
    let Ok(state) = text.parse::<ConnectionState>() else { return false };
    let written = state.to_json();
    let again: ConnectionState = written.parse().unwrap();
    assert_eq!(again, state);
    assert_eq!(again.to_json(), written);
    for stream in state.streams() {
        assert!(state.stream(stream.stream.clone()).is_ok());
    }
    true
}

decoder!(state_messages, bytes);
/// The messages of what was read are read as the same.
fn state_messages(body: &[u8]) -> bool {
    let Ok(messages) = serde_json::from_slice::<Vec<Value>>(body) else { return false };
    let Ok(state) = ConnectionState::from_messages(&messages) else { return false };
    assert_eq!(ConnectionState::from_messages(&state.to_messages()).unwrap(), state);
    true
}

decoder!(catalog, bytes);
fn catalog(body: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return false };
    let Ok(mut catalog) = Catalog::from_json(json.clone()) else { return false };
    assert_eq!(catalog.as_json(), &json);
    let _ = catalog.to_protocol();
    for stream in catalog.streams() {
        let _ = catalog.select(stream.stream, false);
    }
    true
}

decoder!(job, bytes);
fn job(body: &[u8]) -> bool {
    let Ok(job) = serde_json::from_slice::<public::types::JobResponse>(body) else { return false };
    let Ok(info) = JobInfo::try_from(job) else { return false };
    assert!(serde_json::to_string(&info).is_ok());
    true
}

decoder!(ticket, bytes);
fn ticket(body: &[u8]) -> bool {
    let Ok(ticket) = serde_json::from_slice::<JobTicket>(body) else { return false };
    let written = serde_json::to_vec(&ticket).unwrap();
    assert_eq!(serde_json::from_slice::<JobTicket>(&written).unwrap(), ticket);
    true
}

decoder!(connection, bytes);
fn connection(body: &[u8]) -> bool {
    let Ok(read) = serde_json::from_slice::<public::types::ConnectionResponse>(body) else { return false };
    let info = ConnectionInfo::from(read);
    let _ = (info.schedule.to_schedule(), format!("{info:?}"));
    true
}

decoder!(log, bytes);
fn log(body: &[u8]) -> bool {
    let Ok(attempt) = serde_json::from_slice::<config::types::AttemptInfoRead>(body) else { return false };
    for line in crate::log::lines(attempt) {
        let _ = line.to_string();
    }
    true
}

decoder!(cron, text);
fn cron(text: &str) -> bool {
    match text.parse::<CronExpression>() {
        // It is what it is read as.
        Ok(cron) => {
            let again: CronExpression = cron.as_str().parse().unwrap();
            assert_eq!(again.as_str(), cron.as_str());
            true
        }
        Err(error) => {
            let _ = (error.to_string(), error.hint());
            false
        }
    }
}

decoder!(time, text);
/// A moment, a length, or what a server asks to be left alone for.
fn time(text: &str) -> bool {
    let moment = parse_timestamp(text);
    if let Some(time) = moment {
        assert_eq!(parse_timestamp(&time.to_rfc3339()), Some(time));
    }
    let length = parse_duration(text);
    let pause = parse_retry_after(text, Utc::now());
    moment.is_some() || length.is_some() || pause.is_some()
}
