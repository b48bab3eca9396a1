//! The configured catalog: every stream that a connection's source offers, and how each is synced.
//!
//! It is kept as the JSON that the Config API shows, so that members this version does not know survive.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::call::Operation;
use crate::clear::not_synced;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::request::Api;
use crate::start::START_TIMEOUT;
use crate::stream::StreamId;

/// The configured catalog of a connection (`syncCatalog` of the Config API).
///
/// It holds the streams that are not synced, too; [`CatalogStream::selected`] tells them apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Catalog(Value);

/// A stream of a catalog.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CatalogStream {
    /// Its name and namespace.
    pub stream: StreamId,
    /// Whether it is synced.
    pub selected: bool,
    /// How it is read: `full_refresh` or `incremental`.
    pub sync_mode: Option<String>,
    /// How it is written: `overwrite`, `append`, `append_dedup`, ...
    pub destination_sync_mode: Option<String>,
    /// The path of the field that tells what is new.
    pub cursor_field: Vec<String>,
    /// The paths of the key's fields.
    pub primary_key: Vec<Vec<String>>,
    /// The JSON schema of its records.
    pub json_schema: Value,
}

impl Catalog {
    /// Takes a catalog in the Config API's form: an object with a list `streams`.
    pub fn from_json(json: Value) -> Result<Self> {
        let named = |stream: &Value| stream.pointer("/stream/name").is_some_and(Value::is_string);
        match json.get("streams").and_then(Value::as_array) {
            Some(streams) if streams.iter().all(named) => Ok(Self(json)),
            _ => Err(Error::new(ErrorKind::InvalidInput, "this is not a configured catalog")
                .with_hint("it has a list `streams`, each with a `stream` that has a name, and a `config`")),
        }
    }

    /// The Config API's form.
    pub fn as_json(&self) -> &Value {
        &self.0
    }

    /// The Config API's form.
    pub fn into_json(self) -> Value {
        self.0
    }

    fn entries(&self) -> impl Iterator<Item = &Value> {
        self.0.get("streams").and_then(Value::as_array).into_iter().flatten()
    }

    fn ids(&self) -> Vec<StreamId> {
        let id = |entry: &Value| StreamId::read(entry.get("stream")?, "name", "namespace");
        self.entries().map(|entry| id(entry).unwrap_or_else(|| StreamId::new(""))).collect()
    }

    /// Its streams.
    pub fn streams(&self) -> Vec<CatalogStream> {
        let read = |(stream, entry): (StreamId, &Value)| {
            let config = |member: &str| entry.get("config").and_then(|config| config.get(member));
            let text = |member: &str| config(member).and_then(Value::as_str).map(str::to_owned);
            let list = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
            CatalogStream {
                stream,
                selected: config("selected").and_then(Value::as_bool).unwrap_or(false),
                sync_mode: text("syncMode"),
                destination_sync_mode: text("destinationSyncMode"),
                cursor_field: Deserialize::deserialize(list(config("cursorField"))).unwrap_or_default(),
                primary_key: Deserialize::deserialize(list(config("primaryKey"))).unwrap_or_default(),
                json_schema: entry.pointer("/stream/jsonSchema").cloned().unwrap_or(Value::Null),
            }
        };
        self.ids().into_iter().zip(self.entries()).map(read).collect()
    }

    /// The entry of a stream (`stream` and `config`), to be read or changed.
    pub fn entry_mut(&mut self, stream: impl Into<StreamId>) -> Result<&mut Value> {
        let (stream, known) = (stream.into(), self.ids());
        let place = stream.find(&known)?;
        let entries = self.0.get_mut("streams").and_then(Value::as_array_mut);
        place.and_then(|place| entries?.get_mut(place)).ok_or_else(|| not_synced(&stream, &known))
    }

    /// Selects a stream or leaves it out.
    pub fn select(&mut self, stream: impl Into<StreamId>, selected: bool) -> Result<()> {
        let entry = self.entry_mut(stream)?;
        if !entry["config"].is_object() {
            entry["config"] = json!({});
        }
        entry["config"]["selected"] = Value::Bool(selected);
        Ok(())
    }

