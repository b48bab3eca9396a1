//! OAuth: consent for sources, and credentials of one's own for it.

use std::fmt;
use std::future::IntoFuture;

use airbyte_api_raw::public::types;
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::call::Operation;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::WorkspaceId;
use crate::organization::Organization;
use crate::workspace::Workspace;

/// Where a user gives consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OAuthConsent {
    /// The address to send the user to.
    pub url: Url,
}

/// Begins the consent of a user to what a source may read; made by [`Workspace::start_oauth`], run by
/// `.await` (operation `initiateOAuth`).
///
/// Afterwards the user is sent on to the redirect address, with the query parameter `secret_id`. Only Airbyte
/// Cloud offers it: elsewhere it is [`Unsupported`](ErrorKind::Unsupported).
#[derive(Clone)]
#[must_use = "nothing is begun until it is awaited"]
pub struct StartOAuth {
    client: Client,
    request: types::InitiateOauthRequest,
}

impl StartOAuth {
    /// What the connector needs to know before the consent, such as a host name.
    pub fn input(mut self, configuration: Value) -> Self {
        let configuration = types::OAuthInputConfiguration(types::OAuthConfiguration(configuration));
        self.request.o_auth_input_configuration = Some(configuration);
        self
    }

    /// The scopes to ask for in place of the connector's own.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.request.requested_scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// The scopes that the user may refuse, in place of the connector's own. Only together with
    /// [`scopes`](Self::scopes).
    pub fn optional_scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.request.requested_optional_scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    async fn start(self) -> Result<OAuthConsent> {
        check_redirect(&self.request.redirect_url)?;
        if self.request.requested_optional_scopes.is_some() && self.request.requested_scopes.is_none() {
            let message = "optional scopes are heeded only together with scopes";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let request = &self.request;
        let operation = Operation::once("initiateOAuth")
            .sends(serde_json::to_value(request).ok())
            .on("workspace", WorkspaceId::new(request.workspace_id));
        let call = self.client.path().run(operation, |attempt| async move {
            attempt.public().initiate_o_auth().body(request.clone()).send().await
        });
        let answer: Value = call.await?;
        match consent_url(&answer) {
            Some(url) => Ok(OAuthConsent { url }),
            None => {
                Err(Error::new(ErrorKind::UnexpectedResponse, "the answer has no address for the consent"))
            }
        }
    }
}

impl fmt::Debug for StartOAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the input: connectors may ask for secrets in it.
        f.debug_struct("StartOAuth")
            .field("workspace", &self.request.workspace_id)
            .field("scopes", &self.request.requested_scopes)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for StartOAuth {
    type Output = Result<OAuthConsent>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl Workspace {
    /// Begins the consent of a user to what a source of this type (`google-ads`) may read; `.await` it.
    /// `redirect_url` is where the user comes to in the end.
    pub fn start_oauth(&self, source_type: impl Into<String>, redirect_url: impl Into<String>) -> StartOAuth {
        StartOAuth {
            client: self.client().clone(),
            request: types::InitiateOauthRequest {
                source_type: Some(source_type.into()),
                redirect_url: redirect_url.into(),
                workspace_id: self.id().into(),
                name: None,
                o_auth_input_configuration: None,
                requested_optional_scopes: None,
                requested_scopes: None,
            },
        }
    }
}

/// Which kind of connector something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorType {
    /// A source.
    Source,
    /// A destination.
    Destination,
}

impl ActorType {
    fn in_api(self) -> types::ActorTypeEnum {
        match self {
            Self::Source => types::ActorTypeEnum::Source,
            Self::Destination => types::ActorTypeEnum::Destination,
        }
    }
}

impl Workspace {
    /// Has this workspace ask for consent as an OAuth client of one's own in place of Airbyte's (operation
    /// `createOrUpdateWorkspaceOAuthCredentials`).
    ///
    /// `connector` is a type such as `google-ads`; `credentials` is the object that the connector's
    /// specification asks for, client id and secret in it. [`Unsupported`](ErrorKind::Unsupported) on
    /// self-managed installations.
    pub async fn set_oauth_credentials(
        &self,
        kind: ActorType,
        connector: impl Into<String>,
        credentials: Value,
    ) -> Result<()> {
        let body = &types::WorkspaceOAuthCredentialsRequest {
            actor_type: kind.in_api(),
            name: checked_name(connector)?,
            configuration: checked_credentials(credentials)?,
        };
        let id = self.id();
        let operation = Operation::change("createOrUpdateWorkspaceOAuthCredentials")
            .sends(serde_json::to_value(body).ok())
            .on("workspace", id);
        let call = self.client().path().run(operation, |attempt| async move {
            let api = attempt.public();
            api.create_or_update_workspace_o_auth_credentials()
                .workspace_id(id)
                .body(body.clone())
                .send()
                .await
        });
        call.await
    }

