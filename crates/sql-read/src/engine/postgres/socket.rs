//! The stream of bytes to a server: opened here, and watched for messages that no memory should have to hold.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// The longest message that is taken. A row is one message, and the driver holds it whole.
pub(in crate::engine) const LONGEST_MESSAGE: u32 = 256 * 1024 * 1024;

/// What bytes go over.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// A way to the server, whatever it is made of.
pub(super) struct Way(Box<dyn Bytes>);

impl Way {
    pub(super) fn new(bytes: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Box::new(bytes))
    }
}

impl AsyncRead for Way {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Way {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A connection before anything was said.
pub(super) type Socket = Guarded<Way>;

/// Opens a TCP connection. A peer that has gone silent is given up after a minute.
pub(super) async fn tcp(host: &str, port: u16, keep_alive: bool) -> io::Result<Way> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    if keep_alive {
        let keep_alive = TcpKeepalive::new()
            .with_time(Duration::from_secs(30))
            .with_interval(Duration::from_secs(10))
            .with_retries(3);
        SockRef::from(&stream).set_tcp_keepalive(&keep_alive)?;
    }
    Ok(Way::new(stream))
}

/// The length of the message that was too long, 0 while there was none.
pub(super) type TooLong = Arc<AtomicU32>;

/// A stream whose reading ends with an error where the server announces a message longer than [`LONGEST_MESSAGE`].
pub(super) struct Guarded<S> {
    stream: S,
    /// `None` below TLS, where the bytes mean nothing.
    frames: Option<Frames>,
    too_long: TooLong,
    ended_by_server: bool,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, too_long: TooLong) -> Self {
        Self { stream, frames: Some(Frames::default()), too_long, ended_by_server: false }
    }

    /// The same, and shutting it down waits until the server has ended it. So requests to cancel want it: whoever hangs up
    /// before is in the way of a pooler that still passes the request on. `PgBouncer` 1.18 even crashes, and takes the
    /// connections of everybody else with it.
    pub(super) fn ended_by_server(self) -> Self {
        Self { ended_by_server: true, ..self }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if let Some(frames) = &mut this.frames
            && let Some(length) = frames.pass(&buf.filled()[before..])
        {
            this.too_long.store(length, Ordering::Release);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended_by_server {
            return Pin::new(&mut self.stream).poll_shutdown(cx);
        }
        loop {
            let mut space = [0; 16];
            let mut read = ReadBuf::new(&mut space);
            // However it ends, it has ended.
            let ended = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)).is_err();
            if ended || read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: TlsStream> TlsStream for Guarded<S>
where
    S: Unpin,
{
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// TLS over a guarded stream: the guard moves to where the bytes can be read.
pub(super) struct GuardedTls<T>(pub T);

impl<T> TlsConnect<Socket> for GuardedTls<T>
where
    T: TlsConnect<Socket>,
    T::Future: Send + 'static,
{
    type Stream = Guarded<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, mut socket: Socket) -> Self::Future {
        let (too_long, ended_by_server) = (socket.too_long.clone(), socket.ended_by_server);
        socket.frames = None;
        let connecting = self.0.connect(socket);
        Box::pin(async move { Ok(Guarded { ended_by_server, ..Guarded::new(connecting.await?, too_long) }) })
    }
}

/// Follows the messages of a server: a byte for the kind, four for the length, the rest.
#[derive(Default)]
struct Frames {
    header: [u8; 5],
    known: usize,
    /// Bytes of the message that have not come yet.
    rest: u32,
    begun: bool,
}

impl Frames {
    /// Takes the next bytes; the length of a message among them that is too long.
    fn pass(&mut self, mut bytes: &[u8]) -> Option<u32> {
        // The answer to the question for TLS is a single byte before the first message.
        if !self.begun
            && let Some(first) = bytes.first()
        {
            self.begun = true;
            if bytes.len() == 1 && matches!(first, b'S' | b'N') {
                return None;
            }
        }
        while !bytes.is_empty() {
            if self.rest > 0 {
                let here = bytes.len().min(usize::try_from(self.rest).unwrap_or(usize::MAX));
                self.rest -= u32::try_from(here).unwrap_or(self.rest);
                bytes = &bytes[here..];
                continue;
            }
            let here = bytes.len().min(self.header.len() - self.known);
            self.header[self.known..self.known + here].copy_from_slice(&bytes[..here]);
            self.known += here;
            bytes = &bytes[here..];
            if self.known == self.header.len() {
                self.known = 0;
                let [_, length @ ..] = self.header;
                let length = u32::from_be_bytes(length);
                if length > LONGEST_MESSAGE {
                    return Some(length);
                }
                // The length counts itself.
                self.rest = length.saturating_sub(4);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: usize) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(u32::try_from(body + 4).unwrap().to_be_bytes());
        bytes.extend(std::iter::repeat_n(b'x', body));
        bytes
    }

    #[test]
    fn a_long_message_is_seen_wherever_the_bytes_are_cut() {
        let mut bytes: Vec<u8> = [message(b'R', 4), message(b'Z', 0), message(b'd', 300)].concat();
        bytes.push(b'd');
        bytes.extend((LONGEST_MESSAGE + 1).to_be_bytes());
        for piece in 1..40 {
            let mut frames = Frames::default();
            let seen: Vec<u32> = bytes.chunks(piece).filter_map(|piece| frames.pass(piece)).collect();
            assert_eq!(seen, [LONGEST_MESSAGE + 1], "pieces of {piece}");
        }
    }

    #[test]
    fn the_answer_to_the_question_for_tls_is_no_message() {
        let mut frames = Frames::default();
        assert_eq!(frames.pass(b"N"), None);
        assert_eq!(frames.pass(&message(b'R', 4)), None);
        assert_eq!((frames.known, frames.rest), (0, 0));
    }
}
