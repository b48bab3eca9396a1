//! The data that syncs left in the destination.

use std::path::{Path, PathBuf};

use airbyte_sql_read::{
    ConnectionDatasets, ConnectionExt, Dataset, Destination, EnvSecrets, Format, Located,
    NamespaceDefinition, StreamSpec, write_to,
};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::interrupt::unless_interrupted;
use crate::output::{Output, Table, bytes, count, table_of_rows};

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetCommand {
    /// The streams of a connection, and their tables
    ///
    /// Example: airbyte dataset list 5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59
    List {
        /// The connection, by name or id
        connection: String,
    },
    /// The columns of a stream
    ///
    /// Example: airbyte dataset schema 5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59 users
    Schema(StreamArgs),
    /// The number of a stream's rows
    ///
    /// Example: airbyte dataset count 5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59 users
    Count(StreamArgs),
    /// The first rows of a stream
    ///
    /// Example: airbyte dataset head 5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59 users -n 20
    Head {
        #[command(flatten)]
        stream: StreamArgs,
        /// So many rows
        #[arg(short = 'n', long = "rows", default_value_t = 10, value_name = "N")]
        rows: u64,
    },
    /// All rows of a stream, into a file
    ///
    /// Example: airbyte dataset export 5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59 users --format parquet -o users.parquet
    Export(ExportArgs),
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

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    stream: StreamArgs,
    /// parquet, csv, jsonl or arrow [default: by the file's ending]
    #[arg(long)]
    format: Option<Format>,
    /// The file, or - for standard output
    #[arg(short = 'o', long = "file", value_name = "FILE")]
    file: PathBuf,
    /// So many rows at the most [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(crate) async fn run(command: DatasetCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        DatasetCommand::List { connection } => list(&connection, context).await,
        DatasetCommand::Schema(args) => schema(&open(&args, context).await?, context),
        DatasetCommand::Count(args) => {
            let dataset = open(&args, context).await?;
            let rows = dataset.count().await?;
            let object = serde_json::json!({"stream": stream_name(&args)?, "rows": rows});
            context.output().object(&object, || rows.to_string())?;
            Ok(exit::OK)
        }
        DatasetCommand::Head { stream, rows } => head(&open(&stream, context).await?, rows, context).await,
        DatasetCommand::Export(args) => export(args, context).await,
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
            let destination = Destination::from_file(file)?.with_secrets(&EnvSecrets)?;
            let warehouse = destination.connect().await?;
            warehouse.warnings().iter().for_each(|warning| context.output().warn(warning));
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

async fn head(dataset: &Dataset, rows: u64, context: &Context) -> Result<u8, Failure> {
    if context.output().is_for_programs() {
        let lines = tempfile_lines(&dataset.clone().limit(rows)).await?;
        context.output().list(&lines, String::new)?;
    } else {
        let batch = dataset.head(rows).await?;
        context.output().text(&table_of_rows(&batch, Output::width())?)?;
    }
    Ok(exit::OK)
}

/// The rows as JSON objects, in the form of the JSON Lines export.
async fn tempfile_lines(dataset: &Dataset) -> Result<Vec<serde_json::Value>, Failure> {
    let file = tempfile::NamedTempFile::new()?;
    write_to(dataset, file.reopen()?, Format::JsonLines).await?;
    let text = std::fs::read_to_string(file.path())?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// What an export has written, as scripts see it.
#[derive(Serialize)]
struct ExportObject {
    stream: String,
    schema: String,
    table: String,
    rows: u64,
    bytes: u64,
    file: String,
}

async fn export(args: ExportArgs, context: &Context) -> Result<u8, Failure> {
    let stream = stream_name(&args.stream)?.to_owned();
    let Some(format) = args.format.or_else(|| Format::of_path(&args.file)) else {
        let message = format!("the format of {} is not clear from its ending", args.file.display());
        return Err(Failure::usage(message).with_hint("add --format parquet, csv, jsonl or arrow"));
    };
    let to_stdout = args.file == Path::new("-");
    if !to_stdout {
        check_writable(&args.file)?;
    }
    let mut dataset = open(&args.stream, context).await?;
    if let Some(limit) = args.limit {
        dataset = dataset.limit(limit);
    }
    if to_stdout {
        write_to(&dataset, std::io::stdout(), format).await?;
        return Ok(exit::OK);
    }
    let bar = progress_bar(context);
    let shown = bar.clone();
    let writing = dataset.export(&args.file, format).progress(move |progress| {
        shown.set_message(format!("{} rows", count(i64::try_from(progress.rows).ok())));
    });
    let exported = unless_interrupted(IntoFuture::into_future(writing)).await;
    bar.finish_and_clear();
    let exported = exported.ok_or_else(|| {
        Failure::new(Kind::Interrupted, "interrupted; nothing was written under the file's name")
    })??;
    let object = ExportObject {
        stream,
        schema: dataset.schema_name().to_owned(),
        table: dataset.table_name().to_owned(),
        rows: exported.rows,
        bytes: exported.bytes,
        file: exported.file.display().to_string(),
    };
    context.output().object(&object, || {
        format!(
            "{} rows, {}, in {}",
            count(i64::try_from(object.rows).ok()),
            bytes(i64::try_from(object.bytes).ok()),
            object.file
        )
    })?;
    Ok(exit::OK)
}

/// Refuses a place that cannot be written before anything is asked or started.
pub(crate) fn check_writable(file: &Path) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if file.is_dir() {
        return Err(
            Failure::new(Kind::Io, format!("{} is a folder", file.display())).with_hint("name a file in it")
        );
    }
    tempfile::tempfile_in(folder).map(drop).map_err(|error| {
        Failure::new(Kind::Io, format!("{} cannot be written: {error}", file.display()))
            .with_hint("choose a folder that exists and can be written to")
    })
}

fn progress_bar(context: &Context) -> ProgressBar {
    if !context.output().is_live() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}
