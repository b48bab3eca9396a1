//! Ctrl-C: the first one is for the step that runs, the second one ends the command. On Unix the signal that service
//! managers send (SIGTERM) is the same.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::error::{Failure, Kind, exit};
use crate::output::{Output, is_writing};

/// How long a write or a read goes on after Ctrl-C before it is plain that nobody is there.
const UNREAD: Duration = Duration::from_millis(200);

/// How many steps listen for Ctrl-C now.
static LISTENING: AtomicUsize = AtomicUsize::new(0);

/// How many times a step has taken Ctrl-C upon itself.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// How many reads, of standard input or of what may be a pipe, have begun and not ended: nothing but their input ends them.
static READING: AtomicUsize = AtomicUsize::new(0);

/// How many pagers show something now.
static PAGING: AtomicUsize = AtomicUsize::new(0);

/// Whether a service manager has said that the process is to end.
static TERMINATED: AtomicBool = AtomicBool::new(false);

/// What the command does while this lives, as far as Ctrl-C is concerned.
pub(crate) struct Phase(&'static AtomicUsize);

impl Phase {
    fn begin(count: &'static AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }

    /// A step listens for itself.
    fn listening() -> Self {
        Self::begin(&LISTENING)
    }

    /// The command reads what somebody may still have to write, and cannot hear anything meanwhile.
    pub(crate) fn reading() -> Self {
        crate::prompt::remember_terminal();
        Self::begin(&READING)
    }

    /// A pager has the terminal, and hears Ctrl-C as well: there it ends a search or a long jump, and not what is shown.
    pub(crate) fn paging() -> Self {
        Self::begin(&PAGING)
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
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
    let first = hear().shared();
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
    let is_for_the_pager = || PAGING.load(Ordering::SeqCst) > 0 && !TERMINATED.load(Ordering::SeqCst);
    while LISTENING.load(Ordering::SeqCst) > 0 || TAKEN.load(Ordering::SeqCst) >= count || is_for_the_pager()
    {
        hear().await;
        count += 1;
    }
}

/// Ends the process after a Ctrl-C that comes while nobody reads what is printed, or writes what is read, and if it is told
/// to end while a pager shows something.
async fn held_up(first: impl Future<Output = ()>, output: Output) {
    first.await;
    let is_held_up = || {
        let pager_goes_on = PAGING.load(Ordering::SeqCst) > 0 && TERMINATED.load(Ordering::SeqCst);
        is_writing() || READING.load(Ordering::SeqCst) > 0 || pager_goes_on
    };
    // What is dropped may still have something to print, and what is printed at this moment may be read in the next.
    let mut looks = 0;
    while looks < 2 {
        tokio::time::sleep(UNREAD).await;
        looks = if is_held_up() { looks + 1 } else { 0 };
    }
    if READING.load(Ordering::SeqCst) > 0 {
        crate::prompt::restore_terminal();
    }
    // Standard error may lead to the same reader.
    let report = tokio::task::spawn_blocking(move || output.fail(&interrupted()));
    let _ = tokio::time::timeout(UNREAD, report).await;
    std::process::exit(exit::INTERRUPTED.into());
}

/// Waits for Ctrl-C. Listening begins at once, so that nobody can ask too early.
fn hear() -> BoxFuture<'static, ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{Signal, SignalKind, signal};
        // Without a handler the signal ends the process by itself.
        async fn next(signal: std::io::Result<Signal>) {
            match signal {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => std::future::pending().await,
            }
        }
        let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        async {
            tokio::select! {
                () = next(interrupt) => {}
                () = next(terminate) => TERMINATED.store(true, Ordering::SeqCst),
            }
        }
        .boxed()
    }
    #[cfg(windows)]
    {
        let interrupt = tokio::signal::windows::ctrl_c();
        async {
            match interrupt {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }
}

/// Runs `work`; `None` if Ctrl-C comes first, and `work` is dropped then.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let stop = told_to_stop();
    tokio::select! {
        done = work => Some(done),
        () = stop => None,
    }
}

/// Waits for Ctrl-C, which is for whoever waits and for nobody else. Listening begins at once.
pub(crate) fn told_to_stop() -> impl Future<Output = ()> {
    let (listening, heard) = (Phase::listening(), hear());
    async move {
        heard.await;
        TAKEN.fetch_add(1, Ordering::SeqCst);
        drop(listening);
    }
}
