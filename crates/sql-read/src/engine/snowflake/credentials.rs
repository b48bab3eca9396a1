//! Who the reader says it is: password, key pair, OAuth, programmatic token, workload identity.

use serde_json::{Map, Value, json};

use super::key_pair::KeyPair;
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::without_secrets;

/// What proves who the user is. No variant may show itself.
pub(super) enum Credentials {
    Password(String),
    KeyPair(KeyPair),
    OAuth(OAuth),
    /// A programmatic access token.
    ProgrammaticToken(String),
    /// A token that somebody else (Kubernetes, a CI service) has put into a file and keeps fresh there.
    Workload {
        token_file: std::path::PathBuf,
    },
}

/// Tokens of an OAuth client.
pub(super) struct OAuth {
    pub access_token: Option<String>,
    /// What it takes to have a fresh one.
    pub renewal: Option<Renewal>,
}

/// What a fresh access token is asked for with.
pub(super) struct Renewal {
    pub client_id: String,
    pub client_secret: String,
    pub refresh_token: String,
}

impl Credentials {
    /// What the service says of signing in, without what it was told.
    pub(super) fn cleaned(&self, text: &str, access_token: Option<&str>) -> String {
        let own = match self {
            Self::Password(secret) | Self::ProgrammaticToken(secret) => vec![secret.as_str()],
            Self::OAuth(OAuth { renewal: Some(renewal), .. }) => {
                vec![renewal.client_secret.as_str(), renewal.refresh_token.as_str()]
            }
            // What is sent of these is made anew for each sign-in, and of no use a minute later.
            Self::OAuth(_) | Self::KeyPair(_) | Self::Workload { .. } => Vec::new(),
        };
        without_secrets(text, own.into_iter().chain(access_token))
    }

    /// Reads `credentials`. Which kind they are shows in the fields that are there: the names of the kinds differ
    /// between versions of the connector.
    pub(super) fn new(destination: &Destination) -> Result<Self> {
        let credentials = destination.field("credentials");
        let text = |name: &str| {
            let value = credentials.and_then(|credentials| credentials.get(name)).and_then(Value::as_str);
            value.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let kind = text("auth_type").unwrap_or_default().to_lowercase();
        if let Some(key) = text("private_key") {
            return Ok(Self::KeyPair(KeyPair::new(&key, text("private_key_password").as_deref())?));
        }
        if let Some(file) = text("token_file_path") {
            return Ok(Self::Workload { token_file: file.into() });
        }
        if let Some(provider) = text("provider") {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the workload identity of {provider} cannot be used to sign in from here"),
            )
            .with_hint("use a key pair, or OIDC with `token_file_path`"));
        }
        if kind.contains("programmatic") {
            let token = text("access_token").or_else(|| text("token"));
            return token.map(Self::ProgrammaticToken).ok_or_else(|| lacking("access_token"));
        }
        let access_token = text("access_token");
        let renewal = match (text("client_id"), text("client_secret"), text("refresh_token")) {
            (Some(client_id), Some(client_secret), Some(refresh_token)) => {
                Some(Renewal { client_id, client_secret, refresh_token })
            }
            _ => None,
        };
        if access_token.is_some() || renewal.is_some() {
            return Ok(Self::OAuth(OAuth { access_token, renewal }));
        }
        // Very old configurations have the password beside `username`.
        let outer = destination.field("password").and_then(Value::as_str).map(str::to_owned);
        match text("password").or(outer).filter(|password| !password.is_empty()) {
            Some(password) => Ok(Self::Password(password)),
            None => Err(lacking(match kind.as_str() {
                kind if kind.contains("key") => "private_key",
                kind if kind.contains("oauth") => "access_token",
                _ => "password",
            })),
        }
    }

    /// Whether the user has to be named: tokens of others name it themselves.
    pub(super) fn need_a_user(&self) -> bool {
        matches!(self, Self::Password(_) | Self::KeyPair(_))
    }

    /// Whether a program rather than a person holds them: what a hint is about when they are refused.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Password(_) => {
                "check host, username and password of the destination; accounts that no longer take passwords want a key pair"
            }
            Self::KeyPair(_) => {
                "check that the public key is set for the user (ALTER USER ... SET RSA_PUBLIC_KEY), host and username, and that this machine's clock is right"
            }
            Self::OAuth(_) => "check access token, refresh token and client of the destination",
            Self::ProgrammaticToken(_) => {
                "check that the token has not expired, belongs to the user, and that a network policy lets it in"
            }
            Self::Workload { .. } => {
                "check that the token in the file is fresh and that the user trusts its issuer"
            }
        }
    }

    /// What the request to sign in holds. Made anew for each, because it may be good for minutes only.
    pub(super) fn proof(
        &self,
        account: &str,
        user: Option<&str>,
        access_token: Option<&str>,
    ) -> Result<Map<String, Value>> {
        let proof = match self {
            Self::Password(password) => json!({"AUTHENTICATOR": "SNOWFLAKE", "PASSWORD": password}),
            Self::KeyPair(key) => {
                let token = key.token(account, user.unwrap_or_default(), chrono::Utc::now())?;
                json!({"AUTHENTICATOR": "SNOWFLAKE_JWT", "TOKEN": token})
            }
            Self::OAuth(_) => json!({"AUTHENTICATOR": "OAUTH", "TOKEN": access_token}),
            Self::ProgrammaticToken(token) => {
                json!({"AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN", "TOKEN": token})
            }
            Self::Workload { token_file } => {
                let token = std::fs::read_to_string(token_file).map_err(|error| {
                    Error::new(
                        ErrorKind::Io,
                        format!("the token file {} cannot be read", token_file.display()),
                    )
                    .with_source(error)
                })?;
                json!({"AUTHENTICATOR": "WORKLOAD_IDENTITY", "PROVIDER": "OIDC", "TOKEN": token.trim()})
            }
        };
        match proof {
            Value::Object(proof) => Ok(proof),
            _ => Ok(Map::new()),
        }
    }
}