    /// Goes back to Airbyte's OAuth client, or the organization's (operation
    /// `deleteWorkspaceOAuthCredentials`). Connectors that got their consent through one's own stop working.
    pub async fn delete_oauth_credentials(
        &self,
        kind: ActorType,
        connector: impl Into<String>,
    ) -> Result<()> {
        let (id, name) = (self.id(), &checked_name(connector)?);
        let operation = Operation::change("deleteWorkspaceOAuthCredentials").on("workspace", id);
        let call = self.client().path().run(operation, |attempt| async move {
            let api = attempt.public();
            let delete = api.delete_workspace_o_auth_credentials().workspace_id(id);
            delete.actor_type(kind.in_api()).name(name).send().await
        });
        call.await.or_else(Error::gone_on_repeat)
    }
}

impl Organization {
    /// Has all workspaces of the organization ask for consent as an OAuth client of one's own in place of
    /// Airbyte's (operation `createOrUpdateOrganizationOAuthCredentials`). Otherwise as
    /// [`Workspace::set_oauth_credentials`].
    pub async fn set_oauth_credentials(
        &self,
        kind: ActorType,
        connector: impl Into<String>,
        credentials: Value,
    ) -> Result<()> {
        let body = &types::OrganizationOAuthCredentialsRequest {
            actor_type: kind.in_api(),
            name: checked_name(connector)?,
            configuration: checked_credentials(credentials)?,
        };
        let id = self.id();
        let operation = Operation::change("createOrUpdateOrganizationOAuthCredentials")
            .sends(serde_json::to_value(body).ok())
            .on("organization", id);
        let call = self.client().path().run(operation, |attempt| async move {
            let api = attempt.public();
            let change = api.create_or_update_organization_o_auth_credentials().organization_id(id);
            change.body(body.clone()).send().await
        });
        call.await
    }

    /// Goes back to Airbyte's OAuth client (operation `deleteOrganizationOAuthCredentials`). Connectors that
    /// got their consent through one's own stop working.
    pub async fn delete_oauth_credentials(
        &self,
        kind: ActorType,
        connector: impl Into<String>,
    ) -> Result<()> {
        let (id, name) = (self.id(), &checked_name(connector)?);
        let operation = Operation::change("deleteOrganizationOAuthCredentials").on("organization", id);
        let call = self.client().path().run(operation, |attempt| async move {
            let api = attempt.public();
            let delete = api.delete_organization_o_auth_credentials().organization_id(id);
            delete.actor_type(kind.in_api()).name(name).send().await
        });
        call.await.or_else(Error::gone_on_repeat)
    }
}

fn checked_name(connector: impl Into<String>) -> Result<String> {
    let connector = connector.into();
    if connector.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the type of the connector is empty"));
    }
    Ok(connector)
}

fn checked_credentials(credentials: Value) -> Result<types::OAuthCredentialsConfiguration> {
    match credentials {
        Value::Object(members) => Ok(types::OAuthCredentialsConfiguration(members)),
        _ => Err(Error::new(ErrorKind::InvalidInput, "the credentials of an OAuth client are a JSON object")),
    }
}

fn check_redirect(text: &str) -> Result<()> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => Err(Error::new(ErrorKind::InvalidInput, format!("{text:?} is not an address to come back to"))
            .with_hint("give a whole one, such as https://example.com/done")),
    }
}

/// The document leaves the answer open, so the address is looked for: in the member that is named after it,
/// or else wherever there is one.
fn consent_url(answer: &Value) -> Option<Url> {
    let address = |value: &Value| {
        let url = Url::parse(value.as_str()?).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    };
    match answer {
        Value::Object(members) => {
            members.get("consentUrl").and_then(address).or_else(|| members.values().find_map(address))
        }
        other => address(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_address_is_found_in_every_form_of_answer() {
        for answer in [
            json!({ "consentUrl": "https://accounts.example.com/auth?x=1" }),
            json!({ "documentation": "see there", "consentUrl": "https://accounts.example.com/auth?x=1" }),
            json!({ "url": "https://accounts.example.com/auth?x=1", "state": "abc" }),
            json!("https://accounts.example.com/auth?x=1"),
        ] {
            let url = consent_url(&answer).map(String::from);
            assert_eq!(url.as_deref(), Some("https://accounts.example.com/auth?x=1"), "{answer}");
        }
        for answer in [json!({}), json!(null), json!({ "consentUrl": "javascript:alert(1)" })] {
            assert_eq!(consent_url(&answer), None, "{answer}");
        }
    }

    #[test]
    fn the_user_comes_back_to_a_whole_address() {
        check_redirect("https://example.com/done").unwrap();
        check_redirect("http://localhost:8000").unwrap();
        for bad in ["", "example.com/done", "/done", "ftp://example.com", "javascript:alert(1)"] {
            assert_eq!(check_redirect(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }
}
