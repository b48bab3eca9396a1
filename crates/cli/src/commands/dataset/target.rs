//! Where rows go: a file, a folder of files, standard output.

use std::path::{Path, PathBuf};
use std::time::Instant;

use airbyte_sql_read::{Batches, Dataset, Export, ExportProgress, FolderExport, Format, Query, Refreshes};
use bytesize::ByteSize;
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::interrupt::unless_interrupted;
use crate::output::{Stdout, bytes, count};

/// Where the rows go.
#[derive(Args, Debug)]
pub(crate) struct TargetArgs {
    /// Into this file, or - for standard output
    #[arg(short = 'o', long = "file", value_name = "FILE", conflicts_with = "folder")]
    file: Option<PathBuf>,
    /// Into files of a new folder, which has its name once all of them are whole
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// In a folder, begin a new file after so much, such as 64MB [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    file_size: Option<ByteSize>,
    /// parquet, csv, jsonl or arrow [default: by the file's ending; parquet in a folder]
    #[arg(long)]
    format: Option<Format>,
}

/// Where the rows go, once it is known to make sense.
pub(crate) enum Target {
    Stdout(Format),
    File(PathBuf, Format),
    Folder(PathBuf, Format, Option<ByteSize>),
}

impl TargetArgs {
    /// The place, if one is named and can be written to: nothing is asked of a server before that is known.
    pub(crate) fn checked(&self) -> Result<Option<Target>, Failure> {
        if let Some(folder) = &self.folder {
            check_new_folder(folder)?;
            let format = self.format.unwrap_or(Format::Parquet);
            return Ok(Some(Target::Folder(folder.clone(), format, self.file_size)));
        }
        if self.file_size.is_some() {
            return Err(Failure::usage("--file-size is for rows that go into a folder")
                .with_hint("add --folder FOLDER in place of -o"));
        }
        let Some(file) = &self.file else {
            return match self.format {
                None => Ok(None),
                Some(_) => Err(Failure::usage("--format is for rows that are written")
                    .with_hint("add -o FILE, -o - or --folder FOLDER; on the screen --output says how")),
            };
        };
        let format = format_of(self.format, file)?;
        if file == Path::new("-") {
            return Ok(Some(Target::Stdout(format)));
        }
        check_writable(file)?;
        Ok(Some(Target::File(file.clone(), format)))
    }
}

/// Where the rows come from.
pub(crate) enum Rows {
    Stream {
        name: String,
        dataset: Box<Dataset>,
    },
    Query(Query),
    /// A read that has begun, in several parts or by the engine of this process; others tell of the refreshes in it.
    Begun {
        of: Option<Origin>,
        batches: Batches,
        told: Vec<Refreshes>,
    },
}

/// Which table the rows are of, if they are of one.
#[derive(Clone)]
pub(crate) struct Origin {
    stream: String,
    schema: String,
    table: String,
}

impl Origin {
    pub(crate) fn of(stream: String, dataset: &Dataset) -> Self {
        let (schema, table) = (dataset.schema_name().to_owned(), dataset.table_name().to_owned());
        Self { stream, schema, table }
    }
}

impl Rows {
    fn origin(&self) -> Option<Origin> {
        match self {
            Self::Stream { name, dataset } => Some(Origin::of(name.clone(), dataset)),
            Self::Query(_) => None,
            Self::Begun { of, .. } => of.clone(),
        }
    }

    /// Who tells of refreshes beside the rows themselves.
    fn told(&self) -> Vec<Refreshes> {
        match self {
            Self::Stream { .. } | Self::Query(_) => Vec::new(),
            Self::Begun { told, .. } => told.clone(),
        }
    }

    fn into_file(self, file: &Path, format: Format) -> Export {
        match self {
            Self::Stream { dataset, .. } => dataset.export(file, format),
            Self::Query(query) => query.export(file, format),
            Self::Begun { batches, .. } => batches.export(file, format),
        }
    }

    fn into_folder(self, folder: &Path, format: Format) -> FolderExport {
        match self {
            Self::Stream { dataset, .. } => dataset.export_folder(folder, format),
            Self::Query(query) => query.export_folder(folder, format),
            Self::Begun { batches, .. } => batches.export_folder(folder, format),
        }
    }

    /// The rows as they come, and who tells of refreshes in them.
    pub(super) async fn batches(self) -> Result<(Batches, Vec<Refreshes>), Failure> {
        let mut told = self.told();
        let batches = match self {
            Self::Stream { dataset, .. } => dataset.batches().await?,
            Self::Query(query) => query.batches().await?,
            Self::Begun { batches, .. } => batches,
        };
        told.push(batches.refreshes());
        Ok((batches, told))
    }

    /// Writes all rows as they come, and gives what there is to know about them. What fails midway leaves a part behind:
    /// there is no name to protect.
    pub(crate) async fn write(
        self,
        out: &mut (impl tokio::io::AsyncWrite + Unpin + Send),
        format: Format,
    ) -> Result<Vec<String>, Failure> {
        let told = self.told();
        let mut warnings = match self {
            Self::Stream { dataset, .. } => dataset.write(out, format).await?.warnings,
            Self::Query(query) => {
                query.write(out, format).await?;
                Vec::new()
            }
            Self::Begun { batches, .. } => batches.write(out, format).await?.warnings,
        };
        warnings.extend(warnings_of(&told));
        Ok(warnings)
    }
}

