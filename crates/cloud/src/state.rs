//! What a connection remembers of where its streams were read to.
//!
//! The states themselves belong to the connectors and are never interpreted: they are kept as the text that
//! the server sent, so that writing one back changes no digit of it.

use std::fmt;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::call::Operation;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::ConnectionId;
use crate::job::running_job;
use crate::open_enum::open_enum;
use crate::request::Api;
use crate::stream::StreamId;

open_enum! {
    /// How a connection's state is made up.
    StateType {
        /// Each stream has its own.
        Stream = "stream",
        /// Each stream has its own, and there is one that they share: what change data capture writes.
        Global = "global",
        /// One for everything; of old connectors.
        Legacy = "legacy",
        /// There is none.
        NotSet = "not_set",
    }
}

impl<'de> Deserialize<'de> for StateType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// A connector's own state: JSON that is kept to the letter.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateBlob(Box<RawValue>);

impl StateBlob {
    /// The JSON text.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// The same as a value. Numbers beyond 64 bits lose digits in it.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.0.get()).unwrap_or(Value::Null)
    }
}

impl TryFrom<&str> for StateBlob {
    type Error = Error;

    fn try_from(json: &str) -> Result<Self> {
        let read = serde_json::from_str(json).map(Self);
        read.map_err(|error| Error::new(ErrorKind::InvalidInput, "the state is not JSON").with_source(error))
    }
}

impl From<&Value> for StateBlob {
    fn from(value: &Value) -> Self {
        // A value has no part that cannot be written.
        Self(serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }
}

impl From<Value> for StateBlob {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl PartialEq for StateBlob {
    /// Whether they are the same JSON; blanks and the order of members do not count.
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json() || self.to_value() == other.to_value()
    }
}

impl fmt::Debug for StateBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

/// The state of one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StreamState {
    /// The stream.
    #[serde(rename = "streamDescriptor", with = "descriptor")]
    pub stream: StreamId,
    /// How far it was read; `None` for a stream whose state is forgotten.
    #[serde(rename = "streamState")]
    pub state: Option<StateBlob>,
}

/// The API's form of a stream has the name first.
mod descriptor {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::stream::StreamId;

    #[derive(Serialize, Deserialize)]
    struct Descriptor {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
    }

    pub(super) fn serialize<S: Serializer>(stream: &StreamId, serializer: S) -> Result<S::Ok, S::Error> {
        Descriptor { name: stream.name.clone(), namespace: stream.namespace.clone() }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StreamId, D::Error> {
        let read = Descriptor::deserialize(deserializer)?;
        let stream = StreamId::new(read.name);
        Ok(match read.namespace {
            Some(namespace) => stream.in_namespace(namespace),
            None => stream,
        })
    }
}

/// The state of a connection, whole.
///
/// As JSON it has the API's form (`stateType`, `streamState`, `globalState`, `state`), in which it can be kept in
/// a file and read again.
///
/// ```no_run
/// # async fn example(connection: airbyte_cloud::Connection) -> airbyte_cloud::Result<()> {
/// let state = connection.state().await?;
/// let backup = state.to_json();
/// // ...
/// connection.set_state(&backup.parse()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionState {
    pub(crate) state_type: StateType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection_id: Option<ConnectionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<StateBlob>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stream_state: Option<Vec<StreamState>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) global_state: Option<GlobalState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GlobalState {
    // The one member of this API that is written with an underscore. The other form is what PyAirbyte writes.
    #[serde(default, alias = "sharedState", skip_serializing_if = "Option::is_none")]
    pub(crate) shared_state: Option<StateBlob>,
    #[serde(rename = "streamStates", default)]
    pub(crate) stream_states: Vec<StreamState>,
}

impl ConnectionState {
    pub(crate) fn empty(state_type: StateType) -> Self {
        Self { state_type, connection_id: None, state: None, stream_state: None, global_state: None }
    }

    /// How it is made up.
    pub fn state_type(&self) -> &StateType {
        &self.state_type
    }

    /// Whether there is none: the next sync begins from the start.
    pub fn is_not_set(&self) -> bool {
        self.state_type == StateType::NotSet
    }

    /// The states of the streams. Empty for a legacy state.
    pub fn streams(&self) -> &[StreamState] {
        match (&self.global_state, &self.stream_state) {
            (Some(global), _) => &global.stream_states,
            (None, Some(streams)) => streams,
            (None, None) => &[],
        }
    }

    /// The state that all streams share.
    pub fn shared(&self) -> Option<&StateBlob> {
        self.global_state.as_ref()?.shared_state.as_ref()
    }

    /// The legacy state.
    pub fn legacy(&self) -> Option<&StateBlob> {
        self.state.as_ref()
    }

