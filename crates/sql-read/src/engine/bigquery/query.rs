//! Queries: jobs that BigQuery runs, and what becomes of their results.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use google_cloud_bigquery_v2::model::{
    DataFormatOptions, DatasetReference, GetQueryResultsResponse, Job, JobConfiguration,
    JobConfigurationQuery, JobReference, TableReference, TableSchema,
};
use google_cloud_gax::error::Error as Fault;
use google_cloud_gax::options::RequestOptionsBuilder as _;
use uuid::Uuid;

use super::connect::Clients;
use super::fault::{fault, is_repeated};
use crate::cancellations;
use crate::error::{Error, ErrorKind, Result};

/// How long one question after a job's end may wait for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows of a result's first page: small results are whole with it.
const FIRST_PAGE: u32 = 1_000;

/// What a query would be.
pub(super) struct Estimate {
    pub bytes: Option<i64>,
    pub statement: String,
}

/// Asks what a query would do and cost. This costs nothing and does nothing.
pub(super) async fn estimate(clients: &Clients, sql: &str) -> Result<Estimate> {
    let job = insert(clients, job(clients, sql, true)).await.map_err(fault)?;
    refused(&job)?;
    let query = job.statistics.as_ref().and_then(|statistics| statistics.query.as_ref());
    Ok(Estimate {
        bytes: query.and_then(|query| query.total_bytes_processed),
        statement: query.map(|query| query.statement_type.clone()).unwrap_or_default(),
    })
}

/// Refuses what does more than read, by BigQuery's own judgement, and what costs more than it may.
pub(super) async fn check(clients: &Clients, sql: &str) -> Result<()> {
    let Estimate { bytes, statement } = estimate(clients, sql).await?;
    if statement != "SELECT" {
        let shown = if statement.is_empty() { "of a kind that is not known" } else { &statement };
        return Err(Error::invalid(format!("the statement is not a query: BigQuery calls it {shown}"))
            .with_hint("only single statements that read can be run"));
    }
    tracing::debug!(bytes, "the query is estimated");
    match (bytes, clients.maximum_bytes) {
        (Some(bytes), Some(maximum)) if bytes > maximum => {
            Err(Error::invalid(format!("the query would read {bytes} bytes, and it may read {maximum}"))
                .with_hint(
                    "choose fewer columns, filter by `_airbyte_extracted_at`, or raise maximum_bytes_billed",
                ))
        }
        _ => Ok(()),
    }
}

/// Sends a job. Its name makes a repeated request the same job. Boxed, for it is large and waits inside of others.
fn insert(clients: &Clients, job: Job) -> BoxFuture<'static, Result<Job, Fault>> {
    let request = clients.jobs.insert_job().set_project_id(&clients.project).set_job(job);
    request.with_idempotency(true).send().boxed()
}

fn job(clients: &Clients, sql: &str, dry_run: bool) -> Job {
    let query = JobConfigurationQuery::new()
        .set_query(sql)
        .set_use_legacy_sql(false)
        .set_default_dataset(
            DatasetReference::new().set_project_id(&clients.project).set_dataset_id(&clients.dataset),
        )
        .set_or_clear_maximum_bytes_billed(clients.maximum_bytes);
    let reference = JobReference::new()
        .set_project_id(&clients.project)
        .set_job_id(format!("airbyte_sql_read_{}", Uuid::new_v4()))
        .set_or_clear_location(clients.location.clone());
    let configuration = JobConfiguration::new().set_query(query).set_dry_run(dry_run);
    Job::new().set_configuration(configuration).set_job_reference(reference)
}

/// A query that has been run.
pub(super) struct Finished {
    pub job: JobReference,
    /// The table that BigQuery keeps the result in, for a day.
    pub table: TableReference,
    pub schema: TableSchema,
    pub first_page: GetQueryResultsResponse,
}

impl Finished {
    /// Whether the first page holds everything.
    pub(super) fn is_small(&self) -> bool {
        self.first_page.page_token.is_empty()
    }
}

