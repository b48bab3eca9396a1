//! From a destination's configuration to a session.

use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::parameters::{self, Parameters};
use super::session::{Isolation, Session, Wire};
use super::socket::{Guarded, GuardedTls, Socket, TooLong, tcp};
use super::tls;
use super::tunnel::Tunnel;
use crate::destination::Destination;
use crate::destination_kind::DestinationKind;
use crate::error::{Error, ErrorKind, Result};
use crate::scan::quoted_text;
use crate::secret::without_secrets;

/// How long connecting may take, unless the configuration says something else.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long a read waits for a table that somebody else has locked, unless the configuration says something else.
const LOCK_LIMIT: &str = "60s";
/// Connections that are kept for the next session.
const IDLE_LIMIT: usize = 4;

/// How the server is reached, and how its sessions are set. Holds the password, so it does not show itself.
pub(in crate::engine) struct Settings {
    kind: DestinationKind,
    config: Config,
    host: String,
    port: u16,
    keep_alive: bool,
    connect_limit: Duration,
    longest_silence: Option<Duration>,
    tunnel: Option<Tunnel>,
    encryption: Encryption,
    /// Statements that follow `begin`.
    set: String,
    /// Connections that nobody uses.
    idle: Mutex<Vec<Wire>>,
}

/// What `ssl_mode` asks for.
enum Encryption {
    Never,
    /// Without first, with TLS if that is refused.
    IfInsisted(MakeRustlsConnect),
    /// With TLS first, without if that is refused.
    IfPossible(MakeRustlsConnect),
    Always(MakeRustlsConnect),
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings")
    }
}

impl Settings {
    /// Reads the configuration; also tells what of it has no effect here.
    pub(in crate::engine) fn new(destination: &Destination) -> Result<(Self, Vec<String>)> {
        let kind = destination.kind();
        let text = |name: &str| destination.field(name).and_then(Value::as_str);
        let mut parameters = parameters::parse(text("jdbc_url_params").unwrap_or_default())?;
        let mut warnings = std::mem::take(&mut parameters.warnings);
        let tunnel = Tunnel::new(destination, &mut warnings)?;
        let mut config = Config::new();
        config
            .dbname(destination.required_text("database")?)
            .user(destination.required_text("username")?)
            .application_name(parameters.application_name.as_deref().unwrap_or("airbyte-sql-read"));
        if let Some(password) = text("password") {
            config.password(password);
        }
        if let Some(negotiation) = parameters.negotiation {
            config.ssl_negotiation(negotiation);
        }
        if let Some(binding) = parameters.channel_binding {
            config.channel_binding(binding);
        }
        let settings = Self {
            kind,
            config,
            host: destination.required_text("host")?.to_owned(),
            port: port(destination, "port", if kind == DestinationKind::Redshift { 5439 } else { 5432 })?,
            keep_alive: parameters.keep_alive.unwrap_or(true),
            connect_limit: parameters.connect_limit.unwrap_or(CONNECT_LIMIT),
            longest_silence: parameters.longest_silence,
            tunnel,
            encryption: encryption(destination)?,
            set: set(kind, text("schema"), &parameters)?,
            idle: Mutex::default(),
        };
        Ok((settings, warnings))
    }

