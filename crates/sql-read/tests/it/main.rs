//! Reads real databases: a PostgreSQL server that `cargo xtask test` starts, and SQLite files.

mod exports;
mod postgres;
mod postgres_values;
mod sqlite;
mod support;
