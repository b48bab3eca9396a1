//! A schema of one's own on the test server, and a destination that points at it.

use airbyte_sql_read::{Dataset, Destination, StreamSpec};
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use serde_json::{Value, json};
use tokio_postgres::{Client, Config, NoTls};

const POSTGRES_URL: &str = "AIRBYTE_TEST_POSTGRES_URL";

/// A schema on the test server, made anew for one test.
pub(crate) struct Schema {
    pub(crate) client: Client,
    pub(crate) name: String,
    config: Config,
}

impl Schema {
    /// A schema of this name.
    pub(crate) async fn new(name: &str) -> Self {
        Self::on(POSTGRES_URL, name).await
    }

    /// A schema of this name on the server that the variable tells.
    pub(crate) async fn on(variable: &str, name: &str) -> Self {
        let url = std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: run the tests with `cargo xtask test`"));
        let config: Config = url.parse().unwrap();
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let schema = Self { client, name: name.to_owned(), config };
        schema
            .run(&format!(
                "drop schema if exists {name} cascade; create schema {name}; set search_path = {name}"
            ))
            .await;
        schema
    }

    /// Runs statements; unqualified names are in the schema.
    pub(crate) async fn run(&self, statements: &str) {
        self.client.batch_execute(statements).await.unwrap();
    }

    /// The configuration of a destination that writes into the schema.
    pub(crate) fn configuration(&self) -> Value {
        let host = match &self.config.get_hosts()[0] {
            tokio_postgres::config::Host::Tcp(host) => host.clone(),
            other @ tokio_postgres::config::Host::Unix(_) => {
                panic!("the test server is reached over TCP, not {other:?}")
            }
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

    /// The server's address, for somebody else.
    #[cfg(feature = "adbc")]
    pub(crate) fn url_with(user: &str, password: &str) -> String {
        let url = std::env::var(POSTGRES_URL).unwrap();
        let (_, place) = url.split_once('@').unwrap();
        format!("postgres://{user}:{password}@{place}")
    }

    /// That configuration with some fields changed.
    pub(crate) fn configuration_with(&self, changes: &Value) -> Value {
        let mut configuration = self.configuration();
        for (name, value) in changes.as_object().unwrap() {
            configuration[name] = value.clone();
        }
        configuration
    }

    /// A destination with that configuration.
    pub(crate) fn destination(&self) -> Destination {
        destination("postgres", &self.configuration())
    }

    /// The stream of this name.
    pub(crate) async fn dataset(&self, stream: &str) -> Dataset {
        self.destination().connect().await.unwrap().dataset(&StreamSpec::new(stream)).await.unwrap()
    }
}

/// A destination of the API's form.
pub(crate) fn destination(kind: &str, configuration: &Value) -> Destination {
    Destination::from_json(&json!({"destinationType": kind, "configuration": configuration})).unwrap()
}

/// The server whose settings tests change and which they crash.
pub(crate) const SPARE_URL: &str = "AIRBYTE_TEST_POSTGRES_SPARE_URL";

/// Tests that do so, do it one after the other.
pub(crate) static SPARE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A column's values as text, `NULL` for NULL.
pub(crate) fn shown(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    let options = FormatOptions::new().with_null("NULL").with_display_error(false);
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
    (0..column.len()).map(|row| formatter.value(row).try_to_string().unwrap()).collect()
}
