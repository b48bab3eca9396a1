//! Runs random schedules: `cargo xtask chaos`, which starts what they need.

#![allow(clippy::print_stdout, reason = "a program that tells what it has found")]

use std::time::Duration;

use airbyte_tests::POSTGRES_URL;
use airbyte_tests::chaos::{Campaign, Clumsiness, Summary};
use anyhow::{Result, bail};
use clap::Parser;

#[derive(Parser)]
struct Options {
    /// The first seed
    #[arg(long)]
    seed: u64,
    /// How many schedules
    #[arg(long)]
    schedules: u64,
    /// No schedule begins after so many minutes
    #[arg(long)]
    minutes: Option<u64>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let campaign = Campaign {
        seed: options.seed,
        schedules: options.schedules,
        time: options.minutes.map(|minutes| Duration::from_secs(60 * minutes)),
        postgres: std::env::var(POSTGRES_URL).ok(),
        clumsiness: Clumsiness::None,
    };
    let summary = campaign.run(|so_far| {
        if so_far.schedules.is_multiple_of(500) {
            println!("{}", line(so_far));
        }
    })?;
    println!("seeds from {}: {}", options.seed, line(&summary));
    println!("{:?}", summary.story);
    for broken in &summary.broken {
        println!("\nseed {}: {}", broken.seed, broken.what);
    }
    if !summary.broken.is_empty() {
        bail!("{} of {} schedules are broken", summary.broken.len(), summary.schedules);
    }
    Ok(())
}

fn line(summary: &Summary) -> String {
    let (schedules, broken) = (summary.schedules, summary.broken.len());
    format!("{schedules} schedules in {:.0} s, {broken} broken", summary.took.as_secs_f64())
}
