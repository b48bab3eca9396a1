//! Deleting sources, destinations, connections and workspaces, for good.
//!
//! In safe mode, which holds unless it is turned off, only objects can be deleted whose name says so: it has
//! `delete-me` or `deleteme` in it. Everything that would go is checked before the first thing goes, and that
//! is more than it seems: the server deletes the connections of a source or destination along with it.

use std::future::IntoFuture;

use futures::future::BoxFuture;
use http::Method;

use crate::call::Operation;
use crate::client::Client;
use crate::connection::{Connection, ConnectionInfo};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{ConnectionId, DestinationId, SourceId, WorkspaceId};
use crate::request::Api;
use crate::source::Source;
use crate::workspace::Workspace;

/// What has to be in the name of an object that may be deleted in safe mode, whatever its case.
const MARKS: [&str; 2] = ["delete-me", "deleteme"];

#[derive(Clone, Copy, Debug)]
enum Target {
    Source(SourceId),
    Destination(DestinationId),
    Connection(ConnectionId),
    Workspace(WorkspaceId),
}

/// Deletes an object; made by the `delete` methods, run by `.await`.
///
/// Errors: [`Conflict`](ErrorKind::Conflict) if safe mode forbids it, for the object itself or for another that
/// would go with it; then nothing has been deleted.
#[derive(Clone, Debug)]
#[must_use = "nothing is deleted until it is awaited"]
pub struct DeleteRequest {
    client: Client,
    target: Target,
    safe_mode: bool,
    with_source: bool,
    with_destination: bool,
}

impl DeleteRequest {
    fn new(client: &Client, target: Target) -> Self {
        Self { client: client.clone(), target, safe_mode: true, with_source: false, with_destination: false }
    }

    /// Whether only objects can be deleted that have `delete-me` in their names. Holds unless turned off.
    pub fn safe_mode(mut self, on: bool) -> Self {
        self.safe_mode = on;
        self
    }

    /// Checks what safe mode checks, and deletes nothing. Where safe mode is off there is nothing to check.
    ///
    /// Errors: [`Conflict`](ErrorKind::Conflict) if safe mode forbids the deletion, and those of reading what
    /// would go, [`NotFound`](ErrorKind::NotFound) among them.
    pub async fn check(&self) -> Result<()> {
        if self.safe_mode { self.checked().await.map(drop) } else { Ok(()) }
    }

    async fn run(self) -> Result<()> {
        let info = self.checked().await?;
        let client = &self.client;
        match self.target {
            Target::Source(id) => delete(client, ("deleteSource", "source", "/sources"), id).await,
            Target::Destination(id) => {
                delete(client, ("deleteDestination", "destination", "/destinations"), id).await
            }
            Target::Workspace(id) => {
                delete(client, ("deleteWorkspace", "workspace", "/workspaces"), id).await
            }
            Target::Connection(id) => {
                delete(client, ("deleteConnection", "connection", "/connections"), id).await?;
                let Some(info) = info else { return Ok(()) };
                if self.with_source {
                    delete(client, ("deleteSource", "source", "/sources"), info.source_id).await?;
                }
                if self.with_destination {
                    let what = ("deleteDestination", "destination", "/destinations");
                    delete(client, what, info.destination_id).await?;
                }
                Ok(())
            }
        }
    }

    /// Does what safe mode asks for, if it is on. What was read of a connection is given back: once it is
    /// gone, nobody tells what its source and destination were.
    async fn checked(&self) -> Result<Option<ConnectionInfo>> {
        let client = &self.client;
        match self.target {
            Target::Connection(id) if self.safe_mode || self.with_source || self.with_destination => {
                let info = client.connection(id).info().await?;
                if self.safe_mode {
                    self.check_connection(&info).await?;
                }
                return Ok(Some(info));
            }
            Target::Source(id) if self.safe_mode => {
                let source = client.source(id).info().await?;
                marked("source", id, &source.name)?;
                self.check_users(source.workspace_id, |connection| connection.source_id == id).await?;
            }
            Target::Destination(id) if self.safe_mode => {
                let destination = client.destination(id).info().await?;
                marked("destination", id, &destination.name)?;
                let uses = |connection: &ConnectionInfo| connection.destination_id == id;
                self.check_users(destination.workspace_id, uses).await?;
            }
            Target::Workspace(id) if self.safe_mode => {
                let workspace = client.workspace(id);
                marked("workspace", id, &workspace.info().await?.name)?;
                refuse_if_used(&workspace).await?;
            }
            _ => {}
        }
        Ok(None)
    }

    async fn check_connection(&self, info: &ConnectionInfo) -> Result<()> {
        let client = &self.client;
        marked("connection", info.connection_id, &info.name)?;
        if self.with_source {
            let source = client.source(info.source_id).info().await?;
            marked("source", info.source_id, &source.name)?;
        }
        if self.with_destination {
            let destination = client.destination(info.destination_id).info().await?;
            marked("destination", info.destination_id, &destination.name)?;
        }
        if self.with_source || self.with_destination {
            let uses = |other: &ConnectionInfo| {
                (self.with_source && other.source_id == info.source_id)
                    || (self.with_destination && other.destination_id == info.destination_id)
            };
            self.check_users(info.workspace_id, uses).await?;
        }
        Ok(())
    }

