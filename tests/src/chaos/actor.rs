//! Somebody who works with one connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use airbyte_cloud::{ApiRequest, Connection, Error, ErrorKind, IfRunning, JobStatus, SyncResult, Update};
use airbyte_sql_read::{ConnectionExt, EnvSecrets, Format};
use anyhow::{Context, Result, bail, ensure};
use futures::StreamExt;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::files;
use super::ledger::{Ledger, Said, said};
use super::{Clumsiness, Story};

/// By how much a wait may miss its time limit: the reasons of a failure are asked for after the end, with the usual
/// patience, and a cancelled request to cancel is looked after.
const AFTER_THE_LIMIT: Duration = Duration::from_mins(20);

/// What somebody works with.
pub(super) struct Place {
    /// The connection, reached through the bad weather.
    pub(super) connection: Connection,
    /// The rows that a sync leaves.
    pub(super) rows: usize,
    /// Where exports go.
    pub(super) folder: PathBuf,
    /// What is done wrongly on purpose.
    pub(super) clumsiness: Clumsiness,
}

/// Somebody at work.
pub(super) struct Actor {
    place: Place,
    ledger: Arc<Mutex<Ledger>>,
    dice: StdRng,
    story: Story,
    /// Whether the connection is enabled, as far as that is known.
    enabled: Option<bool>,
    /// Whether the newest job is known to have succeeded, and nothing was started since.
    is_settled: bool,
    exports: usize,
}

impl Actor {
    /// Somebody who does what the dice say.
    pub(super) fn new(place: Place, ledger: Arc<Mutex<Ledger>>, dice: StdRng) -> Self {
        Self {
            place,
            ledger,
            dice,
            story: Story::default(),
            enabled: Some(true),
            is_settled: false,
            exports: 0,
        }
    }

    /// Works.
    ///
    /// # Errors
    /// What was broken.
    pub(super) async fn run(mut self) -> Result<Story> {
        let is_shared = self.ledger.lock().await.is_shared;
        for _ in 0..self.dice.random_range(1..6) {
            match self.dice.random_range(0..10) {
                0..5 => self.sync().await?,
                5 => self.list().await?,
                6 => self.rename().await?,
                7 if !is_shared => self.switch().await?,
                _ if !is_shared && self.is_settled => self.read().await?,
                _ => self.list().await?,
            }
            let pause = self.dice.random_range(0..3_000);
            sleep(Duration::from_millis(pause)).await;
        }
        Ok(self.story)
    }

    async fn sync(&mut self) -> Result<()> {
        let policy = match self.dice.random_range(0..4) {
            0 => IfRunning::Attach,
            1 => IfRunning::WaitThenStart,
            _ => IfRunning::Fail,
        };
        let patience = Duration::from_millis(self.dice.random_range(200..400_000));
        self.is_settled = false;
        self.story.syncs += 1;
        if self.place.clumsiness == Clumsiness::RepeatsStarts {
            return self.start_again_and_again().await;
        }
        let request = self.place.connection.sync().if_running(policy).start_timeout(patience);
        match request.await {
            Ok(sync) => {
                let mut ledger = self.ledger.lock().await;
                ensure!(self.enabled != Some(false), "job {} runs on what is disabled", sync.job_id());
                let list = if sync.attached() { &mut ledger.others } else { &mut ledger.started };
                list.push(sync.job_id());
                drop(ledger);
                self.after_start(&sync).await
            }
            Err(error) => self.not_started(&error).await,
        }
    }

    async fn not_started(&mut self, error: &Error) -> Result<()> {
        let mut ledger = self.ledger.lock().await;
        match error.kind() {
            ErrorKind::ConnectionNotActive => {
                ensure!(self.enabled != Some(true), "it is enabled, and said not to be: {error}");
            }
            ErrorKind::NotFound => bail!("it is there, and said not to be: {error}"),
            ErrorKind::AlreadyRunning => ledger.others.extend(error.job_id()),
            _ if error.to_string().contains("is not known") => {
                ensure!(!error.is_retryable(), "whoever just tries again would start a second job: {error}");
                ledger.open += 1;
            }
            _ => {}
        }
        Ok(())
    }

    /// What a client does that takes a start for repeatable.
    async fn start_again_and_again(&mut self) -> Result<()> {
        let connection = &self.place.connection;
        let body = json!({"connectionId": connection.id(), "jobType": "sync"});
        for _ in 0..4 {
            match connection.client().request(ApiRequest::post("/jobs").body(body.clone())).await {
                Ok(answer) => {
                    let id = answer.body["jobId"].as_i64().context("an id")?;
                    self.ledger.lock().await.started.push(id.into());
                    // So that the next start finds nothing running.
                    let _ = connection.client().job(id.into()).wait().await;
                    return Ok(());
                }
                Err(_) => sleep(Duration::from_mins(3)).await,
            }
        }
        Ok(())
    }

    async fn after_start(&mut self, sync: &SyncResult) -> Result<()> {
        match self.dice.random_range(0..8) {
            // Goes on with something else.
            0 => Ok(()),
            1 => self.cancel(sync).await,
            // Looks away in the middle, and comes back.
            2 => {
                let moment = Duration::from_millis(self.dice.random_range(0..20_000));
                if timeout(moment, sync.wait()).await.is_err() {
                    self.wait(sync).await?;
                }
                Ok(())
            }
            3 => self.watch(sync).await,
            _ => self.wait(sync).await,
        }
    }

