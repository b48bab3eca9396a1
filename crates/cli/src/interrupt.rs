//! Ctrl-C: the first one is for the step that runs, the second one ends the command.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Failure, Kind};

/// How many steps listen for Ctrl-C now.
static LISTENING: AtomicUsize = AtomicUsize::new(0);

/// How many times a step has taken Ctrl-C upon itself.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// A step that listens, while this lives.
struct Listening;

impl Listening {
    fn begin() -> Self {
        LISTENING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs a command; Ctrl-C that none of its steps listens for ends it, wherever it is. What it has begun is dropped,
/// so that no half of a file stays.
pub(crate) async fn guarded(command: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let nobody_listens = async {
        for count in 1.. {
            if tokio::signal::ctrl_c().await.is_err() {
                // Without a handler Ctrl-C ends the process by itself.
                std::future::pending::<()>().await;
            }
            if LISTENING.load(Ordering::SeqCst) == 0 && TAKEN.load(Ordering::SeqCst) < count {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = nobody_listens => Err(Failure::new(Kind::Interrupted, "interrupted")),
        outcome = command => outcome,
    }
}

/// Runs `work`; `None` if Ctrl-C comes first, and `work` is dropped then.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let _listening = Listening::begin();
    tokio::select! {
        done = work => Some(done),
        Ok(()) = tokio::signal::ctrl_c() => {
            TAKEN.fetch_add(1, Ordering::SeqCst);
            None
        }
    }
}

/// Begins to listen for Ctrl-C and, on Unix, for the signal that service managers send; the future that it returns
/// waits for one of them. Listening begins at once, so that nobody can ask too early.
pub(crate) fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let listening = Listening::begin();
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
            TAKEN.fetch_add(1, Ordering::SeqCst);
            drop(listening);
        })
    }
    #[cfg(not(unix))]
    Ok(async move {
        let _ = tokio::signal::ctrl_c().await;
        TAKEN.fetch_add(1, Ordering::SeqCst);
        drop(listening);
    })
}
