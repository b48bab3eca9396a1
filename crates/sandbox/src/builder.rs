//! Starting and stopping a sandbox.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::Rng;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::auth::Tokens;
use crate::clock::Clock;
use crate::data_folder::{application, private_folder, temporary_folder};
use crate::error::Error;
use crate::fault::{Fault, Faults};
use crate::folder_lock::FolderLock;
use crate::http;
use crate::jobs::scheduler::{self, Scheduler};
use crate::jobs::{self, Running};
use crate::model::ClockAhead;
use crate::people::{NewOrganization, NewUser, UserCredentials};
use crate::ready::Ready;
use crate::requests::{Requests, SeenRequest};
use crate::seed;
use crate::store::Store;

/// The file of the data folder that holds all objects.
const DATABASE: &str = "airbyte.db";

/// Whose server the sandbox behaves like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edition {
    /// A self-managed instance with every entitlement, seen by an administrator: unknown ids are 404.
    #[default]
    Enterprise,
    /// An ordinary user of Airbyte Cloud: unknown and foreign ids are 403.
    Cloud,
    /// The open-source server with its simple authentication.
    Community,
}

/// What a new sandbox holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seed {
    /// One workspace, one organization, one application.
    #[default]
    Empty,
    /// Also sources, destinations, and a connection that is ready to sync.
    Demo,
}

/// How a sandbox is started.
#[must_use = "a sandbox runs once `start` is called"]
pub struct SandboxBuilder {
    listen: SocketAddr,
    data_dir: Option<PathBuf>,
    seed: Seed,
    edition: Edition,
    files_root: Option<PathBuf>,
    token_ttl: Duration,
    faults: Vec<Fault>,
    fault_seed: Option<u64>,
    postgres: Option<String>,
    duckdb: bool,
    libduckdb: Option<PathBuf>,
    time_scale: f64,
    faithful_5xx: bool,
}

impl std::fmt::Debug for SandboxBuilder {
    // The address of the PostgreSQL server holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxBuilder")
            .field("listen", &self.listen)
            .field("data_dir", &self.data_dir)
            .field("seed", &self.seed)
            .field("edition", &self.edition)
            .finish_non_exhaustive()
    }
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            data_dir: None,
            seed: Seed::default(),
            edition: Edition::default(),
            files_root: None,
            token_ttl: Duration::from_mins(15),
            faults: Vec::new(),
            fault_seed: None,
            postgres: None,
            duckdb: false,
            libduckdb: None,
            time_scale: 1.0,
            faithful_5xx: false,
        }
    }
}

impl SandboxBuilder {
    /// The address to listen on. Default: a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Keeps everything in this folder, which is made if it is not there. Default: in memory, with embedded
    /// databases in a temporary folder that goes with the sandbox.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// What the sandbox holds at first. Default: [`Seed::Empty`].
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// Whose server it behaves like. Default: [`Edition::Enterprise`].
    pub fn edition(mut self, edition: Edition) -> Self {
        self.edition = edition;
        self
    }

