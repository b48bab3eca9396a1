//! The connectors whose names and data this crate knows.

use serde::{Deserialize, Serialize};

/// The destinations that this crate knows. Those without an engine of their own are read through a driver (feature
/// `adbc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DestinationKind {
    /// BigQuery (feature `bigquery`).
    BigQuery,
    /// ClickHouse; names alone, rows through a driver.
    ClickHouse,
    /// Databricks; names alone, rows through a driver.
    Databricks,
    /// DuckDB (feature `duckdb`).
    DuckDb,
    /// MotherDuck (feature `duckdb`).
    MotherDuck,
    /// Microsoft SQL Server; names alone, rows through a driver.
    MsSql,
    /// MySQL; names alone, rows through a driver.
    MySql,
    /// PostgreSQL (feature `postgres`).
    Postgres,
    /// Amazon Redshift (feature `postgres`, whose wire it speaks).
    Redshift,
    /// Snowflake (feature `snowflake`).
    Snowflake,
    /// SQLite (feature `sqlite`).
    Sqlite,
}

/// Fields in a configuration, the outer one first.
type Path = &'static [&'static str];

/// The ways through an SSH tunnel, the same in every connector that has them. The passphrase is ours alone.
const TUNNEL: [Path; 3] = [
    &["tunnel_method", "ssh_key"],
    &["tunnel_method", "ssh_key_passphrase"],
    &["tunnel_method", "tunnel_user_password"],
];

impl DestinationKind {
    /// All of them, by name.
    pub const ALL: [Self; 11] = [
        Self::BigQuery,
        Self::ClickHouse,
        Self::Databricks,
        Self::DuckDb,
        Self::MotherDuck,
        Self::MsSql,
        Self::MySql,
        Self::Postgres,
        Self::Redshift,
        Self::Snowflake,
        Self::Sqlite,
    ];

    /// The name that the API uses (`destinationType`).
    pub fn name(self) -> &'static str {
        match self {
            Self::BigQuery => "bigquery",
            Self::ClickHouse => "clickhouse",
            Self::Databricks => "databricks",
            Self::DuckDb => "duckdb",
            Self::MotherDuck => "motherduck",
            Self::MsSql => "mssql",
            Self::MySql => "mysql",
            Self::Postgres => "postgres",
            Self::Redshift => "redshift",
            Self::Snowflake => "snowflake",
            Self::Sqlite => "sqlite",
        }
    }

    /// The id of its connector definition (`definitionId`), by which the API tells it where it has no name for it.
    pub fn definition_id(self) -> &'static str {
        match self {
            Self::BigQuery => "22f6c74f-5699-40ff-833c-4a879ea40133",
            Self::ClickHouse => "ce0d828e-1dc4-496c-b122-2da42e637e48",
            Self::Databricks => "072d5540-f236-4294-ba7c-ade8fd918496",
            Self::DuckDb => "94bd199c-2ff0-4aa2-b98e-17f0acb72610",
            Self::MotherDuck => "042ee9b5-eb98-4e99-a4e5-3f0d573bee66",
            Self::MsSql => "d4353156-9217-4cad-8dd7-c108fd4f74cf",
            Self::MySql => "ca81ee7c-3163-4246-af40-094cc31e5e42",
            Self::Postgres => "25c5221d-dce2-4163-ade9-739ef790f503",
            Self::Redshift => "f7a7d195-377f-cf5b-70a5-be6b819019dc",
            Self::Snowflake => "424892c4-daac-4491-b35d-c6688ba547ba",
            Self::Sqlite => "b76be0a6-27dc-4560-95f6-2623da0bd7b6",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The one that this connector definition belongs to.
    pub(crate) fn defined_by(definition_id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.definition_id() == definition_id)
    }

    /// A name as its SQL quotes it.
    pub(crate) fn quoted(self, name: &str) -> String {
        match self {
            Self::BigQuery | Self::ClickHouse => {
                format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
            }
            Self::Databricks | Self::MySql => format!("`{}`", name.replace('`', "``")),
            Self::MsSql => format!("[{}]", name.replace(']', "]]")),
            Self::DuckDb
            | Self::MotherDuck
            | Self::Postgres
            | Self::Redshift
            | Self::Snowflake
            | Self::Sqlite => crate::scan::quoted(name),
        }
    }

    /// Where its secrets are.
    pub(crate) fn secrets(self) -> Vec<Path> {
        let own: &[Path] = match self {
            Self::BigQuery => &[&["credentials_json"]],
            Self::ClickHouse | Self::MySql | Self::Redshift => &[&["password"]],
            Self::Databricks => {
                &[&["authentication", "secret"], &["authentication", "personal_access_token"]]
            }
            Self::DuckDb | Self::MotherDuck => &[&["motherduck_api_key"]],
            Self::MsSql => &[&["password"], &["ssl_method", "trustStorePassword"]],
            Self::Postgres => &[
                &["password"],
                &["ssl_mode", "ca_certificate"],
                &["ssl_mode", "client_certificate"],
                &["ssl_mode", "client_key"],
                &["ssl_mode", "client_key_password"],
            ],
            Self::Snowflake => &[
                &["password"],
                &["credentials", "password"],
                &["credentials", "private_key"],
                &["credentials", "private_key_password"],
                &["credentials", "client_secret"],
                &["credentials", "access_token"],
                &["credentials", "refresh_token"],
            ],
            Self::Sqlite => &[],
        };
        let tunnelled =
            matches!(self, Self::ClickHouse | Self::MsSql | Self::MySql | Self::Postgres | Self::Redshift);
        own.iter().chain(TUNNEL.iter().filter(|_| tunnelled)).copied().collect()
    }
}
