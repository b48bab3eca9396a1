//! A schema of one's own on the test server, and the destination that it is.

use std::path::PathBuf;

use airbyte_sql_read::{Destination, Warehouse};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

pub(crate) struct Database {
    pub(crate) client: Client,
    pub(crate) schema: String,
    config: Config,
    folder: TempDir,
}

impl Database {
    /// A new schema, with what these statements make in it.
    pub(crate) async fn new(name: &str, statements: &str) -> Self {
        let url = std::env::var("AIRBYTE_TEST_POSTGRES_URL").unwrap_or_else(|_| {
            panic!("AIRBYTE_TEST_POSTGRES_URL is not set: run the tests with `cargo xtask scale`")
        });
        let config: Config = url.parse().unwrap();
        let schema = format!("ballista_{name}");
        let folder = tempfile::tempdir().unwrap();
        let database = Self { client: connect(&config).await, schema, config, folder };
        let schema = &database.schema;
        let made = format!(
            "drop schema if exists {schema} cascade; create schema {schema}; set search_path = {schema}; {statements}"
        );
        database.client.batch_execute(&made).await.unwrap();
        database
    }

    /// Another connection, in the same schema.
    pub(crate) async fn another(&self) -> Client {
        let client = connect(&self.config).await;
        client.batch_execute(&format!("set search_path = {}", self.schema)).await.unwrap();
        client
    }

    pub(crate) fn password(&self) -> String {
        String::from_utf8(self.config.get_password().unwrap_or_default().to_vec()).unwrap()
    }

    /// The destination as the API shows it: its password masked.
    fn masked(&self) -> Value {
        let tokio_postgres::config::Host::Tcp(host) = &self.config.get_hosts()[0] else {
            panic!("the test server is reached over TCP")
        };
        json!({ "destinationType": "postgres", "configuration": {
            "host": host,
            "port": self.config.get_ports()[0],
            "database": self.config.get_dbname().unwrap(),
            "schema": self.schema,
            "username": self.config.get_user().unwrap(),
            "password": "**********",
            "ssl_mode": {"mode": "disable"},
        }})
    }

    /// A file of it, for executors, which have the password from their environment.
    pub(crate) fn file(&self) -> PathBuf {
        let path = self.folder.path().join("pg.json");
        std::fs::write(&path, self.masked().to_string()).unwrap();
        path
    }

    pub(crate) async fn warehouse(&self) -> Warehouse {
        let mut destination = self.masked();
        destination["configuration"]["password"] = self.password().into();
        Destination::from_json(&destination).unwrap().connect().await.unwrap()
    }

    /// What the server itself answers, a line for each row, with `|` between values.
    pub(crate) async fn lines(&self, query: &str) -> Vec<String> {
        let rows = self.client.simple_query(query).await.unwrap();
        rows.iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => {
                    let values: Vec<&str> = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL")).collect();
                    Some(values.join("|"))
                }
                _ => None,
            })
            .collect()
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
