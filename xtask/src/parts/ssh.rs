//! An SSH server on loopback for the tests of tunnels.
//!
//! It runs as an ordinary user and lets in one user with a key and a password of its own: the user exists for the
//! server alone, by files in place of the system's (`libnss-wrapper`).

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{User, chown};
use tempfile::TempDir;

use super::Running;
use crate::packages::{self, Packages};
use crate::postgres::{as_owner, free_port, random_word, unprivileged_owner};
use crate::step;

/// Where the tests find the folder with `port`, `password`, `user_key` and `host_key.pub`. The user is `tunnel`.
const FOLDER: &str = "AIRBYTE_TEST_SSH_FOLDER";

/// The packages whose programs are taken; their other dependencies are on every system that has SSH at all.
const PACKAGES: &[&str] = &["openssh-server", "libwrap0", "libnsl2", "libtirpc3", "libnss-wrapper"];

/// What makes keys, and brings those dependencies along.
const KEYGEN: &[Packages] = &[
    ("apt-get", &["openssh-client"]),
    ("dnf", &["openssh"]),
    ("apk", &["openssh-keygen"]),
    ("pacman", &["openssh"]),
    ("brew", &["openssh"]),
];

/// A running server.
struct Server {
    process: Child,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Starts the server, fetching it first.
pub(super) fn start() -> Result<Running> {
    let owner = match unprivileged_owner()? {
        Some(owner) => owner,
        None => User::from_uid(nix::unistd::geteuid())?.context("this user is not in the system's list")?,
    };
    let folder = tempfile::Builder::new().prefix("airbyte-ssh-").tempdir()?;
    let programs = packages::unpacked(PACKAGES, folder.path())?;
    let path = |name: &str| folder.path().join(name);
    let keygen = packages::program("ssh-keygen", &["ssh-keygen"], KEYGEN)?;
    for key in ["host_key", "user_key"] {
        let mut keygen = Command::new(&keygen);
        step::run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(path(key)))?;
    }
    let (password, port) = (random_word()?, free_port()?);
    let hashed = Command::new(super::openssl()?)
        .args(["passwd", "-6", &password])
        .output()
        .context("`openssl` could not be started")?;
    ensure!(
        hashed.status.success(),
        "`openssl passwd` failed: {}",
        String::from_utf8_lossy(&hashed.stderr).trim()
    );
    let home = folder.path().display();
    let (user, group) = (owner.uid, owner.gid);
    let files = [
        (
            "passwd",
            format!("tunnel:x:{user}:{group}::{home}:/bin/sh\nsshd:x:{user}:{group}::{home}:/bin/sh\n"),
        ),
        ("group", format!("tunnel:x:{group}:\n")),
        ("shadow", format!("tunnel:{}:19000:0:99999:7:::\n", String::from_utf8(hashed.stdout)?.trim())),
        ("password", password),
        ("port", port.to_string()),
        (
            "config",
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host_key\nPidFile none\nUsePAM no\nStrictModes no\n\
                 AuthorizedKeysFile {home}/user_key.pub\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n"
            ),
        ),
    ];
    for (name, content) in files {
        std::fs::write(path(name), content)?;
    }
    if nix::unistd::geteuid().is_root() {
        for file in ["", "host_key", "user_key.pub", "passwd", "group", "shadow", "config"] {
            chown(&path(file), Some(user), Some(group))?;
        }
    }
    let log = std::fs::File::create(path("log"))?;
    let process = as_owner(&programs.file("sshd")?, Some(&owner))
        .args(["-D", "-e", "-f"])
        .arg(path("config"))
        .env("LD_LIBRARY_PATH", programs.libraries())
        .env("LD_PRELOAD", programs.file("libnss_wrapper.so")?)
        .env("NSS_WRAPPER_PASSWD", path("passwd"))
        .env("NSS_WRAPPER_GROUP", path("group"))
        .env("NSS_WRAPPER_SHADOW", path("shadow"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("`sshd` could not be started")?;
    let variables = vec![(FOLDER, folder.path().into())];
    let mut server = Server { process, _folder: folder };
    answers(port, &mut server.process).with_context(|| {
        std::fs::read_to_string(std::path::Path::new(&variables[0].1).join("log")).unwrap_or_default()
    })?;
    Ok(Running { variables, hold: Some(Box::new(server)) })
}

/// Waits until somebody listens.
pub(super) fn answers(port: u16, process: &mut Child) -> Result<()> {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = process.try_wait()? {
            bail!("the server stopped at once ({status})");
        }
        ensure!(begun.elapsed() < Duration::from_secs(20), "the server accepted no connection");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
