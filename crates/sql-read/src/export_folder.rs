//! Rows into a folder of files that is whole or is not there.

use std::fmt;
use std::fs::File;
use std::future::{Future, IntoFuture};
use std::io::{self, BufWriter, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use tempfile::TempDir;

use crate::error::{Error, ErrorKind, Result};
use crate::export::{ExportProgress, OnProgress, Source, write_rows};
use crate::format::{BatchWriter, Format, RowGroups};
use crate::refreshes::Tally;

/// Where a file ends, unless something else is asked for.
const FILE_BYTES: u64 = 256 * 1024 * 1024;

/// What an export into a folder has written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportedFolder {
    /// Rows in all files.
    pub rows: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The files, in the order in which they were written. Of no rows there is one file with none.
    pub files: Vec<PathBuf>,
    /// The oldest and the newest refresh that the rows are of, see
    /// [`Refreshes::generations`](crate::Refreshes::generations).
    pub generations: Option<RangeInclusive<i64>>,
    /// What to know about the rows, in words: that an unfinished refresh may lie beside older ones. Mostly empty.
    pub warnings: Vec<String>,
}

/// A folder to be written; `.await` it.
///
/// The files are written into a temporary folder beside it, which takes its name once all of them are whole. If
/// anything fails, or the future is dropped, nothing is left.
#[must_use = "nothing is written before it is awaited"]
pub struct FolderExport {
    source: Source,
    path: PathBuf,
    format: Format,
    file_bytes: u64,
    groups: RowGroups,
    on_progress: Option<OnProgress>,
}

impl fmt::Debug for FolderExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FolderExport")
            .field("path", &self.path)
            .field("format", &self.format)
            .field("file_bytes", &self.file_bytes)
            .finish_non_exhaustive()
    }
}

impl FolderExport {
    pub(crate) fn new(source: Source, path: PathBuf, format: Format) -> Self {
        let (file_bytes, groups) = (FILE_BYTES, RowGroups::default());
        Self { source, path, format, file_bytes, groups, on_progress: None }
    }

    /// Begins a new file after so many bytes, 256 MiB unless this is called. A file can be larger by a batch or, in
    /// Parquet, by a group of rows.
    pub fn file_bytes(mut self, bytes: u64) -> Self {
        self.file_bytes = bytes.max(1);
        self
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

    async fn run(self) -> Result<ExportedFolder> {
        // Refused before the database is asked anything.
        let folder = Shared(Arc::new(Mutex::new(Some(temporary_beside(&self.path)?))));
        let mut batches = self.source.batches().await?;
        let mut files = Files {
            folder: folder.0.clone(),
            format: self.format,
            groups: self.groups,
            schema: batches.schema(),
            file_bytes: self.file_bytes,
            open: None,
            names: Vec::new(),
        };
        let written = write_rows(&mut batches, self.on_progress, move |rows| {
            let rows = rows.each(|batch| files.write(batch))?;
            Ok((rows, files.finish()?))
        });
        let (rows, names) = written.await?;
        folder.rename(&self.path).map_err(|error| failed(&self.path, error))?;
        let files: Vec<PathBuf> = names.iter().map(|name| self.path.join(name)).collect();
        let mut bytes = 0;
        for file in &files {
            bytes += file.metadata().map_err(|error| failed(file, error))?.len();
        }
        let Tally { rows, generations, warnings } = Tally::new(rows, &batches.refreshes());
        Ok(ExportedFolder { rows, bytes, files, generations, warnings })
    }
}

impl IntoFuture for FolderExport {
    type Output = Result<ExportedFolder>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<ExportedFolder>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The folder that is written to, until it has its name or is given up.
type Folder = Arc<Mutex<Option<TempDir>>>;

/// Whoever awaits the export has the folder, too: dropped, it takes the folder away, and no file can come into it any
/// more, wherever the one who writes is.
struct Shared(Folder);

impl Shared {
    fn rename(&self, to: &Path) -> io::Result<()> {
        let mut folder = lock(&self.0);
        if let Some(there) = folder.as_ref() {
            std::fs::rename(there.path(), to)?;
        }
        // Nothing has the old name now.
        let _ = folder.take().map(TempDir::keep);
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        lock(&self.0).take();
    }
}

fn lock(folder: &Folder) -> MutexGuard<'_, Option<TempDir>> {
    folder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files of a folder, one open at a time.
struct Files {
    folder: Folder,
    format: Format,
    groups: RowGroups,
    schema: SchemaRef,
    file_bytes: u64,
    open: Option<Open>,
    names: Vec<String>,
}

impl Files {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let (writer, written) = self.open.insert(open);
        writer.write(batch)?;
        if written.load(Ordering::Relaxed) >= self.file_bytes {
            self.close()?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<Open> {
        let name = format!("part-{:05}.{}", self.names.len(), self.format.name());
        let folder = lock(&self.folder);
        let path = match folder.as_ref() {
            Some(folder) => folder.path().join(&name),
            None => return Err(Error::new(ErrorKind::Io, "the export was given up")),
        };
        let file = File::create_new(&path).map_err(|error| failed(&path, error))?;
        drop(folder);
        let written = Arc::new(AtomicU64::new(0));
        let out = Counted { inner: BufWriter::with_capacity(1 << 20, file), written: written.clone() };
        self.names.push(name);
        Ok((BatchWriter::new(out, self.format, &self.schema, self.groups)?, written))
    }

    fn close(&mut self) -> Result<()> {
        let Some((writer, _)) = self.open.take() else { return Ok(()) };
        let mut out = writer.finish()?.inner;
        let end = |out: &mut BufWriter<File>| {
            out.flush()?;
            out.get_ref().sync_all()
        };
        end(&mut out).map_err(|error| {
            Error::new(ErrorKind::Io, format!("a file cannot be written: {error}")).with_source(error)
        })
    }

    /// The names of the files. Of no rows there is one, which has the columns.
    fn finish(mut self) -> Result<Vec<String>> {
        if self.names.is_empty() {
            self.open = Some(self.begin()?);
        }
        self.close()?;
        Ok(self.names)
    }
}

type Open = (BatchWriter<Counted<BufWriter<File>>>, Arc<AtomicU64>);

/// Counts what is written.
struct Counted<W> {
    inner: W,
    written: Arc<AtomicU64>,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A new folder beside `path`, gone again unless it is given that name.
fn temporary_beside(path: &Path) -> Result<TempDir> {
    let taken = match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.exists(),
    };
    if taken {
        return Err(Error::new(ErrorKind::Io, format!("{} is there already, and not empty", path.display()))
            .with_hint("name a folder that is not there yet"));
    }
    if path.file_name().is_none() {
        return Err(Error::invalid(format!("{} names no folder", path.display())));
    }
    let above = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".airbyte-export-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What the process's umask does not want is taken away by the system.
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    builder
        .tempdir_in(above)
        .map_err(|error| failed(path, error).with_hint("choose a place that exists and can be written to"))
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("{} cannot be written: {error}", path.display())).with_source(error)
}
