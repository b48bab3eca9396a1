//! A private, throw-away PostgreSQL cluster: what the tests and benchmarks read from and write to.
//!
//! The server comes from the system's packages and is installed when it is missing. The cluster lives in a
//! temporary folder, listens on a free loopback port with a random password, and is gone when it is dropped.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{User, chown};
use tempfile::TempDir;

use crate::packages::{self, Packages};

/// How long the server may take to accept its first connection.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A running server. Dropping it stops the server and deletes its data.
pub struct Cluster {
    bin: PathBuf,
    folder: TempDir,
    owner: Option<User>,
    port: u16,
    password: String,
    server: Child,
}

impl Cluster {
    /// Starts a new, empty cluster, installing PostgreSQL first where there is none.
    pub fn start() -> Result<Self> {
        let bin = server_binaries()?;
        let owner = unprivileged_owner()?;
        let folder = tempfile::Builder::new().prefix("airbyte-postgres-").tempdir()?;
        let password = random_word()?;
        let password_file = folder.path().join("password");
        std::fs::write(&password_file, &password)?;
        if let Some(user) = &owner {
            for path in [folder.path(), &password_file] {
                chown(path, Some(user.uid), Some(user.gid))?;
            }
        }

        let data = folder.path().join("data");
        let mut initdb = as_owner(&bin.join("initdb"), owner.as_ref());
        initdb
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
            .arg(format!("--pwfile={}", password_file.display()))
            .current_dir(folder.path());
        let made = initdb.output().context("`initdb` could not be started")?;
        ensure!(made.status.success(), "`initdb` failed:\n{}", String::from_utf8_lossy(&made.stderr));

        let port = free_port()?;
        let log = std::fs::File::create(folder.path().join("server.log"))?;
        let server = as_owner(&bin.join("postgres"), owner.as_ref())
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-p", &port.to_string(), "-h", "127.0.0.1"])
            // Nothing here has to outlive the run, so durability would only cost time.
            .args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"])
            .args(["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB", "-c", "max_connections=200"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("`postgres` could not be started")?;
        let mut cluster = Self { bin, folder, owner, port, password, server };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// The address of the cluster's `postgres` database, with the superuser's name and password.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// `psql`, connected to the cluster, quiet, and stopping at the first error.
    pub fn psql(&self) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command.arg(self.url()).args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]);
        command
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.server.try_wait()? {
                bail!("`postgres` stopped at once ({status}):\n{}", self.log());
            }
            let asked = Command::new(self.bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()?;
            if asked.success() {
                return Ok(());
            }
            if begun.elapsed() > START_LIMIT {
                bail!("`postgres` accepted no connection within {START_LIMIT:?}:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stopped = as_owner(&self.bin.join("pg_ctl"), self.owner.as_ref())
            .args(["stop", "--silent", "--mode=immediate", "-D"])
            .arg(self.folder.path().join("data"))
            .current_dir(self.folder.path())
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            // The server is this process's child: ending it here cannot hit anything else.
            self.server.kill().ok();
        }
        self.server.wait().ok();
    }
}

/// A command that runs as the cluster's owner, because the server refuses to run as root.
pub fn as_owner(program: &Path, owner: Option<&User>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = owner {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw()).env("HOME", "/");
    }
    command
}

/// Whom to run the server as: nobody else when this is an ordinary user already.
pub fn unprivileged_owner() -> Result<Option<User>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some(user));
        }
    }
    bail!("PostgreSQL does not run as root, and this system has neither a `postgres` nor a `nobody` user")
}

/// What the server says of itself; it is installed where there is none.
pub fn version() -> Result<String> {
    let output = Command::new(server_binaries()?.join("postgres")).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The folder that holds `initdb`, `postgres` and `psql`; installs the server where there is none.
fn server_binaries() -> Result<PathBuf> {
    if let Some(bin) = find_binaries() {
        return Ok(bin);
    }
    packages::install("PostgreSQL", PACKAGES)?;
    find_binaries().context("PostgreSQL was installed, but its `initdb` is in none of the usual places")
}

fn find_binaries() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut packaged: Vec<PathBuf> =
        ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt"]
            .iter()
            .filter_map(|root| std::fs::read_dir(root).ok())
            .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path().join("bin"))))
            .collect();
    // Newest version first: "/usr/lib/postgresql/17/bin" before ".../15/bin".
    packaged.sort();
    packaged.reverse();
    packaged.into_iter().chain(on_path.unwrap_or_default()).find(|bin| {
        ["initdb", "postgres", "pg_ctl", "psql", "pg_isready"].iter().all(|tool| bin.join(tool).is_file())
    })
}

const PACKAGES: &[Packages] = &[
    ("apt-get", &["postgresql"]),
    ("dnf", &["postgresql-server"]),
    ("apk", &["postgresql"]),
    ("pacman", &["postgresql"]),
    ("brew", &["postgresql@17"]),
];

pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A password nobody knows beforehand: other users of this machine can reach the port.
pub fn random_word() -> Result<String> {
    let mut bytes = [0_u8; 16];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes.map(|byte| format!("{byte:02x}")).concat())
}
