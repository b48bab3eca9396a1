//! One statement: sent, waited for, ended at the service when nobody waits any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Running};
use super::session::{Reply, Session};
use crate::cancellations;
use crate::error::{Error, ErrorKind, Result};

/// The query runs; its result is asked for again.
const IN_PROGRESS: [&str; 2] = ["333333", "333334"];
/// What is named does not exist, or the role may not see it.
const DOES_NOT_EXIST: [&str; 2] = ["002003", "002043"];
/// The service holds a look for a result back until there is one or 45 seconds have passed. One that comes back at once
/// all the same is not repeated without a pause.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];

/// What the service may be asked to do with a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Run,
    /// Only to say what it is and what it would give.
    Describe,
}

/// Why a statement has no result.
pub(super) enum Stopped {
    /// The service refused it.
    Refused { code: String, message: String },
    /// It did not come to that.
    Failed(Error),
}

impl Stopped {
    /// Whether what the statement names does not exist, or may not be seen.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if DOES_NOT_EXIST.contains(&code.as_str()))
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        let (code, message) = match stopped {
            Stopped::Failed(error) => return error,
            Stopped::Refused { code, message } => (code, message),
        };
        let error =
            Self::new(ErrorKind::Query, format!("Snowflake: {} ({code})", message.trim_end_matches('.')));
        match code.as_str() {
            "000606" => error.with_hint("set `warehouse` of the destination to one that the role may use"),
            "002003" | "002043" => error.with_hint("check the grants of the destination's `role`"),
            "000630" => error
                .with_hint("raise statement_timeout_in_seconds in `jdbc_url_params`, or read less at a time"),
            _ => error,
        }
    }
}

/// Runs a statement and gives its result. Dropping the future ends it at the service.
pub(super) async fn run(session: &Arc<Session>, sql: &str, mode: Mode) -> Result<Answer, Stopped> {
    let id = Uuid::new_v4();
    let mut body = json!({
        "sqlText": sql,
        "asyncExec": false,
        "sequenceId": session.next_in_sequence(),
        "querySubmissionTime": chrono::Utc::now().timestamp_millis(),
    });
    if mode == Mode::Describe {
        body["describeOnly"] = Value::Bool(true);
    }
    let unfinished = Unfinished { session: Some(session.clone()), id, sql };
    let reply = session.ask(Method::POST, "/queries/v1/query-request", Some(id), Some(&body)).await?;
    let answer = result(session, reply).await;
    if !matches!(answer, Err(Stopped::Failed(_))) {
        unfinished.has_ended();
    }
    answer
}

/// The result of a statement that ran before, in this session or another one of the same user.
pub(super) async fn earlier(session: &Session, query_id: &str) -> Result<Answer, Stopped> {
    // The id comes from outside and becomes part of an address.
    if query_id.is_empty() || query_id.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        return Err(Error::invalid("a part of a Snowflake read names no query").into());
    }
    let reply = session.ask(Method::GET, &format!("/queries/{query_id}/result"), None, None).await?;
    result(session, reply).await
}

/// Waits for the end.
async fn result(session: &Session, mut reply: Reply) -> Result<Answer, Stopped> {
    let [mut pause, longest] = PAUSES;
    while reply.code.as_deref().is_some_and(|code| IN_PROGRESS.contains(&code)) {
        let running: Running = reply.data()?;
        let asked = Instant::now();
        reply = session.ask(Method::GET, &running.get_result_url, None, None).await?;
        if asked.elapsed() < Duration::from_secs(1) {
            tokio::time::sleep(pause).await;
            pause = longest.min(pause * 2);
        }
    }
    if reply.success {
        Ok(reply.data()?)
    } else {
        Err(Stopped::Refused { code: reply.code.unwrap_or_default(), message: reply.message })
    }
}

/// Ends the statement at the service when it is dropped before the end.
struct Unfinished<'a> {
    session: Option<Arc<Session>>,
    id: Uuid,
    sql: &'a str,
}

impl Unfinished<'_> {
    fn has_ended(mut self) {
        self.session = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let body = json!({"sqlText": self.sql, "requestId": self.id});
        cancellations::send(async move {
            let asked = session
                .ask(Method::POST, "/queries/v1/abort-request", Some(Uuid::new_v4()), Some(&body))
                .await;
            match asked {
                Ok(reply) if reply.success => {}
                Ok(reply) => tracing::debug!(reply.message, "the query could not be ended"),
                Err(error) => tracing::debug!(%error, "the query could not be ended"),
            }
        });
    }
}
