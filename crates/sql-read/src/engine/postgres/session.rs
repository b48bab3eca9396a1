//! A session with a server: every transaction in it can only read, and what is left unfinished is cancelled.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{
    CancelToken, Client, CopyOutStream, NoTls, Row, SimpleQueryMessage, SimpleQueryStream, Statement,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::settings::Settings;
use super::socket::TooLong;
use crate::cancellations;
use crate::error::{Error, ErrorKind, Result};

/// What a transaction sees.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) enum Isolation {
    /// Each statement what is there when it begins, which is after its tables are held.
    Statement,
    /// All statements what is there when the first begins.
    Transaction,
}

/// A connection with what belongs to it.
pub(super) struct Wire {
    pub client: Client,
    pub tls: Option<MakeRustlsConnect>,
    pub too_long: TooLong,
}

/// A session in a transaction that can only read. Dropping it in the middle of something asks the server to end that.
pub(in crate::engine) struct Session {
    /// Before the connection, so that it is dropped first.
    unfinished: Option<Unfinished>,
    wire: Wire,
    settings: Arc<Settings>,
}

impl Session {
    pub(super) fn new(wire: Wire, settings: Arc<Settings>) -> Self {
        Self { unfinished: None, wire, settings }
    }

    /// Opens a transaction that can only read. Settings are made for it alone: a pooler in between may refuse them when
    /// a session begins, forget them, or hand them on to somebody else.
    pub(in crate::engine) async fn begin(&mut self, isolation: Isolation) -> Result<()> {
        // What ran before has ended: dropped as unfinished, it would be cancelled, and what begins now with it.
        self.rests();
        self.unfinished = Some(Unfinished {
            token: Some(self.wire.client.cancel_token()),
            settings: self.settings.clone(),
            tls: self.wire.tls.clone(),
        });
        self.batch_execute(&self.settings.begin(isolation)).await
    }

    /// Ends the transaction after everything of it was read. The connection is kept for the next one.
    pub(in crate::engine) async fn finish(mut self) {
        self.rests();
        match self.batch_execute("commit").await {
            Ok(()) => self.settings.keep(self.wire),
            Err(error) => tracing::debug!(%error, "a transaction that only read could not be ended"),
        }
    }

    /// Runs statements that answer nothing.
    pub(in crate::engine) async fn batch_execute(&self, sql: &str) -> Result<()> {
        self.asked(self.wire.client.batch_execute(sql)).await
    }

    /// The same; the server's own error is left as it is.
    pub(super) async fn try_execute(&self, sql: &str) -> Result<Result<(), tokio_postgres::Error>> {
        self.patiently(self.wire.client.batch_execute(sql)).await
    }

    /// Has a statement read by the server.
    pub(in crate::engine) async fn prepare(&self, sql: &str) -> Result<Statement> {
        self.asked(self.wire.client.prepare(sql)).await
    }

