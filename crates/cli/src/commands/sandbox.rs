//! A local Airbyte, in the foreground.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use airbyte_sandbox::{Edition, Fault, Sandbox, SandboxBuilder, Seed};
use clap::{Args, ValueEnum};

use crate::context::Context;
use crate::error::{Failure, exit};
use crate::interrupt::told_to_stop;

/// Run a local Airbyte that answers the real API and really moves rows
///
/// It runs until Ctrl-C. The lines that it prints give other commands the way to it.
///
/// Example: airbyte sandbox --seed demo
#[derive(Args, Debug)]
pub(crate) struct SandboxArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Keep everything in this folder [default: in memory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What it holds at first
    #[arg(long, value_enum, default_value = "empty")]
    seed: SeedName,
    /// Whose server it behaves like
    #[arg(long, value_enum, default_value = "enterprise")]
    edition: EditionName,
    /// The folder below which the file source may read [default: the current one]
    #[arg(long, value_name = "DIR")]
    files_root: Option<PathBuf>,
    /// How long a token is valid
    #[arg(long, default_value = "15m", value_name = "DURATION", value_parser = humantime::parse_duration)]
    token_ttl: Duration,
    /// Switch a fault on: `KIND[=VALUE][,op=OPERATION_ID][,times=N][,p=PROBABILITY]`, for instance
    /// `status=503,op=getJob,times=2`. Kinds: status, rate-limit, hang, drop, lose-reply, truncate, html, expire-token,
    /// slow-start, unknown-enum, log-lines; and for jobs, whatever starts them: slow-job, queue-job, fail-job, break-source
    #[arg(long = "fault", value_name = "SPEC")]
    faults: Vec<Fault>,
    /// Add a PostgreSQL destination to the demo seed: postgres://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Add a DuckDB destination to the demo seed; needs a build with the feature `duckdb`
    #[arg(long)]
    duckdb: bool,
    /// DuckDB's library, which such a destination is written with [default: the first in the usual places]
    #[arg(long, env = "AIRBYTE_LIBDUCKDB", hide_env_values = true, value_name = "FILE")]
    libduckdb: Option<PathBuf>,
    /// Scale the durations of jobs and of the pauses between attempts
    #[arg(long, default_value_t = 1.0, value_name = "X", value_parser = scale)]
    time_scale: f64,
    /// Answer 500 to bad input where the real server does
    #[arg(long)]
    faithful_5xx: bool,
    /// Print one line of JSON when it is ready
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SeedName {
    /// One workspace, one organization, one application
    Empty,
    /// Also sources, destinations, and a connection that is ready to sync
    Demo,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EditionName {
    /// A self-managed instance, seen by an administrator
    Enterprise,
    /// An ordinary user of Airbyte Cloud
    Cloud,
    /// The open-source server
    Community,
}

fn scale(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|scale: &f64| scale.is_finite() && *scale >= 0.0)
        .ok_or_else(|| "a number, 0 or more".to_owned())
}

#[cfg(feature = "duckdb")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn with_duckdb(
    builder: SandboxBuilder,
    wanted: bool,
    library: Option<PathBuf>,
) -> Result<SandboxBuilder, Failure> {
    let builder = builder.duckdb(wanted);
    Ok(match library {
        Some(library) => builder.libduckdb(library),
        None => builder,
    })
}

#[cfg(not(feature = "duckdb"))]
fn with_duckdb(builder: SandboxBuilder, wanted: bool, _: Option<PathBuf>) -> Result<SandboxBuilder, Failure> {
    if wanted {
        return Err(Failure::usage("this build writes no DuckDB files").with_hint(
            "build it with the feature `duckdb`: cargo install --path crates/cli --features duckdb",
        ));
    }
    Ok(builder)
}

pub(crate) async fn run(args: SandboxArgs, context: &Context) -> Result<u8, Failure> {
    if matches!(args.seed, SeedName::Empty) && (args.postgres.is_some() || args.duckdb) {
        return Err(Failure::usage("a destination can be added to the demo seed alone")
            .with_hint("add `--seed demo`, or create the destination with `airbyte destination create`"));
    }
    let mut builder = Sandbox::builder()
        .listen(args.listen)
        .seed(match args.seed {
            SeedName::Empty => Seed::Empty,
            SeedName::Demo => Seed::Demo,
        })
        .edition(match args.edition {
            EditionName::Enterprise => Edition::Enterprise,
            EditionName::Cloud => Edition::Cloud,
            EditionName::Community => Edition::Community,
        })
        .token_ttl(args.token_ttl)
        .time_scale(args.time_scale)
        .faithful_5xx(args.faithful_5xx);
    if let Some(folder) = args.data_dir {
        builder = builder.data_dir(folder);
    }
    if let Some(folder) = args.files_root {
        builder = builder.files_root(folder);
    }
    builder = with_duckdb(builder, args.duckdb, args.libduckdb)?;
    if let Some(url) = args.postgres {
        builder = builder.postgres(url);
    }
    for fault in args.faults {
        builder = builder.fault(fault);
    }
    let stop = told_to_stop();
    let sandbox = builder.start().await?;
    if args.json || context.output().is_for_programs() {
        context.output().text(&serde_json::to_string(sandbox.ready())?)?;
    } else {
        context.output().text(&sandbox.ready().exports())?;
        let next = match args.seed {
            SeedName::Demo => "airbyte connection list\n  airbyte connection sync ID --wait",
            SeedName::Empty => "airbyte workspace list\n  airbyte api POST /sources --input source.json",
        };
        context.output().note(&format!(
            "\nThe sandbox is ready. Paste the lines above into another terminal, then try\n  {next}\n\
             Look at it in a browser: {}\nCtrl-C stops it.",
            sandbox.ready().pages()
        ));
    }
    stop.await;
    sandbox.shutdown().await;
    Ok(exit::OK)
}
