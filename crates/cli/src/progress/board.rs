//! Many running jobs, a line each.

use std::time::Duration;

use airbyte_cloud::{JobId, Update};
use indicatif::{MultiProgress, ProgressBar};

use super::{Lines, Trouble, described, style};
use crate::output::{Output, moving_lines, one_line, say};

/// Lines that the terminal needs for the rest.
const OTHER_LINES: usize = 3;

/// Shows the updates of many jobs, in one moving view.
pub(crate) struct Board {
    jobs: Vec<Line>,
    form: Form,
}

struct Line {
    id: JobId,
    label: String,
    open: bool,
    bar: Option<ProgressBar>,
    lines: Lines,
}

enum Form {
    Silent,
    Programs(Trouble),
    Lines,
    Live { bars: MultiProgress, main: ProgressBar },
}

impl Board {
    pub(crate) fn new(output: &Output, jobs: &[(JobId, String)]) -> Self {
        let form = if output.is_live() {
            let bars = moving_lines();
            let main = bars.add(ProgressBar::new_spinner().with_style(style("{spinner} {wide_msg}")));
            main.enable_steady_tick(Duration::from_millis(120));
            Form::Live { bars, main }
        } else if output.is_quiet() {
            Form::Silent
        } else if output.is_for_programs() {
            Form::Programs(Trouble::default())
        } else {
            Form::Lines
        };
        let line = |(id, label): &(JobId, String)| Line {
            id: *id,
            label: one_line(label),
            open: true,
            bar: None,
            lines: Lines::default(),
        };
        let mut board = Self { jobs: jobs.iter().map(line).collect(), form };
        board.count();
        board
    }

    /// Shows one update of a job.
    pub(crate) fn update(&mut self, id: JobId, update: &Update) {
        let Some(at) = self.jobs.iter().position(|job| job.id == id) else { return };
        let ended = matches!(update, Update::Done(_) | Update::Stopped(_));
        let shown = self.jobs.iter().filter(|job| job.bar.is_some()).count();
        let job = &mut self.jobs[at];
        // A job whose wait was given up goes on.
        job.open = job.open && !matches!(update, Update::Done(_));
        let text = described(update).map(|text| format!("job {id} {text}"));
        match (&mut self.form, text) {
            // A look fails for all of them at once.
            (Form::Programs(trouble), _) => trouble.update("the jobs", update),
            (Form::Lines, Some(text)) if ended => say(&format!("{}: {text}", job.label)),
            (Form::Lines, _) => job.lines.update(&format!("{}: job {id}", job.label), update),
            (Form::Live { bars, .. }, Some(text)) => {
                let room = usize::from(console::Term::stderr().size().0).saturating_sub(OTHER_LINES);
                if ended {
                    job.bar.take().iter().for_each(ProgressBar::finish_and_clear);
                    let _ = bars.println(format!("{}: {text}", job.label));
                } else if job.bar.is_some() || shown < room {
                    let label =
                        console::pad_str(&job.label, 24, console::Alignment::Left, Some("…")).into_owned();
                    let bar = job.bar.get_or_insert_with(|| {
                        bars.add(
                            ProgressBar::new_spinner()
                                .with_style(style("  {prefix}  {wide_msg}"))
                                .with_prefix(label),
                        )
                    });
                    bar.set_message(text);
                }
            }
            _ => {}
        }
        self.count();
    }

    fn count(&mut self) {
        if let Form::Live { main, .. } = &self.form {
            let open = self.jobs.iter().filter(|job| job.open).count();
            main.set_message(format!("{} of {} jobs have ended", self.jobs.len() - open, self.jobs.len()));
        }
    }

    /// Takes the moving lines away, and gives the jobs that have not been seen to end.
    pub(crate) fn finish(&mut self) -> Vec<JobId> {
        if let Form::Live { bars, main } = &self.form {
            self.jobs.iter_mut().filter_map(|job| job.bar.take()).for_each(|bar| bar.finish_and_clear());
            main.finish_and_clear();
            let _ = bars.clear();
        }
        self.jobs.iter().filter(|job| job.open).map(|job| job.id).collect()
    }
}
