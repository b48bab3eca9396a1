//! SQL that reads, in the destination's own dialect.

use std::path::{Path, PathBuf};

use airbyte_sql_read::{Destination, EnvSecrets, Format, Query, Warehouse};
use arrow_select::concat::concat_batches;
use clap::Args;
use futures::TryStreamExt;
use serde_json::Value;

use super::export::{ExportObject, Exporting, export_to};
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
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<usize>,
    /// Write the rows to this file instead, or to - for standard output
    #[arg(short = 'o', long = "file", value_name = "FILE", conflicts_with = "limit")]
    file: Option<PathBuf>,
    /// parquet, csv, jsonl or arrow [default: by the file's ending]
    #[arg(long, requires = "file")]
    format: Option<Format>,
    /// Give up when the rows take longer, such as 30s or 10m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<std::time::Duration>,
}

pub(crate) async fn run(args: QueryArgs, context: &Context) -> Result<u8, Failure> {
    let format = match &args.file {
        Some(file) => Some(super::export::format_of(args.format, file)?),
        None => None,
    };
    let (warehouse, sql) = open(&args, context).await?;
    let mut query = warehouse.query(sql)?;
    if let Some(timeout) = args.timeout {
        query = query.timeout(timeout);
    }
    if let (Some(file), Some(format)) = (&args.file, format) {
        return to_file(&query, file, format, context).await;
    }
    if context.output().is_for_programs() {
        let rows = as_json(&query, args.limit).await?;
        context.output().list(&rows, String::new)?;
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

async fn to_file(query: &Query, file: &Path, format: Format, context: &Context) -> Result<u8, Failure> {
    if file == Path::new("-") {
        let folder = tempfile::tempdir()?;
        let whole = folder.path().join("rows");
        query.export(&whole, format).await?;
        std::io::copy(&mut std::fs::File::open(whole)?, &mut std::io::stdout().lock())?;
        return Ok(exit::OK);
    }
    let exporting = Exporting { stream: None, schema: None, table: None };
    let object: ExportObject = export_to(query.export(file, format), exporting, context).await?;
    object.print(context)?;
    Ok(exit::OK)
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

/// The rows as JSON objects, in the form of the JSON Lines export.
async fn as_json(query: &Query, limit: Option<usize>) -> Result<Vec<Value>, Failure> {
    let folder = tempfile::tempdir()?;
    let whole = folder.path().join("rows.jsonl");
    query.export(&whole, Format::JsonLines).await?;
    let text = std::fs::read_to_string(&whole)?;
    let lines = text.lines().take(limit.unwrap_or(usize::MAX));
    lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
}
