//! Ctrl-C.

use std::future::Future;

/// Runs `work`; `None` if Ctrl-C comes first, and `work` is dropped then.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        // Without a handler Ctrl-C ends the process by itself.
        Ok(()) = tokio::signal::ctrl_c() => None,
    }
}

/// Begins to listen for Ctrl-C and, on Unix, for the signal that service managers send; the future that it returns
/// waits for one of them. Listening begins at once, so that nobody can ask too early.
pub(crate) fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
