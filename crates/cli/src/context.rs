//! What a command works with: the client, made when it is needed, and the output.

use airbyte_cloud::{Client, ClientBuilder, Workspace, WorkspaceId};
use tokio::sync::OnceCell;

use crate::args::Global;
use crate::error::{Failure, Kind};
use crate::names;
use crate::output::Output;

/// How the command calls itself.
pub(crate) const USER_AGENT: &str = concat!("airbyte-cli/", env!("CARGO_PKG_VERSION"));

/// What a command works with.
pub(crate) struct Context {
    global: Global,
    output: Output,
    /// Found once, where it is not given by its id.
    workspace: OnceCell<Workspace>,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Self {
        Self { global: global.clone(), output: Output::new(global), workspace: OnceCell::new() }
    }

    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// The client, from options, environment and profile.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let client = self.builder()?.build()?;
        for warning in &client.settings().warnings {
            self.output.warn(warning);
        }
        Ok(client)
    }

    /// A client with what the options say, before it is built.
    pub(crate) fn builder(&self) -> Result<ClientBuilder, Failure> {
        let mut builder = Client::builder().user_agent(USER_AGENT);
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
        if let Some(id) = global.workspace.as_ref().filter(|given| names::is_id(given)) {
            builder = builder.workspace_id(id.parse::<WorkspaceId>()?);
        }
        if global.allow_insecure_http {
            builder = builder.allow_insecure_http();
        }
        Ok(builder)
    }

    pub(crate) fn global(&self) -> &Global {
        &self.global
    }

    /// The workspace to work in: the one that is given by name or id, that of the settings, or the only one there is.
    pub(crate) async fn workspace(&self, client: &Client) -> Result<Workspace, Failure> {
        let found = self.workspace.get_or_try_init(|| async {
            match (&self.global.workspace, client.default_workspace()) {
                (Some(given), _) if !names::is_id(given) => names::workspace(client, given).await,
                (_, Ok(workspace)) => Ok(workspace),
                (_, Err(missing)) => {
                    let all = client.workspaces().limit(10).await?;
                    if let [only] = all.as_slice() {
                        return Ok(client.workspace(only.workspace_id));
                    }
                    let mut failure = Failure::from(missing);
                    failure.details =
                        all.iter().map(|one| format!("{}  {}", one.workspace_id, one.name)).collect();
                    Err(failure
                        .with_hint("give one with --workspace, AIRBYTE_WORKSPACE_ID or in the profile"))
                }
            }
        });
        found.await.cloned()
    }

    /// Refuses what is in another workspace than the one that is given; the environment's is a default for lists.
    pub(crate) async fn check_workspace(
        &self,
        client: &Client,
        what: &str,
        owner: impl Future<Output = airbyte_cloud::Result<WorkspaceId>>,
    ) -> Result<(), Failure> {
        if self.global.workspace.is_none() {
            return Ok(());
        }
        let (workspace, owner) = (self.workspace(client).await?, owner.await?);
        if workspace.id() == owner {
            return Ok(());
        }
        let message = format!("{what} is not in workspace {}, it belongs to {owner}", workspace.id());
        Err(Failure::new(Kind::NotFound, message).with_hint(format!("add --workspace {owner}")))
    }
}