    /// The state of one stream; an error if the name alone is not enough.
    pub fn stream(&self, stream: impl Into<StreamId>) -> Result<Option<&StateBlob>> {
        let streams = self.streams();
        let place = stream.into().find(streams.iter().map(|state| &state.stream))?;
        Ok(place.and_then(|place| streams[place].state.as_ref()))
    }

    /// Sets the state of one stream. A state that was not set becomes one of the type `stream`; a legacy one
    /// is refused.
    pub fn set_stream(&mut self, stream: impl Into<StreamId>, state: impl Into<StateBlob>) -> Result<()> {
        self.put(stream.into(), Some(state.into()))
    }

    /// Forgets the state of one stream: its next sync begins from the start.
    pub fn forget_stream(&mut self, stream: impl Into<StreamId>) -> Result<()> {
        self.put(stream.into(), None)
    }

    fn put(&mut self, stream: StreamId, state: Option<StateBlob>) -> Result<()> {
        if self.state_type == StateType::NotSet {
            *self = Self { connection_id: self.connection_id, ..Self::empty(StateType::Stream) };
        }
        let streams = match (&self.state_type, &mut self.global_state) {
            (StateType::Stream, _) => self.stream_state.get_or_insert_default(),
            (StateType::Global, Some(global)) => &mut global.stream_states,
            (other, _) => {
                let message = format!("a state of the type {other} has no streams");
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
        };
        match stream.find(streams.iter().map(|state| &state.stream))? {
            Some(place) => streams[place].state = state,
            None => streams.push(StreamState { stream, state }),
        }
        Ok(())
    }

    /// The API's form.
    pub fn to_json(&self) -> String {
        // No part of it cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What has to be written so that exactly this is there afterwards: the server keeps streams that are not
    /// named, and forgets those whose state is null.
    fn replacing(&self, present: &Self, connection: ConnectionId) -> Self {
        let mut written = self.clone();
        written.connection_id = Some(connection);
        let gone = present
            .streams()
            .iter()
            .filter(|old| old.state.is_some() && !self.streams().iter().any(|new| new.stream == old.stream));
        let gone: Vec<_> = gone.map(|old| StreamState { stream: old.stream.clone(), state: None }).collect();
        match (&mut written.global_state, &mut written.stream_state) {
            (Some(global), _) => global.stream_states.extend(gone),
            (None, Some(streams)) => streams.extend(gone),
            (None, None) => {}
        }
        written
    }
}

impl std::str::FromStr for ConnectionState {
    type Err = Error;

    /// Reads the API's form.
    fn from_str(json: &str) -> Result<Self> {
        let state: Self = serde_json::from_str(json).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("the state cannot be understood: {error}"))
                .with_hint("it has the members stateType and streamState, globalState or state")
        })?;
        Ok(state)
    }
}

impl Connection {
    /// What it remembers of where its streams were read to (Config API operation `getState`).
    pub async fn state(&self) -> Result<ConnectionState> {
        self.client().path().config_root()?;
        let body = json!({ "connectionId": self.id() });
        let operation = Operation::read("getState").of("connection", self.id());
        let call = self.client().exchange(operation, (Api::Config, Method::POST, "/state/get"), Some(&body));
        call.await
    }

    /// Replaces its state (Config API operation `createOrUpdateStateSafe`), and returns what is there then.
    /// Streams that have a state now and none in the new one are read from the start next time.
    ///
    /// Errors: [`AlreadyRunning`](ErrorKind::AlreadyRunning) while a sync runs, which would overwrite it;
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the new state is of another type than the present one, which
    /// the server can not do, and for a state that is not set: clearing the connection forgets it.
    pub async fn set_state(&self, state: &ConnectionState) -> Result<ConnectionState> {
        let present = self.state().await?;
        self.write_state(state, &present).await
    }

    /// The state of one of its streams; `None` if it has none.
    pub async fn stream_state(&self, stream: impl Into<StreamId>) -> Result<Option<StateBlob>> {
        Ok(self.state().await?.stream(stream)?.cloned())
    }

    /// Sets the state of one stream and leaves the others; see [`set_state`](Self::set_state).
    pub async fn set_stream_state(
        &self,
        stream: impl Into<StreamId>,
        state: impl Into<StateBlob>,
    ) -> Result<ConnectionState> {
        let present = self.state().await?;
        let mut changed = present.clone();
        changed.set_stream(stream, state)?;
        self.write_state(&changed, &present).await
    }

