//! A destination: what it is, and how to reach it.

use std::fmt;
use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use crate::destination_kind::DestinationKind;
use crate::error::{Error, ErrorKind, Result};
use crate::naming::NameSettings;
use crate::secret::{SecretField, SecretResolver, is_mask};
use crate::warehouse::Warehouse;

/// A destination as Airbyte describes it: `{"destinationType": "postgres", "configuration": {...}}`.
///
/// `Debug` shows the type and nothing of the configuration, which holds secrets.
#[derive(Clone)]
pub struct Destination {
    kind: DestinationKind,
    configuration: Map<String, Value>,
    driver: Map<String, Value>,
}

impl Destination {
    /// Reads the form that `getDestination` answers, or one written by hand. The type is `destinationType`, beside
    /// or inside of `configuration`, or else the connector that `definitionId` names.
    ///
    /// With `"adbc": {"driver": ..., "entrypoint": ..., "options": {...}}` beside `configuration` it is read through that
    /// ADBC driver (feature `adbc`): the path of a library or manifest, or the name of one in the usual places. Options
    /// are the driver's own. Those of a DuckDB or MotherDuck destination without a `driver` are settings of DuckDB, such
    /// as `memory_limit`.
    ///
    /// # Errors
    /// `InvalidInput` if the form is wrong, `Unsupported` if this crate does not read destinations of that type.
    pub fn from_json(value: &Value) -> Result<Self> {
        let configuration = value.get("configuration").and_then(Value::as_object).ok_or_else(|| {
            Error::invalid("a destination is an object with `destinationType` and `configuration`").with_hint(
                "write it as {\"destinationType\": \"postgres\", \"configuration\": {\"host\": ..., ...}}",
            )
        })?;
        let text = |value: Option<&Value>| {
            value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let name = text(value.get("destinationType")).or_else(|| text(configuration.get("destinationType")));
        let definition = text(value.get("definitionId"));
        let kind = match (&name, &definition) {
            (Some(name), _) => DestinationKind::named(name),
            (None, Some(id)) => DestinationKind::defined_by(id),
            (None, None) => {
                return Err(Error::invalid(
                    "the destination has neither `destinationType` nor `definitionId`",
                )
                .with_hint(
                    "it is read as the API shows destinations: `airbyte api GET /destinations/ID` writes one out",
                ));
            }
        };
        let kind = kind.ok_or_else(|| {
            let shown = name.or(definition).unwrap_or_default();
            Error::new(ErrorKind::Unsupported, format!("destinations of type `{shown}` cannot be read yet"))
                .with_hint(format!(
                    "this version knows {}",
                    DestinationKind::ALL.map(DestinationKind::name).join(", ")
                ))
        })?;
        let driver = match value.get("adbc") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(driver)) => driver.clone(),
            Some(_) => return Err(Error::invalid("`adbc` of a destination is an object")),
        };
        Ok(Self { kind, configuration: configuration.clone(), driver })
    }

    /// Reads a JSON file of the form of [`Destination::from_json`].
    ///
    /// # Errors
    /// `Io` if the file cannot be read, `InvalidInput` if it is not JSON, and those of `from_json`.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(ErrorKind::Io, format!("the destination file {} cannot be read", path.display()))
                .with_source(error)
        })?;
        // The error of the parser tells the place and never the content.
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            Error::invalid(format!("the destination file {} is not JSON: {error}", path.display()))
        })?;
        Self::from_json(&value)
    }

    /// What it is.
    pub fn kind(&self) -> DestinationKind {
        self.kind
    }

    /// The database that it writes into: a project for BigQuery, a catalog for Databricks, a file or `md:` address for
    /// embedded ones.
    pub fn database_name(&self) -> Option<&str> {
        let field = match self.kind {
            DestinationKind::BigQuery => "project_id",
            DestinationKind::DuckDb | DestinationKind::MotherDuck | DestinationKind::Sqlite => {
                "destination_path"
            }
            _ => "database",
        };
        self.field(field).and_then(Value::as_str)
    }

    /// The schema for streams without a namespace, as the configuration has it; `None` where it has none.
    pub fn schema_name(&self) -> Option<String> {
        NameSettings::from_configuration(self.kind, &self.configuration).default_schema
    }

    /// Fills in the secrets that Airbyte masks. A mask is never used as a secret.
    ///
    /// # Errors
    /// `MissingSecret`, with the names of all environment variables that would help, if `resolver` does not know one.
    pub fn with_secrets(mut self, resolver: &dyn SecretResolver) -> Result<Self> {
        let mut missing = Vec::new();
        let mut fill = |path: &[&str], value: &mut Value| {
            if !value.as_str().is_some_and(is_mask) {
                return;
            }
            let field = SecretField::new(self.kind.name(), path);
            match resolver.secret(&field).filter(|secret| !is_mask(secret.expose_secret())) {
                Some(secret) => *value = Value::from(secret.expose_secret()),
                None => missing.push(field),
            }
        };
        for path in self.kind.secrets() {
            if let Some(value) = at_mut(&mut self.configuration, path) {
                fill(path, value);
            }
        }
        if let Some(options) = self.driver.get_mut("options").and_then(Value::as_object_mut) {
            for (name, value) in options {
                fill(&["adbc", "options", name], value);
            }
        }
        if missing.is_empty() {
            return Ok(self);
        }
        let names: Vec<_> = missing.iter().map(SecretField::name).collect();
        let variables: Vec<_> = missing.iter().map(SecretField::variable).collect();
        Err(Error::new(
            ErrorKind::MissingSecret,
            format!("Airbyte masks `{}` of this {} destination", names.join("`, `"), self.kind.name()),
        )
        .with_hint(format!("set {}", variables.join(" and "))))
    }

    /// Connects, read-only.
    ///
    /// # Errors
    /// `MissingSecret` if a secret is still masked, `Unsupported` if this build lacks the engine, `InvalidInput` if
    /// the configuration lacks a field, `Connect` if the database cannot be reached or refuses the user.
    pub async fn connect(&self) -> Result<Warehouse> {
        // Catches a mask that nobody filled in.
        let complete = self.clone().with_secrets(&|_: &SecretField| None)?;
        Warehouse::connect(&complete).await
    }

    /// The configuration, secrets and all.
    pub(crate) fn configuration(&self) -> &Map<String, Value> {
        &self.configuration
    }

    /// The ADBC driver that it names, with its options; empty if it names none.
    #[cfg(feature = "adbc")]
    pub(crate) fn driver(&self) -> &Map<String, Value> {
        &self.driver
    }

    /// A field of the configuration.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.configuration.get(name).filter(|value| !value.is_null())
    }

    /// The names of the configuration's fields.
    #[cfg(feature = "bigquery")]
    pub(crate) fn field_names(&self) -> impl Iterator<Item = &str> {
        self.configuration.keys().map(String::as_str)
    }

    /// A text of the configuration that has to be there.
    pub(crate) fn required_text(&self, name: &str) -> Result<&str> {
        self.field(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(|| {
            Error::invalid(format!(
                "the configuration of this {} destination lacks `{name}`",
                self.kind.name()
            ))
        })
    }
}

