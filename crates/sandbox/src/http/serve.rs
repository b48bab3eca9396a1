//! Accepts connections, and can close one without an answer.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use futures::FutureExt;
use http::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::Refusal;
use crate::app::App;

/// How long a stopping sandbox waits for answers that are under way.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long a client may take for the head of its next request, as on the server.
const LONGEST_SILENCE: Duration = Duration::from_mins(5);

/// The pause after a connection that could not be accepted.
const BEFORE_THE_NEXT: Duration = Duration::from_millis(20);

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
        let Ok((stream, _)) = accepted else {
            // Too many are open. Some will be closed.
            tokio::time::sleep(BEFORE_THE_NEXT).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        app.tasks.spawn(converse(stream, router.clone(), app.clone()));
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, router: Router, app: Arc<App>) {
    let service = service_fn(move |request| answer(router.clone(), request));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(LONGEST_SILENCE)
            .serve_connection(TokioIo::new(stream), service)
    );
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
    let answering = AssertUnwindSafe(router.oneshot(request.map(Body::new))).catch_unwind();
    let response = match answering.await {
        Ok(answered) => answered.unwrap_or_else(|never: Infallible| match never {}),
        // What the handler has changed is stored whole or not at all, so the others may go on.
        Err(_) => {
            Refusal::unexpected("The sandbox has a fault, which it reports where it runs").into_response()
        }
    };
    if response.extensions().get::<CloseConnection>().is_some() {
        return Err(std::io::ErrorKind::ConnectionAborted.into());
    }
    Ok(response)
}
