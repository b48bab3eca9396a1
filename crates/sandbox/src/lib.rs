//! A local Airbyte: it answers the real API and really moves rows.
//!
//! ```no_run
//! use airbyte_sandbox::{Sandbox, Seed};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let sandbox = Sandbox::builder().seed(Seed::Demo).start().await?;
//!     // What points the command, or a program of yours, at it.
//!     println!("{}", sandbox.ready().exports());
//!     tokio::signal::ctrl_c().await?;
//!     sandbox.shutdown().await;
//!     Ok(())
//! }
//! ```
//!
//! In a test of one's own it is a server to be asked afterwards what it was asked for, with a clock and faults that
//! the test controls; `examples/in_a_test.rs` is a whole one:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use airbyte_sandbox::Sandbox;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start().await?;
//! sandbox.add_fault("lose-reply,op=createJob,times=1".parse()?)?;
//! // ... the program under test starts a sync ...
//! sandbox.assert_asked("createJob", 1);
//! sandbox.advance(Duration::from_secs(3600))?;
//! # Ok(())
//! # }
//! ```
//!
//! The public API is served below `/api/public/v1`, the Config API below `/api/v1`, so that a client infers the
//! one from the other. Applications exchange their secret for tokens that expire; jobs run over time, with
//! attempts, logs and statistics; syncs move the rows of a `faker` or `file` source into a `sqlite`, `postgres`,
//! `duckdb` (with the feature of that name, and where libduckdb is) or `dev-null` destination, written as the real
//! connectors write them.
//!
//! A browser finds pages at the addresses of Airbyte's web application: what there is, the history of a connection,
//! the attempts and logs of a job while it runs. They ask for no login, show no secrets and change nothing.
//!
//! Tokens stand for users, whose roles are looked up at every request. There is one user at first, who may do everything;
//! further ones, who may do less, come with [`Sandbox::add_user`].
//!
//! A control path of its own, `/_sandbox/v1`, is not part of Airbyte: `faults`, `requests` and `clock`, and `users`,
//! `organizations` and `billing` for what no operation of the API makes.
//!
//! Connections run by themselves at the moments of their schedules, by the sandbox's clock: whoever moves it ahead
//! (`POST /_sandbox/v1/clock` with `{"advance": "24h"}`) finds the jobs of what became due begun, and those over that
//! were to take no longer. A `faker` source whose
//! configuration has `"cdc": {"deletes": 2, "updates": 3}` tells changes as a database's log does: so many rows of each
//! stream go and change before each further sync.
//!
//! The sandbox shares no code with the client crates of this project: a mistake made on both sides would hide.
//! Where it differs from the real server is listed in `DEVIATIONS.md`.

mod app;
mod auth;
mod builder;
mod catalog;
mod clock;
mod connectors;
mod data_folder;
#[cfg(test)]
#[path = "../../../tests/src/decoder.rs"]
mod decoder;
mod definitions;
mod destinations;
mod error;
mod fault;
mod folder_lock;
#[cfg(test)]
mod fuzz;
mod http;
mod jobs;
mod mappers;
mod model;
mod naming;
mod open_file;
mod people;
mod ready;
mod requests;
mod schedule;
mod schema;
mod secrets;
mod seed;
mod sources;
mod specification;
mod store;
mod timestamp;
mod web;

pub use builder::{Edition, Sandbox, SandboxBuilder, Seed};
pub use error::{Error, StoreFailure};
pub use fault::{Fault, FaultKind};
pub use http::Role;
pub use people::{NewOrganization, NewUser, UserCredentials};
pub use ready::Ready;
pub use requests::SeenRequest;
