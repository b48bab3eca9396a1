//! Queries on a cluster of real processes: a scheduler, two executors, a PostgreSQL.

mod answers;
mod cluster;
mod database;
mod faults;
mod secrets;
mod tpch;
