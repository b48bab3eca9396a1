//! `cargo xtask chaos`: random schedules of faults, thousands of them.

use anyhow::Result;
use clap::Args;

use crate::postgres::Cluster;
use crate::step;

#[derive(Args)]
pub struct Chaos {
    /// The first seed; each further schedule has the next one. Without it another one each time, which is told
    #[arg(long)]
    seed: Option<u64>,
    /// How many schedules
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    /// No schedule begins after so many minutes
    #[arg(long)]
    minutes: Option<u64>,
}

/// Starts a PostgreSQL, builds the schedules for speed and runs them. One alone: `--seed N --schedules 1`.
pub fn chaos(options: &Chaos) -> Result<()> {
    step::outlive_interrupts()?;
    let mut run = step::cargo(&["run", "--quiet", "--locked", "--profile", "campaign"]);
    run.args(["--package", "airbyte-tests", "--example", "chaos", "--"]);
    let seed = options.seed.map_or_else(any_seed, Ok)?;
    run.args(["--seed", &seed.to_string(), "--schedules", &options.schedules.to_string()]);
    if let Some(minutes) = options.minutes {
        run.args(["--minutes", &minutes.to_string()]);
    }
    let cluster = Cluster::start()?;
    step::run(run.env("AIRBYTE_TEST_POSTGRES_URL", cluster.url()))
}

/// A seed that leaves room for many more.
fn any_seed() -> Result<u64> {
    let word = crate::postgres::random_word()?;
    Ok(u64::from_str_radix(&word[..12], 16)?)
}
