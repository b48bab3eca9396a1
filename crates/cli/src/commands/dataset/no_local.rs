//! In place of the engine of this process, where it is not built in.

use super::query::Place;
use super::target::Rows;
use crate::context::Context;
use crate::error::Failure;

/// How a statement is run.
pub(super) struct Settings {
    pub parallel: Option<u16>,
    pub memory: bytesize::ByteSize,
    pub timeout: Option<std::time::Duration>,
}

/// Says how to have it.
#[expect(clippy::unused_async, reason = "as the engine has it")]
pub(super) async fn rows(
    _: &[(String, Place)],
    _: &str,
    settings: &Settings,
    _: &Context,
) -> Result<Rows, Failure> {
    let Settings { parallel: _, memory: _, timeout: _ } = settings;
    Err(Failure::usage("this build runs no statements itself, so that it reads one destination at a time").with_hint(
        "install it with `--features datafusion`, or name one connection, whose database runs the statement",
    ))
}
