//! For programs without an asynchronous runtime: the same calls, waited for on the spot.
//!
//! There is no second client. Everything of this crate that is awaited can be [`block`](Block::block)ed on
//! instead, and everything that is a stream can be [iterated](BlockIter::block_iter):
//!
//! ```no_run
//! use airbyte_cloud::blocking::{Block, BlockIter};
//! use airbyte_cloud::{Client, IfRunning, Result};
//!
//! fn main() -> Result<()> {
//!     let client = Client::from_env()?;
//!     let workspace = client.default_workspace()?;
//!     for connection in workspace.connections().pager().block_iter() {
//!         let connection = client.connection(connection?.connection_id);
//!         let sync = connection.sync().if_running(IfRunning::Attach).block()?;
//!         println!("{} records", sync.wait().block()?.records_synced.unwrap_or(0));
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Connections and timers run on one thread of their own, which is started by the first call. Await inside of
//! a runtime: blocking there takes a thread away from it, and panics if that is the only one. What the call
//! needs may have to run on that thread, so it could wait for ever. Within `tokio::task::spawn_blocking` it
//! is always right.

use std::future::IntoFuture;
use std::sync::LazyLock;

use futures::{Stream, StreamExt};
use tokio::runtime::{Builder, Runtime};

/// What drives connections and timers. The calls themselves run on the threads that make them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    #[allow(clippy::expect_used, reason = "without a thread no call can be made, and none can say so")]
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("airbyte-blocking")
        .enable_all()
        .build()
        .expect("a thread for connections can be started")
});

/// Waits for what is awaited elsewhere; see [the module](self).
pub trait Block: IntoFuture + Sized {
    /// Runs the call and waits for its outcome.
    ///
    /// # Panics
    ///
    /// On a thread that runs a runtime of one thread, or a `LocalSet`: `.await` the call there.
    fn block(self) -> Self::Output;
}

impl<F: IntoFuture> Block for F {
    fn block(self) -> Self::Output {
        // Lets the other tasks of a runtime go on, whose thread this may be: the call may wait for one of
        // them, such as a connection that was opened there. A runtime that has no other thread is refused.
        tokio::task::block_in_place(|| {
            let _context = RUNTIME.enter();
            pollster::block_on(self.into_future())
        })
    }
}

/// Iterates over what is a stream elsewhere; see [the module](self).
pub trait BlockIter: Stream + Sized + Unpin {
    /// The same items; each is waited for when it is asked for.
    fn block_iter(self) -> Blocking<Self>;
}

impl<S: Stream + Unpin> BlockIter for S {
    fn block_iter(self) -> Blocking<Self> {
        Blocking(Some(self))
    }
}

/// An iterator over a stream, made by [`BlockIter::block_iter`].
#[derive(Debug)]
pub struct Blocking<S>(Option<S>);

impl<S: Stream + Unpin> Iterator for Blocking<S> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        let stream = self.0.as_mut()?;
        let next = stream.next().block();
        if next.is_none() {
            self.0 = None;
        }
        next
    }
}

impl<S> Drop for Blocking<S> {
    fn drop(&mut self) {
        // A wait that cancels its job when it is dropped needs the runtime for that.
        let _context = RUNTIME.enter();
        self.0 = None;
    }
}
