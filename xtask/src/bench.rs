//! `cargo xtask bench`: measures the release build beside its peers, in turn, and rewrites BENCHMARKS.md.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::postgres::Cluster;
use crate::step::{self, cargo, workspace_root};

/// Counted runs of each command, after one that is not counted.
const RUNS: usize = 5;
/// Rows of the table that is read.
const ROWS: u64 = 1_000_000;

/// A table in the shape of the PostgreSQL destination: its four columns, then seven of a stream.
const TABLE: &str = "\
    create table public.users as
    select gen_random_uuid()::varchar as _airbyte_raw_id,
           timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second' as _airbyte_extracted_at,
           '{\"sync_id\": 1, \"changes\": []}'::jsonb as _airbyte_meta,
           1::bigint as _airbyte_generation_id,
           n::bigint as id,
           ('user ' || n)::varchar as name,
           ('user' || n || '@example.com')::varchar as email,
           (n * 1.000000001)::numeric(38, 9) as balance,
           n % 2 = 0 as active,
           timestamptz '2020-01-01 00:00:00+00' + n * interval '7 minutes' as created_at,
           jsonb_build_object('street', n || ' Main Street', 'city', 'Springfield') as address
    from generate_series(1, :rows) as n";

/// Measures everything and rewrites BENCHMARKS.md.
pub fn bench() -> Result<()> {
    step::run(&mut cargo(&["build", "--release", "--locked", "--package", "airbyte-cli"]))?;
    ctrlc::set_handler(|| {})?;
    let cluster = Cluster::start()?;
    let folder = tempfile::tempdir()?;
    eprintln!("making a table of {ROWS} rows");
    fill(&cluster)?;
    let report = postgres_read(&cluster, folder.path())?;
    let page = format!("{}\n{}\n{report}", include_str!("bench_head.md").trim_end(), machine()?);
    std::fs::write(workspace_root().join("BENCHMARKS.md"), page)?;
    eprintln!("BENCHMARKS.md is rewritten");
    Ok(())
}

fn fill(cluster: &Cluster) -> Result<()> {
    let mut psql = cluster.psql();
    let table = TABLE.replace(":rows", &ROWS.to_string());
    psql.args(["-c", &table, "-c", "vacuum analyze public.users", "-c", "checkpoint"]);
    step::run(psql.stdout(Stdio::null()))
}

/// One stream of a PostgreSQL destination, written to a file, beside `psql` throwing the same bytes away.
fn postgres_read(cluster: &Cluster, folder: &Path) -> Result<String> {
    let url = url::Url::parse(&cluster.url())?;
    let destination = folder.join("destination.json");
    let configuration = serde_json::json!({
        "destinationType": "postgres",
        "configuration": {
            "host": "127.0.0.1", "port": url.port(), "database": "postgres", "schema": "public",
            "username": "postgres", "password": url.password(), "ssl_mode": {"mode": "disable"}
        }
    });
    std::fs::write(&destination, configuration.to_string())?;
    let export = |format: &str| {
        let mut command = Command::new(release_binary());
        command.args(["dataset", "export", "users", "--quiet", "--format", format, "--destination"]);
        command.arg(&destination).arg("-o").arg(folder.join(format!("users.{format}")));
        command
    };
    let mut psql = cluster.psql();
    psql.args(["-c", "copy (select * from public.users) to stdout (format binary)"]);
    let mut contenders = [
        ("`psql`, binary COPY to /dev/null", psql),
        ("`airbyte dataset export --format arrow`", export("arrow")),
        ("`airbyte dataset export --format parquet` (zstd)", export("parquet")),
    ];
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); contenders.len()];
    for round in 0..=RUNS {
        for ((name, command), runs) in contenders.iter_mut().zip(&mut runs) {
            let run = measure(command).with_context(|| (*name).to_owned())?;
            eprintln!("{name}: {:.2} s, {} MB", run.time.as_secs_f64(), run.peak_kilobytes / 1024);
            // The first round fills the caches of the system and of the server.
            if round > 0 {
                runs.push(run);
            }
        }
    }
    let mut text = format!(
        "\n## PostgreSQL: {ROWS} rows x 11 columns, one stream\n\n\
         | command | seconds, min / median / max | rows a second | peak memory, MB | time beside psql |\n\
         |---|---|---|---|---|\n"
    );
    let base = median(&runs[0]);
    for ((name, _), runs) in contenders.iter().zip(&runs) {
        let times = sorted(runs);
        let peak = runs.iter().map(|run| run.peak_kilobytes).max().unwrap_or_default() / 1024;
        let middle = median(runs);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = ROWS as f64 / middle;
        writeln!(
            text,
            "| {name} | {:.2} / {middle:.2} / {:.2} | {rate:.0} | {peak} | {:.2} |",
            times[0],
            times[times.len() - 1],
            middle / base
        )?;
    }
    Ok(text)
}

#[derive(Clone, Copy)]
struct Run {
    time: Duration,
    peak_kilobytes: u64,
}

/// Runs the command once: its wall time, and the most memory it ever held.
fn measure(command: &mut Command) -> Result<Run> {
    let begun = Instant::now();
    let mut process = command.stdout(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", process.id());
    let mut peak_kilobytes = 0;
    loop {
        // The kernel's own high-water mark only grows, so the last look before the end is the answer.
        if let Some(peak) = std::fs::read_to_string(&status).ok().as_deref().and_then(high_water_mark) {
            peak_kilobytes = peak_kilobytes.max(peak);
        }
        if let Some(exit) = process.try_wait()? {
            ensure!(exit.success(), "the command failed ({exit})");
            return Ok(Run { time: begun.elapsed(), peak_kilobytes });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn high_water_mark(status: &str) -> Option<u64> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}

fn sorted(runs: &[Run]) -> Vec<f64> {
    let mut times: Vec<f64> = runs.iter().map(|run| run.time.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    times
}

fn median(runs: &[Run]) -> f64 {
    let times = sorted(runs);
    times[times.len() / 2]
}

fn release_binary() -> std::path::PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root().join("target"), Into::into);
    target.join("release/airbyte")
}

/// What the figures were measured on.
fn machine() -> Result<String> {
    let first_line = |program: &str, argument: &str| -> Result<String> {
        let output = Command::new(program).arg(argument).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
    };
    let processor = std::fs::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned()))
        .unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism()?;
    Ok(format!(
        "\nMeasured on {}: {processor}, {cores} cores; {}; {}.\n",
        first_line("date", "+%Y-%m-%d")?,
        first_line("psql", "--version")?,
        first_line("rustc", "--version")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_from_the_kernels_own_form() {
        assert_eq!(high_water_mark("Name:\tpsql\nVmHWM:\t    9120 kB\nVmRSS:\t 8000 kB\n"), Some(9120));
        assert_eq!(high_water_mark("Name:\tpsql\n"), None);
    }
}
