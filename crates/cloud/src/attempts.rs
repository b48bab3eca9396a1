//! The attempts of a job, which only the Config API tells.

use airbyte_api_raw::config::types;

use crate::attempt::{Attempt, AttemptInfo, StreamStats};
use crate::call::Operation;
use crate::client::Client;
use crate::error::Result;
use crate::failure::Failure;
use crate::ids::JobId;
use crate::job::Job;
use crate::retry::RetryPolicy;

/// What the Config API knows about a job beyond the public one.
pub(crate) struct JobDetails {
    /// The first attempt first.
    pub(crate) attempts: Vec<AttemptInfo>,
    /// What each stream moved in all attempts together.
    pub(crate) streams: Vec<StreamStats>,
}

/// The call that [`fetch`] makes, to be tuned by its caller.
///
/// The server answers 500 for an unknown job, so being stubborn would mostly take time.
pub(crate) fn operation() -> Operation {
    Operation::read("getJobInfoWithoutLogs").policy(RetryPolicy::default().attempts(2))
}

/// Asks for the attempts of a job (Config API operation `getJobInfoWithoutLogs`).
pub(crate) async fn fetch(client: &Client, job: JobId, operation: Operation) -> Result<JobDetails> {
    client.path().config_root()?;
    let body = types::JobIdRequestBody { id: types::JobId(job.get()) };
    let body = &body;
    let call = client.path().run(operation.of("job", job), |attempt| async move {
        attempt.config().get_job_info_without_logs().body(body.clone()).send().await
    });
    let answer = call.await.map_err(|error| error.with_job_id(job))?;
    let mut attempts: Vec<_> = answer.attempts.iter().map(|info| AttemptInfo::from(&info.attempt)).collect();
    attempts.sort_by_key(|attempt| attempt.number);
    let streams = answer.job.stream_aggregated_stats.iter().flat_map(|all| all.iter()).map(StreamStats::from);
    Ok(JobDetails { attempts, streams: streams.collect() })
}

impl Job {
    /// Its attempts with their statistics and failures, the first one first, asked for anew at each call
    /// (Config API operation `getJobInfoWithoutLogs`). A job that was never begun has none.
    pub async fn attempts(&self) -> Result<Vec<Attempt>> {
        let details = fetch(self.client(), self.id(), operation()).await?;
        Ok(details.attempts.into_iter().map(|info| Attempt::new(self.clone(), info)).collect())
    }

    /// What each stream moved in all attempts together (Config API operation `getJobInfoWithoutLogs`).
    pub async fn stream_stats(&self) -> Result<Vec<StreamStats>> {
        Ok(fetch(self.client(), self.id(), operation()).await?.streams)
    }

    /// Why its attempts failed, the first attempt first, each reason once (Config API operation
    /// `getJobInfoWithoutLogs`). Empty when none failed.
    pub async fn failures(&self) -> Result<Vec<Failure>> {
        let mut failures: Vec<Failure> = Vec::new();
        for attempt in fetch(self.client(), self.id(), operation()).await?.attempts {
            for failure in attempt.failures {
                if !failures.iter().any(|known| known.repeats(&failure)) {
                    failures.push(failure);
                }
            }
        }
        Ok(failures)
    }
}