    /// The selected streams as a configured catalog of the Airbyte protocol, as connectors read it.
    pub fn to_protocol(&self) -> Value {
        const STREAM: [(&str, &str); 8] = [
            ("name", "name"),
            ("namespace", "namespace"),
            ("jsonSchema", "json_schema"),
            ("supportedSyncModes", "supported_sync_modes"),
            ("sourceDefinedCursor", "source_defined_cursor"),
            ("defaultCursorField", "default_cursor_field"),
            ("sourceDefinedPrimaryKey", "source_defined_primary_key"),
            ("isResumable", "is_resumable"),
        ];
        const CONFIG: [(&str, &str); 4] = [
            ("syncMode", "sync_mode"),
            ("destinationSyncMode", "destination_sync_mode"),
            ("cursorField", "cursor_field"),
            ("primaryKey", "primary_key"),
        ];
        let renamed = |from: &Value, names: &[(&str, &str)]| -> Map<String, Value> {
            let present =
                names.iter().filter_map(|(old, new)| Some(((*new).to_owned(), from.get(*old)?.clone())));
            present.collect()
        };
        let selected = self.entries().filter(|entry| entry.pointer("/config/selected") == Some(&json!(true)));
        let streams: Vec<_> = selected
            .map(|entry| {
                let mut configured = Map::new();
                configured.insert("stream".to_owned(), Value::Object(renamed(&entry["stream"], &STREAM)));
                configured.extend(renamed(&entry["config"], &CONFIG));
                Value::Object(configured)
            })
            .collect();
        json!({ "streams": streams })
    }
}

impl Connection {
    /// Its configured catalog (Config API operation `webBackendGetConnection`).
    pub async fn catalog(&self) -> Result<Catalog> {
        catalog_of(web_backend(self, false).await?)
    }

    /// Replaces its configured catalog (Config API operation `webBackendUpdateConnection`), and returns what is
    /// there then. What the destination holds is left as it is: neither a reset nor a refresh follows.
    pub async fn set_catalog(&self, catalog: &Catalog) -> Result<Catalog> {
        self.client().path().config_root()?;
        let body = json!({ "connectionId": self.id(), "syncCatalog": catalog.as_json(), "skipReset": true });
        let operation = Operation::change("webBackendUpdateConnection").timeout(START_TIMEOUT);
        let what = (Api::Config, Method::POST, "/web_backend/connections/update");
        let answer = self.client().exchange(operation, what, Some(&body)).await;
        catalog_of(answer.map_err(|error| error.about(&format!("the catalog of connection {}", self.id())))?)
    }
}

/// A connection as the web application sees it; with the source's schema read anew, if wanted.
pub(crate) async fn web_backend(connection: &Connection, refreshed: bool) -> Result<Value> {
    let client = connection.client();
    client.path().config_root()?;
    let body = json!({ "connectionId": connection.id(), "withRefreshedCatalog": refreshed });
    let operation = Operation::read("webBackendGetConnection");
    let operation = if refreshed {
        // Only editors may have it read anew.
        operation.on("connection", connection.id()).timeout(START_TIMEOUT)
    } else {
        operation.of("connection", connection.id())
    };
    client.exchange(operation, (Api::Config, Method::POST, "/web_backend/connections/get"), Some(&body)).await
}

pub(crate) fn catalog_of(mut connection: Value) -> Result<Catalog> {
    let catalog = connection.get_mut("syncCatalog").map(Value::take).unwrap_or_default();
    Catalog::from_json(catalog).map_err(|_| {
        Error::new(ErrorKind::UnexpectedResponse, "the answer has no catalog that can be understood")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::from_json(json!({ "streams": [
            { "stream": { "name": "users", "namespace": "shop", "jsonSchema": { "type": "object" }, "future": 1 },
              "config": { "selected": true, "syncMode": "incremental", "destinationSyncMode": "append",
                          "cursorField": ["at"], "primaryKey": [["id"]], "aliasName": "users" } },
            { "stream": { "name": "orders" }, "config": { "selected": false } },
        ] }))
        .unwrap()
    }

    #[test]
    fn streams_are_seen_with_their_configuration() {
        let streams = catalog().streams();
        assert_eq!(streams[0].stream.to_string(), "shop.users");
        assert_eq!((streams[0].selected, streams[1].selected), (true, false));
        assert_eq!(streams[0].primary_key, [["id"]]);
        assert_eq!(streams[1].sync_mode, None);
    }

    #[test]
    fn a_selection_changes_nothing_else() {
        let mut changed = catalog();
        changed.select("users", false).unwrap();
        changed.select("users", true).unwrap();
        assert_eq!(changed, catalog());
        assert_eq!(changed.select("carts", true).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn the_protocols_form_has_the_selected_streams() {
        assert_eq!(
            catalog().to_protocol(),
            json!({ "streams": [{
                "stream": { "name": "users", "namespace": "shop", "json_schema": { "type": "object" } },
                "sync_mode": "incremental", "destination_sync_mode": "append",
                "cursor_field": ["at"], "primary_key": [["id"]],
            }] })
        );
    }

    #[test]
    fn what_is_no_catalog_is_refused() {
        for wrong in [json!(null), json!([]), json!({ "streams": [{}] }), json!({ "streams": {} })] {
            assert!(Catalog::from_json(wrong).is_err());
        }
    }
}
