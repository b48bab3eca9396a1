//! A read cut into parts that others can read: threads, processes, machines.

use std::any::Any;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;

use crate::destination_kind::DestinationKind;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;
use crate::reading::{Batches, Patience};
use crate::refreshes::Refreshes;

/// Batches of a part that may wait to be taken.
const BATCHES_AHEAD: usize = 2;

/// A part of a read, to be read with [`Warehouse::read_split`](crate::Warehouse::read_split), also in another process
/// than the one that planned it.
///
/// It is small, can be serialised, and holds no secrets: whoever reads it has a destination of their own. Only the
/// version of this crate that made it is sure to read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Split {
    kind: DestinationKind,
    plan: Plan,
    /// As the engine describes it to itself; `None` is the whole read.
    part: Option<Value>,
    #[serde(default)]
    patience: Patience,
}

impl Split {
    /// The columns of its rows.
    pub fn schema(&self) -> SchemaRef {
        self.plan.schema.clone()
    }
}

/// A read that is cut into parts, which together are its rows exactly once.
///
/// Keep it until all parts are read: it may hold the snapshot that they see.
pub struct Splits {
    parts: Vec<Split>,
    one_snapshot: bool,
    repeatable: bool,
    hold: Option<Box<dyn Any + Send + Sync>>,
}

impl Splits {
    /// The parts. There may be fewer than were asked for, and of a small or an ordered read there is one.
    pub fn splits(&self) -> &[Split] {
        &self.parts
    }

    /// Whether all parts see one state of the table. If not, rows that change while the parts are read may be seen
    /// before or after the change.
    pub fn is_one_snapshot(&self) -> bool {
        self.one_snapshot
    }

    /// Whether a part that is read again, here or elsewhere, is of the same rows as before, or an error, as long as this is
    /// kept. If not, as in views and where sessions cannot share a snapshot, a part that is read twice may be of two states
    /// of the table: whoever repeats what has failed must not use anything that came of the first time.
    ///
    /// Which rows are within a limit, or first among equals, is up to the warehouse each time, as ever.
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }
}

impl fmt::Debug for Splits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Splits")
            .field("parts", &self.parts.len())
            .field("one_snapshot", &self.one_snapshot)
            .field("repeatable", &self.repeatable)
            .finish_non_exhaustive()
    }
}

/// Cuts a read.
pub(crate) async fn cut(
    kind: DestinationKind,
    engine: &dyn Engine,
    plan: &Plan,
    patience: Patience,
    wanted: NonZeroUsize,
) -> Result<Splits> {
    let split = |part| Split { kind, plan: plan.clone(), part, patience };
    // Which rows come first, or are the latest, can only be told of all together.
    let wanted = if plan.scan.is_divisible() { wanted } else { NonZeroUsize::MIN };
    match engine.parts(&plan.scan, wanted).await {
        Ok(parts) => Ok(Splits {
            parts: parts.parts.into_iter().map(|part| split(Some(part))).collect(),
            one_snapshot: parts.one_snapshot,
            repeatable: parts.repeatable,
            hold: parts.hold,
        }),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            Ok(Splits { parts: vec![split(None)], one_snapshot: true, repeatable: false, hold: None })
        }
        Err(error) => Err(error),
    }
}

/// Reads one part.
pub(crate) async fn read(
    kind: DestinationKind,
    engine: &dyn Engine,
    split: &Split,
    refreshes: &Refreshes,
) -> Result<Batches> {
    if split.kind != kind {
        return Err(Error::invalid(format!(
            "the split is one of a {} destination, and this is {}",
            split.kind.name(),
            kind.name()
        )));
    }
    let mut scan = split.plan.scan.clone();
    // Batches of no rows would never come to an end.
    scan.batch_rows = scan.batch_rows.max(1);
    let rows = async {
        let rows = match &split.part {
            Some(part) => engine.read_part(scan, part).await?,
            None => engine.read(scan).await?,
        };
        Ok(split.plan.finish(rows, refreshes))
    };
    split.patience.read(rows).await
}

/// Reads all parts side by side, each on a task of its own. The batches come in no order.
pub(crate) fn read_all(
    kind: DestinationKind,
    engine: &Arc<dyn Engine>,
    splits: Splits,
    schema: SchemaRef,
) -> Batches {
    let Splits { parts, hold, .. } = splits;
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD * parts.len().max(1));
    let refreshes = Refreshes::default();
    let tasks: Vec<_> = parts
        .into_iter()
        .map(|split| {
            let (engine, sender, refreshes) = (engine.clone(), sender.clone(), refreshes.clone());
            AbortOnDropHandle::new(tokio::spawn(async move {
                let mut batches = match read(kind, &*engine, &split, &refreshes).await {
                    Ok(batches) => batches,
                    Err(error) => {
                        // Nobody is left to be told if the reader has gone; the same below.
                        let _ = sender.send(Err(error)).await;
                        return;
                    }
                };
                while let Some(batch) = batches.next().await {
                    if sender.send(batch).await.is_err() {
                        return;
                    }
                }
            }))
        })
        .collect();
    drop(sender);
    // The tasks and the snapshot live as long as the stream. The first error is its end; a task that is gone without a
    // word has not read its part.
    let state = (ReceiverStream::new(receiver), tasks, hold);
    let batches = futures::stream::unfold(Some(state), |state| async move {
        let (mut receiver, mut tasks, hold) = state?;
        match receiver.next().await {
            Some(Ok(batch)) => Some((Ok(batch), Some((receiver, tasks, hold)))),
            Some(Err(error)) => Some((Err(error), None)),
            None => {
                for task in &mut tasks {
                    if let Err(error) = task.await {
                        let lost = Error::new(ErrorKind::BrokenConnection, "a part of the read was lost");
                        return Some((Err(lost.with_source(error)), None));
                    }
                }
                None
            }
        }
    });
    Batches::new(schema, batches.boxed()).told_by(refreshes)
}
