//! SSH tunnels: one SSH session, and a channel of it for each connection to the database.
//!
//! A destination's configuration has no place for the key of the SSH server. So it is compared with what the
//! destination file says (`tunnel_method.tunnel_host_key`, `tunnel_method.tunnel_known_hosts`): then a server that is
//! not known is refused. Else it is compared with the user's `~/.ssh/known_hosts`, and a server that is not in there is
//! taken as it is, with a warning; its fingerprint is in the log.

use std::path::Path;
use std::sync::{Arc, Mutex as Slot, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::known_hosts::{known_host_keys, known_host_keys_path};
use russh::keys::ssh_key::{Fingerprint, HashAlg};
use russh::keys::{
    Algorithm, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate, decode_secret_key,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::settings::parse_port;
use super::socket::Way;
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};

/// A silent SSH server is given up after three of these.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How to get through.
pub(super) struct Tunnel {
    host: String,
    port: u16,
    user: String,
    secret: Secret,
    host_key: HostKey,
    live: Mutex<Option<Arc<Handle<Checker>>>>,
}

/// What is known of the server's own key.
#[derive(Clone)]
enum HostKey {
    Unknown,
    OneOf(Vec<PublicKey>),
    Fingerprint(Fingerprint),
}

impl HostKey {
    fn parse(text: &str) -> Result<Self> {
        let parsed = if text.starts_with("SHA256:") {
            text.trim().parse().map(Self::Fingerprint)
        } else {
            PublicKey::from_openssh(text).map(|key| Self::OneOf(vec![key]))
        };
        parsed.map_err(|_| {
            Error::invalid("`tunnel_host_key` is neither a public key of SSH nor a fingerprint").with_hint(
                "write it as `ssh-keyscan` prints it, without the name: `ssh-ed25519 AAAA...`, or as `SHA256:...`",
            )
        })
    }

    fn is(&self, key: &PublicKey) -> bool {
        match self {
            Self::Unknown => true,
            Self::OneOf(known) => known.iter().any(|known| known.key_data() == key.key_data()),
            Self::Fingerprint(known) => key.fingerprint(known.algorithm()) == *known,
        }
    }
}

enum Secret {
    Key(Arc<PrivateKey>),
    Password(SecretString),
}

impl Tunnel {
    /// Reads `tunnel_method`.
    pub(super) fn new(destination: &Destination, warnings: &mut Vec<String>) -> Result<Option<Self>> {
        let Some(method) = destination.field("tunnel_method") else { return Ok(None) };
        let text = |name: &str| method.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let required = |name: &str| {
            text(name)
                .ok_or_else(|| Error::invalid(format!("`tunnel_method` of the destination lacks `{name}`")))
        };
        let secret = match text("tunnel_method") {
            None | Some("NO_TUNNEL") => return Ok(None),
            Some("SSH_KEY_AUTH") => {
                Secret::Key(Arc::new(key(required("ssh_key")?, text("ssh_key_passphrase"))?))
            }
            Some("SSH_PASSWORD_AUTH") => {
                Secret::Password(SecretString::from(required("tunnel_user_password")?))
            }
            Some(other) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("the destination is behind a tunnel of the kind `{other}`"),
                )
                .with_hint("SSH_KEY_AUTH and SSH_PASSWORD_AUTH are known here"));
            }
        };
        let host = required("tunnel_host")?.to_owned();
        let port = match method.get("tunnel_port").filter(|port| !port.is_null()) {
            None => 22,
            Some(port) => parse_port(port)
                .ok_or_else(|| Error::invalid(format!("`tunnel_port` is {port}, which is none")))?,
        };
        let user = required("tunnel_user")?.to_owned();
        let host_key = match (text("tunnel_host_key"), text("tunnel_known_hosts")) {
            (Some(key), _) => HostKey::parse(key)?,
            (None, file) => known(&host, port, file.map(Path::new))?,
        };
        if matches!(host_key, HostKey::Unknown) {
            warnings.push(format!(
                "the SSH server {host}:{port} of the tunnel is in no known_hosts file, so nothing tells whether it is the \
                 right one; connect to it once by `ssh`, or give its key as `tunnel_host_key`"
            ));
        }
        Ok(Some(Self { host, port, user, secret, host_key, live: Mutex::default() }))
    }

    /// A connection from the SSH server to this place.
    pub(super) async fn open(&self, host: &str, port: u16) -> Result<Way> {
        let session = self.session().await?;
        let channel = session
            .channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0)
            .await
            .map_err(|error| {
                self.failed(&format!("it does not connect to {host}:{port}: {error}")).with_hint(
                    "check host and port of the destination as they are seen from the SSH server, and that it allows forwarding",
                )
            })?;
        // The session lives as long as this tunnel, which every session of the database holds.
        Ok(Way::new(channel.into_stream()))
    }

    /// The session with the SSH server, opened anew if it has ended.
    async fn session(&self) -> Result<Arc<Handle<Checker>>> {
        let mut live = self.live.lock().await;
        if let Some(session) = live.as_ref().filter(|session| !session.is_closed()) {
            return Ok(session.clone());
        }
        let session = Arc::new(self.connect().await?);
        *live = Some(session.clone());
        Ok(session)
    }

    async fn connect(&self) -> Result<Handle<Checker>> {
        let mut config =
            client::Config { keepalive_interval: Some(KEEP_ALIVE), nodelay: true, ..Default::default() };
        if let HostKey::OneOf(keys) = &self.host_key {
            // A server has keys of several kinds, and only the known ones tell something.
            let known = |kind: &Algorithm| {
                keys.iter().any(|key| {
                    key.algorithm() == *kind
                        || (key.algorithm().is_rsa() && matches!(kind, Algorithm::Rsa { .. }))
                })
            };
            let kinds: Vec<_> = config.preferred.key.iter().filter(|kind| known(kind)).cloned().collect();
            config.preferred.key = kinds.into();
        }
        let refused = Arc::new(Slot::new(None));
        let checker = Checker { expected: self.host_key.clone(), refused: refused.clone() };
        let connected = client::connect(Arc::new(config), (self.host.as_str(), self.port), checker).await;
        let mut session = connected.map_err(|error| {
            let refused = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
            match refused {
                Some(fingerprint) => self.failed(&format!(
                    "its key {fingerprint} is not the one that is known; somebody may be listening in"
                ))
                .with_hint("if the server has a new key, bring `tunnel_host_key` or the known_hosts file up to date"),
                None => self.failed(&error.to_string()),
            }
        })?;
        if self.authenticate(&mut session).await.map_err(|error| self.failed(&error.to_string()))? {
            return Ok(session);
        }
        let what = if matches!(self.secret, Secret::Key(_)) { "ssh_key" } else { "tunnel_user_password" };
        Err(self
            .failed(&format!("it refuses the user `{}`", self.user))
            .with_hint(format!("check `tunnel_user` and `{what}` of the destination's tunnel")))
    }

    async fn authenticate(&self, session: &mut Handle<Checker>) -> Result<bool, russh::Error> {
        match &self.secret {
            Secret::Key(key) => {
                let hash = if key.algorithm().is_rsa() {
                    session.best_supported_rsa_hash().await?.unwrap_or(Some(HashAlg::Sha256))
                } else {
                    None
                };
                let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
                Ok(session.authenticate_publickey(&self.user, key).await?.success())
            }
            Secret::Password(password) => {
                let password = password.expose_secret();
                match session.authenticate_password(&self.user, password).await? {
                    AuthResult::Success => Ok(true),
                    // Some servers ask for the password in words only.
                    AuthResult::Failure { remaining_methods, .. }
                        if remaining_methods.contains(&russh::MethodKind::KeyboardInteractive) =>
                    {
                        answer(session, &self.user, password).await
                    }
                    AuthResult::Failure { .. } => Ok(false),
                }
            }
        }
    }

    fn failed(&self, reason: &str) -> Error {
        Error::new(
            ErrorKind::Connect,
            format!("cannot use the SSH tunnel through {}:{}: {reason}", self.host, self.port),
        )
        .with_hint("check `tunnel_method` of the destination, and that this machine may reach its SSH server")
    }
}

