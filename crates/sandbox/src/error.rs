//! What can go wrong with a sandbox.

use std::path::PathBuf;

use crate::store::is_damage;

/// Why a sandbox could not start, or could not do what it was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A folder cannot be used.
    #[error("cannot use the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another sandbox works in the data folder.
    #[error(
        "another sandbox works in the folder {}: end that one, or use another folder",
        path.display()
    )]
    FolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// The data folder was written by a newer version of the sandbox.
    #[error(
        "the data folder has format {found}, this version knows {known}: use a newer `airbyte`, or another folder"
    )]
    NewerData {
        /// The format found in the folder.
        found: i64,
        /// The newest format that this version knows.
        known: i64,
    },
    /// The data folder was written by an older version of the sandbox, and something in it cannot be read any more.
    #[error(
        "the data folder is of an older version, and its {kind} {id} is in a form that this one does not know: use the \
         older `airbyte`, or another folder"
    )]
    OlderData {
        /// What it is.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// A file of the data folder is damaged, or something else of that name.
    #[error("{} is damaged, or not the sandbox's: put a copy of it in its place, or use another folder", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found, where the database says so.
        #[source]
        source: Option<StoreFailure>,
    },
    /// The data folder's database failed.
    #[error("the sandbox's database failed")]
    Store(#[source] StoreFailure),
    /// A fault names an operation that is none of the sandbox's, so it would never strike.
    #[error("there is no operation `{name}`{}", meant(nearest))]
    UnknownOperation {
        /// The name that was given.
        name: String,
        /// Those that are most like it.
        nearest: Vec<String>,
    },
    /// A new user was to be given what there is not, or what does not fit.
    #[error("cannot give {0}")]
    Permission(String),
    /// The address of the PostgreSQL server is none. It may hold a password, so it is not repeated.
    #[error("what was given for the PostgreSQL server is not postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    PostgresUrl,
}

/// What the database of the data folder said.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreFailure(rusqlite::Error);

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(StoreFailure(error))
    }
}

impl Error {
    /// Of what the database of this file has said: that it is damaged, if it is.
    pub(crate) fn of_file(self, path: Option<PathBuf>) -> Self {
        match (self, path) {
            (Self::Store(source), Some(path)) if is_damage(&source.0) => {
                Self::Damaged { path, source: Some(source) }
            }
            (error, _) => error,
        }
    }
}

fn meant(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return "; the log of requests shows the operations by their ids".to_owned();
    }
    format!("; perhaps {}", nearest.join(" or "))
}
