//! The data folder: made for its owner alone, with the credentials of the sandbox's application.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use tempfile::TempDir;

use crate::error::Error;

/// The id and secret of the sandbox's application: kept in the data folder, so that clients stay valid.
pub(crate) fn application(folder: &Path, keep: bool) -> Result<(String, String), Error> {
    let file = folder.join("application.json");
    let failed = |source| Error::Folder { path: file.clone(), source };
    if keep && let Ok(bytes) = std::fs::read(&file) {
        // What the decoder says would quote the secret.
        return serde_json::from_slice(&bytes).map_err(|_| Error::Damaged { path: file, source: None });
    }
    let id = uuid::Uuid::new_v4().to_string();
    let secret = crate::http::new_secret();
    if keep {
        // A temporary file is readable by its owner alone; renamed, it is there whole or not at all.
        let mut written = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        serde_json::to_writer(&mut written, &(&id, &secret)).map_err(|error| failed(error.into()))?;
        // What the database has of it outlives the machine, and so has the file to.
        written.as_file().sync_all().map_err(failed)?;
        written.persist(&file).map_err(|error| failed(error.error))?;
        keep_names(folder).map_err(failed)?;
    }
    Ok((id, secret))
}

/// Makes a folder that its owner alone can look into, since configurations are in it as they were given; one that is there
/// stays as it is.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A folder in the system's one for temporary files, as private as that: it would be like the others there, and rows and
/// configurations are in it.
pub(crate) fn temporary_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("airbyte-sandbox-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// Waits until the disk has the names of a folder's files, where a folder can be opened for that.
fn keep_names(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        // Some network drives cannot.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        outcome => outcome,
    }
}