/// Gives the password to a server that asks for it in words.
async fn answer(session: &mut Handle<Checker>, user: &str, password: &str) -> Result<bool, russh::Error> {
    let mut said = session.authenticate_keyboard_interactive_start(user, None).await?;
    loop {
        match said {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                let answers = prompts.iter().map(|_| password.to_owned()).collect();
                said = session.authenticate_keyboard_interactive_respond(answers).await?;
            }
        }
    }
}

/// The keys of a server in the user's file of known ones; or in this one, where it has to be.
fn known(host: &str, port: u16, file: Option<&Path>) -> Result<HostKey> {
    let keys = match file {
        Some(file) => known_host_keys_path(host, port, file),
        None => known_host_keys(host, port),
    };
    match keys {
        Ok(keys) if keys.is_empty() => match file {
            Some(file) => Err(Error::new(
                ErrorKind::Connect,
                format!("the SSH server {host}:{port} of the tunnel is not in {}", file.display()),
            )
            .with_hint("`ssh-keyscan` prints the line that is missing in the file of `tunnel_known_hosts`")),
            None => Ok(HostKey::Unknown),
        },
        Ok(keys) => Ok(HostKey::OneOf(keys.into_iter().map(|(_, key)| key).collect())),
        Err(russh::keys::Error::NoHomeDir) => Ok(HostKey::Unknown),
        Err(error) => {
            Err(Error::new(ErrorKind::Io, "the file of known SSH servers cannot be used").with_source(error))
        }
    }
}

fn key(pem: &str, passphrase: Option<&str>) -> Result<PrivateKey> {
    decode_secret_key(pem, passphrase).map_err(|error| {
        tracing::debug!(?error, "the SSH key cannot be used");
        match (error, passphrase) {
            (russh::keys::Error::KeyIsEncrypted, None) => {
                Error::invalid("`ssh_key` is encrypted, and its passphrase is not given").with_hint(
                    "Airbyte has no field for one: add `ssh_key_passphrase` to `tunnel_method` in a destination file",
                )
            }
            (_, Some(_)) => Error::invalid("`ssh_key` cannot be decrypted with `ssh_key_passphrase`"),
            (_, None) => Error::invalid("`ssh_key` is not a private key of OpenSSH or in PEM form"),
        }
    })
}

/// Looks at the key of the server.
struct Checker {
    expected: HostKey,
    /// The fingerprint of a key that was not the expected one.
    refused: Arc<Slot<Option<String>>>,
}

impl client::Handler for Checker {
    type Error = russh::Error;

    async fn check_server_key(&mut self, given: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = given else { return Ok(false) };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        if matches!(self.expected, HostKey::Unknown) {
            tracing::warn!(fingerprint, "the SSH server of the tunnel is not known and taken as it is");
        }
        let same = self.expected.is(key);
        if !same {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
        }
        Ok(same)
    }
}
