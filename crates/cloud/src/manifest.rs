//! The manifest of a connector that is written in YAML rather than in a programming language.

use std::path::Path;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

/// The manifest of a low-code connector: what the connector builder of the web application makes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Manifest(Value);

impl Manifest {
    /// Reads a manifest from a file in YAML or JSON.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("the manifest {} cannot be read: {error}", path.display());
            Error::new(ErrorKind::InvalidInput, message).with_source(error)
        })?;
        text.parse().map_err(|error: Error| error.about(&path.display().to_string()))
    }

    /// The manifest as JSON.
    pub fn as_json(&self) -> &Value {
        &self.0
    }

    /// Refuses what the server would take and no connector could be made of.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, format!("the manifest {why}")));
        if !self.0.is_object() {
            return refuse("is not an object");
        }
        for member in ["version", "type"] {
            if self.0.get(member).is_none() {
                return refuse(&format!("has no `{member}`"));
            }
        }
        if self.0["type"] != "DeclarativeSource" {
            return refuse("is not one of a source: its `type` is not DeclarativeSource");
        }
        // The server fails without a word if this is missing.
        if self.0.pointer("/spec/connection_specification").is_none_or(|it| !it.is_object()) {
            return refuse("has no `spec.connection_specification`");
        }
        Ok(())
    }
}

impl From<Value> for Manifest {
    fn from(json: Value) -> Self {
        Self(json)
    }
}

impl FromStr for Manifest {
    type Err = Error;

    /// Reads YAML, of which JSON is a part.
    fn from_str(text: &str) -> Result<Self> {
        serde_yaml_ng::from_str(text).map(Self).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("the manifest is not YAML: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
version: 6.1.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [things]}
streams: []
spec:
  type: Spec
  connection_specification: {type: object, properties: {}}
";

    #[test]
    fn yaml_and_json_are_read() {
        let manifest: Manifest = GOOD.parse().unwrap();
        manifest.check().unwrap();
        let json: Manifest = manifest.as_json().to_string().parse().unwrap();
        assert_eq!(json, manifest);
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        assert_eq!("a: [".parse::<Manifest>().unwrap_err().kind(), ErrorKind::InvalidInput);
        for wrong in [
            "just text",
            "type: DeclarativeSource",
            "{version: 1, type: Other, spec: {connection_specification: {}}}",
            "{version: 1, type: DeclarativeSource}",
        ] {
            let error = wrong.parse::<Manifest>().unwrap().check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}");
        }
        let error = Manifest::from_file("/nowhere/manifest.yaml").unwrap_err();
        assert!(error.to_string().contains("/nowhere/manifest.yaml"), "{error}");
    }
}