    /// The rows of a short answer.
    pub(super) async fn query_typed(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>> {
        self.asked(self.wire.client.query_typed(sql, parameters)).await
    }

    /// A short answer as text.
    pub(in crate::engine) async fn simple_query(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>> {
        self.asked(self.wire.client.simple_query(sql)).await
    }

    /// An answer as text, as it comes.
    pub(in crate::engine) async fn simple_query_raw(&self, sql: &str) -> Result<SimpleQueryStream> {
        self.asked(self.wire.client.simple_query_raw(sql)).await
    }

    /// The data of a COPY, as it comes.
    pub(super) async fn copy_out(&self, sql: &str) -> Result<CopyOutStream> {
        self.asked(self.wire.client.copy_out(sql)).await
    }

    async fn asked<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        self.patiently(answer).await?.map_err(|error| self.error(error))
    }

    /// From now on nothing runs here that would have to be cancelled.
    pub(in crate::engine) fn rests(&mut self) {
        if let Some(mut unfinished) = self.unfinished.take() {
            unfinished.token = None;
        }
    }

    /// Waits for the server, as long as the configuration lets it be silent.
    pub(in crate::engine) async fn patiently<T>(&self, answer: impl Future<Output = T>) -> Result<T> {
        let Some(limit) = self.settings.longest_silence() else { return Ok(answer.await) };
        tokio::time::timeout(limit, answer).await.map_err(|_| {
            let product = self.settings.product();
            let seconds = limit.as_secs();
            Error::new(ErrorKind::BrokenConnection, format!("{product} was silent for {seconds} seconds"))
                .with_hint("`socketTimeout` in `jdbc_url_params` of the destination says how long it may be")
        })
    }

    /// The server's own words, and whether it was the query or the connection that failed.
    pub(in crate::engine) fn error(&self, error: tokio_postgres::Error) -> Error {
        let product = self.settings.product();
        let too_long = self.wire.too_long.load(Ordering::Acquire);
        if too_long > 0 {
            return Error::new(
                ErrorKind::Value,
                format!("{product} sends a row of {} MB, and rows up to 256 MB are read", too_long >> 20),
            )
            .with_hint("leave out the column that is so large, or read a part of it by a query");
        }
        let Some(server) = error.as_db_error() else {
            return Error::new(ErrorKind::BrokenConnection, format!("the connection to {product} broke"))
                .with_source(error);
        };
        let (kind, hint) = failure(server);
        let failed = Error::new(kind, format!("{product}: {}", server.message())).with_source(error);
        match hint {
            Some(hint) => failed.with_hint(hint),
            None => failed,
        }
    }
}

fn failure(server: &DbError) -> (ErrorKind, Option<&'static str>) {
    let code = server.code();
    // The server ends the session: shutdown, crash, somebody else's command, or patience with an idle reader.
    let ended = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::CONNECTION_FAILURE,
    ];
    if ended.contains(code) {
        return (ErrorKind::BrokenConnection, None);
    }
    if *code == SqlState::CHARACTER_NOT_IN_REPERTOIRE {
        let hint = "a text there is not in the encoding of its database; leave its column out, or read it as bytes by a \
                    query: `convert_to(column, 'SQL_ASCII')`";
        return (ErrorKind::Value, Some(hint));
    }
    let hint = if *code == SqlState::LOCK_NOT_AVAILABLE {
        Some("somebody holds the table, a sync that replaces it for instance; try again")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Some(
            "grant the user `usage` on the schema and `select` on the table; where only some columns are granted, \
             `_airbyte_generation_id` is one of them",
        )
    } else if *code == SqlState::T_R_SERIALIZATION_FAILURE {
        Some("the server is a replica and has changed what was being read; try again")
    } else {
        None
    };
    (ErrorKind::Query, hint)
}

/// What runs in a session: dropped before it is done, it is cancelled.
struct Unfinished {
    token: Option<CancelToken>,
    settings: Arc<Settings>,
    tls: Option<MakeRustlsConnect>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            cancellations::send(cancel(token, self.settings.clone(), self.tls.take()));
        }
    }
}

/// How long a request to cancel may take: a pooler passes it on when it has a connection for it.
const LONGEST_CANCEL: Duration = Duration::from_mins(1);

/// Asks the server to end what a session is doing. Best effort.
async fn cancel(token: CancelToken, settings: Arc<Settings>, tls: Option<MakeRustlsConnect>) {
    let asked = async {
        let socket = settings.open(TooLong::default()).await?.ended_by_server();
        match tls {
            None => token.cancel_query_raw(socket, NoTls).await,
            Some(tls) => token.cancel_query_raw(socket, settings.tls(&tls)?).await,
        }
        .map_err(|error| settings.refused(error))
    };
    match tokio::time::timeout(LONGEST_CANCEL, asked).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the query could not be cancelled"),
        Err(_) => tracing::debug!("nobody took the request to cancel the query"),
    }
}
