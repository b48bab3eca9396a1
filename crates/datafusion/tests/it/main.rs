//! Datasets as tables, of SQLite files and of the PostgreSQL server that `AIRBYTE_TEST_POSTGRES_URL` names.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod aggregates;
mod catalogs;
#[cfg(feature = "cloud")]
mod connection;
mod expressions;
mod filters;
mod provider;
mod sent;
mod snapshots;
mod support;
mod top_rows;
