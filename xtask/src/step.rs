//! Runs one outside command, shown as a line before it starts.

use std::path::{Path, PathBuf, absolute};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGINT, SIGTERM};

/// How often a command is looked at, whether it has ended.
const LOOK: Duration = Duration::from_millis(20);
/// How long a command may take to end by the Ctrl-C that has reached it as well.
const GRACE: Duration = Duration::from_secs(2);

/// Whether this process was told to end.
static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Runs `command`, letting it print, and turns a failure into an error that names it.
pub fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    not_interrupted()?;
    eprintln!("$ {line}");
    let mut process = command.spawn().with_context(|| format!("`{line}` could not be started"))?;
    let status = end_of(&mut process)?;
    // How it ended says nothing then.
    not_interrupted()?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Waits for the end. A signal to this process alone has not reached the command, so it is sent what Ctrl-C sends.
fn end_of(process: &mut Child) -> Result<ExitStatus> {
    let mut grace = GRACE;
    while !grace.is_zero() {
        if let Some(status) = process.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(LOOK);
        if interrupted() {
            grace = grace.saturating_sub(LOOK);
        }
    }
    // What `sudo` runs takes no signals from us, and is waited for.
    kill(Pid::from_raw(process.id().cast_signed()), Signal::SIGINT).ok();
    Ok(process.wait()?)
}

/// The command as one would type it, without its environment.
pub fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `cargo`, the one that runs this task, in the workspace's folder.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace_root());
    // In that folder a relative one would be another.
    command.env("CARGO_TARGET_DIR", target());
    command
}

/// From now on Ctrl-C, and what service managers send (SIGTERM), reaches what this one has started, and it stays itself, to stop
/// its servers and delete their data.
pub fn outlive_interrupts() -> Result<()> {
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Two sections of one check may want it.
    if !*done {
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, INTERRUPTED.clone())?;
        }
        *done = true;
    }
    Ok(())
}

/// Whether this process was told to end since.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// An error where it was. What fails then is not to be taken for something that cannot be had, nor tried again.
pub fn not_interrupted() -> Result<()> {
    ensure!(!interrupted(), "interrupted");
    Ok(())
}

/// The folder of the workspace's `Cargo.toml`.
pub fn workspace_root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        // Asked for at run time: with one target folder for two clones, this may have been built in the other one.
        let package = std::env::var_os("CARGO_MANIFEST_DIR");
        let mut folder = package.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        folder.pop();
        folder
    });
    &ROOT
}

/// Where cargo puts what it builds, from the root of the file system: commands run in other folders than this process,
/// in whose folder the cargo that started it has looked for a relative one.
pub fn target() -> PathBuf {
    let folder =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root().join("target"), PathBuf::from);
    // It fails for no path that cargo takes.
    absolute(&folder).unwrap_or(folder)
}
