//! What is given as files and as KEY=VALUE pairs.

use std::io::Read;

use serde_json::{Map, Value};

use crate::error::Failure;
use crate::interrupt::Phase;

/// Reads a text file, or standard input for `-`.
pub(crate) fn read(file: &str) -> Result<String, Failure> {
    let mut text = String::new();
    // A file may be a pipe, too.
    let _reading = Phase::reading();
    let read = match file {
        "-" => std::io::stdin().read_to_string(&mut text).map(drop),
        path => std::fs::read_to_string(path).map(|content| text = content),
    };
    read.map_err(|error| Failure::usage(format!("the input {file} cannot be read: {error}")))?;
    Ok(text)
}

/// Reads a JSON file.
pub(crate) fn read_json(file: &str) -> Result<Value, Failure> {
    serde_json::from_str(&read(file)?)
        .map_err(|error| Failure::usage(format!("the input {file} is not JSON: {error}")))
}

/// Reads a YAML file, of which JSON is a part.
pub(crate) fn read_yaml(file: &str) -> Result<Value, Failure> {
    let text = read(file)?;
    // Of a key that is there twice only the last would count; this refuses it.
    let unique = serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text);
    unique
        .and_then(|_| serde_yaml_ng::from_str(&text))
        .map_err(|error| Failure::usage(format!("the input {file} is not YAML: {error}")))
}

/// `KEY=VALUE` of the command line. What is wrong with it is said without the value, which may be a secret.
pub(crate) fn pair(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=').ok_or_else(|| {
        Failure::usage("a field has no value")
            .with_hint("write it as KEY=VALUE; it is not shown, for it may be a secret")
    })
}

/// `KEY=JSON` of the command line; the same holds for it.
pub(crate) fn json_pair(text: &str) -> Result<(&str, Value), Failure> {
    let (key, value) = pair(text)?;
    let value = serde_json::from_str(value).map_err(|_| {
        Failure::usage(format!("the value of the field `{key}` is not JSON"))
            .with_hint("a text is given with -f, or in quotes: -F 'KEY=\"VALUE\"'")
    })?;
    Ok((key, value))
}

/// Sets a member of an object; dots in the key lead into objects within it.
pub(crate) fn set(object: &mut Map<String, Value>, key: &str, value: Value) -> Result<(), Failure> {
    match key.split_once('.') {
        None => {
            object.insert(key.to_owned(), value);
            Ok(())
        }
        Some((first, rest)) => match object.entry(first).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(inner) => set(inner, rest, value),
            _ => Err(Failure::usage(format!("`{first}` is no object, so `{key}` cannot be set"))),
        },
    }
}

/// Every member of an object that is no object itself, by its path.
pub(crate) fn paths(object: &Map<String, Value>) -> Vec<String> {
    let within = |(name, value): (&String, &Value)| match value {
        Value::Object(inner) if !inner.is_empty() => {
            paths(inner).into_iter().map(|path| format!("{name}.{path}")).collect()
        }
        _ => vec![name.clone()],
    };
    object.iter().flat_map(within).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dots_lead_into_objects() {
        let mut object = Map::new();
        set(&mut object, "tunnel.method", json!("NO_TUNNEL")).unwrap();
        set(&mut object, "port", json!(5432)).unwrap();
        set(&mut object, "tunnel.depth.er", json!(1)).unwrap();
        assert_eq!(
            json!(object),
            json!({ "tunnel": { "method": "NO_TUNNEL", "depth": { "er": 1 } }, "port": 5432 })
        );
        assert!(set(&mut object, "port.inner", json!(1)).is_err());
        assert_eq!(paths(&object), ["tunnel.method", "tunnel.depth.er", "port"]);
    }
}
