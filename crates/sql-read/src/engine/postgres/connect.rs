//! From a destination's configuration to a session that can only read.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls;
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};

/// How long connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long a read waits for a table that somebody else has locked.
const LOCK_LIMIT: &str = "60s";

/// How the server is reached. Holds the password, so it does not show itself.
pub(super) struct Settings {
    config: Config,
    encryption: Encryption,
}

/// What `ssl_mode` asks for.
enum Encryption {
    Never,
    /// Without first, with TLS if the server insists.
    IfInsisted(MakeRustlsConnect),
    /// With TLS if the server can.
    IfOffered(MakeRustlsConnect),
    Always(MakeRustlsConnect),
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings")
    }
}

impl Settings {
    /// Reads the configuration; also tells what of it has no effect here.
    pub(super) fn new(destination: &Destination) -> Result<(Self, Vec<String>)> {
        let tunnel = destination.field("tunnel_method").and_then(|method| method["tunnel_method"].as_str());
        if tunnel.is_some_and(|tunnel| tunnel != "NO_TUNNEL") {
            return Err(Error::new(ErrorKind::Unsupported, "the destination is behind an SSH tunnel")
                .with_hint(
                    "open the tunnel yourself (ssh -L) and point a destination file at its local end",
                ));
        }
        let port = match destination.field("port") {
            None => 5432,
            Some(port) => port
                .as_u64()
                .or_else(|| port.as_str()?.parse().ok())
                .and_then(|port| u16::try_from(port).ok())
                .ok_or_else(|| Error::invalid(format!("`port` is {port}, which is none")))?,
        };
        let mut config = Config::new();
        config
            .host(destination.required_text("host")?)
            .port(port)
            .dbname(destination.required_text("database")?)
            .user(destination.required_text("username")?)
            .application_name("airbyte-sql-read")
            .connect_timeout(CONNECT_LIMIT)
            // A peer that has gone silent is given up after a minute.
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3)
            .options(format!(
                "-c default_transaction_read_only=on -c standard_conforming_strings=on -c lock_timeout={LOCK_LIMIT} \
                 -c extra_float_digits=3 -c DateStyle=ISO -c IntervalStyle=iso_8601"
            ));
        if let Some(password) = destination.field("password").and_then(Value::as_str) {
            config.password(password);
        }
        let mut warnings = Vec::new();
        parameters(destination, &mut config, &mut warnings);
        let encryption = encryption(destination)?;
        Ok((Self { config, encryption }, warnings))
    }

    /// A new session.
    pub(super) async fn connect(&self) -> Result<Session> {
        match &self.encryption {
            Encryption::Never => self.plain().await,
            Encryption::IfInsisted(tls) => match self.plain().await {
                Err(error) if error.kind() == ErrorKind::Connect => {
                    self.encrypted(tls, SslMode::Require).await.map_err(|_| error)
                }
                connected => connected,
            },
            Encryption::IfOffered(tls) => self.encrypted(tls, SslMode::Prefer).await,
            Encryption::Always(tls) => self.encrypted(tls, SslMode::Require).await,
        }
    }

    async fn plain(&self) -> Result<Session> {
        let mut config = self.config.clone();
        config.ssl_mode(SslMode::Disable);
        let (client, connection) = config.connect(NoTls).await.map_err(|error| self.refused(error))?;
        tokio::spawn(connection);
        Ok(Session { client, tls: None })
    }

    async fn encrypted(&self, tls: &MakeRustlsConnect, mode: SslMode) -> Result<Session> {
        let mut config = self.config.clone();
        config.ssl_mode(mode);
        let (client, connection) = config.connect(tls.clone()).await.map_err(|error| self.refused(error))?;
        tokio::spawn(connection);
        Ok(Session { client, tls: Some(tls.clone()) })
    }

    fn refused(&self, error: tokio_postgres::Error) -> Error {
        let place = format!("{}:{}", self.host(), self.config.get_ports().first().copied().unwrap_or(5432));
        let reason = match error.as_db_error() {
            Some(server) => server.message().to_owned(),
            None => std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
        };
        let hint = if error.as_db_error().is_some() {
            "check username, password and database of the destination"
        } else {
            "check host, port and ssl_mode of the destination, and that this machine may reach it"
        };
        Error::new(ErrorKind::Connect, format!("cannot connect to PostgreSQL at {place}: {reason}"))
            .with_hint(hint)
            .with_source(error)
    }

    fn host(&self) -> String {
        match self.config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
            _ => "a socket".to_owned(),
        }
    }
}

/// A connected session, and what it takes to cancel its query.
pub(super) struct Session {
    client: Client,
    tls: Option<MakeRustlsConnect>,
}

impl std::ops::Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Session {
    /// Asks the server to end what the session is doing. Best effort: nobody waits for the answer.
    pub(super) async fn cancel(self) {
        let token = self.client.cancel_token();
        let asked = match self.tls {
            None => token.cancel_query(NoTls).await,
            Some(tls) => token.cancel_query(tls).await,
        };
        if let Err(error) = asked {
            tracing::debug!(%error, "the query could not be cancelled");
        }
    }
}

fn encryption(destination: &Destination) -> Result<Encryption> {
    let mode = destination.field("ssl_mode").and_then(|mode| mode["mode"].as_str());
    let wanted = destination.field("ssl").and_then(Value::as_bool);
    let mode = match (mode, wanted) {
        (Some(mode), _) => mode,
        (None, Some(true)) => "require",
        (None, Some(false)) => "disable",
        (None, None) => "prefer",
    };
    Ok(match mode {
        "disable" => Encryption::Never,
        "allow" => Encryption::IfInsisted(tls::unverified(destination)?),
        "prefer" => Encryption::IfOffered(tls::unverified(destination)?),
        "require" => Encryption::Always(tls::unverified(destination)?),
        "verify-ca" => Encryption::Always(tls::verified(destination, false)?),
        "verify-full" => Encryption::Always(tls::verified(destination, true)?),
        other => {
            return Err(Error::invalid(format!("`ssl_mode` is `{other}`, which is none of PostgreSQL's")));
        }
    })
}

/// The few JDBC parameters that mean the same here; all others are named in a warning.
fn parameters(destination: &Destination, config: &mut Config, warnings: &mut Vec<String>) {
    let Some(text) = destination.field("jdbc_url_params").and_then(Value::as_str) else { return };
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        match (name.as_ref(), value.parse::<u64>()) {
            ("connectTimeout" | "loginTimeout", Ok(seconds)) if seconds > 0 => {
                config.connect_timeout(Duration::from_secs(seconds));
            }
            ("tcpKeepAlive", _) => {
                config.keepalives(value == "true");
            }
            // What a reader has no use for, or says by itself.
            ("ApplicationName" | "readOnly" | "defaultRowFetchSize" | "reWriteBatchedInserts", _) => {}
            _ => warnings.push(format!("the JDBC parameter `{name}` of the destination has no effect here")),
        }
    }
}
