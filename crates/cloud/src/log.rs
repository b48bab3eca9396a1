//! The logs of jobs, line by line.

use std::fmt;
use std::future::IntoFuture;
use std::sync::LazyLock;
use std::time::Duration;

use airbyte_api_raw::config::types;
use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use futures::future::BoxFuture;
use regex_lite::Regex;
use serde::Serialize;

use crate::attempt::AttemptInfo;
use crate::call::Operation;
use crate::error::Result;
use crate::job::Job;
use crate::open_enum::open_enum;
use crate::retry::RetryPolicy;
use crate::timestamp::parse_timestamp;

/// The time limit of one request for a log: the server collects the whole log before it answers.
const TIMEOUT: Duration = Duration::from_mins(5);

open_enum! {
    /// How much a line of a log matters.
    LogLevel {
        /// Something went wrong.
        Error = "error",
        /// Something may be wrong.
        Warn = "warn",
        /// What is going on.
        Info = "info",
        /// For those who know the software.
        Debug = "debug",
        /// Every step.
        Trace = "trace",
    }
}

open_enum! {
    /// Who wrote a line of a log.
    LogSource {
        /// The source connector.
        Source = "source",
        /// The destination connector.
        Destination = "destination",
        /// Airbyte itself.
        Platform = "platform",
        /// What moves records between the two connectors.
        ReplicationOrchestrator = "replication-orchestrator",
    }
}

/// A line of a job's log.
///
/// `Display` gives it as text: time, level, writer, message, and the stack trace on lines of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct LogLine {
    /// The attempt that it belongs to, counted from 0.
    pub attempt: i64,
    /// Its place in the attempt's log, counted from 0.
    pub number: usize,
    /// When it was written, to the millisecond where the server knows it.
    pub at: Option<DateTime<Utc>>,
    /// How much it matters.
    pub level: Option<LogLevel>,
    /// Who wrote it.
    pub source: Option<LogSource>,
    /// What it says, without colours. As connectors wrote it: it may hold anything.
    pub message: String,
    /// Where in the software an error came from.
    pub stack_trace: Option<String>,
}

impl LogLine {
    /// A line of a structured log.
    fn of_event(attempt: i64, number: usize, event: types::LogEvent) -> Self {
        Self {
            attempt,
            number,
            at: Utc.timestamp_millis_opt(event.timestamp).single(),
            level: event.level.map(|level| LogLevel::from(level.as_str())),
            source: event.log_source.map(|source| LogSource::from(source.as_str())),
            message: without_colours(&event.message),
            stack_trace: event.stack_trace.filter(|trace| !trace.is_empty()),
        }
    }

    /// A line of a log that is only text: `2026-01-02 03:04:05 INFO source > message`, of which any part but
    /// the message may be missing.
    fn of_text(attempt: i64, number: usize, text: &str) -> Self {
        let text = without_colours(text);
        let mut rest = text.as_str();
        let at = rest.split_at_checked("2026-01-02 03:04:05".len()).and_then(|(time, after)| {
            let at = parse_timestamp(time)?;
            rest = if after.is_empty() { after } else { after.strip_prefix(' ')? };
            Some(at)
        });
        let mut level = take_level(&mut rest);
        let source = rest.split_once(" > ").and_then(|(word, after)| {
            let source = LogSource::KNOWN.iter().find(|source| source.as_str() == word)?;
            rest = after;
            Some(source.clone())
        });
        if source.is_some() && level.is_none() {
            level = take_level(&mut rest);
        }
        Self { attempt, number, at, level, source, message: rest.to_owned(), stack_trace: None }
    }
}

/// Takes a level, which is written in capitals, off the start of a line.
fn take_level(rest: &mut &str) -> Option<LogLevel> {
    let (word, after) = rest.split_once(' ')?;
    let level = LogLevel::KNOWN.iter().find(|level| level.as_str().to_ascii_uppercase() == word)?;
    *rest = after;
    Some(level.clone())
}