/// What is to be said once the rows have been read.
pub(super) fn warnings_of(told: &[Refreshes]) -> impl Iterator<Item = String> {
    told.iter().filter_map(Refreshes::warning)
}

/// What was written, as scripts see it.
#[derive(Default, Serialize)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    rows: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl Written {
    fn text(&self) -> String {
        let number = |number: u64| i64::try_from(number).ok();
        let place = match (&self.file, &self.folder) {
            (Some(file), _) => format!("in {file}"),
            (None, Some(folder)) if self.files.len() == 1 => format!("in a file of {folder}"),
            (None, folder) => {
                format!("in {} files of {}", self.files.len(), folder.as_deref().unwrap_or_default())
            }
        };
        format!("{} rows, {}, {place}", count(number(self.rows)), bytes(number(self.bytes)))
    }
}

/// Writes the rows where they should go, shows how far it is, and prints what was written.
pub(crate) async fn write(rows: Rows, target: Target, context: &Context) -> Result<u8, Failure> {
    let named = !matches!(target, Target::Stdout(_));
    let (origin, told) = (rows.origin(), rows.told());
    let bar = if named { context.output().working("reading") } else { ProgressBar::hidden() };
    let writing = async {
        let written = match target {
            Target::Stdout(format) => {
                for warning in rows.write(&mut Stdout, format).await? {
                    context.output().warn_beside(&warning);
                }
                return Ok(None);
            }
            Target::File(file, format) => {
                let done = rows.into_file(&file, format).progress(shown_on(&bar)).await?;
                let file = Some(done.file.display().to_string());
                let (rows, bytes, warnings) = (done.rows, done.bytes, done.warnings);
                Written { rows, bytes, file, warnings, ..Written::default() }
            }
            Target::Folder(folder, format, size) => {
                let mut export = rows.into_folder(&folder, format).progress(shown_on(&bar));
                if let Some(size) = size {
                    export = export.file_bytes(size.as_u64());
                }
                let done = export.await?;
                let files = done.files.iter().map(|file| file.display().to_string()).collect();
                let folder = Some(folder.display().to_string());
                let (rows, bytes, warnings) = (done.rows, done.bytes, done.warnings);
                Written { rows, bytes, folder, files, warnings, ..Written::default() }
            }
        };
        Ok::<_, Failure>(Some(written))
    };
    let written = unless_interrupted(writing).await;
    bar.finish_and_clear();
    let written = written.ok_or_else(|| {
        let nothing = if named { "; nothing was written under the name that was given" } else { "" };
        Failure::new(Kind::Interrupted, format!("interrupted{nothing}"))
    })??;
    if let Some(mut written) = written {
        if let Some(Origin { stream, schema, table }) = origin {
            written.stream = Some(stream);
            written.schema = Some(schema);
            written.table = Some(table);
        }
        written.warnings.extend(warnings_of(&told));
        for warning in &written.warnings {
            context.output().warn(warning);
        }
        context.output().object(&written, || written.text())?;
    }
    Ok(exit::OK)
}

/// Tells on the bar how far it is.
fn shown_on(bar: &ProgressBar) -> impl Fn(ExportProgress) + Send + Sync + 'static {
    let (bar, begun) = (bar.clone(), Instant::now());
    move |progress| {
        let number = |number: u64| i64::try_from(number).ok();
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = progress.rows.saturating_mul(1000) / millis;
        bar.set_message(format!(
            "{} rows, {} of data, {} rows/s",
            count(number(progress.rows)),
            bytes(number(progress.bytes)),
            count(number(rate))
        ));
    }
}

pub(crate) fn format_of(given: Option<Format>, file: &Path) -> Result<Format, Failure> {
    given.or_else(|| Format::of_path(file)).ok_or_else(|| {
        Failure::usage(format!("the format of {} is not clear from its ending", file.display()))
            .with_hint("add --format parquet, csv, jsonl or arrow")
    })
}

/// Refuses a file that cannot be written before anything is asked or started.
pub(crate) fn check_writable(file: &Path) -> Result<(), Failure> {
    if file.is_dir() {
        return Err(
            Failure::new(Kind::Io, format!("{} is a folder", file.display())).with_hint("name a file in it")
        );
    }
    check_folder(folder_of(file), file)
}

/// The same for a folder that is to be made.
fn check_new_folder(folder: &Path) -> Result<(), Failure> {
    let taken = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => folder.exists(),
    };
    if taken {
        return Err(Failure::new(Kind::Io, format!("{} is there already", folder.display()))
            .with_hint("name a folder that is not there yet, or is empty"));
    }
    check_folder(folder_of(folder), folder)
}

fn folder_of(place: &Path) -> &Path {
    place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn check_folder(folder: &Path, place: &Path) -> Result<(), Failure> {
    tempfile::tempfile_in(folder).map(drop).map_err(|error| {
        Failure::new(Kind::Io, format!("{} cannot be written: {error}", place.display()))
            .with_hint("choose a folder that exists and can be written to")
    })
}