/// Runs a query to its end. Dropping this future cancels the query.
pub(super) async fn run(clients: &Clients, sql: &str) -> Result<Finished> {
    let wanted = job(clients, sql, false);
    let Some(reference) = wanted.job_reference.clone() else {
        return Err(Error::new(ErrorKind::Query, "the query has no name"));
    };
    let mut running = Running { clients: clients.clone(), job: reference, ended: false };
    match insert(clients, wanted).await {
        Ok(job) => {
            // Where it runs is known now, if it was not before.
            if let Some(reference) = job.job_reference.clone() {
                running.job = reference;
            }
            refused(&job).inspect_err(|_| running.ended = true)?;
        }
        Err(error) if is_repeated(&error) => {}
        Err(error) => {
            running.ended = error.status().is_some();
            return Err(fault(error));
        }
    }
    let first_page = loop {
        match page(clients, &running.job, "", Some(FIRST_PAGE)).await {
            Ok(page) if page.job_complete == Some(true) => break page,
            Ok(_) => {}
            Err(error) => {
                // The job itself says best why it failed.
                let job = described(clients, &running.job).await?;
                running.ended = true;
                refused(&job)?;
                return Err(error);
            }
        }
    };
    running.ended = true;
    result(clients, running.job.clone(), first_page).await
}

/// A query that was run before.
pub(super) async fn finished(clients: &Clients, job: JobReference) -> Result<Finished> {
    let first_page = page(clients, &job, "", Some(FIRST_PAGE)).await?;
    if first_page.job_complete != Some(true) {
        return Err(Error::new(ErrorKind::Query, "the query has not ended yet"));
    }
    result(clients, job, first_page).await
}

async fn result(
    clients: &Clients,
    reference: JobReference,
    first_page: GetQueryResultsResponse,
) -> Result<Finished> {
    let job = described(clients, &reference).await?;
    refused(&job)?;
    let table = job.configuration.and_then(|configuration| configuration.query?.destination_table);
    let table =
        table.ok_or_else(|| Error::new(ErrorKind::Query, "BigQuery does not say where the result is"))?;
    let schema = first_page.schema.clone().unwrap_or_default();
    Ok(Finished { job: reference, table, schema, first_page })
}

/// A page of a finished query's rows; of one that runs, the news that it does.
pub(super) async fn page(
    clients: &Clients,
    job: &JobReference,
    token: &str,
    rows: Option<u32>,
) -> Result<GetQueryResultsResponse> {
    clients
        .jobs
        .get_query_results()
        .set_project_id(&job.project_id)
        .set_job_id(&job.job_id)
        .set_location(job.location.clone().unwrap_or_default())
        .set_page_token(token)
        .set_or_clear_max_results(rows)
        .set_timeout_ms(u32::try_from(PATIENCE.as_millis()).unwrap_or(u32::MAX))
        // Without it instants come as floating-point numbers, which lose microseconds.
        .set_format_options(DataFormatOptions::new().set_use_int64_timestamp(true))
        .send()
        .await
        .map_err(fault)
}

async fn described(clients: &Clients, job: &JobReference) -> Result<Job> {
    clients
        .jobs
        .get_job()
        .set_project_id(&job.project_id)
        .set_job_id(&job.job_id)
        .set_location(job.location.clone().unwrap_or_default())
        .send()
        .await
        .map_err(fault)
}

/// The error of a job that failed.
fn refused(job: &Job) -> Result<()> {
    let Some(error) = job.status.as_ref().and_then(|status| status.error_result.as_ref()) else {
        return Ok(());
    };
    let kind = match error.reason.as_str() {
        "backendError" | "internalError" | "stopped" => ErrorKind::BrokenConnection,
        _ => ErrorKind::Query,
    };
    let refused = Error::new(kind, format!("BigQuery: {}", error.message));
    Err(match error.reason.as_str() {
        "bytesBilledLimitExceeded" => refused.with_hint(
            "choose fewer columns, filter by `_airbyte_extracted_at`, or raise maximum_bytes_billed",
        ),
        "accessDenied" => refused.with_hint("the account needs the role BigQuery Data Viewer on the dataset"),
        _ => refused,
    })
}

/// Cancels the job when it is dropped before its end.
struct Running {
    clients: Clients,
    job: JobReference,
    ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let asked = self
            .clients
            .jobs
            .cancel_job()
            .set_project_id(&self.job.project_id)
            .set_job_id(&self.job.job_id)
            .set_location(self.job.location.clone().unwrap_or_default());
        // Best effort.
        cancellations::send(async move {
            if let Err(error) = asked.send().await {
                tracing::debug!(%error, "the query could not be cancelled");
            }
        });
    }
}
