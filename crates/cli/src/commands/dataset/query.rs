//! SQL that reads, in the destination's own dialect.

use std::path::PathBuf;

use airbyte_sql_read::{Destination, EnvSecrets, Query, Warehouse};
use arrow_select::concat::concat_batches;
use clap::Args;
use futures::TryStreamExt;

use super::lines;
use super::target::{self, Rows, TargetArgs};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::output::{Output, table_of_rows};

/// Rows that people get to see, unless they say otherwise.
const ROWS: usize = 100;

#[derive(Args, Debug)]
pub(crate) struct QueryArgs {
    /// The connection (by name or id) and the statement; with --destination the statement alone
    #[arg(required = true, num_args = 1..=2, value_names = ["CONNECTION", "SQL"])]
    words: Vec<String>,
    /// A JSON file like the API's destination, in place of a connection: no account is needed
    #[arg(long, value_name = "FILE")]
    destination: Option<PathBuf>,
    /// So many rows at the most [default: 100 on a terminal, else all]
    #[arg(long, short = 'n', value_name = "N", conflicts_with_all = ["file", "folder"])]
    limit: Option<usize>,
    #[command(flatten)]
    target: TargetArgs,
    /// Give up when the rows take longer, such as 30s or 10m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<std::time::Duration>,
}

pub(crate) async fn run(args: QueryArgs, context: &Context) -> Result<u8, Failure> {
    let target = args.target.checked()?;
    let (warehouse, sql) = open(&args, context).await?;
    let mut query = warehouse.query(sql)?;
    if let Some(timeout) = args.timeout {
        query = query.timeout(timeout);
    }
    if let Some(target) = target {
        return target::write(&Rows::Query(query), target, context).await;
    }
    if context.output().is_for_programs() {
        lines::print(&Rows::Query(query), args.limit, context.output()).await?;
        return Ok(exit::OK);
    }
    let wanted = args.limit.unwrap_or(if Output::has_terminal() { ROWS } else { usize::MAX });
    let (batch, more) = first_rows(&query, wanted).await?;
    context.output().pages(&table_of_rows(&batch, Output::width())?)?;
    if more && args.limit.is_none() {
        context.output().note(&format!("(the first {ROWS} rows; --limit N for more, -o FILE for all)"));
    }
    Ok(exit::OK)
}

async fn open<'a>(args: &'a QueryArgs, context: &Context) -> Result<(Warehouse, &'a str), Failure> {
    match (args.words.as_slice(), &args.destination) {
        ([connection, sql], None) => {
            let datasets = super::of_connection(connection, context).await?;
            Ok((datasets.warehouse().clone(), sql))
        }
        ([sql], Some(file)) => {
            let warehouse = Destination::from_file(file)?.with_secrets(&EnvSecrets)?.connect().await?;
            warehouse.warnings().iter().for_each(|warning| context.output().warn(warning));
            Ok((warehouse, sql))
        }
        ([_], None) => Err(Failure::usage("the statement is missing")
            .with_hint("give a connection and the statement, or --destination FILE and the statement")),
        _ => Err(Failure::usage("with --destination there is no connection to name")
            .with_hint("give the statement alone")),
    }
}

/// So many rows as one batch, and whether there are more.
async fn first_rows(query: &Query, wanted: usize) -> Result<(arrow_array::RecordBatch, bool), Failure> {
    let mut batches = query.batches().await?;
    let schema = batches.schema();
    let (mut taken, mut rows) = (Vec::new(), 0);
    while let Some(batch) = batches.try_next().await? {
        if rows + batch.num_rows() > wanted {
            taken.push(batch.slice(0, wanted - rows));
            return Ok((concat_batches(&schema, &taken)?, true));
        }
        rows += batch.num_rows();
        taken.push(batch);
    }
    Ok((concat_batches(&schema, &taken)?, false))
}
