//! Ctrl-C: the first one is for the step that runs, the second one ends the command.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::oneshot;

use crate::error::{Failure, Kind, exit};
use crate::output::{Output, Stdout};

/// How long a write or a read goes on after Ctrl-C before it is plain that nobody is there.
const UNREAD: Duration = Duration::from_millis(200);

/// How many steps listen for Ctrl-C now.
static LISTENING: AtomicUsize = AtomicUsize::new(0);

/// How many times a step has taken Ctrl-C upon itself.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// How many reads of standard input, which nothing but their input ends, have begun and not ended.
static READING: AtomicUsize = AtomicUsize::new(0);

/// The command reads standard input, while this lives: it cannot hear Ctrl-C then.
pub(crate) struct Reading;

impl Reading {
    pub(crate) fn begin() -> Self {
        crate::prompt::remember_terminal();
        READING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        READING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A step that listens, while this lives. What hears Ctrl-C as well, as a pager does, is such a step, too.
pub(crate) struct Listening;

impl Listening {
    pub(crate) fn begin() -> Self {
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
/// so that no half of a file stays. Where it is held up by somebody who does not read what it prints, or does not write
/// what it reads, it can neither hear nor be dropped, so the process ends on the spot.
pub(crate) async fn guarded(
    command: impl Future<Output = Result<u8, Failure>>,
    output: Output,
) -> Result<u8, Failure> {
    // Heard from here on: tasks begin when they can, and until somebody listens Ctrl-C ends the process as it stands.
    let first = hear().boxed().shared();
    let _ = futures::poll!(first.clone());
    let (tell, told) = oneshot::channel();
    // Tasks of their own, since a write that blocks holds up this one.
    tokio::spawn({
        let first = first.clone();
        async move {
            nobody_listens(first).await;
            let _ = tell.send(());
        }
    });
    tokio::spawn(held_up(first, output));
    tokio::select! {
        biased;
        Ok(()) = told => Err(interrupted()),
        outcome = command => outcome,
    }
}

fn interrupted() -> Failure {
    Failure::new(Kind::Interrupted, "interrupted")
}

/// Ends with the first Ctrl-C that no step takes upon itself.
async fn nobody_listens(first: impl Future<Output = ()>) {
    first.await;
    let mut count = 1;
    while LISTENING.load(Ordering::SeqCst) > 0 || TAKEN.load(Ordering::SeqCst) >= count {
        hear().await;
        count += 1;
    }
}

/// Ends the process after a Ctrl-C that comes while nobody reads what is printed, or writes what is read.
async fn held_up(first: impl Future<Output = ()>, output: Output) {
    first.await;
    // What is dropped may still have something to print.
    loop {
        tokio::time::sleep(UNREAD).await;
        if Stdout::is_busy() || READING.load(Ordering::SeqCst) > 0 {
            break;
        }
    }
    if READING.load(Ordering::SeqCst) > 0 {
        crate::prompt::restore_terminal();
    }
    // Standard error may lead to the same reader.
    let report = tokio::task::spawn_blocking(move || output.fail(&interrupted()));
    let _ = tokio::time::timeout(UNREAD, report).await;
    std::process::exit(exit::INTERRUPTED.into());
}

/// Waits for Ctrl-C. Without a handler it ends the process by itself.
async fn hear() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
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
