//! Sources and destinations that are completed later, in the web application: drafts. Airbyte Cloud only.

use http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::actor::Side;
use crate::call::Operation;
use crate::client::Client;
use crate::create::id_of;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{DefinitionId, WorkspaceId};
use crate::request::Api;
use crate::start::START_TIMEOUT;

/// What a draft is to be of.
pub(crate) struct Draft<'a> {
    pub(crate) workspace: WorkspaceId,
    pub(crate) side: Side,
    pub(crate) name: &'a str,
    pub(crate) definition: Option<DefinitionId>,
    pub(crate) configuration: &'a Map<String, Value>,
}

impl Draft<'_> {
    /// Refuses what can be no draft.
    pub(crate) async fn check(&self, client: &Client) -> Result<()> {
        client.path().config_root()?;
        let definition = self.definition.ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "a draft needs the connector's definition")
                .with_hint("give it with `definition`; `listConnectorDefinitions` shows them")
        })?;
        self.refuse_secrets(client, definition).await
    }

    /// Creates it, and makes sure that it is one. It has to be [checked](Self::check) before.
    pub(crate) async fn create(&self, client: &Client) -> Result<Uuid> {
        let side = self.side;
        let mut configuration = self.configuration.clone();
        configuration.shift_remove(side.pick("sourceType", "destinationType"));
        let body = json!({
            "name": self.name,
            "workspaceId": self.workspace,
            side.pick("sourceDefinitionId", "destinationDefinitionId"): self.definition,
            "connectionConfiguration": configuration,
            "createAsDraft": true,
        });
        let operation = Operation::once(side.pick("createSource", "createDestination"));
        let path = side.pick("/sources/create", "/destinations/create");
        let answer: Value =
            client.exchange(operation, (Api::Config, Method::POST, path), Some(&body)).await?;
        let id = id_of(&answer, side.pick("sourceId", "destinationId"))?;
        if answer.get("isDraft") != Some(&Value::Bool(true)) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{} {id} was created, but not as a draft", side.word()),
            )
            .with_hint("only Airbyte Cloud knows drafts; delete it, or complete its configuration"));
        }
        Ok(id)
    }

    /// Secrets have no place in a draft; which members are secret, the connector's specification says.
    async fn refuse_secrets(&self, client: &Client, definition: DefinitionId) -> Result<()> {
        let side = self.side;
        let body = json!({
            side.pick("sourceDefinitionId", "destinationDefinitionId"): definition,
            "workspaceId": self.workspace,
        });
        let id = side.pick("getSourceDefinitionSpecification", "getDestinationDefinitionSpecification");
        let operation = Operation::read(id).of("definition", definition).timeout(START_TIMEOUT);
        let path =
            side.pick("/source_definition_specifications/get", "/destination_definition_specifications/get");
        let answer: Value =
            client.exchange(operation, (Api::Config, Method::POST, path), Some(&body)).await?;
        let schema = answer.get("connectionSpecification").unwrap_or(&Value::Null);
        match secret(schema, &Value::Object(self.configuration.clone())) {
            None => Ok(()),
            Some(path) => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{path}` is a secret, which a draft must not hold"),
            )
            .with_hint("leave it out; it is entered in the web application")),
        }
    }
}

/// The path of the first value in a configuration that its JSON schema marks as secret.
fn secret(schema: &Value, value: &Value) -> Option<String> {
    if schema.get("airbyte_secret") == Some(&Value::Bool(true)) && !value.is_null() {
        return Some(String::new());
    }
    let variants = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|word| schema.get(word)?.as_array());
    if let Some(path) = variants.flatten().find_map(|variant| secret(variant, value)) {
        return Some(path);
    }
    if let (Some(schema), Some(items)) = (schema.get("items"), value.as_array()) {
        let below = |(place, item): (usize, &Value)| Some(joined(&place.to_string(), &secret(schema, item)?));
        if let Some(path) = items.iter().enumerate().find_map(below) {
            return Some(path);
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .find_map(|(name, schema)| Some(joined(name, &secret(schema, value.get(name)?)?)))
}

/// The path of something below a member.
fn joined(name: &str, below: &str) -> String {
    if below.is_empty() { name.to_owned() } else { format!("{name}.{below}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_inside_of_lists() {
        let schema = json!({ "properties": { "accounts": { "items": { "properties": {
            "token": { "airbyte_secret": true },
        } } } } });
        let with = json!({ "accounts": [{ "name": "a" }, { "token": "t" }] });
        assert_eq!(secret(&schema, &with).as_deref(), Some("accounts.1.token"));
    }

    #[test]
    fn secrets_are_found_inside_of_variants() {
        let schema = json!({ "properties": {
            "host": { "type": "string" },
            "credentials": { "oneOf": [
                { "properties": { "auth_type": {} } },
                { "properties": { "api_key": { "airbyte_secret": true } } },
            ] },
        } });
        let with = json!({ "host": "h", "credentials": { "auth_type": "key", "api_key": "x" } });
        assert_eq!(secret(&schema, &with).as_deref(), Some("credentials.api_key"));
        assert_eq!(secret(&schema, &json!({ "host": "h", "credentials": { "auth_type": "key" } })), None);
    }
}
