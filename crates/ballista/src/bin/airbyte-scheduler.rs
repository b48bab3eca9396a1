//! A scheduler of Ballista that knows datasets by their names. It connects to no warehouse and has no credentials.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use airbyte_ballista::{logical_codec, physical_codec};
use airbyte_datafusion::Destinations;
use anyhow::{Context, Result};
use ballista_core::config::TaskSchedulingPolicy;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use clap::Parser;

/// Hands queries over datasets of Airbyte's destinations to executors
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The address to listen at. Ballista's connections are neither encrypted nor signed in to: keep them in a network of
    /// your own
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The port that clients and executors call
    #[arg(long, default_value_t = 50050)]
    port: u16,
    /// The name that executors reach the scheduler by
    #[arg(long, default_value = "localhost", value_name = "HOST")]
    external_host: String,
    /// Seconds without a sign of life after which an executor is given up, and its parts go to others
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    executor_timeout: u64,
    /// What is logged on standard error
    #[arg(long, env = "RUST_LOG", default_value = "warn,airbyte_ballista=info,ballista_scheduler=info")]
    log: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    airbyte_ballista::log_to_stderr(&arguments.log)?;
    let config = SchedulerConfig {
        bind_host: arguments.bind.to_string(),
        bind_port: arguments.port,
        external_host: arguments.external_host,
        // Executors are told of work at once, and one that cannot be told is noticed at once.
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        executor_timeout_seconds: arguments.executor_timeout,
        // One that is lost is missed before the queries that waited for it are.
        expire_dead_executor_interval_seconds: (arguments.executor_timeout / 4).max(1),
        override_logical_codec: Some(logical_codec()),
        override_physical_codec: Some(physical_codec(Arc::new(Destinations::new()))),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&config).await.context("the scheduler cannot start")?;
    let address = SocketAddr::new(arguments.bind, arguments.port);
    tokio::select! {
        ended = start_server(cluster, address, Arc::new(config)) => {
            ended.with_context(|| format!("the scheduler at {address} ended"))
        }
        stopped = tokio::signal::ctrl_c() => stopped.context("signals cannot be heard"),
    }
}
