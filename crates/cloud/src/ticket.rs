//! Tickets: what it takes to find a job again in another process.

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{ConnectionId, JobId};
use crate::job::{Job, JobInfo};
use crate::sync_result::SyncResult;
use crate::web_links;

/// What it takes to find a job again: in another process, after a restart, on another machine. It can be stored
/// as JSON, for instance, and holds no secret.
///
/// ```no_run
/// # async fn example(client: airbyte_cloud::Client, connection: airbyte_cloud::Connection) -> airbyte_cloud::Result<()> {
/// let ticket = connection.sync().await?.ticket();
/// // ... stored, the process ends, another one begins ...
/// let done = client.resume(&ticket).await?.wait().await?;
/// println!("job {} {}", done.job_id, done.status);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobTicket {
    /// The root of the public API of the installation that runs the job.
    pub api_root: String,
    /// The job.
    pub job_id: JobId,
    /// The connection that it runs.
    pub connection_id: ConnectionId,
}

impl JobTicket {
    fn new(client: &Client, job: &JobInfo) -> Self {
        let api_root = web_links::display(&client.path().public_root);
        Self { api_root, job_id: job.job_id, connection_id: job.connection_id }
    }
}

impl SyncResult {
    /// What it takes to find the job again later; see [`Client::resume`].
    pub fn ticket(&self) -> JobTicket {
        JobTicket::new(self.client(), self.info())
    }
}

impl Job {
    /// What it takes to find it again later; see [`Client::resume`]. Asks the server for the connection.
    pub async fn ticket(&self) -> Result<JobTicket> {
        Ok(JobTicket::new(self.client(), &self.info().await?))
    }
}

impl Client {
    /// The job of a ticket, to wait for it or to look at it (operation `getJob`).
    ///
    /// A ticket of another installation is refused before any request
    /// ([`InvalidInput`](ErrorKind::InvalidInput)): its job's number belongs to some other job here. So is one
    /// whose job runs another connection, as after an installation was set up anew at the same address
    /// ([`NotFound`](ErrorKind::NotFound)).
    pub async fn resume(&self, ticket: &JobTicket) -> Result<SyncResult> {
        let here = web_links::display(&self.path().public_root);
        if ticket.api_root != here {
            let message =
                format!("job {} runs on {}, and this client is of {here}", ticket.job_id, ticket.api_root);
            return Err(Error::new(ErrorKind::InvalidInput, message)
                .with_hint("resume it with a client of the installation that the ticket names")
                .with_job_id(ticket.job_id));
        }
        self.connection(ticket.connection_id).sync_result(ticket.job_id).await
    }
}
