//! What the attempts of a job did, which only the Config API tells.

use airbyte_api_raw::config::types;
use serde::Serialize;

use crate::call::Operation;
use crate::client::Client;
use crate::error::Result;
use crate::failure::Failure;
use crate::ids::JobId;
use crate::retry::RetryPolicy;

/// How far one stream of a job is, in its latest attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StreamProgress {
    /// The stream's name.
    pub name: String,
    /// The stream's namespace, where it has one.
    pub namespace: Option<String>,
    /// Records read from the source so far.
    pub records_emitted: Option<i64>,
    /// Bytes read from the source so far.
    pub bytes_emitted: Option<i64>,
    /// Records that have arrived in the destination.
    pub records_committed: Option<i64>,
}

/// The call that [`fetch`] makes, to be tuned by its caller.
///
/// The server answers 500 for an unknown job, so being stubborn would mostly take time.
pub(crate) fn operation() -> Operation {
    Operation::read("getJobInfoWithoutLogs").policy(RetryPolicy::default().attempts(2))
}

/// Asks for the attempts of a job (Config API operation `getJobInfoWithoutLogs`), the first one first.
pub(crate) async fn fetch(
    client: &Client,
    job: JobId,
    operation: Operation,
) -> Result<Vec<types::AttemptRead>> {
    client.path().config_root()?;
    let body = types::JobIdRequestBody { id: types::JobId(job.get()) };
    let body = &body;
    let call = client.path().run(operation.of("job", job), |attempt| async move {
        attempt.config().get_job_info_without_logs().body(body.clone()).send().await
    });
    let mut attempts: Vec<_> = call.await?.attempts.into_iter().map(|info| info.attempt).collect();
    attempts.sort_by_key(|attempt| attempt.id);
    Ok(attempts)
}

/// The reasons why attempts failed, each once.
pub(crate) fn failures(attempts: &[types::AttemptRead]) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    for attempt in attempts {
        for reason in attempt.failure_summary.iter().flat_map(|summary| &summary.failures) {
            let failure = Failure::new(attempt.id, reason);
            if !failures.iter().any(|known| known.repeats(&failure)) {
                failures.push(failure);
            }
        }
    }
    failures
}

/// How far the streams are in an attempt.
pub(crate) fn streams(attempt: &types::AttemptRead) -> Vec<StreamProgress> {
    attempt
        .stream_stats
        .iter()
        .flatten()
        .map(|stream| StreamProgress {
            name: stream.stream_name.clone(),
            namespace: stream.stream_namespace.clone(),
            records_emitted: stream.stats.records_emitted,
            bytes_emitted: stream.stats.bytes_emitted,
            records_committed: stream.stats.records_committed,
        })
        .collect()
}
