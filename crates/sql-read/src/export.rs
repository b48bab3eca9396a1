//! Rows into a file that is whole or is not there.

use std::fmt;
use std::fs::File;
use std::future::{Future, IntoFuture};
use std::io::{BufWriter, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::StreamExt;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{BatchWriter, Format, RowGroups};
use crate::query::Query;
use crate::reading::Batches;
use crate::refreshes::Tally;

/// Batches that may wait for the file: reading goes on while one is written.
const BATCHES_AHEAD: usize = 2;

/// How far an export has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportProgress {
    /// Rows written so far.
    pub rows: u64,
    /// Bytes of Arrow data that these rows are in memory.
    pub bytes: u64,
}

/// What an export has written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// Rows in the file.
    pub rows: u64,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file.
    pub file: PathBuf,
    /// The oldest and the newest refresh that the rows are of, see
    /// [`Refreshes::generations`](crate::Refreshes::generations).
    pub generations: Option<RangeInclusive<i64>>,
    /// What to know about the rows, in words: that an unfinished refresh may lie beside older ones. Mostly empty.
    pub warnings: Vec<String>,
}

pub(crate) type OnProgress = Arc<dyn Fn(ExportProgress) + Send + Sync>;

/// Where the rows come from.
pub(crate) enum Source {
    Dataset(Box<Dataset>),
    Query(Query),
    /// A read that has begun.
    Batches(Batches),
}

impl Source {
    pub(crate) async fn batches(self) -> Result<Batches> {
        match self {
            Self::Dataset(dataset) => dataset.batches().await,
            Self::Query(query) => query.batches().await,
            Self::Batches(batches) => Ok(batches),
        }
    }
}

