//! A line for each stream of a running sync: a bar where it is known how much there is.

use std::time::Instant;

use airbyte_cloud::{JobProgress, StreamStats};
use indicatif::{MultiProgress, ProgressBar};

use super::style;
use crate::output::{bytes, count, one_line};

/// Lines that the terminal needs for the rest.
const OTHER_LINES: usize = 5;

/// Columns for a stream's name and its bar in a terminal with so many, the wider ones first. What is moved is told
/// before how far that is, so a narrow one has no bars.
const ROOM: [(u16, usize, &str); 3] = [
    (100, 24, "  {prefix}  {bar:20} {wide_msg}"),
    (80, 16, "  {prefix}  {bar:12} {wide_msg}"),
    (0, 12, NO_BAR),
];
const NO_BAR: &str = "  {prefix}  {wide_msg}";

pub(super) struct StreamBars {
    bars: MultiProgress,
    /// The line that they come below.
    above: ProgressBar,
    /// In the order in which they appeared.
    streams: Vec<(String, Bar)>,
    /// How many streams had no room.
    rest: Option<ProgressBar>,
    attempt: Option<i64>,
}

struct Bar {
    line: ProgressBar,
    /// What had been moved when, for the rate.
    last: Option<(i64, Instant)>,
    rate: Option<i64>,
}

impl StreamBars {
    pub(super) fn new(bars: MultiProgress, above: ProgressBar) -> Self {
        Self { bars, above, streams: Vec::new(), rest: None, attempt: None }
    }

    pub(super) fn update(&mut self, progress: &JobProgress) {
        if self.attempt != progress.attempt {
            // Another attempt counts from the beginning.
            self.finish();
            self.attempt = progress.attempt;
        }
        let room = usize::from(console::Term::stderr().size().0).saturating_sub(OTHER_LINES).max(1);
        for stream in &progress.streams {
            let name = match &stream.namespace {
                Some(namespace) => format!("{namespace}.{}", stream.name),
                None => stream.name.clone(),
            };
            if let Some((_, bar)) = self.streams.iter_mut().find(|(known, _)| *known == name) {
                bar.update(stream);
            } else if self.streams.len() < room {
                let mut bar = self.begin(&name, stream);
                bar.update(stream);
                self.streams.push((name, bar));
            }
        }
        let left_out = progress.streams.len().saturating_sub(self.streams.len());
        if left_out > 0 {
            let last = self.streams.last().map_or(&self.above, |(_, it)| &it.line);
            let rest = self.rest.get_or_insert_with(|| {
                self.bars.insert_after(last, ProgressBar::new_spinner().with_style(style("  {wide_msg}")))
            });
            rest.set_message(format!("{left_out} more streams"));
        }
    }

    fn begin(&self, name: &str, stream: &StreamStats) -> Bar {
        let columns = console::Term::stderr().size().1;
        let (_, width, with_bar) = ROOM.into_iter().find(|room| columns >= room.0).unwrap_or(ROOM[2]);
        let template = if total(stream).is_some() { with_bar } else { NO_BAR };
        let name = console::pad_str(&one_line(name), width, console::Alignment::Left, Some("…")).into_owned();
        let bar = ProgressBar::new(0).with_style(style(template)).with_prefix(name);
        // Below those that are there already.
        let last = self.streams.last().map_or(&self.above, |(_, it)| &it.line);
        Bar { line: self.bars.insert_after(last, bar), last: None, rate: None }
    }

    pub(super) fn finish(&mut self) {
        self.streams.drain(..).for_each(|(_, it)| it.line.finish_and_clear());
        if let Some(rest) = self.rest.take() {
            rest.finish_and_clear();
        }
    }
}

impl Bar {
    fn update(&mut self, stream: &StreamStats) {
        let records = stream.records_committed.or(stream.records_emitted);
        let moved = stream.bytes_emitted;
        if let (Some(now), Some((before, at))) = (moved, self.last) {
            let passed = at.elapsed().as_millis();
            if passed >= 500 && now >= before {
                let passed = i64::try_from(passed).unwrap_or(i64::MAX);
                self.rate = Some((now - before).saturating_mul(1000) / passed);
                self.last = Some((now, Instant::now()));
            }
        } else if let Some(now) = moved {
            self.last = Some((now, Instant::now()));
        }
        let of = total(stream).and_then(|total| i64::try_from(total).ok());
        let of = of.map(|total| format!(" of ~{}", count(Some(total)))).unwrap_or_default();
        let mut text = format!("{}{of} records, {}", count(records), bytes(moved));
        if let Some(rate) = self.rate.filter(|rate| *rate > 0) {
            text = format!("{text}, {}/s", bytes(Some(rate)));
        }
        if let (Some(total), Some(records)) = (total(stream), stream.records_emitted) {
            self.line.set_length(total);
            self.line.set_position(u64::try_from(records).unwrap_or(0).min(total));
        }
        self.line.set_message(text);
    }
}

/// How many records the stream will have, as far as its source knows.
fn total(stream: &StreamStats) -> Option<u64> {
    stream.estimated_records.and_then(|records| u64::try_from(records).ok()).filter(|records| *records > 0)
}
