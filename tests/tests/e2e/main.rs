//! The whole loop with real parts: the real binary, a sandbox process, SQLite and a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "duckdb")]
mod duckdb;
mod exact_rows;
mod faults;
mod first_loop;
mod interrupted;
mod picked_rows;
mod rows;
