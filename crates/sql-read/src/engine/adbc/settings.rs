//! What a destination says about the driver to use.

use std::sync::Arc;

use adbc_core::options::OptionValue;
use adbc_core::{Optionable, options::OptionConnection};
use serde_json::{Map, Value};

use super::driver;
use super::session::{Open, Session, database, failed};
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};

/// Fields of a configuration that say where tables are, not how the database is reached.
const OF_NAMES: [&str; 12] = [
    "cdc_deletion_mode",
    "database",
    "dataset_id",
    "destinationType",
    "disable_type_dedupe",
    "drop_cascade",
    "project_id",
    "raw_data_dataset",
    "raw_data_schema",
    "raw_schema_override",
    "schema",
    "stream_configurations",
];

/// The driver and its options.
pub(super) struct Settings {
    driver: String,
    entrypoint: Option<String>,
    options: Vec<(String, OptionValue)>,
    hidden: Arc<[String]>,
    pub warnings: Vec<String>,
}

impl Settings {
    pub(super) fn new(destination: &Destination) -> Result<Self> {
        let said = destination.driver();
        let text = |name: &str| match said.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(Error::invalid(format!("`adbc.{name}` is a text"))),
        };
        if let Some(unknown) =
            said.keys().find(|name| !["driver", "entrypoint", "options"].contains(&name.as_str()))
        {
            return Err(Error::invalid(format!("`adbc` has no field `{unknown}`"))
                .with_hint("its fields are `driver`, `entrypoint` and `options`"));
        }
        let driver = text("driver")?.ok_or_else(|| Error::invalid("`adbc.driver` is missing"))?;
        let options = options(said)?;
        let hidden = hidden(&options);
        let mut warnings = Vec::new();
        if destination.configuration().keys().any(|name| !OF_NAMES.contains(&name.as_str())) {
            warnings.push(
                "the configuration's own fields are not used for the connection: the driver takes `adbc.options` alone"
                    .to_owned(),
            );
        }
        Ok(Self { driver, entrypoint: text("entrypoint")?, options, hidden, warnings })
    }

    /// Loads the driver and opens the database, and gives the way to sessions with it.
    pub(super) fn open(self) -> Result<Open> {
        let loaded = driver::load(&self.driver, self.entrypoint.as_deref()).map_err(|error| {
            Error::new(
                ErrorKind::Connect,
                format!("the ADBC driver `{}` cannot be loaded: {}", self.driver, first_line(&error.message)),
            )
            .with_hint("`adbc.driver` is the path of a driver's library or manifest, or the name of an installed one")
        })?;
        let hidden = self.hidden;
        let database = database(&loaded, self.options).map_err(|error| {
            let said = failed(&error, &hidden);
            Error::new(
                ErrorKind::Connect,
                format!("the ADBC driver `{}` refuses its options: {said}", self.driver),
            )
        })?;
        Ok(Arc::new(move || {
            let mut session = Session::new(&database, hidden.clone())
                .map_err(|error| Error::new(ErrorKind::Connect, failed(&error, &hidden).to_string()))?;
            // Where the driver can do that; the statements are reads in any case.
            if let Err(error) = session.connection.set_option(OptionConnection::ReadOnly, true.into()) {
                tracing::debug!(status = ?error.status, "the driver has no read-only connections");
            }
            Ok(session)
        }))
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The options of the driver: texts, numbers, and truth values as drivers spell them.
pub(crate) fn options(said: &Map<String, Value>) -> Result<Vec<(String, OptionValue)>> {
    let options = match said.get("options") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(options)) => options,
        Some(_) => return Err(Error::invalid("`adbc.options` is an object")),
    };
    options
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::String(text) => OptionValue::from(text.as_str()),
                Value::Bool(value) => OptionValue::from(*value),
                Value::Number(number) => match number.as_i64() {
                    Some(integer) => OptionValue::from(integer),
                    None => OptionValue::from(number.as_f64().unwrap_or(f64::NAN)),
                },
                _ => {
                    return Err(Error::invalid(format!(
                        "the option `{name}` of the driver is no text, number or truth value"
                    )));
                }
            };
            Ok((name.clone(), value))
        })
        .collect()
}

/// What must not show in an error: the values of options that sound secret, and passwords in addresses.
fn hidden(options: &[(String, OptionValue)]) -> Arc<[String]> {
    const SECRET: [&str; 7] = ["password", "pwd", "token", "secret", "key", "credential", "passphrase"];
    let mut hidden = Vec::new();
    for (name, value) in options {
        let OptionValue::String(value) = value else { continue };
        let name = name.to_ascii_lowercase();
        if SECRET.iter().any(|word| name.contains(word)) {
            hidden.push(value.clone());
        }
        // Some addresses have no scheme. Where a password ends is not sure if it may hold what ends the part it is in.
        let address = value.split_once("://").map_or(value.as_str(), |(_, address)| address);
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
        for (user, _) in [authority, address].into_iter().filter_map(|part| part.rsplit_once('@')) {
            let Some((_, password)) = user.split_once(':') else { continue };
            hidden.extend([password.to_owned(), decoded(password)]);
        }
        for (key, value) in value.split([';', ' ', '&', '?']).filter_map(|part| part.split_once('=')) {
            if SECRET.iter().any(|word| key.to_ascii_lowercase().contains(word)) {
                hidden.push(value.trim_matches(['\'', '"', '{', '}']).to_owned());
            }
        }
    }
    hidden.retain(|word| !word.is_empty());
    // A word that is a part of another one would leave the rest of it.
    hidden.sort_by_key(|word| std::cmp::Reverse(word.len()));
    hidden.into()
}

/// The password of an address as it is written without escapes.
fn decoded(password: &str) -> String {
    let pair = format!("p={}", password.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_in_options_and_addresses_are_known() {
        let said = json!({"options": {
            "uri": "postgresql://u:p%40ss@host/db?sslpassword=hush",
            "adbc.x.auth_token": "tok",
            "username": "u",
            "dsn": "host=a password='quiet'",
            "n": 5,
        }});
        let hidden = hidden(&options(said.as_object().unwrap()).unwrap());
        for word in ["p%40ss", "p@ss", "hush", "tok", "quiet"] {
            assert!(hidden.iter().any(|known| known == word), "{word}: {hidden:?}");
        }
        assert!(!hidden.iter().any(|known| known == "u"), "{hidden:?}");
    }

    #[test]
    fn secrets_are_known_in_addresses_without_a_scheme_and_with_signs_of_their_own() {
        for address in [
            "root:hunter2@tcp(db:3306)/x",
            "root:hunter2@tcp(db:3306)/x?mail=a@b",
            "user:hunter2@account/db",
            "Driver={X};Server=tcp:db,1433;UID=u;PWD=hunter2",
            "Driver={X};Server=db;UID=u;Pwd={hunter2}",
            "mysql://u:hunter2@db/x?mail=a@b",
        ] {
            let hidden = hidden(&[("uri".to_owned(), OptionValue::from(address))]);
            assert!(hidden.iter().any(|known| known == "hunter2"), "{address}: {hidden:?}");
        }
        for (address, password) in [("root:p@ss@tcp(db)/x", "p@ss"), ("root:a/b@tcp(db)/x", "a/b")] {
            let hidden = hidden(&[("uri".to_owned(), OptionValue::from(address))]);
            assert_eq!(hidden[0], password, "{address}");
        }
    }

    #[test]
    fn options_of_other_forms_are_refused() {
        for wrong in [json!({"options": []}), json!({"options": {"a": {}}})] {
            assert_eq!(options(wrong.as_object().unwrap()).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