    /// The folder below which the file source may read. Default: the current folder. Of the data folder it reads `files`
    /// and `local` alone.
    pub fn files_root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.files_root = Some(folder.into());
        self
    }

    /// How long a token is valid. Default: 15 minutes.
    pub fn token_ttl(mut self, lifetime: Duration) -> Self {
        self.token_ttl = lifetime;
        self
    }

    /// Switches a fault on; may be called several times.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Seeds the dice for faults with a probability, so that a run can be repeated. Default: a new one each time.
    pub fn fault_seed(mut self, seed: u64) -> Self {
        self.fault_seed = Some(seed);
        self
    }

    /// Adds a PostgreSQL destination, and a connection into it, to the demo seed
    /// (`postgres://USER:PASSWORD@HOST:PORT/DATABASE`).
    pub fn postgres(mut self, url: impl Into<String>) -> Self {
        self.postgres = Some(url.into());
        self
    }

    /// Names DuckDB's library, which the destination `duckdb` is written with (feature `duckdb`). Default: the first one
    /// in the usual places.
    #[cfg(feature = "duckdb")]
    pub fn libduckdb(mut self, library: impl Into<PathBuf>) -> Self {
        self.libduckdb = Some(library.into());
        self
    }

    /// Adds a DuckDB destination, and a connection into it, to the demo seed.
    #[cfg(feature = "duckdb")]
    pub fn duckdb(mut self, is_added: bool) -> Self {
        self.duckdb = is_added;
        self
    }

    /// Scales the least durations of jobs and the pauses between attempts: 0.1 is ten times as fast. Default: 1.
    pub fn time_scale(mut self, scale: f64) -> Self {
        self.time_scale = scale;
        self
    }

    /// Answers 500 to bad input where the real server does, in place of the nearest 4xx.
    pub fn faithful_5xx(mut self, faithful: bool) -> Self {
        self.faithful_5xx = faithful;
        self
    }

    /// Starts the sandbox; it answers as soon as this returns.
    ///
    /// # Errors
    /// The address is taken, a folder cannot be used, is in use, is damaged or is of a newer version, the PostgreSQL
    /// address is none.
    pub async fn start(self) -> Result<Sandbox, Error> {
        let database = self.data_dir.as_ref().map(|folder| folder.join(DATABASE));
        self.started().await.map_err(|error| error.of_file(database))
    }

    async fn started(self) -> Result<Sandbox, Error> {
        let postgres = self.postgres.as_deref().map(postgres_url).transpose()?;
        let (folder, temporary) = if let Some(folder) = self.data_dir {
            (folder, None)
        } else {
            let temporary =
                temporary_folder().map_err(|source| Error::Folder { path: std::env::temp_dir(), source })?;
            (temporary.path().to_owned(), Some(temporary))
        };
        private_folder(&folder).map_err(|source| Error::Folder { path: folder.clone(), source })?;
        let lock = temporary.is_none().then(|| FolderLock::take(&folder)).transpose()?;
        let [local_root, samples] = ["local", "files"].map(|name| folder.join(name));
        std::fs::create_dir_all(&samples)
            .map_err(|source| Error::Folder { path: samples.clone(), source })?;
        std::fs::create_dir_all(&local_root)
            .map_err(|source| Error::Folder { path: local_root.clone(), source })?;
        let local_root = absolute(&local_root)?;
        let files_root = match self.files_root {
            Some(folder) => absolute(&folder)?,
            None => absolute(Path::new("."))?,
        };
        let store_file = temporary.is_none().then(|| folder.join(DATABASE));
        let store = Store::open(store_file.as_deref())?;
        // What has happened in a folder's future would otherwise be ahead of everything that happens from now on.
        let moved = store.get::<ClockAhead>(ClockAhead::ID)?.unwrap_or_default();
        let (client_id, client_secret) = application(&folder, temporary.is_none())?;

        let listener = TcpListener::bind(self.listen)
            .await
            .map_err(|source| Error::Listen { address: self.listen, source })?;
        let address =
            listener.local_addr().map_err(|source| Error::Listen { address: self.listen, source })?;
        // All addresses are none to go to, and not one that clients take for this machine.
        let reached = SocketAddr::new(
            match address.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
                ip => ip,
            },
            address.port(),
        );
        let public_host = format!("http://{reached}/api/public");
        let ready = Ready {
            public_api_root: format!("{public_host}/v1"),
            config_api_root: format!("http://{reached}/api/v1"),
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            workspace_id: seed::workspace_id().to_string(),
            organization_id: seed::organization_id().to_string(),
            local_root: local_root.display().to_string(),
        };
        let app = Arc::new(App {
            store,
            clock: Clock::new(self.time_scale, moved.ahead),
            tokens: Tokens::new(self.token_ttl),
            faults: Faults::new(self.faults.clone(), self.fault_seed.unwrap_or_else(|| rand::rng().random())),
            running: Running::default(),
            scheduler: Scheduler::default(),
            requests: Requests::default(),
            edition: self.edition,
            faithful_5xx: self.faithful_5xx,
            public_host,
            files_roots: [files_root, absolute(&samples)?],
            data_folder: absolute(&folder)?,
            local_root,
            libduckdb: self.libduckdb,
            organization_id: seed::organization_id(),
            user_id: seed::user_id(self.edition),
            operations: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let router = http::router(app.clone());
        self.faults.iter().try_for_each(|fault| app.check(fault))?;
        jobs::fail_left_behind(&app)?;
        seed::application(&app, client_id, client_secret)?;
        match self.seed {
            Seed::Empty => seed::empty(&app)?,
            Seed::Demo => seed::demo(&app, postgres.as_ref(), self.duckdb)?,
        }
        app.tasks.spawn(scheduler::run(app.clone()));
        let server = tokio::spawn(http::serve(listener, router, app.clone()));
        Ok(Sandbox { ready, app, server, _lock: lock, _temporary: temporary })
    }
}

fn absolute(folder: &Path) -> Result<PathBuf, Error> {
    folder.canonicalize().map_err(|source| Error::Folder { path: folder.to_owned(), source })
}

