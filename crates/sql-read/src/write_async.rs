//! Rows into anything that takes bytes.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::error::{Error, ErrorKind, Result};
use crate::format::{BatchWriter, Format, RowGroups};
use crate::reading::Batches;
use crate::refreshes::Tally;

/// What is encoded and not yet handed on. The writer of a format owns its output, so that it is shared.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all batches and tells of the rows. What the output does not take yet waits, and so does the database.
pub(crate) async fn write(
    mut batches: Batches,
    out: &mut (impl AsyncWrite + Unpin + Send),
    format: Format,
) -> Result<Tally> {
    let failed =
        |error: io::Error| Error::new(ErrorKind::Io, "the output cannot be written").with_source(error);
    let buffer = Buffer::default();
    let mut writer = BatchWriter::new(buffer.clone(), format, &batches.schema(), RowGroups::default())?;
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
        out.write_all(&buffer.take()).await.map_err(failed)?;
    }
    writer.finish()?;
    out.write_all(&buffer.take()).await.map_err(failed)?;
    out.flush().await.map_err(failed)?;
    Ok(Tally::new(rows, &batches.refreshes()))
}
