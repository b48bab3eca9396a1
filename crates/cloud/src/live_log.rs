//! A job's log while it grows.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::{AttemptInfo, AttemptStatus};
use crate::attempts;
use crate::error::Result;
use crate::job::Job;
use crate::log::{LogLine, attempt_operation, fetch_attempt};
use crate::retry::RetryPolicy;

/// The time limit of one request while the job runs: the next look is the retry.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Which lines of a job's log have been told.
///
/// The server gives an attempt's log only whole, and puts it together from the files of several processes, so
/// new lines can come before known ones. What counts is therefore how often a line has been seen, not where.
#[derive(Debug, Default)]
pub(crate) struct LiveLog {
    /// The attempt whose log is read; those before it are told to the end.
    attempt: i64,
    /// How often each line of that attempt has been told, by its hash.
    told: HashMap<u64, u32>,
    /// Whether that attempt was seen ended, and its log was read since.
    ended: bool,
}

impl LiveLog {
    /// The lines that are new, and what went wrong after them.
    ///
    /// An attempt that has ended is read until that brings nothing new or the next one begins, since its last
    /// lines can come late.
    pub(crate) async fn new_lines(
        &mut self,
        job: &Job,
        attempts: &[AttemptInfo],
        deadline: Option<Instant>,
    ) -> (Vec<LogLine>, Result<()>) {
        let mut new = Vec::new();
        for attempt in attempts {
            if attempt.number < self.attempt {
                continue;
            }
            self.move_to(attempt.number);
            let operation =
                attempt_operation().policy(RetryPolicy::none()).timeout(TIMEOUT).deadline(deadline);
            let (info, lines) = match fetch_attempt(job, attempt.number, operation).await {
                Ok(answer) => answer,
                Err(error) => return (new, Err(error)),
            };
            let before = new.len();
            self.take(lines, &mut new);
            if info.status == AttemptStatus::Running {
                break;
            }
            let quiet = self.ended && new.len() == before;
            self.ended = true;
            if quiet {
                self.move_to(attempt.number + 1);
            }
        }
        (new, Ok(()))
    }

    /// What is left when the job has ended. There is no later look, so this is tried as often as the client's
    /// policy says.
    pub(crate) async fn rest(&mut self, job: &Job, deadline: Option<Instant>) -> (Vec<LogLine>, Result<()>) {
        let mut new = Vec::new();
        let policy = job.client().path().retry;
        let operation = attempts::operation().policy(policy).deadline(deadline);
        let details = match attempts::fetch(job.client(), job.id(), operation).await {
            Ok(details) => details,
            Err(error) => return (new, Err(error)),
        };
        for attempt in details.attempts {
            if attempt.number < self.attempt {
                continue;
            }
            self.move_to(attempt.number);
            let operation = attempt_operation().policy(policy).deadline(deadline);
            match fetch_attempt(job, attempt.number, operation).await {
                Ok((_, lines)) => self.take(lines, &mut new),
                Err(error) => return (new, Err(error)),
            }
        }
        (new, Ok(()))
    }

    fn move_to(&mut self, attempt: i64) {
        if attempt != self.attempt {
            *self = Self { attempt, ..Self::default() };
        }
    }

    /// Takes over the lines that have not been told.
    fn take(&mut self, lines: Vec<LogLine>, new: &mut Vec<LogLine>) {
        let mut seen: HashMap<u64, u32> = HashMap::new();
        for line in lines {
            let hash = hash(&line);
            let count = seen.entry(hash).or_default();
            *count += 1;
            let told = self.told.entry(hash).or_default();
            if *count > *told {
                *told = *count;
                new.push(line);
            }
        }
    }
}

/// Of everything but the line's place, which may change.
fn hash(line: &LogLine) -> u64 {
    let mut hasher = DefaultHasher::new();
    (line.at, &line.level, &line.source, &line.message, &line.stack_trace).hash(&mut hasher);
    hasher.finish()
}
