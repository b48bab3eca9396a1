//! Running jobs, as they are seen: a moving view on a terminal, a line now and then elsewhere.

mod board;
mod stream_bars;
mod trouble;

use std::time::{Duration, Instant};

use airbyte_cloud::{JobProgress, LogLine, Update};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub(crate) use board::Board;
use stream_bars::StreamBars;
use trouble::Trouble;

use crate::output::{Output, bytes, count, moving_lines, one_line, say};

/// How often a line is written where nothing can move.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows the updates of one job.
pub(crate) struct View {
    label: String,
    form: Form,
}

enum Form {
    Silent,
    Programs(Trouble),
    /// Lines on standard error: when the status changes, and now and then.
    Lines(Lines),
    Live(Box<Live>),
}

struct Live {
    bars: MultiProgress,
    main: ProgressBar,
    streams: StreamBars,
    log: ProgressBar,
}

impl View {
    pub(crate) fn new(output: &Output, label: &str) -> Self {
        let form = if output.is_live() {
            let bars = moving_lines();
            let main = bars.add(ProgressBar::new_spinner().with_style(style("{spinner} {wide_msg}")));
            main.enable_steady_tick(Duration::from_millis(120));
            main.set_message(label.to_owned());
            let log = bars.add(ProgressBar::new_spinner().with_style(style("{wide_msg:.dim}")));
            let streams = StreamBars::new(bars.clone(), main.clone());
            Form::Live(Box::new(Live { bars, main, streams, log }))
        } else if output.is_quiet() {
            Form::Silent
        } else if output.is_for_programs() {
            Form::Programs(Trouble::default())
        } else {
            Form::Lines(Lines::default())
        };
        Self { label: label.to_owned(), form }
    }

    /// Whether somebody watches it move.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.form, Form::Live(_))
    }

    /// Shows one update.
    pub(crate) fn update(&mut self, update: &Update) {
        match &mut self.form {
            Form::Silent => {}
            Form::Programs(trouble) => trouble.update(&self.label, update),
            Form::Lines(lines) => lines.update(&self.label, update),
            Form::Live(live) => {
                match update {
                    Update::InProgress(progress) => live.streams.update(progress),
                    Update::Log(lines) => {
                        if let Some(line) = lines.last() {
                            live.log.set_message(newest(line));
                        }
                        return;
                    }
                    _ => {}
                }
                if let Some(text) = described(update) {
                    live.main.set_message(format!("{} {text}", self.label));
                }
            }
        }
    }

    /// Takes the moving lines away; what remains is the result.
    pub(crate) fn finish(&mut self) {
        if let Form::Live(live) = &mut self.form {
            live.streams.finish();
            live.log.finish_and_clear();
            live.main.finish_and_clear();
            let _ = live.bars.clear();
        }
    }
}

/// Where nothing can move: a line when the status changes, and one now and then.
#[derive(Default)]
struct Lines {
    last: Option<(String, Instant)>,
}

impl Lines {
    fn update(&mut self, label: &str, update: &Update) {
        let status = match update {
            Update::InProgress(progress) => progress.status().to_string(),
            Update::PollFailed(_) => "unknown".to_owned(),
            _ => return,
        };
        let due =
            self.last.as_ref().is_none_or(|(said, at)| *said != status || at.elapsed() >= LINE_INTERVAL);
        if due && let Some(text) = described(update) {
            say(&format!("{label} {text}"));
            self.last = Some((status, Instant::now()));
        }
    }
}

/// The newest line of a log, on one line.
fn newest(line: &LogLine) -> String {
    let level = line.level.as_ref().map(|level| level.as_str().to_uppercase()).unwrap_or_default();
    one_line(format!("{level} {}", line.message).trim())
}

/// What an update says, without the job's name; `None` where there is nothing to say.
fn described(update: &Update) -> Option<String> {
    match update {
        Update::InProgress(progress) => Some(in_words(progress)),
        Update::PollFailed(error) => Some(format!("still waiting: {error}")),
        Update::Done(job) => Some(job.status.to_string()),
        _ => None,
    }
}

fn in_words(progress: &JobProgress) -> String {
    let mut parts = vec![progress.status().to_string()];
    if let Some(attempt) = progress.attempt.filter(|attempt| *attempt > 0) {
        parts.push(format!("attempt {}", attempt + 1));
    }
    if let Some(records) = progress.records_synced.filter(|records| *records > 0) {
        parts.extend([format!("{} records", count(Some(records))), bytes(progress.bytes_synced)]);
        let seconds = i64::try_from(progress.watched.as_secs()).unwrap_or(i64::MAX);
        if seconds > 0 {
            parts.push(format!("{} records/s", count(Some(records / seconds))));
        }
    }
    parts.join(", ")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .progress_chars("━╸ ")
}
