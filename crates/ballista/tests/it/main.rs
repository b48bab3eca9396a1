//! Queries on a cluster of real processes: a scheduler, two executors, a PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod cluster;
mod database;
mod faults;
mod repeatable;
mod secrets;
mod tpch;