    /// The connections that would go with a source or destination have to be marked, too.
    async fn check_users(
        &self,
        workspace: WorkspaceId,
        uses: impl Fn(&ConnectionInfo) -> bool,
    ) -> Result<()> {
        let connections = self.client.workspace(workspace).connections().await?;
        for connection in connections.iter().filter(|connection| uses(connection)) {
            marked("connection", connection.connection_id, &connection.name).map_err(|error| {
                error.about("a connection would be deleted along with it").with_hint(
                    "the server deletes the connections of a source or destination with it; delete them first, mark them, or turn safe mode off",
                )
            })?;
        }
        Ok(())
    }
}

/// Refuses an object whose name does not say that it may be deleted.
pub(crate) fn marked(kind: &str, id: impl std::fmt::Display, name: &str) -> Result<()> {
    let lower = name.to_lowercase();
    if MARKS.iter().any(|mark| lower.contains(mark)) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Conflict, format!("safe mode forbids to delete {kind} {id} (`{name}`)"))
        .with_hint("put `delete-me` into its name first, or turn safe mode off"))
}

/// The server would leave connectors beyond the twentieth behind, and it stops what runs.
async fn refuse_if_used(workspace: &Workspace) -> Result<()> {
    let connections = workspace.connections().limit(1).await?;
    let sources = workspace.sources().limit(1).await?;
    let destinations = workspace.destinations().limit(1).await?;
    let found = [
        connections.first().map(|it| format!("connection `{}`", it.name)),
        sources.first().map(|it| format!("source `{}`", it.name)),
        destinations.first().map(|it| format!("destination `{}`", it.name)),
    ];
    match found.into_iter().flatten().next() {
        None => Ok(()),
        Some(first) => Err(Error::new(
            ErrorKind::Conflict,
            format!("workspace {} is not empty: it has {first}", workspace.id()),
        )
        .with_hint("delete what is in it first, or turn safe mode off")),
    }
}

async fn delete(
    client: &Client,
    (operation, kind, path): (&'static str, &str, &str),
    id: impl std::fmt::Display + Copy,
) -> Result<()> {
    delete_at(client, operation, &format!("{path}/{id}"))
        .await
        .map_err(|error| error.about(&format!("{kind} {id}")))
}

/// Deletes what is at a path of the public API.
pub(crate) async fn delete_at(client: &Client, operation: &'static str, path: &str) -> Result<()> {
    let operation = Operation::change(operation);
    let call =
        client.exchange::<(), serde::de::IgnoredAny>(operation, (Api::Public, Method::DELETE, path), None);
    call.await.map(drop).or_else(Error::gone_on_repeat)
}

impl IntoFuture for DeleteRequest {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Deletes a connection, and its source and destination if wanted; see [`DeleteRequest`].
#[derive(Clone, Debug)]
#[must_use = "nothing is deleted until it is awaited"]
pub struct DeleteConnection(DeleteRequest);

impl DeleteConnection {
    /// Whether only objects can be deleted that have `delete-me` in their names. Holds unless turned off.
    pub fn safe_mode(mut self, on: bool) -> Self {
        self.0.safe_mode = on;
        self
    }

    /// Deletes its source, too, once the connection is gone.
    pub fn with_source(mut self) -> Self {
        self.0.with_source = true;
        self
    }

    /// Deletes its destination, too, once the connection is gone.
    pub fn with_destination(mut self) -> Self {
        self.0.with_destination = true;
        self
    }

    /// Checks what safe mode checks, and deletes nothing; see [`DeleteRequest::check`].
    ///
    /// Errors: [`Conflict`](ErrorKind::Conflict) if safe mode forbids the deletion, of the connection or of
    /// what goes along with it.
    pub async fn check(&self) -> Result<()> {
        self.0.check().await
    }
}

impl IntoFuture for DeleteConnection {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.0.into_future()
    }
}

impl Source {
    /// Deletes it for good, and with it its connections (operation `deleteSource`); `.await` it.
    pub fn delete(&self) -> DeleteRequest {
        DeleteRequest::new(self.client(), Target::Source(self.id()))
    }
}

impl Destination {
    /// Deletes it for good, and with it its connections (operation `deleteDestination`); `.await` it. What
    /// was written stays.
    pub fn delete(&self) -> DeleteRequest {
        DeleteRequest::new(self.client(), Target::Destination(self.id()))
    }
}

impl Connection {
    /// Deletes it for good (operation `deleteConnection`); `.await` it. A job that runs is cancelled a moment
    /// later. What was written stays, and the server goes on showing the connection as `deprecated`.
    pub fn delete(&self) -> DeleteConnection {
        DeleteConnection(DeleteRequest::new(self.client(), Target::Connection(self.id())))
    }
}

impl Workspace {
    /// Deletes it for good (operation `deleteWorkspace`); `.await` it. In safe mode it has to be empty.
    pub fn delete(&self) -> DeleteRequest {
        DeleteRequest::new(self.client(), Target::Workspace(self.id()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_counts_in_any_case() {
        for name in ["delete-me", "my DELETEME source", "old (Delete-Me)"] {
            assert!(marked("source", 1, name).is_ok(), "{name}");
        }
        for name in ["delete me", "", "production"] {
            assert_eq!(marked("source", 1, name).unwrap_err().kind(), ErrorKind::Conflict, "{name}");
        }
    }
}
