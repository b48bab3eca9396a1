//! The real `airbyte` binary against a real sandbox: what it prints, where, and with which exit code.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod api;
mod as_code;
mod auth;
mod bad_input;
mod changes;
mod connection;
mod connector;
mod contract;
mod dataset;
mod demo;
mod help;
mod interrupt;
mod jobs;
mod keys;
#[cfg(feature = "datafusion")]
mod local;
#[cfg(not(feature = "datafusion"))]
mod no_local;
mod organization;
mod pipes;
mod query;
mod roles;
mod sandbox;
mod support;
mod sync;
#[cfg(unix)]
mod terminal;
