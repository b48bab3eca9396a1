//! Reading streams anew, which only the Config API offers.

use std::future::IntoFuture;

use airbyte_api_raw::config::types;
use futures::future::BoxFuture;

use crate::clear::{adopt, begun, connection_stream, operation, selected};
use crate::connection::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::JobId;
use crate::job::{JobType, running_job};
use crate::start::{Baseline, already_running};
use crate::stream::StreamId;
use crate::sync_result::SyncResult;

/// What happens to the rows that are in the destination already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefreshMode {
    /// They stay; what is read anew is merged with them.
    #[default]
    Merge,
    /// They go, once the new rows are there.
    Truncate,
}

/// Reads streams of a connection from their beginning (Config API operation `refreshConnectionStream`); made
/// by [`Connection::refresh`], run by `.await`.
///
/// All streams unless some are [chosen](Self::streams). The result is the job that does it, of type `refresh`.
///
/// Errors: [`AlreadyRunning`](ErrorKind::AlreadyRunning) if a job runs on the connection: the server would only
/// keep the wish for the next run. [`Unsupported`](ErrorKind::Unsupported) if the destination's connector cannot
/// do it. If the answer is lost, the job is looked for; the request itself is sent once only.
#[derive(Clone, Debug)]
#[must_use = "nothing is refreshed until it is awaited"]
pub struct RefreshRequest {
    connection: Connection,
    mode: RefreshMode,
    streams: Option<Vec<StreamId>>,
}

impl RefreshRequest {
    /// Only these streams. They have to be among those that the connection syncs.
    pub fn streams<S: Into<StreamId>>(mut self, streams: impl IntoIterator<Item = S>) -> Self {
        self.streams = Some(streams.into_iter().map(Into::into).collect());
        self
    }

    async fn start(self) -> Result<SyncResult> {
        let client = self.connection.client();
        client.path().config_root()?;
        let streams = match &self.streams {
            Some(streams) => Some(selected(&self.connection, streams).await?),
            None => None,
        };
        let baseline = Baseline::read(&self.connection).await?;
        baseline.refuse_if_running()?;
        let body = types::ConnectionStreamRefreshRequestBody {
            connection_id: types::ConnectionId(self.connection.id().into()),
            refresh_mode: match self.mode {
                RefreshMode::Merge => types::RefreshMode::Merge,
                RefreshMode::Truncate => types::RefreshMode::Truncate,
            },
            streams: streams.map(|streams| streams.iter().map(connection_stream).collect()),
        };
        let body = &body;
        let call = client.path().run(operation("refreshConnectionStream"), |attempt| async move {
            attempt.config().refresh_connection_stream().body(body.clone()).send().await
        });
        let started = match call.await {
            Ok(answer) => match answer.job {
                Some(job) => begun(client, JobId::new(job.id.0)).await,
                None => Err(self.no_job().await?),
            },
            Err(error) => Err(error),
        };
        let job = adopt(&baseline, started, "the refresh", |it| *it == JobType::Refresh).await?;
        Ok(SyncResult::new(client.clone(), job, false))
    }

    /// Why an answer has no job: one has begun to run in between, or the destination cannot refresh.
    async fn no_job(&self) -> Result<Error> {
        if let Some(job) = running_job(self.connection.client(), self.connection.id()).await? {
            return Ok(already_running(&job).with_hint("the next run of the connection will be the refresh"));
        }
        Ok(Error::new(ErrorKind::Unsupported, "the destination's connector does not support refreshes")
            .with_hint("clear the streams, then sync"))
    }
}

impl IntoFuture for RefreshRequest {
    type Output = Result<SyncResult>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl Connection {
    /// Reads its streams from their beginning; `.await` it. See [`RefreshRequest`].
    pub fn refresh(&self, mode: RefreshMode) -> RefreshRequest {
        RefreshRequest { connection: self.clone(), mode, streams: None }
    }
}
