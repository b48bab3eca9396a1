//! What the configuration of a connector may hold: a JSON schema of each.

use std::sync::LazyLock;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
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
    if let (Some(schema), Some(items)) = (schema.get("items"), value.as_array_mut()) {
        for (place, item) in items.iter_mut().enumerate() {
            each_secret(schema, item, &other[place], visit);
        }
    }
}

/// Whether the connector runs here, so that its whole schema is known.
pub(crate) fn is_own(connector: &Connector) -> bool {
    own(connector.side, connector.slug).is_some()
}

fn own(side: Side, slug: &str) -> Option<&'static Value> {
    OWN.get(format!("{}-{slug}", side.word()))
}

/// What is wrong with a configuration, told as the server's validator does: without any value, which may be secret.
///
/// A schema that cannot be understood refuses nothing: those of manifests are anybody's.
pub(crate) fn faults(specification: &Value, configuration: &Value) -> Vec<String> {
    match jsonschema::draft7::new(specification) {
        Ok(validator) => {
            validator.iter_errors(configuration).flat_map(|error| told(&error, configuration)).collect()
        }
        Err(_) => Vec::new(),
    }
}

fn told(error: &ValidationError<'_>, configuration: &Value) -> Vec<String> {
    let pointer = error.instance_path().as_str();
    let path = format!("${}", pointer.replace('/', "."));
    let whole = |fault: String| vec![format!("{path}: {fault}")];
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![format!("{path}.{name}: is missing but it is required")]
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(_) => "one of several types".to_owned(),
            };
            let found = configuration.pointer(pointer).unwrap_or(configuration);
            whole(format!("{} found, {wanted} expected", type_of(found)))
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().into_iter().flatten().map(ToString::to_string);
            whole(format!(
                "does not have a value in the enumeration [{}]",
                options.collect::<Vec<_>>().join(", ")
            ))
        }
        ValidationErrorKind::Constant { expected_value } => {
            whole(format!("must be a constant value {expected_value}"))
        }
        ValidationErrorKind::Minimum { limit } => whole(format!("must have a minimum value of {limit}")),
        ValidationErrorKind::Maximum { limit } => whole(format!("must have a maximum value of {limit}")),
        ValidationErrorKind::Pattern { pattern } => whole(format!("does not match the pattern {pattern}")),
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let each = unexpected.iter();
            each.map(|name| {
                format!("{path}.{name}: is not defined in the schema and the schema does not allow others")
            })
            .collect()
        }
        ValidationErrorKind::OneOfNotValid { context } => {
            // The variant that is meant is the one whose constant member fits.
            let is_meant = |faults: &&Vec<ValidationError<'static>>| {
                !faults.iter().any(|fault| {
                    matches!(
                        fault.kind(),
                        ValidationErrorKind::Constant { .. } | ValidationErrorKind::Type { .. }
                    )
                })
            };
            let several = context.iter().filter(is_meant).count() > 1;
            match context.iter().find(is_meant).filter(|_| !several) {
                Some(meant) => meant.iter().flat_map(|fault| told(fault, configuration)).collect(),
                None => whole("should be valid to one and only one of its forms, but fits none".to_owned()),
            }
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            whole("should be valid to one and only one of its forms, but fits several".to_owned())
        }
        other => whole(format!("breaks the rule `{}`", other.keyword())),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
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
    fn secrets_are_masked_and_found_again_in_lists_too() {
        let schema = json!({"properties": {"accounts": {"items": {"properties": {
            "name": {}, "token": {"airbyte_secret": true},
        }}}}});
        let stored = json!({"accounts": [{"name": "a", "token": "t"}, {"name": "b", "token": "u"}]});
        let mut shown = stored.clone();
        mask(&schema, &mut shown);
        assert_eq!(shown, json!({"accounts": [{"name": "a", "token": MASK}, {"name": "b", "token": MASK}]}));
        unmask(&schema, &mut shown, &stored);
        assert_eq!(shown, stored);
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
    fn a_configuration_is_checked_in_full_and_no_value_is_repeated() {
        let told = |side, slug, given: Value| faults(own(side, slug).unwrap(), &given);
        let postgres = |change: Value| {
            let mut given = json!({
                "host": "h", "port": 5432, "database": "d", "schema": "s", "username": "u", "password": "hush"
            });
            connectors::merge(&mut given, &change);
            told(Side::Destination, "postgres", given)
        };
        assert!(postgres(json!({"ssl_mode": {"mode": "require"}, "unknown": 1})).is_empty());
        assert_eq!(postgres(json!({"port": "hush"})), ["$.port: string found, integer expected"]);
        assert_eq!(postgres(json!({"schema": null})), ["$.schema: null found, string expected"]);
        assert_eq!(postgres(json!({"port": 65_537})), ["$.port: must have a maximum value of 65536"]);
        assert_eq!(
            postgres(json!({"ssl_mode": {"mode": "verify-ca"}})),
            ["$.ssl_mode.ca_certificate: is missing but it is required"]
        );
        assert_eq!(
            postgres(json!({"tunnel_method": {"tunnel_method": "SSH_KEY_AUTH", "ssh_key": "hush"}})).len(),
            3,
            "host, port and user"
        );
        for nonsense in [json!({"ssl_mode": {"mode": "hush"}}), json!({"tunnel_method": "hush"})] {
            let faults = postgres(nonsense);
            assert!(!faults.is_empty() && !faults.concat().contains("hush"), "{faults:?}");
        }
        let lacking = told(Side::Destination, "postgres", json!({"host": "h", "port": 1}));
        assert_eq!(lacking.len(), 3, "{lacking:?}");
        assert!(!told(Side::Source, "file", json!({"provider": {"storage": "local"}})).is_empty());
        assert_eq!(
            told(Side::Source, "faker", json!({"count": 0})),
            ["$.count: must have a minimum value of 1"]
        );
        assert_eq!(told(Side::Destination, "duckdb", json!({"schema": 1})).len(), 2);
    }

    #[test]
    fn a_schema_that_makes_no_sense_refuses_nothing() {
        assert!(faults(&json!({"type": "no such type"}), &json!({})).is_empty());
    }
}
