//! What databases are asked about reads that nobody wants any more: to end them.

use std::sync::LazyLock;
use std::time::Duration;

use tokio_util::task::TaskTracker;

/// The requests on their way, of all warehouses.
static SENDING: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// Sends a request in the background, for those who cannot wait as they are dropped. Without a runtime, connections have
/// ended as well.
#[cfg(any(test, feature = "bigquery", feature = "postgres", feature = "snowflake"))]
pub(crate) fn send(request: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        SENDING.spawn_on(request, &runtime);
    }
}

/// Waits until databases have been told of every read and query of this process that was dropped before its end, for so
/// long at the most; whether they have. Programs that end with their runtime call it last: what a warehouse is not told
/// it goes on with, and bills.
pub async fn cancellations_sent(at_most: Duration) -> bool {
    SENDING.close();
    let sent = tokio::time::timeout(at_most, SENDING.wait()).await.is_ok();
    SENDING.reopen();
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_on_its_way_is_waited_for_and_not_for_ever() {
        send(tokio::time::sleep(Duration::from_secs(3)));
        assert!(!cancellations_sent(Duration::from_secs(2)).await);
        assert!(cancellations_sent(Duration::from_secs(2)).await);
    }
}
