//! Secrets that Airbyte masks: who knows them.

use std::collections::HashMap;

use secrecy::SecretString;

/// A secret field of a destination whose value Airbyte does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretField {
    destination_type: String,
    path: Vec<String>,
}

impl SecretField {
    pub(crate) fn new(destination_type: &str, path: &[&str]) -> Self {
        Self {
            destination_type: destination_type.to_owned(),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
        }
    }

    /// The destination's type, `postgres` for instance.
    pub fn destination_type(&self) -> &str {
        &self.destination_type
    }

    /// The field's name in the configuration; a nested one with dots, `ssl_mode.client_key`.
    pub fn name(&self) -> String {
        self.path.join(".")
    }

    /// The environment variable that holds it: `AIRBYTE_SECRET_POSTGRES_PASSWORD`.
    ///
    /// Of a nested field only the last part counts, so that the name stays one that people guess.
    pub fn variable(&self) -> String {
        let field = self.path.last().map_or("", String::as_str);
        let upper = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_ascii_uppercase();
        format!("AIRBYTE_SECRET_{}_{}", upper(&self.destination_type), upper(field))
    }
}

/// The text of a server that was told these secrets, without them: as they are, and as JSON quotes them.
#[cfg(any(feature = "snowflake", feature = "postgres"))]
pub(crate) fn without_secrets<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        let quoted = serde_json::Value::from(secret).to_string();
        clean = clean.replace(&quoted[1..quoted.len() - 1], "***").replace(secret, "***");
    }
    clean
}

/// Somebody who knows secrets.
pub trait SecretResolver: Send + Sync {
    /// The secret, or `None` if it is not known.
    fn secret(&self, field: &SecretField) -> Option<SecretString>;
}

/// Secrets from the environment, by the names of [`SecretField::variable`].
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvSecrets;

impl SecretResolver for EnvSecrets {
    fn secret(&self, field: &SecretField) -> Option<SecretString> {
        std::env::var(field.variable()).ok().filter(|value| !value.is_empty()).map(SecretString::from)
    }
}

/// Secrets by the name of their field, as in `{"password": ...}`.
impl<S: std::hash::BuildHasher + Send + Sync> SecretResolver for HashMap<String, SecretString, S> {
    fn secret(&self, field: &SecretField) -> Option<SecretString> {
        self.get(&field.name()).cloned()
    }
}

impl<F> SecretResolver for F
where
    F: Fn(&SecretField) -> Option<SecretString> + Send + Sync,
{
    fn secret(&self, field: &SecretField) -> Option<SecretString> {
        self(field)
    }
}

/// Whether a value is a mask: it is never a secret.
pub(crate) fn is_mask(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'*')
}

/// The folder that `/local` stands for in paths of embedded databases (`AIRBYTE_LOCAL_ROOT`).
#[cfg(any(feature = "sqlite", feature = "duckdb"))]
pub(crate) fn local_root() -> std::path::PathBuf {
    std::env::var_os("AIRBYTE_LOCAL_ROOT").map_or_else(|| "/tmp/airbyte_local".into(), Into::into)
}

/// Where an emulator of BigQuery listens, as `host:port`.
#[cfg(feature = "bigquery")]
pub(crate) struct BigQueryEmulator {
    /// Catalogue and queries (`BIGQUERY_EMULATOR_HOST`).
    pub rest: Option<String>,
    /// Rows (`BIGQUERY_STORAGE_EMULATOR_HOST`).
    pub storage: Option<String>,
}

#[cfg(feature = "bigquery")]
pub(crate) fn bigquery_emulator() -> BigQueryEmulator {
    BigQueryEmulator {
        rest: variable("BIGQUERY_EMULATOR_HOST"),
        storage: variable("BIGQUERY_STORAGE_EMULATOR_HOST"),
    }
}

/// How many bytes a query of BigQuery may be billed for (`AIRBYTE_BIGQUERY_MAXIMUM_BYTES_BILLED`).
#[cfg(feature = "bigquery")]
pub(crate) fn bigquery_maximum_bytes_billed() -> Option<String> {
    variable("AIRBYTE_BIGQUERY_MAXIMUM_BYTES_BILLED")
}

/// A variable of the environment; an empty one counts as none.
#[cfg(feature = "bigquery")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The path of DuckDB's library, where it is not in a usual place (`AIRBYTE_LIBDUCKDB`).
#[cfg(feature = "duckdb")]
pub(crate) fn libduckdb() -> Option<std::path::PathBuf> {
    std::env::var_os("AIRBYTE_LIBDUCKDB").filter(|path| !path.is_empty()).map(Into::into)
}

/// Whether the tests have to do without a part, which was said (`AIRBYTE_TEST_SKIP_...`).
#[cfg(all(test, feature = "duckdb"))]
pub(crate) fn is_skipped(part: &str) -> bool {
    std::env::var_os(format!("AIRBYTE_TEST_SKIP_{part}")).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_named_after_type_and_field() {
        assert_eq!(
            SecretField::new("postgres", &["password"]).variable(),
            "AIRBYTE_SECRET_POSTGRES_PASSWORD"
        );
        assert_eq!(
            SecretField::new("postgres", &["ssl_mode", "client_key"]).variable(),
            "AIRBYTE_SECRET_POSTGRES_CLIENT_KEY"
        );
        assert_eq!(SecretField::new("s3-data-lake", &["key"]).variable(), "AIRBYTE_SECRET_S3_DATA_LAKE_KEY");
    }

    #[test]
    fn every_run_of_asterisks_is_a_mask() {
        assert!(is_mask("**********") && is_mask("***"));
        assert!(!is_mask("") && !is_mask("*a*"));
    }
}