    async fn wait(&mut self, sync: &SyncResult) -> Result<()> {
        let mut wait = sync.wait().details(self.dice.random_bool(0.5)).logs(self.dice.random_bool(0.3));
        let mut limit = None;
        if self.dice.random_bool(0.3) {
            let time = Duration::from_secs(self.dice.random_range(1..2_000));
            limit = Some(time);
            wait = wait.timeout(time);
            if self.dice.random_bool(0.3) {
                wait = wait.cancel_on_timeout();
            }
        }
        let began = Instant::now();
        let end = wait.await;
        if let Some(limit) = limit {
            let late = began.elapsed().saturating_sub(limit);
            ensure!(late < AFTER_THE_LIMIT, "a wait of {limit:?} took {late:?} longer");
        }
        if let Err(error) = &end {
            let gone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden);
            ensure!(!gone, "the job is there, and said not to be: {error}");
            ensure!(error.job_id() == Some(sync.job_id()), "which job? {error:?}");
        }
        self.is_settled = end.is_ok();
        self.story.waits += 1;
        self.ledger.lock().await.said.extend(said(&end).map(|said| (sync.job_id(), said)));
        Ok(())
    }

    /// Waits by looking at each update.
    async fn watch(&mut self, sync: &SyncResult) -> Result<()> {
        let mut updates = sync.wait();
        let mut last = None;
        while let Some(update) = updates.next().await {
            ensure!(last.is_none(), "an update after the last one: {update:?}");
            match update {
                Update::InProgress(progress) => {
                    ensure!(!progress.status().is_final(), "ended, and in progress: {progress:?}");
                }
                Update::Done(info) => last = Some(Ok(info)),
                Update::Stopped(error) => last = Some(Err(error)),
                _ => {}
            }
        }
        let end = last.context("a wait without an end")?;
        self.is_settled = end.as_ref().is_ok_and(|info| info.status.is_success());
        self.story.waits += 1;
        self.ledger.lock().await.said.extend(said(&end).map(|said| (sync.job_id(), said)));
        Ok(())
    }

    async fn cancel(&mut self, sync: &SyncResult) -> Result<()> {
        let moment = Duration::from_millis(self.dice.random_range(0..2_000));
        sleep(moment).await;
        self.story.cancels += 1;
        let word = match sync.job().cancel().await {
            Ok(info) if info.status == JobStatus::Cancelled => Some(Said::Status(JobStatus::Cancelled)),
            Ok(info) if info.status.is_final() => Some(Said::Ended(info)),
            Ok(_) => None,
            Err(error) => said(&Err(error)),
        };
        self.ledger.lock().await.said.extend(word.map(|word| (sync.job_id(), word)));
        self.wait(sync).await
    }

    async fn list(&mut self) -> Result<()> {
        let known = self.ledger.lock().await.started.clone();
        let connection = &self.place.connection;
        let Ok(jobs) = connection.jobs().await else { return Ok(()) };
        let mut ids: Vec<_> = jobs.iter().map(|job| job.job_id).collect();
        for id in known {
            ensure!(ids.contains(&id), "job {id} is not in the list {ids:?}");
        }
        ids.sort();
        let doubled = ids.windows(2).find(|pair| pair[0] == pair[1]);
        ensure!(doubled.is_none(), "twice in a list: {doubled:?}");
        self.story.lists += 1;
        self.ledger.lock().await.listed.extend(jobs);
        Ok(())
    }

    async fn rename(&mut self) -> Result<()> {
        let name = format!("name {}", self.dice.random_range(0..1_000_000));
        let renamed = self.place.connection.rename(&name).await;
        let mut ledger = self.ledger.lock().await;
        match renamed {
            Ok(info) if ledger.is_shared => {
                ledger.names.extend([info.name, name]);
            }
            Ok(info) => {
                ensure!(info.name == name, "renamed {name:?}, and said to be {:?}", info.name);
                ledger.names = [name].into();
            }
            Err(_) => {
                ledger.names.insert(name);
            }
        }
        self.story.edits += 1;
        Ok(())
    }

    async fn switch(&mut self) -> Result<()> {
        let wanted = self.dice.random_bool(0.6);
        let connection = &self.place.connection;
        let switched = if wanted { connection.enable().await } else { connection.disable().await };
        self.enabled = match switched {
            Ok(info) => {
                ensure!(
                    info.is_enabled() == wanted,
                    "switched to {wanted}, and said to be {:?}",
                    info.status
                );
                Some(wanted)
            }
            Err(_) => (self.enabled == Some(wanted)).then_some(wanted),
        };
        self.story.edits += 1;
        Ok(())
    }

    /// Reads what the last sync left, and writes it into a file.
    async fn read(&mut self) -> Result<()> {
        let Ok(dataset) = self.place.connection.dataset("users", &EnvSecrets).await else { return Ok(()) };
        let rows = self.place.rows;
        let counted = dataset.count().await?;
        ensure!(counted == rows as u64, "{counted} rows are counted, not {rows}");
        self.exports += 1;
        let (format, end) = [(Format::Parquet, "parquet"), (Format::JsonLines, "jsonl")]
            [usize::from(self.dice.random_bool(0.5))];
        let path = self.place.folder.join(format!("{}.{end}", self.exports));
        let exported = dataset.export(&path, format).await?;
        ensure!(exported.rows == rows as u64, "{} rows are exported, not {rows}", exported.rows);
        let found = distinct_rows(&path)?;
        ensure!(found == rows, "{found} rows are in the file, not {rows}");
        self.story.reads += 1;
        Ok(())
    }
}

fn distinct_rows(path: &Path) -> Result<usize> {
    let rows = files::lines(path)?;
    let distinct: std::collections::BTreeSet<&String> = rows.iter().collect();
    ensure!(distinct.len() == rows.len(), "rows are doubled in {}", path.display());
    Ok(rows.len())
}