fn lacking(name: &str) -> Error {
    Error::invalid(format!("the credentials of this snowflake destination lack `{name}`")).with_hint(
        "one of password, private_key, access_token (OAuth or programmatic) or token_file_path is needed",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(credentials: &Value) -> Result<Credentials> {
        let form = json!({"destinationType": "snowflake", "configuration": {"credentials": credentials}});
        Credentials::new(&Destination::from_json(&form).unwrap())
    }

    #[test]
    fn the_fields_tell_the_kind() {
        let proof = |given: &Value| {
            Value::Object(credentials(given).unwrap().proof("ACME", Some("r"), Some("fresh")).unwrap())
        };
        assert_eq!(
            proof(&json!({"auth_type": "Username and Password", "password": "p"})),
            json!({"AUTHENTICATOR": "SNOWFLAKE", "PASSWORD": "p"})
        );
        assert_eq!(
            proof(&json!({"auth_type": "OAuth2.0", "access_token": "a"})),
            json!({"AUTHENTICATOR": "OAUTH", "TOKEN": "fresh"})
        );
        assert_eq!(
            proof(&json!({"auth_type": "Programmatic Access Token", "access_token": "a"})),
            json!({"AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN", "TOKEN": "a"})
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "t\n").unwrap();
        assert_eq!(
            proof(&json!({"token_file_path": file.path()})),
            json!({"AUTHENTICATOR": "WORKLOAD_IDENTITY", "PROVIDER": "OIDC", "TOKEN": "t"})
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for (given, missing) in [
            (json!({}), "`password`"),
            (json!({"auth_type": "Key Pair Authentication", "private_key": ""}), "`private_key`"),
            (json!({"auth_type": "OAuth2.0", "refresh_token": "r"}), "`access_token`"),
        ] {
            let error = credentials(&given).err().unwrap();
            assert!(error.to_string().contains(missing), "{error}");
        }
        let error = credentials(&json!({"provider": "AWS"})).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
