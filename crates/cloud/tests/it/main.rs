//! The client against servers that answer as the real one does, good and bad.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod auth;
mod call;
mod list;
mod request;
mod sandbox;
mod secrets;
mod support;
mod sync;
mod tls;
mod wait;
