//! All rows of a stream, into a file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use airbyte_sql_read::{Export, Format, write_to};
use clap::Args;
use serde::Serialize;

use super::rows::RowArgs;
use super::{StreamArgs, open, stream_name};
use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::interrupt::unless_interrupted;
use crate::output::{bytes, count};

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    rows: RowArgs,
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

/// What an export has written, as scripts see it.
#[derive(Serialize)]
pub(crate) struct ExportObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    rows: u64,
    bytes: u64,
    file: String,
}

impl ExportObject {
    pub(crate) fn print(&self, context: &Context) -> Result<(), Failure> {
        context.output().object(self, || {
            let number = |number: u64| i64::try_from(number).ok();
            format!("{} rows, {}, in {}", count(number(self.rows)), bytes(number(self.bytes)), self.file)
        })
    }
}

/// Where the rows come from; of a statement nothing is known.
pub(crate) struct Exporting {
    pub(crate) stream: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) table: Option<String>,
}

/// The format that is meant.
pub(crate) fn format_of(given: Option<Format>, file: &Path) -> Result<Format, Failure> {
    given.or_else(|| Format::of_path(file)).ok_or_else(|| {
        Failure::usage(format!("the format of {} is not clear from its ending", file.display()))
            .with_hint("add --format parquet, csv, jsonl or arrow")
    })
}

pub(crate) async fn run(args: ExportArgs, context: &Context) -> Result<u8, Failure> {
    let stream = stream_name(&args.stream)?.to_owned();
    let format = format_of(args.format, &args.file)?;
    let to_stdout = args.file == Path::new("-");
    if !to_stdout {
        check_writable(&args.file)?;
    }
    let mut dataset = args.rows.apply(open(&args.stream, context).await?)?;
    if let Some(limit) = args.limit {
        dataset = dataset.limit(limit);
    }
    if to_stdout {
        write_to(&dataset, std::io::stdout(), format).await?;
        return Ok(exit::OK);
    }
    let exporting = Exporting {
        stream: Some(stream),
        schema: Some(dataset.schema_name().to_owned()),
        table: Some(dataset.table_name().to_owned()),
    };
    export_to(dataset.export(&args.file, format), exporting, context).await?.print(context)?;
    Ok(exit::OK)
}

/// Writes the file, and shows how far it is.
pub(crate) async fn export_to(
    export: Export,
    from: Exporting,
    context: &Context,
) -> Result<ExportObject, Failure> {
    let bar = context.output().working("reading");
    let (shown, begun) = (bar.clone(), Instant::now());
    let writing = export.progress(move |progress| {
        let number = |number: u64| i64::try_from(number).ok();
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = progress.rows.saturating_mul(1000) / millis;
        shown.set_message(format!(
            "{} rows, {} of data, {} rows/s",
            count(number(progress.rows)),
            bytes(number(progress.bytes)),
            count(number(rate))
        ));
    });
    let exported = unless_interrupted(IntoFuture::into_future(writing)).await;
    bar.finish_and_clear();
    let exported = exported.ok_or_else(|| {
        Failure::new(Kind::Interrupted, "interrupted; nothing was written under the file's name")
    })??;
    Ok(ExportObject {
        stream: from.stream,
        schema: from.schema,
        table: from.table,
        rows: exported.rows,
        bytes: exported.bytes,
        file: exported.file.display().to_string(),
    })
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
