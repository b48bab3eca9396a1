//! Standard output, for writing at once and asynchronously. Whoever does not read holds the command up, as it should
//! be: rows wait in the database meanwhile.

use std::io::Write;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// How many writes have begun and not ended.
static WRITING: AtomicUsize = AtomicUsize::new(0);

/// Standard output.
pub(crate) struct Stdout;

impl Stdout {
    /// Writes, which is [told](is_writing) until that is done.
    pub(super) fn busy<T>(write: impl FnOnce(std::io::StdoutLock<'static>) -> T) -> T {
        writing(|| write(std::io::stdout().lock()))
    }
}

/// Whether something is being written at this moment. Where nobody reads, that is so for long.
pub(crate) fn is_writing() -> bool {
    WRITING.load(Ordering::SeqCst) > 0
}

/// Writes somewhere that somebody has to read, which is [told](is_writing) until that is done.
pub(super) fn writing<T>(write: impl FnOnce() -> T) -> T {
    struct Busy;
    impl Drop for Busy {
        fn drop(&mut self) {
            WRITING.fetch_sub(1, Ordering::SeqCst);
        }
    }
    WRITING.fetch_add(1, Ordering::SeqCst);
    let _busy = Busy;
    write()
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Self::busy(|mut out| out.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Self::busy(|mut out| out.flush())
    }
}

impl AsyncWrite for Stdout {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(self.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