    /// What messages call the server.
    pub(super) fn product(&self) -> &'static str {
        if self.kind == DestinationKind::Redshift { "Redshift" } else { "PostgreSQL" }
    }

    pub(super) fn longest_silence(&self) -> Option<Duration> {
        self.longest_silence
    }

    /// The statements that open a transaction.
    pub(super) fn begin(&self, isolation: Isolation) -> String {
        let begin = match (self.kind, isolation) {
            // Every transaction there sees what was there when its first statement began.
            (DestinationKind::Redshift, _) => "begin read only",
            (_, Isolation::Statement) => "begin isolation level read committed read only",
            (_, Isolation::Transaction) => "begin isolation level repeatable read read only",
        };
        format!("{begin}{}", self.set)
    }

    /// A session in a transaction that can only read, over a connection that was used before if there is one.
    pub(in crate::engine) async fn session(self: &Arc<Self>, isolation: Isolation) -> Result<Session> {
        loop {
            let Some(wire) = self.idle().pop() else { break };
            if wire.client.is_closed() {
                continue;
            }
            let mut session = Session::new(wire, self.clone());
            // The server may have closed it meanwhile, which is no reason to give up.
            match session.begin(isolation).await {
                Err(error) if error.kind() == ErrorKind::BrokenConnection => {}
                begun => return begun.map(|()| session),
            }
        }
        let mut session = Session::new(self.connect().await?, self.clone());
        session.begin(isolation).await?;
        Ok(session)
    }

    /// Keeps a connection for the next session.
    pub(super) fn keep(&self, wire: Wire) {
        let mut idle = self.idle();
        if idle.len() < IDLE_LIMIT {
            idle.push(wire);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Wire>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection.
    async fn connect(&self) -> Result<Wire> {
        let connected = tokio::time::timeout(self.connect_limit, async {
            match &self.encryption {
                Encryption::Never => self.wire(None, SslMode::Disable).await,
                Encryption::IfInsisted(tls) => match self.wire(None, SslMode::Disable).await {
                    Err(error) if was_its_way(&error) => {
                        self.wire(Some(tls), SslMode::Require).await.map_err(|_| error)
                    }
                    connected => connected,
                },
                Encryption::IfPossible(tls) => match self.wire(Some(tls), SslMode::Prefer).await {
                    Err(error) if was_its_way(&error) => {
                        self.wire(None, SslMode::Disable).await.map_err(|_| error)
                    }
                    connected => connected,
                },
                Encryption::Always(tls) => self.wire(Some(tls), SslMode::Require).await,
            }
        });
        connected.await.unwrap_or_else(|_| {
            Err(self.unreachable(&format!("no answer within {} seconds", self.connect_limit.as_secs())))
        })
    }

    async fn wire(&self, tls: Option<&MakeRustlsConnect>, mode: SslMode) -> Result<Wire> {
        let mut config = self.config.clone();
        config.ssl_mode(mode);
        let too_long = TooLong::default();
        let socket = self.open(too_long.clone()).await?;
        let client = if let Some(tls) = tls {
            let connected = config.connect_raw(socket, self.tls(tls)?).await;
            let (client, connection) = connected.map_err(|error| self.refused(error))?;
            tokio::spawn(connection);
            client
        } else {
            let (client, connection) =
                config.connect_raw(socket, NoTls).await.map_err(|error| self.refused(error))?;
            tokio::spawn(connection);
            client
        };
        Ok(Wire { client, tls: tls.cloned(), too_long })
    }

    /// A connection to the server, through the tunnel if there is one.
    pub(super) async fn open(&self, too_long: TooLong) -> Result<Socket> {
        let stream = match &self.tunnel {
            Some(tunnel) => tunnel.open(&self.host, self.port).await?,
            None => tcp(&self.host, self.port, self.keep_alive)
                .await
                .map_err(|error| self.unreachable(&error.to_string()).with_source(error))?,
        };
        Ok(Guarded::new(stream, too_long))
    }

    /// TLS with this server.
    pub(super) fn tls(
        &self,
        make: &MakeRustlsConnect,
    ) -> Result<GuardedTls<<MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect>> {
        // It has no way to fail.
        MakeTlsConnect::<Socket>::make_tls_connect(&mut make.clone(), &self.host)
            .map(GuardedTls)
            .map_err(|_| self.unreachable("its name cannot be used for TLS"))
    }

    fn unreachable(&self, reason: &str) -> Error {
        let place = format!("{} at {}:{}", self.product(), self.host, self.port);
        Error::new(ErrorKind::Connect, format!("cannot connect to {place}: {reason}"))
            .with_hint("check host, port and ssl_mode of the destination, and that this machine may reach it")
    }

    pub(super) fn refused(&self, error: tokio_postgres::Error) -> Error {
        // Whoever is there was told the password, and may say it again.
        let password = self.config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
        if let Some(server) = error.as_db_error() {
            let said = format!("{server} {server:?}");
            let clean = without_secrets(server.message(), [password.as_ref()]);
            if said != without_secrets(&said, [password.as_ref()]) {
                return self
                    .unreachable(&clean)
                    .with_hint("check username, password, database and ssl_mode of the destination");
            }
        }
        let refused = if let Some(server) = error.as_db_error() {
            self.unreachable(server.message())
                .with_hint("check username, password, database and ssl_mode of the destination")
        } else {
            let source = std::error::Error::source(&error);
            self.unreachable(&source.map_or_else(|| error.to_string(), ToString::to_string))
        };
        refused.with_source(error)
    }
}

/// Whether a connection may have been refused for being encrypted, or for not being so; a wrong password is wrong either
/// way.
fn was_its_way(error: &Error) -> bool {
    let refused =
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<tokio_postgres::Error>());
    refused.is_some_and(|refused| {
        refused.code().is_none_or(|code| *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
    })
}

/// A port, as a number or as text.
pub(super) fn port(destination: &Destination, name: &str, usual: u16) -> Result<u16> {
    let Some(port) = destination.field(name) else { return Ok(usual) };
    parse_port(port).ok_or_else(|| Error::invalid(format!("`{name}` is {port}, which is none")))
}

pub(super) fn parse_port(port: &Value) -> Option<u16> {
    let number = port.as_u64().or_else(|| port.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|port| *port > 0)
}

/// The settings of a transaction as statements: first what the configuration may change, last what the decoder needs.
fn set(kind: DestinationKind, schema: Option<&str>, parameters: &Parameters) -> Result<String> {
    let mut settings = Vec::new();
    if kind != DestinationKind::Redshift {
        settings.push(("lock_timeout", LOCK_LIMIT));
    }
    let path = format!("{},public", schema.unwrap_or("public"));
    settings.push(("search_path", path.as_str()));
    settings.extend(parameters.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    settings.extend([("datestyle", "ISO"), ("timezone", "UTC")]);
    settings.extend(if kind == DestinationKind::Redshift {
        // More is not known there, and this is all that its doubles have.
        &[("extra_float_digits", "2")][..]
    } else {
        &[
            ("extra_float_digits", "3"),
            ("intervalstyle", "iso_8601"),
            ("bytea_output", "hex"),
            ("standard_conforming_strings", "on"),
        ]
    });
    let mut statements = String::new();
    for (name, value) in settings {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
        {
            return Err(Error::invalid(format!("the server has no setting `{name}`")));
        }
        // A path is several values, of which each is a name.
        let values: Result<Vec<String>> = if name.eq_ignore_ascii_case("search_path") {
            value.split(',').map(|name| quoted_text(name.trim().trim_matches('"'))).collect()
        } else {
            Ok(vec![quoted_text(value)?])
        };
        // Redshift has no settings of a transaction; there the session is nobody else's.
        let set = if kind == DestinationKind::Redshift { "set" } else { "set local" };
        let _ = write!(statements, "; {set} {name} to {}", values?.join(", "));
    }
    Ok(statements)
}

fn encryption(destination: &Destination) -> Result<Encryption> {
    let mode = destination.field("ssl_mode").and_then(|mode| mode["mode"].as_str());
    let wanted = destination.field("ssl").and_then(Value::as_bool);
    let mode = match (mode, wanted) {
        (Some(mode), _) => mode,
        (None, Some(true)) => "require",
        (None, Some(false)) => "disable",
        // Its configuration has no field for this: TLS is always on there.
        (None, None) if destination.kind() == DestinationKind::Redshift => "require",
        (None, None) => "prefer",
    };
    Ok(match mode {
        "disable" => Encryption::Never,
        "allow" => Encryption::IfInsisted(tls::unverified(destination)?),
        "prefer" => Encryption::IfPossible(tls::unverified(destination)?),
        "require" => Encryption::Always(tls::unverified(destination)?),
        "verify-ca" => Encryption::Always(tls::verified(destination, false)?),
        "verify-full" => Encryption::Always(tls::verified(destination, true)?),
        other => {
            return Err(Error::invalid(format!("`ssl_mode` is `{other}`, which is none of PostgreSQL's")));
        }
    })
}
