//! The `postgres` destination, as version 3 of its connector writes: typed columns, temporary tables, swaps.

mod table;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::{Client, Config, NoTls};

use self::table::{Layout, Table};
pub(crate) use self::writer::PostgresWriter;
use super::{DestinationError, StreamTarget, copy_text};
use crate::naming;

/// How the server is reached. Holds the password, so it does not show itself.
#[derive(Clone)]
pub(crate) struct Settings {
    config: Config,
    schema: String,
    /// Where raw tables go; `None`: the tables have a column a field.
    raw_schema: Option<String>,
    /// Whether rows that the source has deleted go.
    hard_deletes: bool,
    /// Whether a table that is dropped takes along what depends on it.
    cascades: bool,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Settings {
    pub(super) fn new(configuration: &Value) -> Result<Self, DestinationError> {
        let text = |name: &str| configuration.get(name).and_then(Value::as_str);
        let required = |name: &str| {
            text(name).ok_or_else(|| DestinationError::config(format!("the configuration lacks `{name}`")))
        };
        let mode = configuration.pointer("/ssl_mode/mode").and_then(Value::as_str).unwrap_or("disable");
        if !matches!(mode, "disable" | "allow" | "prefer") {
            return Err(DestinationError::config(format!(
                "the sandbox writes to PostgreSQL without TLS, and `ssl_mode` asks for `{mode}`"
            )));
        }
        let tunnel = configuration.pointer("/tunnel_method/tunnel_method").and_then(Value::as_str);
        if tunnel.is_some_and(|tunnel| tunnel != "NO_TUNNEL") {
            return Err(DestinationError::config("the sandbox opens no SSH tunnels"));
        }
        let port = configuration.get("port").and_then(Value::as_u64).unwrap_or(5432);
        let port =
            u16::try_from(port).map_err(|_| DestinationError::config(format!("{port} is not a port")))?;
        let mut config = Config::new();
        config
            .host(required("host")?)
            .port(port)
            .dbname(required("database")?)
            .user(required("username")?)
            .application_name("airbyte-sandbox")
            .connect_timeout(Duration::from_secs(10));
        if let Some(password) = text("password") {
            config.password(password);
        }
        let is_on = |name: &str| configuration.get(name).and_then(Value::as_bool).unwrap_or(false);
        let raw_schema = text("raw_data_schema").unwrap_or("airbyte_internal").to_owned();
        Ok(Self {
            config,
            schema: text("schema").unwrap_or("public").to_owned(),
            raw_schema: is_on("disable_type_dedupe").then_some(raw_schema),
            hard_deletes: text("cdc_deletion_mode") != Some("Soft delete"),
            cascades: is_on("drop_cascade"),
        })
    }

    pub(super) async fn connect(&self) -> Result<Client, DestinationError> {
        let (client, connection) = self.config.connect(NoTls).await.map_err(|error| {
            DestinationError::config(format!("cannot connect to PostgreSQL: {}", describe(&error)))
        })?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %describe(&error), "the connection to PostgreSQL ended");
            }
        });
        Ok(client)
    }

    pub(super) async fn writers(
        &self,
        streams: Vec<StreamTarget>,
    ) -> Result<Vec<Box<PostgresWriter>>, DestinationError> {
        let client = Arc::new(self.connect().await?);
        let names: Vec<_> = streams
            .iter()
            .map(|stream| {
                (stream.namespace.clone().unwrap_or_else(|| self.schema.clone()), stream.name.clone())
            })
            .collect();
        let (tables, layout) = match &self.raw_schema {
            None => (naming::postgres_tables(&names), Layout::Typed),
            Some(schema) => (naming::postgres_raw_tables(schema, &names), Layout::Raw),
        };
        let writers = streams.into_iter().zip(tables).map(|(stream, name)| {
            let table = Table::new(client.clone(), &stream, name, layout, self.cascades);
            Box::new(PostgresWriter::new(stream, table, self.hard_deletes))
        });
        Ok(writers.collect())
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn failed(error: &tokio_postgres::Error) -> DestinationError {
    DestinationError::transient(format!("PostgreSQL: {}", describe(error)))
}

/// The server's own words, which the driver keeps one level down.
fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => server.message().to_owned(),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