fn at_mut<'a>(configuration: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(configuration.get_mut(*first)?, |value, name| value.get_mut(name))
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    fn masked() -> Destination {
        Destination::from_json(&json!({
            "destinationType": "postgres",
            "configuration": {
                "host": "db", "password": "**********",
                "ssl_mode": {"mode": "verify-full", "client_key": "**********"}
            }
        }))
        .unwrap()
    }

    #[test]
    fn every_missing_secret_is_named_and_no_mask_is_shown() {
        let error = masked().with_secrets(&HashMap::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingSecret);
        let hint = error.hint().unwrap();
        assert!(hint.contains("AIRBYTE_SECRET_POSTGRES_PASSWORD"), "{hint}");
        assert!(hint.contains("AIRBYTE_SECRET_POSTGRES_CLIENT_KEY"), "{hint}");
        assert!(!error.to_string().contains('*'), "{error}");
        // Nor is one that somebody has copied.
        let copied = |_: &SecretField| Some(SecretString::from("**********"));
        assert_eq!(masked().with_secrets(&copied).unwrap_err().kind(), ErrorKind::MissingSecret);
    }

    #[test]
    fn known_secrets_take_the_place_of_masks_and_are_not_shown() {
        let secrets: HashMap<String, SecretString> = [("password", "p"), ("ssl_mode.client_key", "k")]
            .map(|(name, value)| (name.to_owned(), SecretString::from(value)))
            .into();
        let filled = masked().with_secrets(&secrets).unwrap();
        assert_eq!(filled.field("password"), Some(&json!("p")));
        assert_eq!(filled.field("ssl_mode").unwrap()["client_key"], "k");
        assert_eq!(format!("{filled:?}"), "Destination { kind: Postgres, .. }");
    }

    #[test]
    fn masked_options_of_a_driver_are_secrets_too() {
        let destination = Destination::from_json(&json!({
            "destinationType": "clickhouse", "configuration": {},
            "adbc": {"driver": "d", "options": {"db.user": "u", "db.password": "**********"}},
        }))
        .unwrap();
        let error = destination.clone().with_secrets(&HashMap::new()).unwrap_err();
        assert!(
            error.hint().unwrap().contains("AIRBYTE_SECRET_CLICKHOUSE_DB_PASSWORD"),
            "{:?}",
            error.hint()
        );
        let secret = HashMap::from([("adbc.options.db.password".to_owned(), SecretString::from("p"))]);
        let filled = destination.with_secrets(&secret).unwrap();
        assert_eq!(filled.driver["options"], json!({"db.user": "u", "db.password": "p"}));
    }

    #[test]
    fn the_type_may_be_told_by_the_definition_alone() {
        let by_id = json!({
            "destinationType": "", "definitionId": "25c5221d-dce2-4163-ade9-739ef790f503", "configuration": {}
        });
        assert_eq!(Destination::from_json(&by_id).unwrap().kind(), DestinationKind::Postgres);
        let unknown = json!({"destinationType": "oracle", "configuration": {}});
        assert_eq!(Destination::from_json(&unknown).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(Destination::from_json(&json!([])).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
