//! The questions of `tpch/` for the benchmarks, put to whoever is to answer them.
//!
//! ```console
//! $ tpch load URL SCALE                         # makes both tables in the schema `tpch` of a PostgreSQL
//! $ tpch ask FILE.json QUERY PARTS              # DataFusion in this process
//! $ tpch ask FILE.json QUERY PARTS df://HOST    # a cluster, whose executors know the destination as `pg`
//! ```
//!
//! Prints the answer, a line for each row; on standard error the bytes of Arrow that were read, where they were read here.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::sync::Arc;

use airbyte_ballista::remote;
use airbyte_datafusion::{AirbyteCatalog, AirbyteScan};
use airbyte_sql_read::{Destination, EnvSecrets};
use anyhow::{Context, Result, bail};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::physical_plan::metrics::MetricValue;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio_postgres::NoTls;

#[path = "../tpch/mod.rs"]
mod set;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["load", url, scale] => load(url, scale.parse()?).await,
        ["ask", file, query, parts] => ask(file, query, parts.parse()?, None).await,
        ["ask", file, query, parts, cluster] => ask(file, query, parts.parse()?, Some(cluster)).await,
        _ => bail!("say load URL SCALE, or ask FILE QUERY PARTS [df://HOST:PORT]"),
    }
}

async fn load(url: &str, scale: f64) -> Result<()> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("create schema if not exists tpch; set search_path = tpch").await?;
    set::load(&client, scale).await?;
    Ok(())
}

async fn ask(file: &str, query: &str, parts: usize, cluster: Option<&str>) -> Result<()> {
    let (_, sql) = set::QUERIES.iter().find(|(number, _)| *number == query).context("no such query")?;
    let warehouse = Destination::from_file(file)?.with_secrets(&EnvSecrets)?.connect().await?;
    let catalog = AirbyteCatalog::of_destination(&warehouse, &[]).await?.known_as("pg");
    let config = SessionConfig::new()
        .with_target_partitions(parts)
        .with_default_catalog_and_schema("pg", warehouse.schema_name())
        .with_create_default_catalog_and_schema(false);
    let context = match cluster {
        Some(address) => remote(address, config)?,
        None => SessionContext::new_with_config(config),
    };
    context.register_catalog("pg", Arc::new(catalog));
    let frame = context.sql(sql).await?;
    let task = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    let options = FormatOptions::new().with_null("NULL");
    for batch in collect(plan.clone(), task).await? {
        let columns: Result<Vec<_>, _> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options)).collect();
        let columns = columns?;
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            println!("{}", values.join("|"));
        }
    }
    if cluster.is_none() {
        eprintln!("{}", bytes_read(&plan));
    }
    Ok(())
}

fn bytes_read(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = plan.downcast_ref::<AirbyteScan>().and_then(AirbyteScan::metrics);
    let own = own.and_then(|metrics| metrics.sum(|one| matches!(one.value(), MetricValue::OutputBytes(_))));
    let own = own.map_or(0, |bytes| bytes.as_usize());
    own + plan.children().into_iter().map(bytes_read).sum::<usize>()
}
