//! A schema of one's own on the test server, files, and what a query gives.

use std::sync::Arc;

use airbyte_datafusion::AirbyteTable;
use airbyte_sql_read::{Dataset, Destination, StreamSpec, Warehouse};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

/// A schema on the test server, made anew for one test.
pub(crate) struct Schema {
    pub(crate) client: Client,
    pub(crate) name: String,
    config: Config,
}

impl Schema {
    pub(crate) async fn new(name: &str) -> Self {
        let url = std::env::var("AIRBYTE_TEST_POSTGRES_URL").unwrap_or_else(|_| {
            panic!("AIRBYTE_TEST_POSTGRES_URL is not set: run the tests with `cargo xtask scale`")
        });
        let config: Config = url.parse().unwrap();
        let schema = Self { client: connect(&config).await, name: format!("datafusion_{name}"), config };
        let name = &schema.name;
        schema
            .run(&format!(
                "drop schema if exists {name} cascade; create schema {name}; set search_path = {name}"
            ))
            .await;
        schema
    }

    /// Another connection, in the same schema.
    pub(crate) async fn another(&self) -> Client {
        let client = connect(&self.config).await;
        client.batch_execute(&format!("set search_path = {}", self.name)).await.unwrap();
        client
    }

    /// Runs statements; unqualified names are in the schema.
    pub(crate) async fn run(&self, statements: &str) {
        self.client.batch_execute(statements).await.unwrap();
    }

    /// A destination that writes into the schema.
    pub(crate) fn configuration(&self) -> Value {
        let tokio_postgres::config::Host::Tcp(host) = &self.config.get_hosts()[0] else {
            panic!("the test server is reached over TCP")
        };
        json!({
            "host": host,
            "port": self.config.get_ports()[0],
            "database": self.config.get_dbname().unwrap(),
            "schema": self.name,
            "username": self.config.get_user().unwrap(),
            "password": String::from_utf8(self.config.get_password().unwrap_or_default().to_vec()).unwrap(),
            "ssl_mode": {"mode": "disable"},
        })
    }

    pub(crate) async fn warehouse(&self) -> Warehouse {
        destination("postgres", &self.configuration()).connect().await.unwrap()
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn destination(kind: &str, configuration: &Value) -> Destination {
    Destination::from_json(&json!({"destinationType": kind, "configuration": configuration})).unwrap()
}

/// A SQLite file that these statements have made.
pub(crate) struct File {
    folder: TempDir,
    pub(crate) connection: rusqlite::Connection,
}

impl File {
    pub(crate) fn new(statements: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("out.db")).unwrap();
        connection.execute_batch(statements).unwrap();
        Self { folder, connection }
    }

    pub(crate) async fn warehouse(&self) -> Warehouse {
        let path = self.folder.path().join("out.db");
        destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap()
    }
}

pub(crate) async fn dataset(warehouse: &Warehouse, stream: &str) -> Dataset {
    warehouse.dataset(&StreamSpec::new(stream)).await.unwrap()
}

/// A stream's table.
pub(crate) async fn table(warehouse: &Warehouse, stream: &str) -> AirbyteTable {
    AirbyteTable::new(warehouse, dataset(warehouse, stream).await)
}

/// A session that wants four partitions, on whatever machine.
pub(crate) fn session() -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(4))
}

/// A session with this one table, `t`.
pub(crate) fn session_with(table: AirbyteTable) -> SessionContext {
    let context = session();
    context.register_table("t", Arc::new(table)).unwrap();
    context
}

/// What a query gives: a line for each row, values with `|` between them.
pub(crate) async fn lines(context: &SessionContext, query: &str) -> Vec<String> {
    shown(&context.sql(query).await.unwrap().collect().await.unwrap())
}

pub(crate) fn shown(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            lines.push(values.join("|"));
        }
    }
    lines
}

/// The plan of a query, as `explain` shows it.
pub(crate) async fn plan(context: &SessionContext, query: &str) -> String {
    lines(context, &format!("explain {query}")).await.join("\n")
}