fn without_colours(text: &str) -> String {
    #[allow(clippy::expect_used, reason = "a constant")]
    static COLOURS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("\x1b\\[[0-9;]*[A-Za-z]").expect("a valid expression"));
    COLOURS.replace_all(text, "").into_owned()
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{} ", at.to_rfc3339_opts(SecondsFormat::Millis, true))?;
        }
        if let Some(level) = &self.level {
            write!(f, "{} ", level.as_str().to_ascii_uppercase())?;
        }
        if let Some(source) = &self.source {
            write!(f, "{source} > ")?;
        }
        f.write_str(&self.message)?;
        match &self.stack_trace {
            Some(trace) => write!(f, "\n{}", trace.trim_end()),
            None => Ok(()),
        }
    }
}

/// The lines of an attempt's log, in either of the two forms that servers give.
pub(crate) fn lines(info: types::AttemptInfoRead) -> Vec<LogLine> {
    let attempt = info.attempt.id;
    let Some(logs) = info.logs else { return Vec::new() };
    let events = logs.events.into_iter().flatten().enumerate();
    let mut lines: Vec<_> = events.map(|(number, event)| LogLine::of_event(attempt, number, event)).collect();
    if lines.is_empty() {
        let texts = logs.log_lines.into_iter().flatten().enumerate();
        lines = texts.map(|(number, text)| LogLine::of_text(attempt, number, &text)).collect();
    }
    lines
}

/// The call that [`fetch_attempt`] makes, to be tuned by its caller.
pub(crate) fn attempt_operation() -> Operation {
    Operation::read("getAttemptForJob").policy(RetryPolicy::default().attempts(3)).timeout(TIMEOUT)
}

/// Asks for one attempt with its log (Config API operation `getAttemptForJob`).
pub(crate) async fn fetch_attempt(
    job: &Job,
    number: i64,
    operation: Operation,
) -> Result<(AttemptInfo, Vec<LogLine>)> {
    let path = job.client().path();
    path.config_root()?;
    let body = types::GetAttemptStatsRequestBody {
        job_id: types::JobId(job.id().get()),
        attempt_number: types::AttemptNumber(i32::try_from(number).unwrap_or(i32::MAX)),
    };
    let body = &body;
    let operation = operation.of(&format!("attempt {number} of job"), job.id());
    let call = path.run(operation, |attempt| async move {
        attempt.config().get_attempt_for_job().body(body.clone()).send().await
    });
    let answer = call.await.map_err(|error| error.with_job_id(job.id()))?;
    Ok((AttemptInfo::from(&answer.attempt), lines(answer)))
}

/// Reads the log of a job or of one of its attempts; made by [`Job::logs`] and
/// [`Attempt::logs`](crate::Attempt::logs), run by `.await`.
///
/// The server gives logs only whole, so the options choose what is kept of one, not what is sent.
///
/// ```no_run
/// # async fn example(job: airbyte_cloud::Job) -> airbyte_cloud::Result<()> {
/// for line in job.logs().tail(200).await? {
///     println!("{line}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// Errors: [`NotFound`](crate::ErrorKind::NotFound) for an unknown job or attempt, where the server tells;
/// [`Configuration`](crate::ErrorKind::Configuration) when the root of the Config API is not known.
#[derive(Clone, Debug)]
#[must_use = "a log is not read until it is awaited"]
pub struct LogRequest {
    job: Job,
    attempt: Option<i64>,
    skip: usize,
    limit: Option<usize>,
    tail: Option<usize>,
}

impl LogRequest {
    pub(crate) fn new(job: Job) -> Self {
        Self { job, attempt: None, skip: 0, limit: None, tail: None }
    }

    /// Only the log of this attempt, counted from 0; of all attempts without it.
    pub fn attempt(mut self, number: i64) -> Self {
        self.attempt = Some(number);
        self
    }

    /// Leaves out the first lines, for instance those that are known already.
    pub fn skip(mut self, lines: usize) -> Self {
        self.skip = lines;
        self
    }

    /// At most this many lines, from the start of what is not skipped.
    pub fn limit(mut self, lines: usize) -> Self {
        self.limit = Some(lines);
        self
    }

