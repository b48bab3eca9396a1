//! OpenAPI Overlay 1.0: our descriptions, and repairs that no general rule expresses.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use serde_json_path::{JsonPath, NormalizedPath};

/// One overlay document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    #[serde(rename = "overlay")]
    version: String,
    #[serde(rename = "info")]
    _info: Info,
    actions: Vec<Action>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    #[serde(rename = "title")]
    _title: String,
    #[serde(rename = "version")]
    _version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    target: String,
    #[serde(default)]
    update: Option<Value>,
    #[serde(default)]
    remove: bool,
    /// Why; for readers of the overlay.
    #[serde(default, rename = "description")]
    _description: Option<String>,
}

impl Overlay {
    /// Reads an overlay file.
    pub fn read(file: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not an overlay", file.display()))
    }

    /// Reads an overlay.
    pub fn parse(text: &str) -> Result<Self> {
        let overlay: Self = serde_yaml_ng::from_str(text)?;
        ensure!(overlay.version.starts_with("1.0"), "version {} is not supported, 1.0 is", overlay.version);
        for action in &overlay.actions {
            ensure!(
                action.update.is_some() != action.remove,
                "the action on {} has to have either `update` or `remove: true`",
                action.target
            );
        }
        Ok(overlay)
    }

    /// Applies all actions in turn. The result are targets that select nothing.
    pub fn apply(&self, document: &mut Value) -> Result<Vec<String>> {
        let mut missed = Vec::new();
        for action in &self.actions {
            let path = JsonPath::parse(&action.target)
                .with_context(|| format!("the target {} is not a JSONPath", action.target))?;
            let mut places: Vec<String> =
                path.query_located(document).locations().map(NormalizedPath::to_json_pointer).collect();
            if places.is_empty() {
                missed.push(action.target.clone());
            }
            // From the end, so that removing an element of an array does not move the next one.
            places.reverse();
            for place in places {
                match &action.update {
                    Some(update) => update_at(document, &place, update)?,
                    None => remove_at(document, &place)?,
                }
            }
        }
        Ok(missed)
    }

    /// Every text that an action puts into a `summary`, `description` or `title`.
    pub fn sentences(&self) -> Vec<&str> {
        self.actions.iter().filter_map(|action| action.update.as_ref()).flat_map(sentences_in).collect()
    }
}

fn sentences_in(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(text) if ["summary", "description", "title"].contains(&key.as_str()) => vec![text],
                _ => sentences_in(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(sentences_in).collect(),
        _ => Vec::new(),
    }
}

fn update_at(document: &mut Value, place: &str, update: &Value) -> Result<()> {
    let target = document.pointer_mut(place).context("the target has just been found")?;
    match target {
        Value::Object(_) => merge(target, update),
        Value::Array(items) => items.push(update.clone()),
        _ => bail!("{place} is neither an object nor an array, so there is nothing to update"),
    }
    Ok(())
}

/// Members are merged, arrays are appended to, anything else is replaced.
fn merge(target: &mut Value, update: &Value) {
    match (target, update) {
        (Value::Object(target), Value::Object(update)) => {
            for (key, value) in update {
                match target.get_mut(key) {
                    Some(present) => merge(present, value),
                    None => {
                        target.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(target), Value::Array(update)) => target.extend(update.iter().cloned()),
        (target, update) => *target = update.clone(),
    }
}

fn remove_at(document: &mut Value, place: &str) -> Result<()> {
    let (parent, last) = place.rsplit_once('/').context("the document itself cannot be removed")?;
    match document.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.remove(&last.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            items.remove(last.parse().context("an array has numbers for places")?);
        }
        _ => bail!("{place} has no parent"),
    }
    Ok(())
}
