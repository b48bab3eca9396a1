//! The data that syncs left in the destination.

mod export;
mod lines;
#[cfg_attr(not(feature = "datafusion"), path = "dataset/no_local.rs")]
mod local;
mod query;
mod rows;
mod target;

use std::path::{Path, PathBuf};

use airbyte_sql_read::{
    ConnectionDatasets, ConnectionExt, Dataset, Destination, EnvSecrets, Located, NamespaceDefinition,
    StreamSpec, Tally, Warehouse,
};
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use clap::{Args, Subcommand};
use futures::TryStreamExt;
use serde::Serialize;

use target::Rows;
pub(crate) use target::{check_writable, format_of};

use crate::context::Context;
use crate::error::{Failure, exit};
use crate::output::{Output, Table, table_of_rows};

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetCommand {
    /// The streams of a connection, and their tables
    ///
    /// Example: airbyte dataset list "Shop to warehouse"
    List {
        /// The connection, by name or id
        connection: String,
    },
    /// The columns of a stream
    ///
    /// Example: airbyte dataset schema "Shop to warehouse" users
    Schema(StreamArgs),
    /// The number of a stream's rows
    ///
    /// Example: airbyte dataset count "Shop to warehouse" users --where "age >= 18"
    Count {
        #[command(flatten)]
        stream: StreamArgs,
        #[command(flatten)]
        rows: rows::RowArgs,
    },
    /// The first rows of a stream
    ///
    /// Example: airbyte dataset head "Shop to warehouse" users -n 20 --order-by created_at:desc
    Head {
        #[command(flatten)]
        stream: StreamArgs,
        #[command(flatten)]
        which: rows::RowArgs,
        /// So many rows
        #[arg(short = 'n', long = "rows", default_value_t = 10, value_name = "N")]
        rows: u64,
    },
    /// All rows of a stream, into a file or a folder of files
    ///
    /// A file or folder takes its name once it is whole, so what looks whole is whole.
    ///
    /// Example: airbyte dataset export "Shop to warehouse" users -o users.parquet
    ///
    /// Example: airbyte dataset export "Shop to warehouse" users --folder users --file-size 64MB
    ///
    /// Example: airbyte dataset export users --destination warehouse.json --where "country = AT" --format csv -o -
    Export(export::ExportArgs),
    /// The rows of an SQL statement that reads, run in the destination
    ///
    /// Statements that write are refused before anything is sent. With --catalog a statement can join what several
    /// connections have put into several destinations: it is run here, and the destinations choose columns and rows.
    ///
    /// Example: airbyte dataset query "Shop to warehouse" "select country, count(*) from users group by 1"
    ///
    /// Example: airbyte dataset query --destination warehouse.json "select * from users" -o users.parquet
    ///
    /// Example: airbyte dataset query --catalog shop="Shop to warehouse" --catalog crm=crm.json "select u.name, c.owner from
    /// shop.public.users u join crm.main.contacts c on c.email = u.email"
    Query(query::QueryArgs),
}

/// Which stream: of a connection, or of a destination file.
#[derive(Args, Debug)]
pub(crate) struct StreamArgs {
    /// The connection (by name or id) and the stream's name; with --destination the stream's name alone
    #[arg(required = true, num_args = 1..=2, value_names = ["CONNECTION", "STREAM"])]
    names: Vec<String>,
    /// A JSON file like the API's destination, in place of a connection: no account is needed
    #[arg(long, value_name = "FILE")]
    destination: Option<PathBuf>,
    /// The stream's namespace in its source, where several have the name
    #[arg(long, value_name = "NS")]
    namespace: Option<String>,
    /// Only these columns, in this order
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    columns: Vec<String>,
    /// Without the columns that Airbyte adds
    #[arg(long)]
    no_meta: bool,
}

pub(crate) async fn run(command: DatasetCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        DatasetCommand::List { connection } => list(&connection, context).await,
        DatasetCommand::Schema(args) => schema(&open(&args, context).await?, context),
        DatasetCommand::Count { stream, rows } => {
            let dataset = rows.apply(open(&stream, context).await?)?;
            let Tally { rows, warnings, .. } = dataset.tally().await?;
            for warning in &warnings {
                context.output().warn(warning);
            }
            let mut object = serde_json::json!({"stream": stream_name(&stream)?, "rows": rows});
            if !warnings.is_empty() {
                object["warnings"] = warnings.into();
            }
            context.output().object(&object, || rows.to_string())?;
            Ok(exit::OK)
        }
        DatasetCommand::Head { stream, which, rows } => {
            let name = stream_name(&stream)?.to_owned();
            head(which.apply(open(&stream, context).await?)?, rows, &name, context).await
        }
        DatasetCommand::Export(args) => export::run(args, context).await,
        DatasetCommand::Query(args) => query::run(args, context).await,
    }
}

