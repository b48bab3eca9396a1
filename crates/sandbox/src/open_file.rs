//! Whether the file that is written is still the one at its path.
//!
//! A database goes on writing into a file that somebody has deleted, and nobody would ever see what it writes.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// A file as it was when it was opened.
#[derive(Clone, Debug)]
pub(crate) struct OpenFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl OpenFile {
    /// The file that is at this path now. It is not opened: closing it again would give up the locks that the
    /// process has on it.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(path) }
    }

    /// False if something else is at the path by now, or nothing.
    pub(crate) fn is_there(&self) -> bool {
        self.identity.is_some() && identity(&self.path) == self.identity
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// What tells a file from others, `None` if there is none.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|metadata| numbers(&metadata))
}

#[cfg(unix)]
fn numbers(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Where a file that is open cannot be removed, being there is all that counts.
#[cfg(not(unix))]
fn numbers(_: &Metadata) -> (u64, u64) {
    (0, 0)
}
