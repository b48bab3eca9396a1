//! Setting up: `CloudClientConfig`, the constants, and the client of newer releases.

use airbyte_cloud::{
    AuthMethod, CLOUD_API_ROOT, CLOUD_CONFIG_API_ROOT, Client, ErrorKind, SecretString, WorkspaceScope,
};
use airbyte_sandbox::Edition;
use anyhow::Result;

use crate::table::{Table, row};

pub(crate) async fn rows(t: &mut Table) -> Result<()> {
    let (sandbox, made) = crate::sandbox(Edition::Enterprise).await;
    let ready = sandbox.ready().clone();
    let (root, id) = (ready.public_api_root.as_str(), ready.client_id.as_str());
    let secret = || SecretString::from(ready.client_secret.clone());
    let builder = || Client::builder().ignore_environment().api_root(root);

    t.section("Settings");
    let client = row!(
        t,
        "CloudClientConfig, airbyte.cloud.client_config, airbyte.cloud.auth",
        builder().client_credentials(id, secret()).build()?,
        |client| client.settings().api_root.value.as_str() == root,
        "`Client::builder()`. Cheap to clone; clones share connections and the access token"
    );
    row!(
        t,
        "CloudClientConfig.from_env",
        Client::from_env().err().map(|error| error.kind()),
        |it| matches!(it, None | Some(ErrorKind::MissingCredentials)),
        "New names first, then `AIRBYTE_CLOUD_*`, then the profile file. **Mended**: what the program gives beats the environment; nothing is ever asked on a terminal"
    );
    row!(
        t,
        "CloudClientConfig.api_root, CloudWorkspace.api_root",
        client.settings().api_root.value.as_str(),
        |it| *it == root,
        "With its origin; **mended**: slashes at the end make no difference, and a root that cannot work is refused with the right one"
    );
    row!(
        t,
        "CloudClientConfig.client_id, CloudClientConfig.uses_client_credentials, CloudWorkspace.client_id",
        &client.settings().auth.value,
        |it| matches!(it, AuthMethod::ClientCredentials { client_id } if client_id == id)
    );
    row!(
        t,
        "CloudClientConfig.bearer_token, CloudClientConfig.uses_bearer_token, CloudWorkspace.bearer_token",
        builder().bearer_token(secret()).build()?.settings().auth.value.clone(),
        |it| *it == AuthMethod::BearerToken,
        "The token itself cannot be read back"
    );
    row!(
        t,
        "CloudClientConfig.client_secret, CloudWorkspace.client_secret",
        builder().client_credentials(id, secret()).bearer_token(secret()).build().unwrap_err().kind(),
        |it| *it == ErrorKind::Configuration,
        "Secrets go in and never come out. Both methods at once are an error, and so is half of one"
    );
    row!(
        t,
        "airbyte.cloud.constants",
        (CLOUD_API_ROOT, CLOUD_CONFIG_API_ROOT),
        |(public, config)| public.ends_with("/v1") && config.ends_with("/api/v1"),
        "The Config API's root is inferred for self-managed installations, too"
    );

    t.section("The client of newer releases");
    let client = made;
    let id = client.settings().workspace_id.as_ref().unwrap().value;
    row!(t, "CloudClient, CloudClient.from_auth", client.clone().workspaces().await?.len(), |n| *n == 1);
    row!(t, "CloudClient.get_workspace", client.workspace(id).id(), |it| *it == id);
    row!(t, "CloudClient.default_workspace_id", client.default_workspace()?.id(), |it| *it == id);
    row!(t, "CloudClient.organization_id", client.default_organization()?.id().to_string(), |it| *it
        == ready.organization_id);
    row!(
        t,
        "CloudClient.list_workspaces",
        client.workspaces().name("Sandbox").limit(10).await?.len(),
        |n| *n == 1,
        "`name_contains` and `name_filter` are `filter(\\|workspace\\| ..)`; every list goes on to its end unless it has a limit"
    );
    let other = row!(
        t,
        "CloudClient.create_workspace",
        client.create_workspace("delete-me").await?,
        |it| it.id() != id,
        "`.organization(id)` and `.region(id)` where they are heeded"
    );
    row!(
        t,
        "CloudClient.rename_workspace, CloudWorkspace.rename",
        other.rename("old delete-me").await?.name,
        |it| it == "old delete-me"
    );
    row!(
        t,
        "CloudClient.permanently_delete_workspace, CloudWorkspace.permanently_delete",
        other.delete().await?,
        |()| client.workspaces().name("old delete-me").await?.is_empty(),
        "Safe mode wants the name to say so and the workspace to be empty; `.safe_mode(false)` turns it off"
    );
    row!(
        t,
        "CloudClient.get_workspace_parent_organization_id",
        client.workspace(id).organization().await?.organization_id.to_string(),
        |it| *it == ready.organization_id
    );
    row!(t, "CloudClient.list_organizations", client.organizations().await?.len(), |n| *n == 1);
    row!(
        t,
        "CloudClient.get_organization",
        client.find_organization("Sandbox").await?.organization_id.to_string(),
        |it| *it == ready.organization_id,
        "By id: `client.organization(id).info()`. An ambiguous name lists the candidates"
    );
    sandbox.shutdown().await;

    let (sandbox, client) = crate::sandbox(Edition::Cloud).await;
    let id = client.settings().workspace_id.as_ref().unwrap().value;
    row!(
        t,
        "WorkspacePrivilegeScope, CloudClient.list_workspaces(privilege_scope=)",
        client.workspaces_in(WorkspaceScope::Any).await?.len(),
        |n| *n == 1,
        "`MemberOf`, `OrganizationAdmin`, `InstanceAdmin` say for which reason"
    );
    row!(
        t,
        "CloudClient.set_default_workspace_for_user",
        client.set_default_workspace(id).await?.default_workspace_id,
        |it| *it == Some(id)
    );
    row!(
        t,
        "CloudClient.get_default_context_for_user, CloudClient.resolve_default_workspace_id, CloudDefaultContextInfo",
        client.default_context().await?.workspace.unwrap().workspace_id,
        |it| *it == id
    );
    sandbox.shutdown().await;
    Ok(())
}
