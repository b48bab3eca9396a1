//! The entry point: a client of one Airbyte installation.

use std::fmt;
use std::sync::Arc;

use crate::builder::ClientBuilder;
use crate::call::CallPath;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{ConnectionId, DestinationId, JobId, SourceId, WorkspaceId};
use crate::job::Job;
use crate::list::List;
use crate::poller::PollingPolicy;
use crate::settings::Settings;
use crate::source::Source;
use crate::web_links::WebLinks;
use crate::workspace::{ListWorkspaces, Workspace};

/// A client of one Airbyte installation.
///
/// Cheap to clone; clones share connections and the access token, so make one client and clone it. The
/// handles that it gives hold an id and do nothing until asked.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    path: Arc<CallPath>,
    settings: Settings,
    polling: PollingPolicy,
    links: WebLinks,
}

impl Client {
    pub(crate) fn new(path: CallPath, settings: Settings, polling: PollingPolicy) -> Self {
        let links = WebLinks::new(&path.public_root);
        Self { inner: Arc::new(Inner { path: Arc::new(path), settings, polling, links }) }
    }

    /// Sets up a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client with everything taken from the environment ([`mod@env`](crate::env)) and the profile file.
    pub fn from_env() -> Result<Self> {
        Self::builder().build()
    }

    /// The settings in use and where each came from.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The workspaces that these credentials can see (operation `listWorkspaces`).
    pub fn workspaces(&self) -> ListWorkspaces {
        List::of_client(self)
    }

    /// A workspace by its id. No request is made, so it may not exist.
    pub fn workspace(&self, id: WorkspaceId) -> Workspace {
        Workspace::new(self.clone(), id)
    }

    /// The workspace of the settings.
    pub fn default_workspace(&self) -> Result<Workspace> {
        match &self.inner.settings.workspace_id {
            Some(id) => Ok(self.workspace(id.value)),
            None => Err(Error::new(ErrorKind::Configuration, "no workspace was chosen")
                .with_hint("set AIRBYTE_WORKSPACE_ID, workspace_id in the profile, or give one explicitly")),
        }
    }

    /// A source by its id. No request is made, so it may not exist.
    pub fn source(&self, id: SourceId) -> Source {
        Source::new(self.clone(), id)
    }

    /// A destination by its id. No request is made, so it may not exist.
    pub fn destination(&self, id: DestinationId) -> Destination {
        Destination::new(self.clone(), id)
    }

    /// A connection by its id. No request is made, so it may not exist.
    pub fn connection(&self, id: ConnectionId) -> Connection {
        Connection::new(self.clone(), id)
    }

    /// A job by its id. No request is made, so it may not exist.
    pub fn job(&self, id: JobId) -> Job {
        Job::new(self.clone(), id)
    }
}

/// For the other modules.
impl Client {
    pub(crate) fn path(&self) -> &CallPath {
        &self.inner.path
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.inner.path.clock
    }

    pub(crate) fn links(&self) -> &WebLinks {
        &self.inner.links
    }

    pub(crate) fn polling(&self) -> PollingPolicy {
        self.inner.polling
    }

    pub(crate) fn shared_path(&self) -> Arc<CallPath> {
        self.inner.path.clone()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_can_cross_threads() {
        fn shared<T: Send + Sync + Clone + 'static>() {}
        fn sent<T: Send + 'static>() {}
        shared::<Client>();
        shared::<Workspace>();
        shared::<Source>();
        shared::<Destination>();
        shared::<Connection>();
        shared::<Job>();
        shared::<crate::SyncResult>();
        shared::<crate::Organization>();
        shared::<crate::Group>();
        shared::<crate::ListUsers>();
        sent::<ListWorkspaces>();
        sent::<crate::Pager<crate::JobInfo>>();
        sent::<crate::Poller>();
        sent::<crate::JobWatcher>();
        sent::<crate::SyncRequest>();
    }
}
