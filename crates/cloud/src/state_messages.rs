//! The state of a connection as messages of the Airbyte protocol.

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::state::{ConnectionState, GlobalState, StateBlob, StateType, StreamState};
use crate::stream::StreamId;

impl ConnectionState {
    /// The states in the form of the Airbyte protocol's messages of the type `STATE`, as a connector reads
    /// and writes them. The inner part only: what a message has under `state`.
    pub fn to_messages(&self) -> Vec<Value> {
        let descriptor = |stream: &StreamId| match &stream.namespace {
            Some(namespace) => json!({ "name": stream.name, "namespace": namespace }),
            None => json!({ "name": stream.name }),
        };
        let one = |state: &StreamState| {
            json!({
                "stream_descriptor": descriptor(&state.stream),
                "stream_state": state.state.as_ref().map(StateBlob::to_value),
            })
        };
        match self.state_type {
            StateType::Stream => {
                self.streams().iter().map(|state| json!({ "type": "STREAM", "stream": one(state) })).collect()
            }
            StateType::Global => {
                let mut global =
                    json!({ "stream_states": self.streams().iter().map(one).collect::<Vec<_>>() });
                if let Some(shared) = self.shared() {
                    global["shared_state"] = shared.to_value();
                }
                vec![json!({ "type": "GLOBAL", "global": global })]
            }
            StateType::Legacy => {
                let data = self.legacy().map_or(Value::Null, StateBlob::to_value);
                vec![json!({ "type": "LEGACY", "data": data })]
            }
            StateType::NotSet | StateType::Unknown(_) => Vec::new(),
        }
    }

    /// The reverse of [`to_messages`](Self::to_messages).
    pub fn from_messages(messages: &[Value]) -> Result<Self> {
        let refuse =
            |why: &str| Err(Error::new(ErrorKind::InvalidInput, format!("the state messages {why}")));
        let stream = |state: &Value| {
            let stream = StreamId::read(state.get("stream_descriptor")?, "name", "namespace")?;
            let state = state.get("stream_state").filter(|state| !state.is_null()).map(StateBlob::from);
            Some(StreamState { stream, state })
        };
        let kind = |message: &Value| {
            message.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_uppercase()
        };
        let Some(first) = messages.first() else { return Ok(Self::empty(StateType::NotSet)) };
        if messages.iter().any(|message| kind(message) != kind(first)) {
            return refuse("are of several types");
        }
        let mut state = Self::empty(StateType::NotSet);
        match kind(first).as_str() {
            "STREAM" => {
                let streams: Option<Vec<_>> =
                    messages.iter().map(|message| stream(message.get("stream")?)).collect();
                let Some(streams) = streams else { return refuse("have one without a stream") };
                state.state_type = StateType::Stream;
                state.stream_state = Some(streams);
            }
            "GLOBAL" if messages.len() == 1 => {
                let global = first.get("global").unwrap_or(&Value::Null);
                let streams = global.get("stream_states").and_then(Value::as_array);
                let streams: Option<Vec<_>> = streams.into_iter().flatten().map(stream).collect();
                let Some(stream_states) = streams else { return refuse("have a state without a stream") };
                let shared_state = global.get("shared_state").filter(|it| !it.is_null()).map(StateBlob::from);
                state.state_type = StateType::Global;
                state.global_state = Some(GlobalState { shared_state, stream_states });
            }
            "LEGACY" | "" if messages.len() == 1 => {
                let Some(data) = first.get("data") else { return refuse("have no data") };
                state.state_type = StateType::Legacy;
                state.state = Some(StateBlob::from(data));
            }
            _ => return refuse("are of a type that is not known, or more than one of it"),
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOBAL: &str = r#"{"stateType":"global","globalState":{"shared_state":{"lsn":17},"streamStates":[
        {"streamDescriptor":{"name":"users","namespace":"shop"},"streamState":{"a":1}},
        {"streamDescriptor":{"name":"users"},"streamState":{}}]}}"#;

    fn state(json: &str) -> ConnectionState {
        json.parse().unwrap()
    }

    #[test]
    fn messages_hold_the_same_states() {
        let there = state(GLOBAL).to_messages();
        assert_eq!(there[0]["type"], "GLOBAL");
        let back = ConnectionState::from_messages(&there).unwrap();
        assert_eq!((back.shared(), back.streams().len()), (state(GLOBAL).shared(), 2));

        let mut streams = ConnectionState::empty(StateType::NotSet);
        streams.set_stream("users", json!({ "cursor": 1 })).unwrap();
        streams.set_stream(StreamId::new("users").in_namespace("shop"), json!({ "cursor": 2 })).unwrap();
        assert_eq!(ConnectionState::from_messages(&streams.to_messages()).unwrap(), streams);
        for wrong in [
            vec![json!({ "type": "STREAM" })],
            vec![json!({ "type": "LUNAR" })],
            vec![json!({ "type": "GLOBAL", "global": {} }), json!({ "type": "GLOBAL", "global": {} })],
            vec![json!({ "type": "LEGACY" })],
        ] {
            let error = ConnectionState::from_messages(&wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong:?}");
        }
    }
}
