//! Finding an object whose creation was not answered: the server may still be making it.

use std::time::Duration;

use crate::client::Client;
use crate::error::{Error, Result};

/// The pauses before the looks.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];

/// The one object that `look` finds; `error` is why it is looked for, and what is told if it cannot be found.
pub(crate) async fn find<T, F>(client: &Client, what: &str, error: Error, look: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<Vec<T>>>,
{
    let mut seen = None;
    for pause in LOOKS {
        client.clock().sleep(pause).await;
        match look().await {
            Ok(mut found) if found.len() == 1 => return Ok(found.remove(0)),
            Ok(found) => seen = Some(found.len()),
            Err(failed) => {
                tracing::debug!(error = %failed, what, "cannot look for what may have been created");
            }
        }
    }
    Err(match seen {
        None => error.perhaps_created(what),
        Some(0) => error
            .about(&format!("{what} does not exist (yet)"))
            .with_retryable(false)
            .with_hint("the server may still be making it; look again in a while before creating it again"),
        Some(several) => error
            .about(&format!("{what} exists {several} times now"))
            .with_retryable(false)
            .with_hint("somebody else has created one with the same name at the same time"),
    })
}