/// A stream's table, as scripts see it.
#[derive(Serialize)]
struct TableObject {
    stream: String,
    namespace: Option<String>,
    schema: String,
    table: String,
    exists: bool,
}

impl TableObject {
    fn new((stream, located): (StreamSpec, Located)) -> Self {
        Self {
            stream: stream.name().to_owned(),
            namespace: stream.source_namespace().map(str::to_owned),
            schema: located.schema,
            table: located.table,
            exists: located.exists,
        }
    }
}

async fn list(connection: &str, context: &Context) -> Result<u8, Failure> {
    let datasets = of_connection(connection, context).await?;
    let tables: Vec<TableObject> = datasets.locate().await?.into_iter().map(TableObject::new).collect();
    context.output().list(&tables, || {
        let mut table = Table::new(&["stream", "namespace", "schema", "table", "exists"]);
        for one in &tables {
            table.row([
                one.stream.clone(),
                one.namespace.clone().unwrap_or_else(|| "-".to_owned()),
                if one.schema.is_empty() { "-".to_owned() } else { one.schema.clone() },
                one.table.clone(),
                if one.exists { "yes" } else { "not yet" }.to_owned(),
            ]);
        }
        table.to_string()
    })?;
    Ok(exit::OK)
}

async fn of_connection(connection: &str, context: &Context) -> Result<ConnectionDatasets, Failure> {
    let client = context.client()?;
    let datasets =
        crate::names::connection(context, &client, connection).await?.datasets(&EnvSecrets).await?;
    datasets.warehouse().warnings().iter().for_each(|warning| context.output().warn(warning));
    Ok(datasets)
}

async fn of_file(file: &Path, context: &Context) -> Result<Warehouse, Failure> {
    let warehouse = Destination::from_file(file)?.with_secrets(&EnvSecrets)?.connect().await?;
    warehouse.warnings().iter().for_each(|warning| context.output().warn(warning));
    Ok(warehouse)
}

fn stream_name(args: &StreamArgs) -> Result<&str, Failure> {
    match (args.names.as_slice(), &args.destination) {
        ([_, stream], None) | ([stream], Some(_)) => Ok(stream),
        ([_], None) => Err(Failure::usage("the stream's name is missing").with_hint(
            "give the connection's id and the stream's name, or --destination FILE and the stream's name",
        )),
        _ => Err(Failure::usage("with --destination there is no connection to name")
            .with_hint("give the stream's name alone")),
    }
}

async fn open(args: &StreamArgs, context: &Context) -> Result<Dataset, Failure> {
    let stream = stream_name(args)?;
    let mut dataset = match &args.destination {
        None => {
            of_connection(&args.names[0], context).await?.dataset(stream, args.namespace.as_deref()).await?
        }
        Some(file) => {
            let warehouse = of_file(file, context).await?;
            let mut spec = StreamSpec::new(stream);
            if let Some(namespace) = &args.namespace {
                spec = spec.namespace(namespace).namespace_definition(NamespaceDefinition::Source);
            }
            warehouse.dataset(&spec).await?
        }
    };
    if !args.columns.is_empty() {
        dataset = dataset.columns(&args.columns)?;
    }
    if args.no_meta {
        dataset = dataset.without_meta_columns();
    }
    Ok(dataset)
}

fn schema(dataset: &Dataset, context: &Context) -> Result<u8, Failure> {
    #[derive(Serialize)]
    struct ColumnObject {
        column: String,
        #[serde(rename = "type")]
        data_type: String,
        nullable: bool,
    }
    let columns: Vec<ColumnObject> = dataset
        .schema()
        .fields()
        .iter()
        .map(|field| ColumnObject {
            column: field.name().clone(),
            data_type: field.data_type().to_string(),
            nullable: field.is_nullable(),
        })
        .collect();
    context.output().list(&columns, || {
        let mut table = Table::new(&["column", "type", "nullable"]);
        for one in &columns {
            table.row([
                one.column.clone(),
                one.data_type.clone(),
                if one.nullable { "yes" } else { "no" }.to_owned(),
            ]);
        }
        table.to_string()
    })?;
    Ok(exit::OK)
}

async fn head(dataset: Dataset, rows: u64, name: &str, context: &Context) -> Result<u8, Failure> {
    if context.output().is_for_programs() {
        let rows = Rows::Stream { name: name.to_owned(), dataset: Box::new(dataset.limit(rows)) };
        lines::print(rows, None, context.output()).await?;
    } else {
        let batches = dataset.limit(rows).batches().await?;
        let (schema, refreshes) = (batches.schema(), batches.refreshes());
        let batches: Vec<RecordBatch> = batches.try_collect().await?;
        let batch = concat_batches(&schema, &batches).map_err(airbyte_sql_read::Error::from)?;
        context.output().text(&table_of_rows(&batch, Output::width())?)?;
        if let Some(warning) = refreshes.warning() {
            context.output().warn(&warning);
        }
    }
    Ok(exit::OK)
}
