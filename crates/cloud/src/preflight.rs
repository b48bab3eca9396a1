//! Whether a connection could be synced now, and if not, why.

use std::fmt;

use crate::connection::{Connection, ConnectionInfo, ConnectionStatus};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::WorkspaceId;
use crate::job::{JobInfo, running_job};

/// Something that keeps a connection from being synced now.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Blocker {
    /// It was deleted; the server still shows it.
    Deleted,
    /// It is disabled.
    Disabled,
    /// It is locked, for example for a billing reason.
    Locked {
        /// Why, where the server says so.
        reason: Option<String>,
    },
    /// It has a status that this version does not know.
    UnknownStatus(String),
    /// It belongs to another workspace than it should.
    OtherWorkspace {
        /// Where it should be.
        expected: WorkspaceId,
        /// Where it is.
        actual: WorkspaceId,
    },
    /// It syncs no stream.
    NoStreams,
    /// A job is running on it.
    Running(Box<JobInfo>),
}

impl Blocker {
    /// The kind of the error that it makes of a sync.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Deleted => ErrorKind::NotFound,
            Self::Disabled | Self::Locked { .. } | Self::UnknownStatus(_) => ErrorKind::ConnectionNotActive,
            Self::OtherWorkspace { .. } | Self::NoStreams => ErrorKind::InvalidInput,
            Self::Running(_) => ErrorKind::AlreadyRunning,
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted => f.write_str("it is deleted"),
            Self::Disabled => f.write_str("it is disabled"),
            Self::Locked { reason: None } => f.write_str("it is locked"),
            Self::Locked { reason: Some(reason) } => write!(f, "it is locked: {reason}"),
            Self::UnknownStatus(status) => write!(f, "it has the status `{status}`"),
            Self::OtherWorkspace { expected, actual } => {
                write!(f, "it belongs to workspace {actual}, not to {expected}")
            }
            Self::NoStreams => f.write_str("it syncs no stream"),
            Self::Running(job) => write!(f, "job {} ({}) is running on it", job.job_id, job.job_type),
        }
    }
}

/// What a [pre-flight](Connection::preflight) has found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Preflight {
    /// The connection.
    pub connection: ConnectionInfo,
    /// What keeps it from being synced now. Empty if nothing does.
    pub blockers: Vec<Blocker>,
}

impl Preflight {
    /// Whether it can be synced now.
    pub fn is_clear(&self) -> bool {
        self.blockers.is_empty()
    }

    /// The blockers as an error, of the kind of the first one.
    pub fn into_result(self) -> Result<ConnectionInfo> {
        let Some(first) = self.blockers.first() else { return Ok(self.connection) };
        let reasons = self.blockers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let message = format!("connection {} cannot be synced now: {reasons}", self.connection.connection_id);
        let error = Error::new(first.kind(), message);
        let running = self.blockers.iter().find_map(|blocker| match blocker {
            Blocker::Running(job) => Some((**job).clone()),
            _ => None,
        });
        Err(match running {
            Some(job) => error.with_job(job),
            None => error,
        })
    }
}

impl Connection {
    /// Looks whether it could be synced now: two requests, and nothing is changed. With `workspace`, also
    /// whether it belongs there.
    pub async fn preflight(&self, workspace: Option<WorkspaceId>) -> Result<Preflight> {
        let connection = self.info().await?;
        let mut blockers = Vec::new();
        match &connection.status {
            ConnectionStatus::Active => {}
            ConnectionStatus::Inactive => blockers.push(Blocker::Disabled),
            ConnectionStatus::Deprecated => blockers.push(Blocker::Deleted),
            ConnectionStatus::Locked => {
                blockers.push(Blocker::Locked { reason: connection.status_reason.clone() });
            }
            ConnectionStatus::Unknown(status) => blockers.push(Blocker::UnknownStatus(status.clone())),
        }
        if let Some(expected) = workspace
            && expected != connection.workspace_id
        {
            blockers.push(Blocker::OtherWorkspace { expected, actual: connection.workspace_id });
        }
        if connection.streams.is_empty() {
            blockers.push(Blocker::NoStreams);
        }
        if let Some(job) = running_job(self.client(), self.id()).await? {
            blockers.push(Blocker::Running(Box::new(job)));
        }
        Ok(Preflight { connection, blockers })
    }

    /// Cancels the job that runs on it (operation `cancelJob`), and returns the job's state afterwards; `None`
    /// if none runs.
    pub async fn cancel_running(&self) -> Result<Option<JobInfo>> {
        if let Some(job) = running_job(self.client(), self.id()).await? {
            return self.client().job(job.job_id).cancel().await.map(Some);
        }
        // An unknown connection has no job either.
        self.info().await.map(|_| None)
    }
}
