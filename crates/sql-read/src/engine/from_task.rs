//! Batches that come from a task of their own.

use arrow_array::RecordBatch;
use futures::StreamExt;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use super::RecordBatchStream;
use crate::error::{Error, ErrorKind, Result};

/// The batches that `task` sends. One that has gone without a word, because it panicked or its runtime ended, has not
/// sent all rows: that is an error and not their end.
pub(super) fn from_task(receiver: Receiver<Result<RecordBatch>>, task: JoinHandle<()>) -> RecordBatchStream {
    futures::stream::unfold(Some((receiver, task)), |state| async {
        let (mut receiver, task) = state?;
        match receiver.recv().await {
            Some(Ok(batch)) => Some((Ok(batch), Some((receiver, task)))),
            Some(Err(error)) => Some((Err(error), None)),
            None => match task.await {
                Ok(()) => None,
                Err(lost) => {
                    let error = Error::new(ErrorKind::BrokenConnection, "the read stopped before its end");
                    Some((Err(error.with_source(lost)), None))
                }
            },
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::Schema;
    use tokio::sync::mpsc;

    use super::*;

    fn batch() -> RecordBatch {
        RecordBatch::new_empty(Arc::new(Schema::empty()))
    }

    #[tokio::test]
    async fn a_task_that_panics_is_an_error_and_not_the_end() {
        let (sender, receiver) = mpsc::channel(2);
        let task = tokio::spawn(async move {
            sender.send(Ok(batch())).await.unwrap();
            panic!("a mistake");
        });
        let all: Vec<_> = from_task(receiver, task).collect().await;
        assert!(all[0].is_ok());
        assert_eq!(all[1].as_ref().unwrap_err().kind(), ErrorKind::BrokenConnection);
        assert_eq!(all.len(), 2);
    }

    #[tokio::test]
    async fn a_task_that_ends_ends_the_batches() {
        let (sender, receiver) = mpsc::channel(2);
        let task = tokio::spawn(async move { sender.send(Ok(batch())).await.unwrap() });
        let all: Vec<_> = from_task(receiver, task).collect().await;
        assert!(all[0].is_ok());
        assert_eq!(all.len(), 1);
    }
}
