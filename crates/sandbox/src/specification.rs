//! What the configuration of a connector may hold: a JSON schema of each.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::connectors::{Connector, MASK};
use crate::model::Side;

/// Those of the connectors that run here, without what cannot be run.
static OWN: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../data/specifications.json")).unwrap_or_default());

/// The schema of a connector's configuration. Of a connector that does not run here only the secrets are known.
pub(crate) fn of(connector: &Connector) -> Value {
    match own(connector.side, connector.slug) {
        Some(own) => own.clone(),
        None => connector.secrets().fold(unknown(), with_secret),
    }
}

/// The schema of a configuration of which nothing is known.
pub(crate) fn unknown() -> Value {
    json!({"type": "object", "properties": {}})
}

/// Masks what the schema marks as secret.
pub(crate) fn mask(schema: &Value, configuration: &mut Value) {
    each_secret(schema, configuration, &Value::Null, &mut |secret, _| *secret = Value::from(MASK));
}

/// Puts the stored secrets in the place of masks.
pub(crate) fn unmask(schema: &Value, configuration: &mut Value, stored: &Value) {
    each_secret(schema, configuration, stored, &mut |secret, stored| {
        if *secret == MASK && !stored.is_null() {
            *secret = stored.clone();
        }
    });
}

/// Visits each secret that a configuration holds, together with what `other` holds in its place.
fn each_secret(schema: &Value, value: &mut Value, other: &Value, visit: &mut dyn FnMut(&mut Value, &Value)) {
    if schema["airbyte_secret"] == true {
        if !value.is_null() {
            visit(value, other);
        }
        return;
    }
    for variant in ["oneOf", "anyOf", "allOf"].iter().filter_map(|word| schema[word].as_array()).flatten() {
        each_secret(variant, value, other, visit);
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(member) = value.get_mut(name) {
            each_secret(schema, member, &other[name], visit);
        }
    }
}

fn own(side: Side, slug: &str) -> Option<&'static Value> {
    OWN.get(format!("{}-{slug}", side.word()))
}

/// The members that a configuration must have and this one lacks.
pub(crate) fn missing<'a>(specification: &'a Value, configuration: &Value) -> Vec<&'a str> {
    let required = specification["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    required.filter(|name| configuration.get(*name).is_none_or(Value::is_null)).collect()
}

fn with_secret(mut schema: Value, path: &[&'static str]) -> Value {
    let mut node = &mut schema;
    for name in path {
        node["type"] = json!("object");
        node = &mut node["properties"][name];
    }
    *node = json!({"type": "string", "airbyte_secret": true});
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors;

    #[test]
    fn the_secrets_of_each_connector_are_marked() {
        for side in [Side::Source, Side::Destination] {
            for connector in connectors::of_side(side) {
                let schema = of(connector);
                assert_eq!(schema["type"], "object", "{}", connector.slug);
                for path in connector.secrets().filter(|_| own(side, connector.slug).is_none()) {
                    let pointer = format!("/properties/{}", path.join("/properties/"));
                    let marked = schema.pointer(&pointer).map(|node| &node["airbyte_secret"]);
                    assert_eq!(marked, Some(&json!(true)), "{} {path:?}", connector.slug);
                }
            }
        }
    }

    #[test]
    fn secrets_are_masked_and_found_again_in_variants_too() {
        let schema = json!({"properties": {
            "host": {}, "login": {"oneOf": [
                {"properties": {"kind": {}}}, {"properties": {"key": {"airbyte_secret": true}}},
            ]},
        }});
        let stored = json!({"host": "h", "login": {"kind": "key", "key": "k"}});
        let mut shown = stored.clone();
        mask(&schema, &mut shown);
        assert_eq!(shown, json!({"host": "h", "login": {"kind": "key", "key": MASK}}));
        unmask(&schema, &mut shown, &stored);
        assert_eq!(shown, stored);
        let mut newer = json!({"login": {"key": "new"}});
        unmask(&schema, &mut newer, &stored);
        assert_eq!(newer, json!({"login": {"key": "new"}}));
    }

    #[test]
    fn only_what_is_required_can_be_missing() {
        let postgres = own(Side::Destination, "postgres").unwrap();
        let given = json!({"host": "h", "port": 1, "database": "d", "schema": null, "password": "p"});
        assert_eq!(missing(postgres, &given), ["username", "schema"]);
    }
}