fn postgres_url(text: &str) -> Result<url::Url, Error> {
    // The address may hold a password, so it is not repeated.
    let url = url::Url::parse(text).map_err(|_| Error::PostgresUrl)?;
    if matches!(url.scheme(), "postgres" | "postgresql") && url.host_str().is_some() {
        Ok(url)
    } else {
        Err(Error::PostgresUrl)
    }
}

/// A running sandbox. Dropping it stops it, too; running jobs are left as a restart finds them.
pub struct Sandbox {
    ready: Ready,
    app: Arc<App>,
    server: JoinHandle<()>,
    _lock: Option<FolderLock>,
    _temporary: Option<TempDir>,
}

impl Sandbox {
    /// Begins to describe a sandbox.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Where it is, and how to get in.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Starts one in memory with the demo's objects: what most tests want.
    ///
    /// # Errors
    /// Those of [`SandboxBuilder::start`].
    pub async fn start() -> Result<Self, Error> {
        Self::builder().seed(Seed::Demo).start().await
    }

    /// Switches a fault on; it strikes from the next request or job on.
    ///
    /// # Errors
    /// The fault names an operation that does not exist.
    pub fn add_fault(&self, fault: Fault) -> Result<(), Error> {
        self.app.check(&fault)?;
        self.app.faults.add(fault);
        Ok(())
    }

    /// Adds a user with credentials, to try what a client does that may not do everything.
    ///
    /// # Errors
    /// A role is for what there is not or does not fit there; the data folder's database failed.
    pub fn add_user(&self, user: NewUser) -> Result<UserCredentials, Error> {
        self.app.add_user(user)
    }

    /// Removes a user: tokens that this one has are refused from now on. A user who is not there is no error.
    ///
    /// # Errors
    /// The data folder's database failed.
    pub fn remove_user(&self, id: &str) -> Result<(), Error> {
        id.parse().map_or(Ok(()), |id| self.app.remove_user(id).map(drop))
    }

    /// Adds an organization with one workspace. Nobody belongs to it, but administrators of the instance may do
    /// everything in it, and so may users who are added with a role there.
    ///
    /// # Errors
    /// The data folder's database failed.
    pub fn add_organization(&self, name: impl Into<String>) -> Result<NewOrganization, Error> {
        self.app.add_organization(name.into(), None)
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.app.faults.clear();
    }

    /// The sandbox's present: the machine's time, and what it was moved ahead.
    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    /// Moves the sandbox's time ahead: tokens and the pauses of jobs end, and the jobs of connections whose schedules have
    /// become due have begun when this returns. A data folder keeps it: the next sandbox there begins as far ahead.
    ///
    /// # Errors
    /// The data folder's database failed.
    pub fn advance(&self, by: Duration) -> Result<(), Error> {
        Ok(scheduler::advance(&self.app, by)?)
    }

    /// The latest requests for one operation, oldest first.
    pub fn requests_for(&self, operation: &str) -> Vec<SeenRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.operation == operation);
        requests
    }

    /// Forgets the requests that have come in so far.
    pub fn forget_requests(&self) {
        self.app.requests.forget();
    }

    /// Asserts that an operation was asked for so often.
    ///
    /// # Panics
    /// If it was not; the message lists what was asked for instead.
    #[track_caller]
    pub fn assert_asked(&self, operation: &str, times: usize) {
        let (asked, requests) = (self.app.requests.count(operation), self.requests());
        let all = requests.iter().map(|request| format!("  {} {}", request.method, request.path));
        assert!(
            asked == times,
            "`{operation}` was asked for {asked} times, not {times}; the latest requests were:\n{}",
            all.collect::<Vec<_>>().join("\n")
        );
    }

    #[cfg(test)]
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The ids of the operations that are served, in order.
    #[cfg(test)]
    pub(crate) fn operations(&self) -> Vec<&'static str> {
        self.app
            .operations
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .iter()
            .copied()
            .collect()
    }

    /// The latest requests, at most 1,000, oldest first: what a client really asked for.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.app.requests.latest()
    }

    /// Stops it: answers under way are finished, running jobs are left as the next start finds them.
    pub async fn shutdown(mut self) {
        self.app.stop.cancel();
        // A panic in the server has been reported by then; there is nothing left to do about it.
        let _ = (&mut self.server).await;
        self.app.tasks.close();
        self.app.tasks.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.app.stop.cancel();
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("ready", &self.ready).finish_non_exhaustive()
    }
}
