//! A running sync, as it is seen: a moving view on a terminal, a line now and then elsewhere.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use airbyte_cloud::{JobProgress, Update};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output::{Output, bytes, count};

/// How often a line is written where nothing can move.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows the updates of one job.
pub(crate) struct View {
    begun: Instant,
    form: Form,
}

enum Form {
    Silent,
    /// Lines on standard error: when the status changes, and now and then.
    Lines {
        last: Option<(String, Instant)>,
    },
    Live {
        bars: MultiProgress,
        main: ProgressBar,
        streams: HashMap<String, ProgressBar>,
    },
}

impl View {
    pub(crate) fn new(output: &Output, label: &str) -> Self {
        let form = if output.is_live() {
            let bars = MultiProgress::new();
            let main = bars.add(ProgressBar::new_spinner().with_style(style("{spinner} {msg}")));
            main.enable_steady_tick(Duration::from_millis(120));
            main.set_message(label.to_owned());
            Form::Live { bars, main, streams: HashMap::new() }
        } else if output.is_for_programs() || output.is_quiet() {
            Form::Silent
        } else {
            Form::Lines { last: None }
        };
        Self { begun: Instant::now(), form }
    }

    /// Shows one update; `say` writes a line to standard error.
    pub(crate) fn update(&mut self, update: &Update, say: impl Fn(&str)) {
        let text = match update {
            Update::InProgress(progress) => self.described(progress),
            Update::PollFailed(error) => format!("still waiting: {error}"),
            Update::Done(job) => format!("job {} {}", job.job_id, job.status),
            _ => return,
        };
        match &mut self.form {
            Form::Silent => {}
            Form::Lines { last } => {
                let status = match update {
                    Update::InProgress(progress) => progress.status().to_string(),
                    Update::Done(_) => return,
                    _ => "unknown".to_owned(),
                };
                let due =
                    last.as_ref().is_none_or(|(said, at)| *said != status || at.elapsed() >= LINE_INTERVAL);
                if due {
                    say(&text);
                    *last = Some((status, Instant::now()));
                }
            }
            Form::Live { bars, main, streams } => {
                main.set_message(text);
                let Update::InProgress(progress) = update else { return };
                for stream in &progress.streams {
                    let name = match &stream.namespace {
                        Some(namespace) => format!("{namespace}.{}", stream.name),
                        None => stream.name.clone(),
                    };
                    let bar = streams.entry(name.clone()).or_insert_with(|| {
                        bars.add(
                            ProgressBar::new_spinner()
                                .with_style(style("  {prefix}  {msg}"))
                                .with_prefix(name),
                        )
                    });
                    bar.set_message(format!(
                        "{} records, {}",
                        count(stream.records_committed.or(stream.records_emitted)),
                        bytes(stream.bytes_emitted)
                    ));
                }
            }
        }
    }

    /// Takes the moving lines away; what remains is the result.
    pub(crate) fn finish(&self) {
        if let Form::Live { bars, main, streams } = &self.form {
            main.finish_and_clear();
            streams.values().for_each(ProgressBar::finish_and_clear);
            let _ = bars.clear();
        }
    }

    fn described(&self, progress: &JobProgress) -> String {
        let mut parts = vec![format!("job {} {}", progress.job.job_id, progress.status())];
        if let Some(attempt) = progress.attempt.filter(|attempt| *attempt > 0) {
            parts.push(format!("attempt {}", attempt + 1));
        }
        if let Some(records) = progress.records_synced.filter(|records| *records > 0) {
            parts.extend([format!("{} records", count(Some(records))), bytes(progress.bytes_synced)]);
            let seconds = i64::try_from(self.begun.elapsed().as_secs()).unwrap_or(i64::MAX);
            if seconds > 0 {
                parts.push(format!("{} records/s", count(Some(records / seconds))));
            }
        }
        parts.join(", ")
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
