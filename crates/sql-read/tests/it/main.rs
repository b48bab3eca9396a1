//! Reads real databases: a PostgreSQL server that `cargo xtask test` starts, and SQLite files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "adbc")]
mod adbc;
mod bad_input;
#[cfg(feature = "bigquery")]
mod bigquery;
#[cfg(feature = "bigquery")]
mod bigquery_emulator;
#[cfg(feature = "bigquery")]
mod bigquery_reads;
mod by_name;
mod damaged_splits;
#[cfg(feature = "duckdb")]
mod duckdb;
#[cfg(feature = "duckdb")]
mod duckdb_files;
mod edge_values;
mod exports;
mod instants;
mod layouts;
mod names;
mod only_reads;
mod other_processes;
mod postgres;
mod postgres_pooler;
mod postgres_queries;
mod postgres_tls;
mod postgres_trust;
#[cfg(feature = "ssh")]
mod postgres_tunnel;
mod postgres_values;
mod quoting;
mod redshift;
mod refreshes;
#[cfg(feature = "snowflake")]
mod snowflake;
mod split_properties;
mod splits;
mod sqlite;
mod sqlite_queries;
mod summaries;
mod support;
mod too_long;
mod types;
mod under_fire;
