//! What the programs of this crate say.

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

/// Logs on standard error what this filter lets through; libraries that log by other means as well.
///
/// # Errors
/// If the filter is none, or something logs already.
#[doc(hidden)]
pub fn log_to_stderr(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("`{filter}` is no filter of logs"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    subscriber.try_init().map_err(anyhow::Error::from_boxed)
}
