//! A server that breaks connections, which a well-behaved mock server cannot do.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::PUBLIC;

pub(crate) struct Received {
    pub(crate) method: String,
    /// Below the public API's root, without the query.
    pub(crate) path: String,
}

pub(crate) enum Reply {
    Json(u16, Value),
    /// The connection is closed without an answer.
    Drop,
    /// The answer stops in the middle of its body.
    Truncate(Value),
    /// No answer ever comes.
    Hang,
    /// The body begins with this, and goes on as long as anybody reads.
    Endless(u16, &'static str),
}

pub(crate) struct BrokenServer {
    pub(crate) root: String,
    pub(crate) received: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for BrokenServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl BrokenServer {
    pub(crate) async fn start(handle: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}{PUBLIC}", listener.local_addr().unwrap());
        let received: Arc<Mutex<Vec<String>>> = Arc::default();
        let (handle, log) = (Arc::new(handle), received.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, handle.clone(), log.clone()));
            }
        });
        Self { root, received, task }
    }

    pub(crate) fn count(&self, request: &str) -> usize {
        self.received.lock().unwrap().iter().filter(|seen| *seen == request).count()
    }
}

async fn serve<H: Fn(&Received) -> Reply>(
    mut stream: TcpStream,
    handle: Arc<H>,
    log: Arc<Mutex<Vec<String>>>,
) {
    let Some(request) = read(&mut stream).await else { return };
    log.lock().unwrap().push(format!("{} {}", request.method, request.path));
    let reply = if request.path == "/applications/token" {
        Reply::Json(200, super::token("first", 900))
    } else {
        handle(&request)
    };
    let (status, body, sent) = match reply {
        Reply::Json(status, body) => (status, body.to_string(), usize::MAX),
        Reply::Truncate(body) => (200, body.to_string(), body.to_string().len() / 2),
        Reply::Drop => return,
        Reply::Hang => return std::future::pending().await,
        Reply::Endless(status, beginning) => {
            let head = format!("HTTP/1.1 {status} X\r\ncontent-type: text/html\r\n\r\n{beginning}");
            let mut more = stream.write_all(head.as_bytes()).await;
            while more.is_ok() {
                more = stream.write_all(&[b' '; 8 * 1024]).await;
            }
            return;
        }
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body.as_bytes()[..sent.min(body.len())]).await;
    let _ = stream.shutdown().await;
}

/// Reads a request whole, so that closing the connection does not reset it.
async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut data = Vec::new();
    let head_end = loop {
        if let Some(end) = data.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&data[..head_end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |n| n.trim().parse().unwrap());
    while data.len() < head_end + length {
        if stream.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    }
    let mut words =
        String::from_utf8_lossy(&data).split(' ').take(2).map(str::to_owned).collect::<Vec<_>>().into_iter();
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next()?.strip_prefix(PUBLIC)?.to_owned();
    Some(Received { method, path })
}