/// A file to be written; `.await` it.
///
/// The rows go to a temporary file in the same folder, which takes the file's name once it is whole. If anything
/// fails, or the future is dropped, the temporary file is removed, and a file that was there before is untouched.
#[must_use = "nothing is written before it is awaited"]
pub struct Export {
    source: Source,
    path: PathBuf,
    format: Format,
    groups: RowGroups,
    on_progress: Option<OnProgress>,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("path", &self.path)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl Export {
    pub(crate) fn new(source: Source, path: PathBuf, format: Format) -> Self {
        Self { source, path, format, groups: RowGroups::default(), on_progress: None }
    }

    /// Calls `report` after each batch.
    pub fn progress(mut self, report: impl Fn(ExportProgress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(report));
        self
    }

    /// Closes a Parquet row group after so many rows (131,072 unless this is called) or so many encoded bytes (8 MiB),
    /// whichever comes first. A group is in memory until it is closed; larger ones are read a little faster, smaller ones
    /// let readers skip more. Other formats have none: an Arrow file has the batches that are read, see
    /// [`Dataset::batch_rows`](crate::Dataset::batch_rows).
    pub fn row_groups(mut self, rows: usize, bytes: usize) -> Self {
        self.groups = RowGroups { rows: rows.max(1), bytes: bytes.max(1) };
        self
    }

    async fn run(self) -> Result<Exported> {
        // Refused before the database is asked anything.
        // Its name is kept here: dropped with this future, it is gone before whoever writes has noticed.
        let (file, temporary) = temporary_beside(&self.path)?.into_parts();
        let mut batches = self.source.batches().await?;
        let schema = batches.schema();
        let (format, groups) = (self.format, self.groups);
        let written = write_rows(&mut batches, self.on_progress, move |rows| {
            let out = BufWriter::with_capacity(1 << 20, file);
            let mut writer = BatchWriter::new(out, format, &schema, groups)?;
            let rows = rows.each(|batch| writer.write(batch))?;
            Ok((ended(writer.finish()?)?, rows))
        });
        let (file, rows) = written.await?;
        let bytes = file.metadata().map_err(|error| io(&self.path, error))?.len();
        temporary.persist(&self.path).map_err(|error| io(&self.path, error.error))?;
        let Tally { rows, generations, warnings } = Tally::new(rows, &batches.refreshes());
        Ok(Exported { rows, bytes, file: self.path, generations, warnings })
    }
}

impl IntoFuture for Export {
    type Output = Result<Exported>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Exported>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// A new file in the folder of `path`, gone again unless it is given that name.
fn temporary_beside(path: &Path) -> Result<NamedTempFile> {
    if path.is_dir() {
        return Err(Error::new(ErrorKind::Io, format!("{} is a folder", path.display()))
            .with_hint("name a file in it"));
    }
    if path.file_name().is_none() {
        return Err(Error::invalid(format!("{} names no file", path.display())));
    }
    // The new file would take the name of a device or a pipe, which is gone then: `/dev/null` for instance.
    if path.exists() && !path.is_file() {
        return Err(Error::new(ErrorKind::Io, format!("{} is no ordinary file", path.display()))
            .with_hint("write the rows to standard output, and send that there"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new()
        .prefix(".airbyte-export-")
        .permissions_if_possible()
        .tempfile_in(folder)
        .map_err(|error| io(path, error).with_hint("choose a folder that exists and can be written to"))
}

/// Files made by `tempfile` are private; an export is a file like any other.
trait PublicPermissions {
    fn permissions_if_possible(&mut self) -> &mut Self;
}

impl PublicPermissions for tempfile::Builder<'_, '_> {
    fn permissions_if_possible(&mut self) -> &mut Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What the process's umask does not want is taken away by the system.
            self.permissions(std::fs::Permissions::from_mode(0o666));
        }
        self
    }
}

/// Writes rows in a thread of its own, while further ones are read.
pub(crate) async fn write_rows<T: Send + 'static>(
    batches: &mut Batches,
    on_progress: Option<OnProgress>,
    write: impl FnOnce(Incoming) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let writing = tokio::task::spawn_blocking(move || write(Incoming { receiver, on_progress }));
    while let Some(batch) = batches.next().await {
        // The writer ends with the error that it is handed, or with its own: then it takes no more.
        if sender.send(batch).await.is_err() {
            break;
        }
    }
    drop(sender);
    writing.await.map_err(|error| Error::new(ErrorKind::Io, error.to_string()))?
}

/// Rows that are to be written.
pub(crate) struct Incoming {
    receiver: mpsc::Receiver<Result<RecordBatch>>,
    on_progress: Option<OnProgress>,
}

impl Incoming {
    /// Hands each batch to `write`, and tells how many rows there were.
    pub(crate) fn each(mut self, mut write: impl FnMut(&RecordBatch) -> Result<()>) -> Result<u64> {
        let mut progress = ExportProgress::default();
        while let Some(batch) = self.receiver.blocking_recv() {
            let batch = batch?;
            write(&batch)?;
            progress.rows += batch.num_rows() as u64;
            progress.bytes += batch.get_array_memory_size() as u64;
            if let Some(report) = &self.on_progress {
                report(progress);
            }
        }
        Ok(progress.rows)
    }
}

/// The file, once the disk has all of it.
fn ended(mut out: BufWriter<File>) -> Result<File> {
    let flush_failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, "the file cannot be written".to_owned()).with_source(error)
    };
    out.flush().map_err(flush_failed)?;
    let file = out.into_inner().map_err(|error| flush_failed(error.into_error()))?;
    file.sync_all().map_err(flush_failed)?;
    Ok(file)
}

fn io(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("{} cannot be written: {error}", path.display())).with_source(error)
}

/// Writes all rows to `out`, which may be a pipe, and tells how many there were. Parquet and Arrow files need no
/// seeking, so every format can be written this way; there is no name to protect, so a failure leaves a part.
///
/// # Errors
/// Those of [`Dataset::batches`], and `Io` if `out` cannot be written.
pub async fn write_to<W: Write + Send + 'static>(dataset: &Dataset, out: W, format: Format) -> Result<Tally> {
    let mut batches = dataset.batches().await?;
    let schema = batches.schema();
    let mut writer = BatchWriter::new(out, format, &schema, RowGroups::default())?;
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
    }
    let mut out = writer.finish()?;
    out.flush()
        .map_err(|error| Error::new(ErrorKind::Io, "the output cannot be written").with_source(error))?;
    Ok(Tally::new(rows, &batches.refreshes()))
}
