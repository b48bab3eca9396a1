//! SQL that reads, in the destination's own dialect.

use std::path::{Path, PathBuf};
use std::time::Duration;

use airbyte_sql_read::{Batches, Warehouse};
use arrow_select::concat::concat_batches;
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use futures::TryStreamExt;

use super::target::{self, Rows, TargetArgs};
use super::{lines, local};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::output::{Output, table_of_rows};

/// Rows that people get to see, unless they say otherwise.
const ROWS: usize = 100;

/// What a statement calls the only catalog.
const ONLY: &str = "airbyte";

#[derive(Args, Debug)]
pub(crate) struct QueryArgs {
    /// The connection (by name or id) and the statement; with --destination or --catalog the statement alone
    #[arg(required = true, num_args = 1..=2, value_names = ["CONNECTION", "SQL"])]
    words: Vec<String>,
    /// A JSON file like the API's destination, in place of a connection: no account is needed
    #[arg(long, value_name = "FILE")]
    destination: Option<PathBuf>,
    /// What the statement calls NAME: a connection (by name or id), or a destination's JSON file. More than one can be given;
    /// tables are NAME.schema.table, in DataFusion's SQL (needs a build with the feature `datafusion`)
    #[arg(long = "catalog", value_name = "NAME=CONNECTION|FILE", value_parser = catalog, conflicts_with = "destination")]
    catalogs: Vec<(String, String)>,
    /// Who runs the statement: the destination's database, or this process [default: the database where there is one,
    /// this process with --catalog, which needs the feature `datafusion`]
    #[arg(long, value_enum)]
    engine: Option<Engine>,
    /// Run here, read about so many parts of a table side by side, each over a connection of its own
    /// [default: as many as processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: Option<u16>,
    /// Run here, keep no more than this in memory; sorting and grouping go to the disk beyond it
    #[arg(long, value_name = "SIZE", default_value = "2GiB")]
    memory: ByteSize,
    /// So many rows at the most [default: 100 on a terminal, else all]
    #[arg(long, short = 'n', value_name = "N", conflicts_with_all = ["file", "folder"])]
    limit: Option<usize>,
    #[command(flatten)]
    target: TargetArgs,
    /// Give up when the rows take longer, such as 30s or 10m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
}

/// Who runs a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// The database, in its own dialect
    Warehouse,
    /// This process, over any number of databases
    Local,
}

fn catalog(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, place)) if !name.is_empty() && !place.is_empty() => {
            Ok((name.to_owned(), place.to_owned()))
        }
        _ => Err("say NAME=CONNECTION or NAME=FILE.json".to_owned()),
    }
}

pub(crate) async fn run(args: QueryArgs, context: &Context) -> Result<u8, Failure> {
    let target = args.target.checked()?;
    let rows = match engine(&args)? {
        Engine::Local => local::rows(&catalogs(&args)?, statement(&args)?, &args.local(), context).await?,
        Engine::Warehouse => {
            let (warehouse, sql) = open(&args, context).await?;
            let mut query = warehouse.query(sql)?;
            if let Some(timeout) = args.timeout {
                query = query.timeout(timeout);
            }
            Rows::Query(query)
        }
    };
    if let Some(target) = target {
        return target::write(rows, target, context).await;
    }
    if context.output().is_for_programs() {
        lines::print(rows, args.limit, context.output()).await?;
        return Ok(exit::OK);
    }
    let wanted = args.limit.unwrap_or(if Output::has_terminal() { ROWS } else { usize::MAX });
    let (batches, told) = rows.batches().await?;
    let (batch, more) = first_rows(batches, wanted).await?;
    context.output().pages(&table_of_rows(&batch, Output::width())?)?;
    target::warnings_of(&told).for_each(|warning| context.output().warn(&warning));
    if more && args.limit.is_none() {
        context.output().note(&format!("(the first {ROWS} rows; --limit N for more, -o FILE for all)"));
    }
    Ok(exit::OK)
}

/// Who runs it: where several destinations are read, or more than one could be, nobody but this process can.
fn engine(args: &QueryArgs) -> Result<Engine, Failure> {
    match args.engine {
        Some(Engine::Warehouse) if !args.catalogs.is_empty() => {
            Err(Failure::usage("no database knows what --catalog names: such statements are run here")
                .with_hint("leave out --engine, or name one connection in place of --catalog"))
        }
        Some(engine) => Ok(engine),
        None if args.catalogs.is_empty() => Ok(Engine::Warehouse),
        None => Ok(Engine::Local),
    }
}

/// What a statement that is run here can read, by name: where no names were given, all there is.
fn catalogs(args: &QueryArgs) -> Result<Vec<(String, Place)>, Failure> {
    let named = |(name, place): &(String, String)| (name.clone(), Place::of(place));
    Ok(match (args.words.as_slice(), &args.destination) {
        _ if !args.catalogs.is_empty() => args.catalogs.iter().map(named).collect(),
        ([connection, _], None) => vec![(ONLY.to_owned(), Place::Connection(connection.clone()))],
        (_, Some(file)) => vec![(ONLY.to_owned(), Place::File(file.clone()))],
        _ => return Err(no_statement()),
    })
}

fn statement(args: &QueryArgs) -> Result<&str, Failure> {
    let alone = args.destination.is_some() || !args.catalogs.is_empty();
    match args.words.as_slice() {
        [sql] if alone => Ok(sql),
        [_, sql] if !alone => Ok(sql),
        [_] => Err(no_statement()),
        _ => Err(Failure::usage("with --destination or --catalog there is no connection to name")
            .with_hint("give the statement alone")),
    }
}

fn no_statement() -> Failure {
    Failure::usage("the statement is missing")
        .with_hint("give a connection and the statement, or --destination FILE and the statement")
}

impl QueryArgs {
    fn local(&self) -> Settings {
        Settings { parallel: self.parallel, memory: self.memory, timeout: self.timeout }
    }
}

async fn open<'a>(args: &'a QueryArgs, context: &Context) -> Result<(Warehouse, &'a str), Failure> {
    let sql = statement(args)?;
    let warehouse = match &args.destination {
        Some(file) => super::of_file(file, context).await?,
        None => super::of_connection(&args.words[0], context).await?.warehouse().clone(),
    };
    Ok((warehouse, sql))
}

/// How a statement is run here.
#[cfg_attr(not(feature = "datafusion"), expect(dead_code, reason = "nothing is run here"))]
pub(super) struct Settings {
    pub parallel: Option<u16>,
    pub memory: ByteSize,
    pub timeout: Option<Duration>,
}

/// Where tables are.
#[cfg_attr(not(feature = "datafusion"), expect(dead_code, reason = "nothing is run here"))]
#[derive(Debug)]
pub(super) enum Place {
    Connection(String),
    File(PathBuf),
}

impl Place {
    /// A file if it is there, else a connection, which may have any name.
    fn of(place: &str) -> Self {
        let path = Path::new(place);
        if path.is_file() || path.extension().is_some_and(|extension| extension == "json") {
            Self::File(path.to_owned())
        } else {
            Self::Connection(place.to_owned())
        }
    }
}

/// So many rows as one batch, and whether there are more.
async fn first_rows(
    mut batches: Batches,
    wanted: usize,
) -> Result<(arrow_array::RecordBatch, bool), Failure> {
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