    /// Only the last lines of what the other options leave.
    pub fn tail(mut self, lines: usize) -> Self {
        self.tail = Some(lines);
        self
    }

    async fn read(self) -> Result<Vec<LogLine>> {
        let mut lines = match self.attempt {
            Some(number) => fetch_attempt(&self.job, number, attempt_operation()).await?.1,
            None => fetch_job(&self.job).await?,
        };
        lines.drain(..self.skip.min(lines.len()));
        lines.truncate(self.limit.unwrap_or(usize::MAX));
        if let Some(tail) = self.tail {
            lines.drain(..lines.len().saturating_sub(tail));
        }
        Ok(lines)
    }
}

/// Asks for the logs of all attempts (Config API operation `getJobInfo`).
async fn fetch_job(job: &Job) -> Result<Vec<LogLine>> {
    let path = job.client().path();
    path.config_root()?;
    let body = types::JobIdRequestBody { id: types::JobId(job.id().get()) };
    let body = &body;
    let operation = Operation::read("getJobInfo")
        .policy(RetryPolicy::default().attempts(2))
        .timeout(TIMEOUT)
        .of("job", job.id());
    let call = path.run(operation, |attempt| async move {
        attempt.config().get_job_info().body(body.clone()).send().await
    });
    let mut attempts = call.await.map_err(|error| error.with_job_id(job.id()))?.attempts;
    attempts.sort_by_key(|info| info.attempt.id);
    Ok(attempts.into_iter().flat_map(lines).collect())
}

impl IntoFuture for LogRequest {
    type Output = Result<Vec<LogLine>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

impl Job {
    /// Its log, the first attempt first (Config API operation `getJobInfo`); `.await` it. See [`LogRequest`].
    pub fn logs(&self) -> LogRequest {
        LogRequest::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<String>, Option<&'static str>, Option<String>, String) {
        let line = LogLine::of_text(0, 0, text);
        let level =
            line.level.map(|level| LogLevel::KNOWN.iter().find(|known| **known == level).unwrap().as_str());
        (line.at.map(|at| at.to_rfc3339()), level, line.source.map(|source| source.to_string()), line.message)
    }

    #[test]
    fn text_lines_are_taken_apart() {
        let at = Some("2026-01-02T03:04:05+00:00".to_owned());
        for (text, level, source, message) in [
            ("2026-01-02 03:04:05 source > read 3 records", None, Some("source"), "read 3 records"),
            (
                "2026-01-02 03:04:05 destination > WARN slow disk",
                Some("warn"),
                Some("destination"),
                "slow disk",
            ),
            (
                "2026-01-02 03:04:05 \x1b[32mINFO\x1b[m i.a.w.Worker(run):12 - begin",
                Some("info"),
                None,
                "i.a.w.Worker(run):12 - begin",
            ),
            (
                "2026-01-02 03:04:05 INFO \x1b[44mreplication-orchestrator\x1b[0m > done",
                Some("info"),
                Some("replication-orchestrator"),
                "done",
            ),
            ("2026-01-02 03:04:05 a > b", None, None, "a > b"),
            ("2026-01-02 03:04:05", None, None, ""),
        ] {
            assert_eq!(
                parts(text),
                (at.clone(), level, source.map(str::to_owned), message.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn text_that_has_another_form_is_kept_whole() {
        for text in [
            "",
            "    at x.y.Z(Z.java:3)",
            "Error in line 3",
            "2026-01-02 03:04:05x",
            "2026-13-02 03:04:05 INFO",
            "ärger 2026 ärger 2026 ärger",
        ] {
            assert_eq!(parts(text), (None, None, None, text.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_line_is_printed_with_what_is_known_of_it() {
        let text = LogLine::of_text(0, 0, "2026-01-02 03:04:05 source > INFO read").to_string();
        assert_eq!(text, "2026-01-02T03:04:05.000Z INFO source > read");
        assert_eq!(LogLine::of_text(0, 0, "plain").to_string(), "plain");
    }
}
