//! One sandbox a data folder: two would take each other's running jobs for left behind.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use crate::error::Error;

/// A data folder that is this sandbox's alone, while this lives. The system lets go of it when the process ends,
/// however it ends; the file stays and says nothing.
#[derive(Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "closing it unlocks it")] File);

impl FolderLock {
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("lock");
        let failed = |source| Error::Folder { path: path.clone(), source };
        let mut options = File::options();
        options.append(true).create(true);
        // Like all that is in the folder.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::FolderInUse { path: folder.to_owned() }),
            // Some network drives know no locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(Self(file)),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
