//! What ran on a connection, with a chart.

use airbyte_cloud::{JobInfo, JobType};
use chrono::Utc;
use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::names;
use crate::output::{Output, Table, ago, count, duration, one_line};

/// Characters of a bar at the most.
const BAR: usize = 20;

/// Characters of a bar in a narrow terminal.
const SHORT_BAR: usize = 6;

/// Characters that the numbers beside the bars take.
const NUMBERS: usize = 75;

#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    /// Its name or id
    name: String,
    /// So many jobs at the most
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
    /// Only jobs of this type: sync, reset, refresh, clear
    #[arg(long = "type", value_name = "TYPE", value_parser = job_type)]
    job_type: Option<JobType>,
}

fn job_type(word: &str) -> Result<JobType, String> {
    crate::commands::job::known(JobType::from(word), JobType::KNOWN)
}

pub(crate) async fn run(args: HistoryArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let connection = names::connection(context, &client, &args.name).await?;
    let mut list = connection.jobs().limit(args.limit);
    if let Some(job_type) = args.job_type {
        list = list.job_type(job_type);
    }
    let jobs = list.await?;
    let name = if context.output().is_for_programs() { String::new() } else { connection.info().await?.name };
    context.output().list(&jobs, || format!("{}\n\n{}", one_line(&name), chart(&jobs, Output::width())))
}

/// A line for each job, the newest first: bars of its rows and its duration beside the numbers.
fn chart(jobs: &[JobInfo], width: usize) -> String {
    let most = |number: fn(&JobInfo) -> f64| jobs.iter().map(number).fold(0.0, f64::max);
    let (most_rows, longest) = (most(rows), most(seconds));
    let longest_bar = (width.saturating_sub(NUMBERS) / 2).clamp(SHORT_BAR, BAR);
    // The rows and their bars are what a narrow terminal keeps.
    let mut table = Table::new(&["job", "type", "status", "started", "records", "", "duration", ""])
        .with_spare(&[1, 7, 3, 6, 5]);
    let now = Utc::now();
    for job in jobs {
        table.row([
            job.job_id.to_string(),
            job.job_type.to_string(),
            job.status.to_string(),
            ago(job.started_at, now),
            count(job.records_synced),
            bar(rows(job), most_rows, longest_bar),
            duration(job.duration.filter(|_| job.status.is_final())),
            bar(seconds(job), longest, longest_bar),
        ]);
    }
    table.to_string()
}

#[allow(clippy::cast_precision_loss, reason = "a bar has twenty characters")]
fn rows(job: &JobInfo) -> f64 {
    job.records_synced.unwrap_or(0).max(0) as f64
}

fn seconds(job: &JobInfo) -> f64 {
    job.duration.map_or(0.0, |duration| duration.as_secs_f64())
}

/// A bar to the eighth of a character; what is more than nothing is to be seen.
fn bar(value: f64, most: f64, longest: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    if value <= 0.0 || most <= 0.0 {
        return String::new();
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 1 and 160"
    )]
    let eighths = ((value / most * (longest * 8) as f64).round() as usize).max(1);
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(10.0, 10.0, 20), "█".repeat(20));
        assert_eq!(bar(5.0, 10.0, 20), "█".repeat(10));
        assert_eq!(bar(0.26, 10.0, 20), "▌");
        assert_eq!(bar(0.000_1, 10.0, 20), "▏");
        assert_eq!(bar(0.0, 10.0, 20), "");
        assert_eq!(bar(3.0, 0.0, 20), "");
    }
}
