//! What every part of a running sandbox shares.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::auth::Tokens;
use crate::builder::Edition;
use crate::clock::Clock;
use crate::connectors;
use crate::destinations::{Destination, DestinationError};
use crate::error::Error;
use crate::fault::{Fault, Faults};
use crate::jobs::Running;
use crate::jobs::scheduler::Scheduler;
use crate::model::Actor;
use crate::requests::Requests;
use crate::sources::{Source, SourceError};
use crate::store::Store;

/// A running sandbox, as its handlers and jobs see it.
pub(crate) struct App {
    pub store: Store,
    pub clock: Clock,
    pub tokens: Tokens,
    pub faults: Faults,
    pub running: Running,
    pub scheduler: Scheduler,
    pub requests: Requests,
    pub edition: Edition,
    pub faithful_5xx: bool,
    /// Without `/v1`: links to further pages begin with it.
    pub public_host: String,
    /// The folders below which files are read; paths that are not absolute are below the first.
    pub files_roots: [PathBuf; 2],
    /// Where the sandbox keeps what it knows, credentials among it.
    pub data_folder: PathBuf,
    pub local_root: PathBuf,
    /// DuckDB's library, if it was named.
    pub libduckdb: Option<PathBuf>,
    pub organization_id: Uuid,
    /// The user of the application that is there from the start.
    pub user_id: Uuid,
    /// The operations that are served, by their ids.
    pub operations: Mutex<BTreeSet<&'static str>>,
    /// Cancelled when the sandbox stops.
    pub stop: CancellationToken,
    /// Jobs and connections that a stopping sandbox waits for.
    pub tasks: TaskTracker,
}

impl App {
    /// Takes down an operation that is served.
    pub(crate) fn serves(&self, operation: &'static str) {
        self.operations.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(operation);
    }

    /// Refuses a fault that could never strike.
    pub(crate) fn check(&self, fault: &Fault) -> Result<(), Error> {
        const NEAREST: usize = 3;
        const LIKE: f64 = 0.7;
        let known = self.operations.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(name) = fault.operation.as_deref().filter(|name| !known.contains(name)) else {
            return Ok(());
        };
        let mut nearest: Vec<_> = known
            .iter()
            .map(|id| (strsim::jaro_winkler(&id.to_lowercase(), &name.to_lowercase()), *id))
            .filter(|(like, _)| *like > LIKE)
            .collect();
        nearest.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nearest = nearest.into_iter().take(NEAREST).map(|(_, id)| id.to_owned()).collect();
        Err(Error::UnknownOperation { name: name.to_owned(), nearest })
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// The source that an actor stands for, unless it is deleted.
    pub(crate) fn open_source(&self, actor: &Actor) -> Result<Source, SourceError> {
        let connector = connectors::by_definition(actor.side, actor.definition_id);
        let configuration = actor.configuration.as_ref().ok_or_else(|| SourceError::new(deleted(actor)))?;
        Source::open(connector, configuration, &self.files_roots, &self.data_folder)
    }

    /// The destination that an actor stands for, unless it is deleted.
    pub(crate) fn open_destination(&self, actor: &Actor) -> Result<Destination, DestinationError> {
        let connector = connectors::by_definition(actor.side, actor.definition_id);
        let configuration =
            actor.configuration.as_ref().ok_or_else(|| DestinationError::config(deleted(actor)))?;
        Destination::open(connector, configuration, &self.local_root, self.libduckdb.as_deref())
    }
}

fn deleted(actor: &Actor) -> String {
    format!("the {} `{}` has been deleted", actor.side.word(), actor.name)
}
