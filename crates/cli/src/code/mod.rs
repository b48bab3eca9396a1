//! A workspace's sources, destinations and connections as one file, to be kept beside other code.
//!
//! Names are keys, so they have to be unique. Secrets are references (`${NAME}`, `${file:PATH}`), never values. What has
//! its usual value is left out, and means that value when it is read. Members of a configuration that the file does not
//! mention stay as they are, since connectors add some by themselves.

mod apply;
mod connection_changes;
mod diff;
mod export;
#[cfg(test)]
mod fuzz;
mod model;
mod plan;
mod secrets;
mod variables;

pub(crate) use apply::apply;
pub(crate) use export::{export, read_workspace};
pub(crate) use model::Code;
pub(crate) use plan::{Allowed, Step, plan};
