//! What the libraries record: all of it with `--verbose`, else only that a request is tried again.

use std::fmt::Write as _;
use std::io::IsTerminal;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Global, OutputForm};
use crate::output::say;

/// Begins to listen.
pub(crate) fn start(global: &Global) {
    if global.verbose > 0 {
        return everything(global);
    }
    if !global.quiet && global.output == OutputForm::Table {
        let calls = Targets::new().with_target("airbyte_cloud::call", LevelFilter::DEBUG);
        tracing_subscriber::registry().with(RetryNotes.with_filter(calls)).init();
    }
}

fn everything(global: &Global) {
    let level = if global.verbose == 1 { LevelFilter::DEBUG } else { LevelFilter::TRACE };
    let targets = ["airbyte_cloud", "airbyte_sql_read", "airbyte_sandbox"].map(|name| (name, level));
    let colours = !global.no_color
        && std::io::stderr().is_terminal()
        && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_span_events(FmtSpan::CLOSE);
    tracing_subscriber::registry().with(Targets::new().with_targets(targets)).with(lines).init();
}

/// Tells people at once that a request has failed and will be tried again: they would wonder at the silence.
struct RetryNotes;

impl<S: Subscriber> Layer<S> for RetryNotes {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut retry = Retry::default();
        event.record(&mut retry);
        if retry.is_one {
            let seconds = std::time::Duration::from_millis(retry.pause_ms.max(100) / 100 * 100);
            say(&format!("{}; trying again in {}", retry.error, humantime::format_duration(seconds)));
        }
    }
}

/// What is recorded about a request that will be tried again.
#[derive(Default)]
struct Retry {
    is_one: bool,
    error: String,
    pause_ms: u64,
}

impl Visit for Retry {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "pause_ms" {
            self.pause_ms = value;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.is_one = format!("{value:?}") == "will try again",
            "error" => {
                let _ = write!(self.error, "{value:?}");
            }
            _ => {}
        }
    }
}
