//! The client against servers that answer as the real one does, good and bad.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod admin;
mod answers;
mod artifacts;
mod attempts;
mod auth;
mod blocking;
mod bodies;
mod call;
mod campaign;
mod checks;
mod custom_source;
#[path = "../../../api-raw/tests/it/document.rs"]
mod document;
mod doubt;
mod edit;
mod every_read;
mod links;
mod list;
mod logs;
mod manage;
mod people;
mod problems;
mod proxy;
mod request;
mod requests;
mod roles;
mod sandbox;
mod sandbox_admin;
mod secrets;
mod support;
mod sync;
mod tls;
mod wait;
mod watcher;
