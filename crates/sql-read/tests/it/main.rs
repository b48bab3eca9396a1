//! Reads real databases: a PostgreSQL server that `cargo xtask test` starts, and SQLite files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "adbc")]
mod adbc;
#[cfg(feature = "duckdb")]
mod duckdb;
mod edge_values;
mod exports;
mod layouts;
mod names;
mod postgres;
mod postgres_values;
#[cfg(feature = "snowflake")]
mod snowflake;
mod sqlite;
mod support;
