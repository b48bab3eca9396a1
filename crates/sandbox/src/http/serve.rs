//! Accepts connections, and can close one without an answer.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::app::App;

/// How long a stopping sandbox waits for answers that are under way.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Marks an answer that must never arrive: its connection is closed instead.
#[derive(Clone, Copy, Debug)]
pub(super) struct CloseConnection;

/// Serves until the sandbox stops.
pub(crate) async fn serve(listener: TcpListener, router: Router, app: Arc<App>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = app.stop.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        app.tasks.spawn(converse(stream, router.clone(), app.clone()));
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, router: Router, app: Arc<App>) {
    let service = service_fn(move |request| answer(router.clone(), request));
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A closed or broken connection is the client's matter, or a fault's.
        _ = connection.as_mut() => {}
        () = app.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(LAST_ANSWERS, connection).await;
        }
    }
}

async fn answer(
    router: Router,
    request: http::Request<hyper::body::Incoming>,
) -> Result<Response<Body>, std::io::Error> {
    let response =
        router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never: Infallible| match never {});
    if response.extensions().get::<CloseConnection>().is_some() {
        return Err(std::io::ErrorKind::ConnectionAborted.into());
    }
    Ok(response)
}