    async fn write_state(
        &self,
        state: &ConnectionState,
        present: &ConnectionState,
    ) -> Result<ConnectionState> {
        check_types(&present.state_type, &state.state_type)?;
        let body =
            Written { connection_id: self.id(), connection_state: state.replacing(present, self.id()) };
        let operation = Operation::change("createOrUpdateStateSafe");
        let what = (Api::Config, Method::POST, "/state/create_or_update_safe");
        let error = match self.client().exchange(operation, what, Some(&body)).await {
            Ok(state) => return Ok(state),
            Err(error) => error,
        };
        if error.status() != Some(423) {
            return Err(error.about(&format!("the state of connection {}", self.id())));
        }
        let error = error
            .with_kind(ErrorKind::AlreadyRunning)
            .with_message(format!("the state of connection {} cannot be written during a sync", self.id()))
            .with_hint("wait for the job or cancel it: it writes the state itself");
        match running_job(self.client(), self.id()).await {
            Ok(Some(job)) => Err(error.with_job(job)),
            _ => Err(error),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    connection_id: ConnectionId,
    connection_state: ConnectionState,
}

/// Only a legacy state can change its type; for others the server fails without a word.
fn check_types(present: &StateType, new: &StateType) -> Result<()> {
    let refuse = |message: String, hint: &'static str| {
        Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint))
    };
    match (present, new) {
        (_, StateType::NotSet) => refuse(
            "a state that is not set cannot be written".to_owned(),
            "clear the connection to forget its state",
        ),
        (_, StateType::Unknown(word)) => {
            refuse(format!("`{word}` is not a type of state"), "the types are stream, global and legacy")
        }
        (StateType::NotSet | StateType::Legacy, _) => Ok(()),
        (present, new) if present == new => Ok(()),
        (present, new) => refuse(
            format!("the connection's state is of the type {present}, the new one of the type {new}"),
            "clear the connection first, if its source really writes the other type now",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOBAL: &str = r#"{"stateType":"global","connectionId":"5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59","globalState":{"shared_state":{"lsn":123456789012345678901234567890,"f":1.0,"e":1e5},"streamStates":[{"streamDescriptor":{"name":"users","namespace":"shop"},"streamState":{"a":0.1000}},{"streamDescriptor":{"name":"users"},"streamState":{}}]}}"#;

    fn state(json: &str) -> ConnectionState {
        json.parse().unwrap()
    }

    #[test]
    fn a_state_comes_back_to_the_letter() {
        assert_eq!(state(GLOBAL).to_json(), GLOBAL);
        let legacy = r#"{"stateType":"legacy","state":{"cursor":"2026-01-01"}}"#;
        assert_eq!(state(legacy).to_json(), legacy);
    }

    #[test]
    fn a_stream_is_found_by_its_namespace() {
        let state = state(GLOBAL);
        let shop = state.stream(StreamId::new("users").in_namespace("shop")).unwrap().unwrap();
        assert_eq!(shop.as_json(), r#"{"a":0.1000}"#);
        assert_eq!(state.stream("users").unwrap().unwrap().as_json(), "{}");
        assert_eq!(state.stream("orders").unwrap(), None);
        assert_eq!(state.shared().unwrap().to_value()["f"], json!(1.0));
    }

    #[test]
    fn pyairbytes_name_of_the_shared_state_is_understood() {
        let theirs = GLOBAL.replace("shared_state", "sharedState");
        assert_eq!(state(&theirs), state(GLOBAL));
        assert!(state(&theirs).to_json().contains("\"shared_state\""));
    }

    #[test]
    fn what_is_left_out_is_written_as_forgotten() {
        let connection: ConnectionId = "5e0c9a77-3a0b-4d3f-8f3c-0f1d2c3b4a59".parse().unwrap();
        let mut less = state(GLOBAL);
        less.global_state.as_mut().unwrap().stream_states.truncate(1);
        let written = less.replacing(&state(GLOBAL), connection);
        let states: Vec<_> =
            written.streams().iter().map(|it| (it.stream.to_string(), it.state.is_some())).collect();
        assert_eq!(states, [("shop.users".to_owned(), true), ("users".to_owned(), false)]);
    }

    #[test]
    fn types_do_not_change_behind_the_servers_back() {
        use StateType::{Global, Legacy, NotSet, Stream, Unknown};
        for (present, new) in [(NotSet, Stream), (Legacy, Global), (Stream, Stream), (NotSet, Legacy)] {
            assert!(check_types(&present, &new).is_ok(), "{present} {new}");
        }
        for (present, new) in
            [(Stream, Global), (Global, Stream), (Stream, NotSet), (NotSet, Unknown("lunar".to_owned()))]
        {
            assert_eq!(check_types(&present, &new).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_state_that_is_no_json_is_refused() {
        for wrong in ["", "{}", "[]", r#"{"stateType":"stream","streamState":[{}]}"#] {
            assert_eq!(
                wrong.parse::<ConnectionState>().unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{wrong}"
            );
        }
        assert!(StateBlob::try_from("{").is_err());
    }
}
