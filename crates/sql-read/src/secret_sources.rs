//! Where secrets can come from besides the environment, and several places in turn.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::secret::{SecretField, SecretResolver};

/// Places that are asked in turn; the first that knows a secret gives it.
#[derive(Default)]
pub struct SecretChain {
    resolvers: Vec<Box<dyn SecretResolver>>,
}

impl SecretChain {
    /// Nobody to ask yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks this one if those before it do not know.
    #[must_use]
    pub fn then(mut self, resolver: impl SecretResolver + 'static) -> Self {
        self.resolvers.push(Box::new(resolver));
        self
    }
}

impl SecretResolver for SecretChain {
    fn secret(&self, field: &SecretField) -> Option<SecretString> {
        self.resolvers.iter().find_map(|resolver| resolver.secret(field))
    }
}

impl fmt::Debug for SecretChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretChain of {}", self.resolvers.len())
    }
}

/// Secrets from a JSON file in the form of a configuration, `{"password": ..., "ssl_mode": {"client_key": ...}}`, or of
/// several by their types, `{"postgres": {...}, "snowflake": {...}}`.
#[derive(Debug)]
pub struct FileSecrets {
    secrets: HashMap<String, SecretString>,
}

impl FileSecrets {
    /// Reads the file, once.
    ///
    /// # Errors
    /// `Io` if it cannot be read, `InvalidInput` if it is no JSON object.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(ErrorKind::Io, format!("the file of secrets {} cannot be read", path.display()))
                .with_source(error)
        })?;
        // The error of the parser tells the place and never the content.
        let object: Map<String, Value> = serde_json::from_str(&text).map_err(|error| {
            Error::invalid(format!("the file of secrets {} is no JSON object: {error}", path.display()))
        })?;
        let mut secrets = HashMap::new();
        flatten("", &object, &mut secrets);
        Ok(Self { secrets })
    }
}

/// Texts by their names, those inside of others with dots.
fn flatten(before: &str, object: &Map<String, Value>, secrets: &mut HashMap<String, SecretString>) {
    for (name, value) in object {
        let name = format!("{before}{name}");
        match value {
            Value::String(text) => drop(secrets.insert(name, SecretString::from(text.as_str()))),
            Value::Object(members) => flatten(&format!("{name}."), members, secrets),
            _ => {}
        }
    }
}

impl SecretResolver for FileSecrets {
    fn secret(&self, field: &SecretField) -> Option<SecretString> {
        let own = format!("{}.{}", field.destination_type(), field.name());
        self.secrets.get(&own).or_else(|| self.secrets.get(&field.name())).cloned()
    }
}

/// Secrets from a program, such as that of a password manager: it is run with its arguments, the destination's type and
/// the field's name, and prints the secret. One that fails does not know it.
#[derive(Clone, Debug)]
pub struct CommandSecrets {
    program: OsString,
    arguments: Vec<OsString>,
}

impl CommandSecrets {
    /// A program, and what stands before the type and the field.
    pub fn new(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self { program: program.into(), arguments: arguments.into_iter().map(Into::into).collect() }
    }
}

impl SecretResolver for CommandSecrets {
    fn secret(&self, field: &SecretField) -> Option<SecretString> {
        let output = Command::new(&self.program)
            .args(&self.arguments)
            .args([field.destination_type(), &field.name()])
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(output) if output.status.success() => {
                let text = String::from_utf8(output.stdout).ok()?;
                // Programs end what they print with a line's end; keys have such ends inside as well.
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let text = text.strip_suffix('\r').unwrap_or(text);
                (!text.is_empty()).then(|| SecretString::from(text))
            }
            Ok(output) => {
                tracing::warn!(program = ?self.program, status = %output.status, "no secret came");
                None
            }
            Err(error) => {
                tracing::warn!(program = ?self.program, %error, "the program could not be started");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn ask(resolver: &dyn SecretResolver, kind: &str, path: &[&str]) -> Option<String> {
        resolver.secret(&SecretField::new(kind, path)).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn a_file_knows_secrets_by_field_and_by_type() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            &file,
            r#"{"password": "all", "ssl_mode": {"client_key": "k"}, "snowflake": {"password": "s"}, "port": 5}"#,
        )
        .unwrap();
        let secrets = FileSecrets::open(file.path()).unwrap();
        assert_eq!(ask(&secrets, "postgres", &["password"]).as_deref(), Some("all"));
        assert_eq!(ask(&secrets, "snowflake", &["password"]).as_deref(), Some("s"));
        assert_eq!(ask(&secrets, "postgres", &["ssl_mode", "client_key"]).as_deref(), Some("k"));
        assert_eq!(ask(&secrets, "postgres", &["port"]), None);
        assert!(!format!("{secrets:?}").contains("all"), "{secrets:?}");
        std::fs::write(&file, "[\"hunter2\"").unwrap();
        let error = FileSecrets::open(file.path()).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_asked_by_type_and_field() {
        let echo = CommandSecrets::new("sh", ["-c", "printf '%s of %s\\nend\\n' \"$2\" \"$1\"", "sh"]);
        assert_eq!(ask(&echo, "postgres", &["password"]).as_deref(), Some("password of postgres\nend"));
        assert_eq!(ask(&CommandSecrets::new("false", [""; 0]), "postgres", &["password"]), None);
        assert_eq!(ask(&CommandSecrets::new("/no/such/program", [""; 0]), "postgres", &["password"]), None);
    }

    #[test]
    fn the_first_who_knows_gives_the_secret() {
        let known = |name: &str, value: &str| HashMap::from([(name.to_owned(), SecretString::from(value))]);
        let chain = SecretChain::new().then(known("a", "1")).then(known("b", "2")).then(known("a", "3"));
        assert_eq!(ask(&chain, "postgres", &["a"]).as_deref(), Some("1"));
        assert_eq!(ask(&chain, "postgres", &["b"]).as_deref(), Some("2"));
        assert_eq!(ask(&chain, "postgres", &["c"]), None);
    }
}
