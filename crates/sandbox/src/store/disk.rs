//! Waiting for the disk. The database writes a change into its log at once, so that it outlives the process; that it
//! outlives the machine, too, takes much longer. One such wait serves all changes that were written before it began.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

/// The disk below the database's log.
pub(super) struct Disk {
    written: Arc<Written>,
    /// How many changes are safe.
    safe: watch::Receiver<Safe>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy)]
enum Safe {
    UpTo(u64),
    /// The disk has refused; what became of the changes since is not known, and no later word of it counts.
    NotKnown(io::ErrorKind),
}

/// What has been written, for the thread that waits for the disk.
#[derive(Default)]
struct Written {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    changes: u64,
    ends: bool,
}

impl Written {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.news.notify_one();
    }

    /// The number of changes once there are more than `known`, `None` at the end.
    fn more_than(&self, known: u64) -> Option<u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |state: &mut State| state.changes == known && !state.ends;
        let state = self.news.wait_while(state, is_idle).unwrap_or_else(PoisonError::into_inner);
        (!state.ends).then_some(state.changes)
    }
}

impl Disk {
    /// The disk below the log of this database, which is open.
    pub(super) fn of_log(database: &Path) -> io::Result<Self> {
        // The database names it so, next to itself.
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let log = File::options().write(true).open(log)?;
        Self::new(move || log.sync_data())
    }

    fn new(mut wait: impl FnMut() -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let written = Arc::new(Written::default());
        let (tell, safe) = watch::channel(Safe::UpTo(0));
        let watched = written.clone();
        let thread = std::thread::Builder::new().name("sandbox-disk".to_owned()).spawn(move || {
            let mut known = 0;
            while let Some(changes) = watched.more_than(known) {
                if let Err(error) = wait() {
                    tracing::error!(%error, "the disk below the data folder has failed");
                    tell.send_replace(Safe::NotKnown(error.kind()));
                    return;
                }
                known = changes;
                tell.send_replace(Safe::UpTo(changes));
            }
        })?;
        Ok(Self { written, safe, thread: Some(thread) })
    }

    /// A change has been written.
    pub(super) fn written(&self) {
        self.written.change(|state| state.changes += 1);
    }

    /// Waits until all that has been written is safe.
    pub(super) async fn safe(&self) -> io::Result<()> {
        let changes = self.written.state.lock().unwrap_or_else(PoisonError::into_inner).changes;
        let mut safe = self.safe.clone();
        let is_told = |safe: &Safe| match *safe {
            Safe::UpTo(safe) => safe >= changes,
            Safe::NotKnown(_) => true,
        };
        match safe.wait_for(is_told).await.map(|safe| *safe) {
            Ok(Safe::UpTo(_)) => Ok(()),
            Ok(Safe::NotKnown(kind)) => Err(kind.into()),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.written.change(|state| state.ends = true);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been told by itself.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_wait_serves_all_changes_before_it_and_none_after() {
        let (begun_sender, begun) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let waits = Arc::new(AtomicUsize::new(0));
        let counted = waits.clone();
        let disk = Disk::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            begun_sender.send(()).unwrap();
            ends.recv().map_err(io::Error::other)
        })
        .unwrap();
        disk.safe().await.unwrap();
        disk.written();
        begun.recv().unwrap();
        let first = disk.safe();
        futures::pin_mut!(first);
        assert!(first.as_mut().now_or_never().is_none());
        for _ in 0..100 {
            disk.written();
        }
        let mut others: Vec<_> = (0..100).map(|_| Box::pin(disk.safe())).collect();
        end.send(()).unwrap();
        begun.recv().unwrap();
        // The second wait has begun, so the first is over; what came in between waits for the second.
        first.await.unwrap();
        assert!(others.iter_mut().all(|other| other.as_mut().now_or_never().is_none()));
        end.send(()).unwrap();
        for other in others {
            other.await.unwrap();
        }
        assert_eq!(waits.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_disk_that_has_refused_once_is_not_believed_again() {
        let disk = Disk::new(|| Err(io::ErrorKind::StorageFull.into())).unwrap();
        for _ in 0..2 {
            disk.written();
            assert_eq!(disk.safe().await.unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
    }
}
