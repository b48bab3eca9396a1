//! Reading a source's schema anew, and what has changed in it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::catalog::{Catalog, catalog_of, web_backend};
use crate::connection::{Connection, ConnectionStatus};
use crate::error::Result;
use crate::open_enum::open_enum;
use crate::stream::StreamId;

open_enum! {
    /// What the changes of a schema mean for the connection.
    SchemaChangeKind {
        /// Nothing has changed.
        NoChange = "no_change",
        /// The connection can go on.
        NonBreaking = "non_breaking",
        /// A cursor or key is gone or has changed: the server disables the connection.
        Breaking = "breaking",
    }
}

/// What has happened to a stream or to one of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SchemaChangeType {
    /// The source offers a new stream.
    StreamAdded,
    /// The source does not offer the stream any more.
    StreamRemoved,
    /// The stream has a new field.
    FieldAdded,
    /// The field is gone.
    FieldRemoved,
    /// The field has another type.
    FieldChanged,
    /// The source defines another key for the stream.
    PrimaryKeyChanged,
    /// Something that this version does not know.
    Other,
}

/// One thing that has changed in a source's schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SchemaChange {
    /// What has happened.
    pub change: SchemaChangeType,
    /// The stream.
    pub stream: StreamId,
    /// The path of the field, where it is about one.
    pub field: Vec<String>,
    /// Whether the connection cannot go on with it.
    pub breaking: bool,
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stream, field) = (&self.stream, self.field.join("."));
        match self.change {
            SchemaChangeType::StreamAdded => write!(f, "+ stream {stream}"),
            SchemaChangeType::StreamRemoved => write!(f, "- stream {stream}"),
            SchemaChangeType::FieldAdded => write!(f, "+ {stream}: {field}"),
            SchemaChangeType::FieldRemoved => write!(f, "- {stream}: {field}"),
            SchemaChangeType::FieldChanged => write!(f, "~ {stream}: {field} has another type"),
            SchemaChangeType::PrimaryKeyChanged => write!(f, "~ {stream}: another primary key"),
            SchemaChangeType::Other => write!(f, "~ {stream}: changed"),
        }?;
        f.write_str(if self.breaking { " (breaking)" } else { "" })
    }
}

/// What reading a source's schema anew has found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SchemaRefresh {
    /// What the changes mean for the connection.
    pub kind: SchemaChangeKind,
    /// What has changed since the connection's catalog was last brought up to date.
    pub changes: Vec<SchemaChange>,
    /// The catalog with the new schema and the connection's own settings, for
    /// [`Connection::set_catalog`].
    pub catalog: Catalog,
    /// Whether the connection can run; a breaking change disables it.
    pub status: ConnectionStatus,
}

impl Connection {
    /// Reads its source's schema anew and tells what has changed (Config API operation
    /// `webBackendGetConnection` with `withRefreshedCatalog`). Takes as long as the source's discovery.
    ///
    /// Not only a look: the server disables a connection whose cursor or key is gone, and takes new columns or
    /// streams over if the connection is set so. What it does not take over,
    /// [`set_catalog`](Self::set_catalog) does.
    pub async fn refresh_schema(&self) -> Result<SchemaRefresh> {
        let answer = web_backend(self, true).await?;
        let text = |member: &str| answer.get(member).and_then(Value::as_str);
        let changes = answer.pointer("/catalogDiff/transforms").and_then(Value::as_array);
        Ok(SchemaRefresh {
            kind: SchemaChangeKind::from(text("schemaChange").unwrap_or("no_change")),
            changes: changes.into_iter().flatten().flat_map(changes_of).collect(),
            status: ConnectionStatus::from(text("status").unwrap_or_default()),
            catalog: catalog_of(answer)?,
        })
    }
}

/// What one entry of the server's list says: a stream that came or went, or everything about one that changed.
fn changes_of(transform: &Value) -> Vec<SchemaChange> {
    let Some(stream) =
        transform.get("streamDescriptor").and_then(|stream| StreamId::read(stream, "name", "namespace"))
    else {
        return Vec::new();
    };
    let change = |change, field, breaking| SchemaChange { change, stream: stream.clone(), field, breaking };
    match word(transform) {
        "add_stream" => vec![change(SchemaChangeType::StreamAdded, Vec::new(), false)],
        "remove_stream" => vec![change(SchemaChangeType::StreamRemoved, Vec::new(), false)],
        "update_stream" => {
            let list = |member: &str| {
                transform.pointer(&format!("/updateStream/{member}")).and_then(Value::as_array)
            };
            let breaking = |it: &Value| it.get("breaking").and_then(Value::as_bool).unwrap_or(false);
            let fields = list("fieldTransforms").into_iter().flatten().map(|field| {
                let path = field.get("fieldName").and_then(Value::as_array).into_iter().flatten();
                let path = path.filter_map(Value::as_str).map(str::to_owned).collect();
                let kind = match word(field) {
                    "add_field" => SchemaChangeType::FieldAdded,
                    "remove_field" => SchemaChangeType::FieldRemoved,
                    "update_field_schema" => SchemaChangeType::FieldChanged,
                    _ => SchemaChangeType::Other,
                };
                change(kind, path, breaking(field))
            });
            let attributes = list("streamAttributeTransforms").into_iter().flatten().map(|attribute| {
                let kind = match word(attribute) {
                    "update_primary_key" => SchemaChangeType::PrimaryKeyChanged,
                    _ => SchemaChangeType::Other,
                };
                change(kind, Vec::new(), breaking(attribute))
            });
            fields.chain(attributes).collect()
        }
        _ => vec![change(SchemaChangeType::Other, Vec::new(), false)],
    }
}

fn word(transform: &Value) -> &str {
    transform.get("transformType").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_change_is_told() {
        let users = json!({ "name": "users", "namespace": "shop" });
        let list = [
            json!({ "transformType": "add_stream", "streamDescriptor": { "name": "carts" } }),
            json!({ "transformType": "remove_stream", "streamDescriptor": { "name": "old" } }),
            json!({ "transformType": "update_stream", "streamDescriptor": users, "updateStream": {
                "fieldTransforms": [
                    { "transformType": "add_field", "fieldName": ["a", "b"], "breaking": false },
                    { "transformType": "remove_field", "fieldName": ["id"], "breaking": true },
                    { "transformType": "update_field_schema", "fieldName": ["n"], "breaking": false },
                    { "transformType": "transmuted", "fieldName": ["x"], "breaking": false },
                ],
                "streamAttributeTransforms": [{ "transformType": "update_primary_key", "breaking": true }],
            } }),
            json!({ "transformType": "swallowed", "streamDescriptor": { "name": "whale" } }),
            json!({ "transformType": "add_stream" }),
        ];
        let told: Vec<_> = list.iter().flat_map(changes_of).map(|change| change.to_string()).collect();
        assert_eq!(
            told,
            [
                "+ stream carts",
                "- stream old",
                "+ shop.users: a.b",
                "- shop.users: id (breaking)",
                "~ shop.users: n has another type",
                "~ shop.users: changed",
                "~ shop.users: another primary key (breaking)",
                "~ whale: changed",
            ]
        );
    }
}
