//! In place of the engine of this process, where it is not built in.

use super::query::{Place, Settings};
use super::target::Rows;
use crate::context::Context;
use crate::error::Failure;

/// Says how to have it.
#[expect(clippy::unused_async, reason = "as the engine has it")]
pub(super) async fn rows(_: &[(String, Place)], _: &str, _: &Settings, _: &Context) -> Result<Rows, Failure> {
    Err(Failure::usage("this build runs no statements itself, so that it reads one destination at a time").with_hint(
        "install it with `--features datafusion`, or name one connection, whose database runs the statement",
    ))
}
