//! PgBouncer in front of a PostgreSQL of its own, handing out server sessions for single transactions.

use std::process::{Child, Stdio};

use anyhow::{Context, Result};
use nix::unistd::chown;
use tempfile::TempDir;

use super::Running;
use super::ssh::answers;
use crate::packages;
use crate::postgres::{Cluster, as_owner, free_port, unprivileged_owner};

/// Where the tests find the pooler, with the superuser's name and password.
const URL: &str = "AIRBYTE_TEST_POOLER_URL";

/// The package whose program is taken, and the libraries that it needs and that not every system has.
const PACKAGES: &[&str] = &["pgbouncer", "libc-ares2", "libevent-2.1-7"];

/// A running pooler and what is behind it.
struct Pooler {
    process: Child,
    folder: TempDir,
    _cluster: Cluster,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Starts the pooler, fetching it first.
pub(super) fn start() -> Result<Running> {
    let cluster = Cluster::start()?;
    let server = url::Url::parse(&cluster.url())?;
    let (password, behind) = (server.password().context("no password")?, server.port().context("no port")?);
    let folder = tempfile::Builder::new().prefix("airbyte-pooler-").tempdir()?;
    let programs = packages::unpacked(PACKAGES, folder.path())?;
    let (home, port) = (folder.path().display().to_string(), free_port()?);
    let files = [
        ("users", format!("\"postgres\" \"{password}\"\n")),
        (
            "config",
            format!(
                "[databases]\npostgres = host=127.0.0.1 port={behind} dbname=postgres\n\
                 [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 auth_type = scram-sha-256\nauth_file = {home}/users\npool_mode = transaction\ndefault_pool_size = 2\n"
            ),
        ),
    ];
    let owner = unprivileged_owner()?;
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content)?;
    }
    if let Some(owner) = &owner {
        for name in ["", "users", "config"] {
            chown(&folder.path().join(name), Some(owner.uid), Some(owner.gid))?;
        }
    }
    let log = std::fs::File::create(folder.path().join("log"))?;
    let process = as_owner(&programs.file("pgbouncer")?, owner.as_ref())
        .arg(folder.path().join("config"))
        .env("LD_LIBRARY_PATH", programs.libraries())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("`pgbouncer` could not be started")?;
    let mut pooler = Pooler { process, folder, _cluster: cluster };
    answers(port, &mut pooler.process)
        .with_context(|| std::fs::read_to_string(pooler.folder.path().join("log")).unwrap_or_default())?;
    let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres");
    Ok(Running { variables: vec![(URL, url.into())], hold: Some(Box::new(pooler)) })
}
