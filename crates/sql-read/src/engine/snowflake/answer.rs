//! What the service answers, as it is on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The form of every answer.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(default, deserialize_with = "or_default")]
    pub success: bool,
    #[serde(default)]
    pub code: Option<Value>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(borrow, default)]
    pub data: Option<&'a RawValue>,
}

impl Envelope<'_> {
    /// The service's own number for what happened; it comes as text or as number.
    pub(super) fn code(&self) -> Option<String> {
        match self.code.as_ref()? {
            Value::String(code) => Some(code.clone()),
            Value::Number(code) => Some(format!("{code:0>6}")),
            _ => None,
        }
    }
}

/// After signing in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedIn {
    pub token: String,
    #[serde(default)]
    pub master_token: Option<String>,
    #[serde(default)]
    pub session_info: Option<SessionInfo>,
}

/// Where the session is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionInfo {
    #[serde(default)]
    pub database_name: Option<String>,
    #[serde(default)]
    pub warehouse_name: Option<String>,
}

/// After the session was renewed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Renewed {
    pub session_token: String,
    #[serde(default)]
    pub master_token: Option<String>,
}

/// While a query runs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    pub get_result_url: String,
}

/// The result of a statement: its columns, its first rows, and where the others are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub query_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub rowtype: Vec<RowType>,
    /// Rows as JSON: what `SHOW` and the like give.
    #[serde(default, deserialize_with = "or_default")]
    pub rowset: Vec<Vec<Option<String>>>,
    /// Rows as an Arrow stream.
    #[serde(default, rename = "rowsetBase64", deserialize_with = "or_default")]
    pub rowset_base64: String,
    #[serde(default)]
    pub query_result_format: Option<String>,
    #[serde(default)]
    pub total: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    pub chunks: Vec<Chunk>,
    /// What the store wants to be told with every request.
    #[serde(default, deserialize_with = "or_default")]
    pub chunk_headers: BTreeMap<String, String>,
    /// The key of the store's encryption, where it is not among the headers.
    #[serde(default)]
    pub qrmk: Option<String>,
    #[serde(default)]
    pub statement_type_id: Option<i64>,
}

/// A part of a result. Its address opens it for everybody who knows it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk {
    pub url: String,
    pub row_count: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub compressed_size: u64,
}

/// A column of a result.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RowType {
    pub name: String,
    #[serde(rename = "type")]
    pub type_name: String,
    #[serde(default)]
    pub precision: Option<u8>,
    #[serde(default)]
    pub scale: Option<i8>,
    #[serde(default)]
    pub length: Option<u64>,
    #[serde(default = "yes")]
    pub nullable: bool,
}

fn yes() -> bool {
    true
}

/// A member that may be `null` where there is nothing to say.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}
