//! Rows from a driver, which blocks, to a stream, which does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adbc_core::Connection;
use adbc_driver_manager::ManagedConnection;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};

use super::conform::conform;
use super::session::{Open, Reader};
use crate::engine::Rows;
use crate::error::{Error, ErrorKind, Result};

/// Batches that may wait to be taken.
const BATCHES_AHEAD: usize = 2;
/// How often a statement is cancelled until it ends: an attempt may come before the statement has begun.
const CANCEL_ATTEMPTS: usize = 100;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

/// What is to be read.
pub(crate) struct Request {
    pub sql: String,
    /// The columns that are expected; those of the statement where nothing is known of it.
    pub schema: Option<SchemaRef>,
    pub batch_rows: usize,
    /// Looks at the values of a batch.
    pub check: fn(&RecordBatch) -> Result<()>,
}

/// Begins a read on a thread that may block, and returns when the first row is there. Dropping the stream, or this
/// future, cancels the statement.
pub(crate) async fn read(open: Open, request: Request) -> Result<Rows> {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let (tell, told) = oneshot::channel();
    let guard = Guard::default();
    let statement = guard.running();
    tokio::task::spawn_blocking(move || {
        let end = match pump(&open, &request, &statement, tell, &sender) {
            Ok(()) => Message::End,
            Err(error) => Message::Error(error),
        };
        statement.end();
        // Nobody is left to be told if the reader has gone.
        let _ = sender.blocking_send(end);
    });
    let Ok(schema) = told.await else {
        // The error is the only message.
        let mut receiver = receiver;
        return Err(match receiver.recv().await {
            Some(Message::Error(error)) => error,
            _ => stopped(),
        });
    };
    let batches = stream::unfold(Some((receiver, guard)), async |state| {
        let (mut receiver, guard) = state?;
        match receiver.recv().await {
            Some(Message::Batch(batch)) => Some((Ok(batch), Some((receiver, guard)))),
            Some(Message::End) => None,
            Some(Message::Error(error)) => Some((Err(error), None)),
            // The thread went without a word: what has come is not all.
            None => Some((Err(stopped()), None)),
        }
    });
    Ok(Rows { schema, batches: batches.boxed() })
}

enum Message {
    Batch(RecordBatch),
    Error(Error),
    /// All rows have come.
    End,
}

fn stopped() -> Error {
    Error::new(ErrorKind::BrokenConnection, "the driver stopped in the middle of a read")
}

fn pump(
    open: &Open,
    request: &Request,
    running: &Running,
    tell: oneshot::Sender<SchemaRef>,
    sender: &mpsc::Sender<Message>,
) -> Result<()> {
    let mut session = open()?;
    running.begin(session.connection.clone());
    if sender.is_closed() {
        return Ok(());
    }
    let Reader { mut rows, statement: _statement } = session.query(&request.sql)?;
    let schema = request.schema.clone().unwrap_or_else(|| rows.schema());
    let rows_at_most = request.batch_rows.max(1);
    let mut tell = Some(tell);
    // An error of the first row is one of the statement.
    let mut next = rows.next();
    loop {
        let batch = next.transpose().map_err(|error| session.broke(&error))?;
        let batch = batch.map(|batch| conform(&batch, &schema)).transpose()?;
        if let Some(tell) = tell.take() {
            let _ = tell.send(schema.clone());
        }
        let Some(batch) = batch else { return Ok(()) };
        (request.check)(&batch)?;
        for from in (0..batch.num_rows()).step_by(rows_at_most) {
            let part = batch.slice(from, rows_at_most.min(batch.num_rows() - from));
            if sender.blocking_send(Message::Batch(part)).is_err() {
                return Ok(());
            }
        }
        next = rows.next();
    }
}

/// A statement that may be running.
#[derive(Default)]
pub(super) struct Running {
    connection: Mutex<Option<ManagedConnection>>,
    has_ended: AtomicBool,
}

impl Running {
    fn connection(&self) -> std::sync::MutexGuard<'_, Option<ManagedConnection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, connection: ManagedConnection) {
        *self.connection() = Some(connection);
    }

    /// Lets go of the connection, so that the database is closed when the read is over.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        self.connection().take();
    }

    fn cancel(&self) {
        for _ in 0..CANCEL_ATTEMPTS {
            if self.has_ended.load(Ordering::Acquire) {
                return;
            }
            let is_refused =
                self.connection().as_mut().is_some_and(|connection| connection.cancel().is_err());
            if is_refused {
                // The statement ends by itself with its next batch.
                return;
            }
            std::thread::sleep(BETWEEN_ATTEMPTS);
        }
    }
}

/// Cancels the statement when nobody wants what it gives any more.
#[derive(Default)]
pub(super) struct Guard(Arc<Running>);

impl Guard {
    /// The statement, for the thread that runs it.
    pub(super) fn running(&self) -> Arc<Running> {
        self.0.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0.has_ended.load(Ordering::Acquire) {
            return;
        }
        let running = self.0.clone();
        // A driver may talk to its server in order to cancel.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || running.cancel())),
            Err(_) => running.cancel(),
        }
    }
}
