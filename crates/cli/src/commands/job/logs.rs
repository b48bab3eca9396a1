//! The logs of jobs.

use airbyte_cloud::{Job, JobStatus, LogLevel, LogLine, LogSource, Update};
use clap::Args;
use futures::StreamExt;

use crate::context::Context;
use crate::error::{Failure, exit};
use crate::interrupt::unless_interrupted;
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct LogsArgs {
    /// The job's id
    pub(crate) id: airbyte_cloud::JobId,
    /// Go on with new lines until the job has ended
    #[arg(long, short = 'f')]
    follow: bool,
    /// Only this attempt, counted from 0
    #[arg(long, value_name = "N")]
    attempt: Option<i64>,
    /// Only the last lines, and with --follow those that come
    #[arg(long, short = 'n', value_name = "LINES")]
    tail: Option<usize>,
    /// Only lines of this level, or worse: trace, debug, info, warn, error
    #[arg(long, value_parser = level)]
    level: Option<LogLevel>,
    /// Only lines of this writer: source, destination, platform, replication-orchestrator
    #[arg(long, value_name = "WRITER", value_parser = writer)]
    source: Option<LogSource>,
}

fn level(word: &str) -> Result<LogLevel, String> {
    super::known(LogLevel::from(word), LogLevel::KNOWN)
}

fn writer(word: &str) -> Result<LogSource, String> {
    super::known(LogSource::from(word), LogSource::KNOWN)
}

/// The place of a level, from the least to the worst.
fn rank(level: &LogLevel) -> usize {
    const ORDER: [&str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];
    ORDER.iter().position(|word| *word == level.as_str()).unwrap_or(2)
}

impl LogsArgs {
    fn wants(&self, line: &LogLine) -> bool {
        let level = |wanted: &LogLevel| line.level.as_ref().is_some_and(|level| rank(level) >= rank(wanted));
        self.attempt.is_none_or(|attempt| line.attempt == attempt)
            && self.level.as_ref().is_none_or(level)
            && (self.source.is_none() || self.source == line.source)
    }

    /// Leaves what is wanted of these lines, and of that the last ones if so many are too many.
    fn choose(&self, lines: &mut Vec<LogLine>, tail: Option<usize>) {
        lines.retain(|line| self.wants(line));
        lines.drain(..lines.len().saturating_sub(tail.unwrap_or(usize::MAX)));
    }
}

pub(crate) async fn run(args: LogsArgs, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    let job = client.job(args.id);
    if args.follow {
        return follow(&job, &args, context).await;
    }
    let mut request = job.logs();
    if let Some(attempt) = args.attempt {
        request = request.attempt(attempt);
    }
    let mut lines = match request.await {
        Ok(lines) => lines,
        Err(error) => {
            // The server has no good word for a job that is not there.
            job.info().await?;
            return Err(error.into());
        }
    };
    args.choose(&mut lines, args.tail);
    let output = context.output();
    output.list(&lines, || lines.iter().map(|line| text(line, output)).collect::<Vec<_>>().join("\n"))?;
    Ok(exit::OK)
}

/// Prints lines as they come. How the job ends is not how the command ends: the log was read.
async fn follow(job: &Job, args: &LogsArgs, context: &Context) -> Result<u8, Failure> {
    let output = context.output();
    // The first lines are all that there are until now, unless it has not begun.
    let mut tail = args.tail;
    if tail.is_some() && matches!(job.info().await?.status, JobStatus::Pending | JobStatus::Queued) {
        tail = None;
    }
    let mut updates = job.wait().logs(true).details(false);
    loop {
        let Some(update) = unless_interrupted(updates.next()).await else {
            return Err(Failure::new(
                crate::error::Kind::Interrupted,
                format!("interrupted; job {} goes on", job.id()),
            ));
        };
        match update {
            None => return Ok(exit::OK),
            Some(Update::Log(mut lines)) => {
                args.choose(&mut lines, tail.take());
                for line in &lines {
                    output.line(line, || text(line, output))?;
                }
            }
            Some(Update::LogUnavailable(error) | Update::Stopped(error)) => return Err(error.into()),
            Some(Update::Done(info)) => output.note(&format!("job {} {}", info.job_id, info.status)),
            Some(_) => {}
        }
    }
}

/// A line for people: what is worse than information is coloured, and the word for it is there, too.
fn text(line: &LogLine, output: &Output) -> String {
    let text = line.to_string();
    let text: String =
        text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect();
    match line.level.as_ref().map(rank) {
        Some(3) => output.coloured(&text, anstyle::AnsiColor::Yellow),
        Some(4..) => output.coloured(&text, anstyle::AnsiColor::Red),
        _ => text,
    }
}
