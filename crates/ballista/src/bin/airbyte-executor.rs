//! An executor of Ballista that reads datasets: those that `--destination` names, with secrets of its own.

use std::sync::Arc;

use airbyte_ballista::{logical_codec, physical_codec};
use airbyte_datafusion::Destinations;
use airbyte_sql_read::{Destination, EnvSecrets, FileSecrets, SecretChain};
use anyhow::{Context, Result, bail};
use ballista_core::config::TaskSchedulingPolicy;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use clap::Parser;

/// Runs parts of queries for a scheduler, and reads datasets of Airbyte's destinations for them
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The scheduler
    #[arg(long, default_value = "localhost:50050", value_name = "HOST:PORT")]
    scheduler: String,
    /// A destination and the name that plans know it by: a JSON file as `airbyte dataset --destination` takes it. Secrets that
    /// are masked in it come from the file of `--secrets`, else from variables such as AIRBYTE_SECRET_POSTGRES_PASSWORD.
    /// More than one can be given
    #[arg(long = "destination", value_name = "NAME=FILE", value_parser = name_and_file)]
    destinations: Vec<(String, String)>,
    /// A JSON file with secrets of destinations, by their types: {"postgres": {"password": ...}}
    #[arg(long, value_name = "FILE")]
    secrets: Option<String>,
    /// The address to listen at. Ballista's connections are neither encrypted nor signed in to: keep them in a network of
    /// your own
    #[arg(long, default_value = "127.0.0.1")]
    bind: String,
    /// The name that the scheduler, clients and other executors reach this one by
    #[arg(long, value_name = "HOST")]
    external_host: Option<String>,
    /// The port that rows are fetched from
    #[arg(long, default_value_t = 50051)]
    port: u16,
    /// The port that the scheduler calls
    #[arg(long, default_value_t = 50052)]
    control_port: u16,
    /// Parts that are worked on side by side; each may hold a connection to a warehouse. Default: as many as processors
    #[arg(long, value_name = "N")]
    parallel: Option<usize>,
    /// Bytes that queries may keep in memory; what does not fit goes to the disk. Default: seven tenths of the machine's
    #[arg(long, value_name = "BYTES")]
    memory: Option<u64>,
    /// Where results of parts are kept until they are fetched. Default: a temporary folder, deleted at the end
    #[arg(long, value_name = "FOLDER")]
    work_dir: Option<String>,
    /// Seconds between two signs of life
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    heartbeat: u64,
    /// What is logged on standard error
    #[arg(long, env = "RUST_LOG", default_value = "warn,airbyte_ballista=info,ballista_executor=info")]
    log: String,
}

fn name_and_file(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), file.to_owned())),
        _ => Err("say NAME=FILE, such as shop=pg.json".to_owned()),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    airbyte_ballista::log_to_stderr(&arguments.log)?;
    let destinations = Arc::new(destinations(&arguments)?);
    let Some((host, port)) = arguments.scheduler.rsplit_once(':') else {
        bail!("`{}` is no address of a scheduler: say HOST:PORT", arguments.scheduler);
    };
    let mut temporary = tempfile::Builder::new();
    temporary.prefix("airbyte-executor-");
    // Rows of queries are in it.
    #[cfg(unix)]
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    // Lives as long as this process works.
    let temporary = temporary.tempdir().context("there is no place for temporary files")?;
    let work_dir = match &arguments.work_dir {
        Some(folder) => folder.clone(),
        None => temporary.path().to_str().context("the temporary folder's name is no text")?.to_owned(),
    };
    let defaults = ExecutorProcessConfig::default();
    let config = ExecutorProcessConfig {
        bind_host: arguments.bind,
        external_host: arguments.external_host,
        port: arguments.port,
        grpc_port: arguments.control_port,
        scheduler_host: host.to_owned(),
        scheduler_port: port.parse().with_context(|| format!("`{port}` is no port"))?,
        scheduler_connect_timeout_seconds: 60,
        vcores: arguments.parallel.unwrap_or(defaults.vcores),
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(work_dir),
        memory_pool_size: arguments.memory,
        executor_heartbeat_interval_seconds: arguments.heartbeat,
        override_logical_codec: Some(logical_codec()),
        override_physical_codec: Some(physical_codec(destinations)),
        ..defaults
    };
    start_executor_process(Arc::new(config)).await.context("the executor ended")
}

/// The destinations that are read here, with their secrets.
fn destinations(arguments: &Arguments) -> Result<Destinations> {
    let mut secrets = SecretChain::new();
    if let Some(file) = &arguments.secrets {
        secrets = secrets.then(FileSecrets::open(file)?);
    }
    let secrets = secrets.then(EnvSecrets);
    let mut destinations = Destinations::new();
    for (name, file) in &arguments.destinations {
        if destinations.names().any(|other| other == name) {
            bail!("two destinations are called `{name}`");
        }
        let destination = Destination::from_file(file)?.with_secrets(&secrets)?;
        destinations = destinations.with(name.as_str(), destination);
    }
    Ok(destinations)
}
