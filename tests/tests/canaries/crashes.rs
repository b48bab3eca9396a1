//! What a command says when it breaks down: with too little memory it panics or is ended wherever it happens to be, with
//! all the secrets about that it was given.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::World;

/// What is run: the secrets are in files, in the environment and in what a server tells.
const LINES: &[&[&str]] = &[
    &["dataset", "count", "users", "--destination", "telling.json"],
    &["dataset", "query", "select 1", "--destination", "snowflake-password.json"],
    &["source", "create", "Broken down", "--type", "file", "--config", "source.json"],
    &["auth", "status"],
];

/// Steps of memory, so that it runs out here and there: while the program is loaded, while threads are made, in the midst
/// of a request. In kilobytes.
const STEP: u64 = 8 * 1024;
const MOST: u64 = 4 * 1024 * 1024;

/// What takes so much longer than with enough memory waits for a thread that it cannot have, and is ended from outside.
const LONGER: Duration = Duration::from_secs(10);

/// How commands have ended.
#[derive(Default)]
pub(crate) struct Crashes {
    pub(crate) panics: usize,
    /// By the system, or from outside.
    pub(crate) signals: usize,
    pub(crate) leaks: Vec<String>,
}

/// Runs them with more and more memory until they go through.
pub(crate) fn crash(world: &World) -> Crashes {
    let mut crashes = Crashes::default();
    for line in LINES {
        let begun = Instant::now();
        let enough = world.run(line, &[], false).0;
        let limit = begun.elapsed() * 5 + LONGER;
        let mut seen = BTreeSet::new();
        for memory in (1..).map(|step| step * STEP).take_while(|memory| *memory <= MOST) {
            let output = with_little_memory(world, line, memory, limit);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let has_panicked = output.status.code() == Some(101) || said.contains("panicked at");
            crashes.panics += usize::from(has_panicked);
            crashes.signals += usize::from(output.status.signal().is_some());
            if seen.insert((output.status.into_raw(), said)) {
                let typed = format!("{} with {memory} kB", line.join(" "));
                crashes.leaks.extend(world.told(&typed, "results", &output.stdout));
                crashes.leaks.extend(world.told(&typed, "messages", &output.stderr));
            }
            if !has_panicked && output.status.code() == enough {
                break;
            }
        }
    }
    crashes
}

fn with_little_memory(world: &World, line: &[&str], kilobytes: u64, limit: Duration) -> Output {
    let usual = world.command(line, &[]);
    // No dump of the memory: there all of them are, and who may read it is the system's affair.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c 0; ulimit -v \"$0\" && exec \"$@\"", &kilobytes.to_string()]);
    command.arg(usual.get_program()).args(usual.get_args());
    for (name, value) in usual.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // Files, so that nobody waits for a reader.
    let told = [tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap()];
    let [stdout, stderr] = told.each_ref().map(|file| Stdio::from(file.reopen().unwrap()));
    command.current_dir(world.folder.path()).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > limit {
            child.kill().unwrap();
            break child.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let [stdout, stderr] = told.each_ref().map(|file| std::fs::read(file.path()).unwrap());
    Output { status, stdout, stderr }
}
