//! Rows for programs: JSON as it comes from the database, however many rows there are.

use std::pin::pin;
use std::task::Poll;

use airbyte_sql_read::Format;
use tokio::io::{AsyncBufReadExt, BufReader, duplex};

use super::target::Rows;
use crate::error::Failure;
use crate::output::Output;

/// Bytes that may wait to be printed; the database waits for those who read slowly.
const WAITING: usize = 256 * 1024;

/// Prints the rows, `limit` of them at the most.
pub(super) async fn print(rows: Rows, limit: Option<usize>, output: &Output) -> Result<(), Failure> {
    let (mut into, from) = duplex(WAITING);
    // The end of the rows closes the pipe, and the lines end.
    let writing = async move { rows.write(&mut into, Format::JsonLines).await };
    let printing = async {
        let mut lines = BufReader::new(from).lines();
        let mut printed = output.printed_rows();
        for _ in 0..limit.unwrap_or(usize::MAX) {
            let mut next = pin!(lines.next_line());
            let line = match futures::poll!(&mut next) {
                Poll::Ready(line) => line?,
                Poll::Pending => {
                    // Whoever reads sees what is there before the next rows have come.
                    printed.flush()?;
                    next.await?
                }
            };
            let Some(line) = line else { break };
            printed.row(&line)?;
        }
        printed.finish()
    };
    let (mut writing, mut printing) = (pin!(writing), pin!(printing));
    tokio::select! {
        biased;
        written = &mut writing => {
            let warnings = written?;
            printing.await?;
            for warning in warnings {
                output.warn_beside(&warning);
            }
            Ok(())
        }
        // The limit is reached, or nobody reads: the rest is not asked for.
        done = &mut printing => done,
    }
}
