//! The scheduler and its executors, as processes of their own.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use airbyte_ballista::remote;
use airbyte_datafusion::AirbyteCatalog;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::database::Database;

/// The longest that a process may take to listen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process, ended when it is dropped.
pub(crate) struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Ends it at once, as a machine that loses its power does.
    pub(crate) fn kill(&self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGKILL).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A scheduler and executors that read one database, known as `pg`.
pub(crate) struct Cluster {
    pub(crate) scheduler: Process,
    pub(crate) executors: Vec<Process>,
    folder: TempDir,
    file: PathBuf,
    password: String,
}

impl Cluster {
    pub(crate) fn start(database: &Database, executors: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut scheduler = Command::new(env!("CARGO_BIN_EXE_airbyte-scheduler"));
        scheduler.args(["--port", &port.to_string(), "--executor-timeout", "4", "--log", "debug"]);
        let scheduler = started(&mut scheduler, port, &folder, "scheduler");
        let (file, password) = (database.file(), database.password());
        let mut cluster = Self { scheduler, executors: Vec::new(), folder, file, password };
        for _ in 0..executors {
            cluster.add_executor();
        }
        cluster
    }

    pub(crate) fn add_executor(&mut self) {
        let (port, control) = (free_port(), free_port());
        let mut executor = Command::new(env!("CARGO_BIN_EXE_airbyte-executor"));
        executor
            .args(["--scheduler", &format!("127.0.0.1:{}", self.scheduler.port)])
            .args(["--port", &port.to_string(), "--control-port", &control.to_string()])
            .args(["--parallel", "2", "--heartbeat", "1", "--log", "debug"])
            .arg("--destination")
            .arg(format!("pg={}", self.file.display()))
            .env("AIRBYTE_SECRET_POSTGRES_PASSWORD", &self.password);
        let name = format!("executor-{}", self.executors.len());
        self.executors.push(started(&mut executor, port, &self.folder, &name));
    }

    /// A session whose queries run here, with the database as the catalog `airbyte`.
    pub(crate) async fn session(&self, database: &Database) -> SessionContext {
        self.session_as(database, "pg").await
    }

    /// The same, with the database known by this name to whoever reads it.
    pub(crate) async fn session_as(&self, database: &Database, name: &'static str) -> SessionContext {
        let config = SessionConfig::new()
            .with_target_partitions(4)
            .with_default_catalog_and_schema("airbyte", &database.schema)
            .with_create_default_catalog_and_schema(false);
        let context = remote(&format!("df://127.0.0.1:{}", self.scheduler.port), config).unwrap();
        let catalog = AirbyteCatalog::of_destination(&database.warehouse().await, &[]).await.unwrap();
        context.register_catalog("airbyte", Arc::new(catalog.known_as(name)));
        context
    }

    /// What all processes have said so far.
    pub(crate) fn logs(&self) -> String {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn started(command: &mut Command, port: u16, folder: &TempDir, name: &str) -> Process {
    let log = File::create(folder.path().join(name)).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let mut process = Process { child: command.spawn().unwrap(), port };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = process.child.try_wait().unwrap();
        let said = || std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(ended.is_none(), "{name} ended: {}", said());
        assert!(begun.elapsed() < PATIENCE, "{name} does not listen: {}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}

/// What a query gives: a line for each row, values with `|` between them.
pub(crate) async fn lines(context: &SessionContext, query: &str) -> Vec<String> {
    let frame = context.sql(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    shown(&frame.collect().await.unwrap_or_else(|error| panic!("{query}: {error}")))
}

pub(crate) fn shown(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            lines.push(values.join("|"));
        }
    }
    lines
}
