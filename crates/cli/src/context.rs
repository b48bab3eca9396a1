//! What a command works with: the client, made when it is needed, and the output.

use airbyte_cloud::{Client, ConnectionId, ConnectionInfo, WorkspaceId};

use crate::args::Global;
use crate::error::{Failure, Kind};
use crate::output::Output;

/// What a command works with.
pub(crate) struct Context {
    global: Global,
    output: Output,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Self {
        Self { global: global.clone(), output: Output::new(global) }
    }

    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// The client, from options, environment and profile.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let mut builder = Client::builder().user_agent(concat!("airbyte-cli/", env!("CARGO_PKG_VERSION")));
        let global = &self.global;
        if let Some(profile) = &global.profile {
            builder = builder.profile(profile);
        }
        if let Some(root) = &global.api_root {
            builder = builder.api_root(root);
        }
        if let Some(root) = &global.config_api_root {
            builder = builder.config_api_root(root);
        }
        if let Some(id) = &global.workspace {
            builder = builder.workspace_id(id.parse::<WorkspaceId>()?);
        }
        if global.allow_insecure_http {
            builder = builder.allow_insecure_http();
        }
        let client = builder.build()?;
        for warning in &client.settings().warnings {
            self.output.warn(warning);
        }
        Ok(client)
    }

    /// Refuses a connection of another workspace than the one that is given; the environment's is a default for lists.
    pub(crate) async fn check_workspace(
        &self,
        client: &Client,
        id: ConnectionId,
    ) -> Result<ConnectionInfo, Failure> {
        let info = client.connection(id).info().await?;
        if self.global.workspace.is_some()
            && let Ok(workspace) = client.default_workspace()
            && workspace.id() != info.workspace_id
        {
            return Err(Failure::new(
                Kind::NotFound,
                format!(
                    "connection {id} is not in workspace {}, it belongs to {}",
                    workspace.id(),
                    info.workspace_id
                ),
            )
            .with_hint(format!("add --workspace {}", info.workspace_id)));
        }
        Ok(info)
    }
}
