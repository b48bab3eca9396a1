//! Secrets stay where they belong: one is planted in every secret place, every command is run in every way that is cheap,
//! and all that comes out is searched: output, logs at their most verbose, files, and the command lines of processes.

#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod canary;
mod commands;
#[cfg(target_os = "linux")]
mod crashes;
mod files;
mod hostile;
mod library;
mod processes;
mod telling;

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use airbyte_tests::{Sandbox, airbyte};
use canary::Canaries;
use commands::{LINES, Line, NOT_HERE};
use processes::Watch;

const NOWHERE: &str = "00000000-0000-4000-8000-000000000000";

/// Where the commands run, and what they are given.
struct World {
    folder: tempfile::TempDir,
    canaries: Canaries,
    variables: Vec<(&'static str, String)>,
    /// What `$CLIENT_ID` stands for in command lines.
    client_id: String,
    /// The secret that `auth login` is given.
    secret: String,
    /// When the folder for temporary files was last seen to have changed.
    touched: Cell<SystemTime>,
}

impl World {
    fn new(mut canaries: Canaries, variables: Vec<(&'static str, String)>, secret: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        canaries.add("client secret", secret);
        files::write(folder.path(), &canaries);
        for name in ["home", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let value = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        let (workspace, client_id) = (value("AIRBYTE_WORKSPACE_ID"), value("AIRBYTE_CLIENT_ID"));
        let body = folder.path().join("body.json");
        let text = std::fs::read_to_string(&body).unwrap().replace("$WORKSPACE", &workspace);
        std::fs::write(body, text).unwrap();
        let touched = Cell::new(modified(&folder.path().join("tmp")));
        Self { folder, canaries, variables, client_id, secret: secret.to_owned(), touched }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command with everything planted, as verbose as can be.
    fn command(&self, arguments: &[&str], more: &[&str]) -> Command {
        let mut command = airbyte();
        for argument in arguments {
            let root = self.variables.iter().find(|(name, _)| *name == "AIRBYTE_API_URL");
            let root = root.map_or("", |(_, root)| root.as_str());
            let argument = argument.replace("$CLIENT_ID", &self.client_id).replace("$NOWHERE", NOWHERE);
            command.arg(argument.replace("$ROOT", root));
        }
        command
            .args(more)
            .args(["-v", "-v"])
            .current_dir(self.folder.path())
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("RUST_BACKTRACE", "full")
            .env("PLANTED", self.canaries.odd("referred password"))
            .env("AIRBYTE_SECRET_POSTGRES_PASSWORD", self.canaries.odd("environment secret"))
            .env("MAPPER_KEY", self.canaries.odd("mapper key"))
            // Not asked: nothing here leaves this machine.
            .env("AIRBYTE_PROXY", format!("http://u:{}@127.0.0.1:9", self.canaries.plain("proxy password")))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end; returns its exit code and all that it wrote, or with `closed` all but its results, for
    /// which nobody is there.
    fn run(&self, arguments: &[&str], more: &[&str], closed: bool) -> (Option<i32>, Vec<u8>, Vec<u8>) {
        let mut command = self.command(arguments, more);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if closed {
            drop(child.stdout.take());
        }
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read it is gone before it is written.
        let _ = writeln!(stdin, "{}", self.secret);
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        (output.status.code(), output.stdout, output.stderr)
    }

    /// What the lines leak here that are `wanted`, each run with these further arguments.
    fn leaks(&self, how: &Manner, wanted: impl Fn(usize, &Line) -> bool) -> Vec<String> {
        let mut leaks = Vec::new();
        for (_, line) in LINES.iter().enumerate().filter(|(number, line)| wanted(*number, line)) {
            let typed = line.arguments.join(" ");
            let (code, stdout, stderr) = self.run(line.arguments, how.more, how.is_closed);
            let said = String::from_utf8_lossy(&stderr);
            if said.contains("panicked at") {
                leaks.push(format!("airbyte {typed} panicked: {said}"));
            }
            if how.is_strict && (code == Some(0)) != line.succeeds {
                leaks.push(format!("airbyte {typed} ended with {code:?}: {said}"));
            }
            // `api` prints answers as they are, whatever the server puts into them.
            if how.is_honest || line.verb != "api" {
                leaks.extend(self.told(&typed, "results", &stdout));
            }
            leaks.extend(self.told(&typed, "messages", &stderr));
            // DuckDB has a folder there, for rows that do not fit into its memory.
            let is_duckdb = line.arguments.contains(&"motherduck.json");
            if self.temporary_folder_changed() && !is_duckdb {
                leaks.push(format!("airbyte {typed} has made a file in the folder for temporary ones"));
            }
        }
        leaks
    }

    /// Whether something has been made in the folder for temporary files since it was made itself, even if it is gone.
    fn temporary_folder_changed(&self) -> bool {
        let now = modified(&self.path("tmp"));
        self.touched.replace(now) != now
    }

    fn told(&self, typed: &str, what: &str, bytes: &[u8]) -> Vec<String> {
        let leaks = self.canaries.search(bytes).into_iter();
        leaks.map(|leak| format!("airbyte {typed}, {what}: {leak}")).collect()
    }

    /// What the files leak that the commands have left. What was planted may hold secrets, and the profile file has to.
    fn leaks_of_files(&self, planted: &[PathBuf]) -> Vec<String> {
        let profiles = self.path("home").join("airbyte").join("profiles.toml");
        let may = |path: &Path| planted.iter().any(|planted| planted == path) || path == profiles;
        let leaks = self.canaries.search_files(self.folder.path(), &may);
        leaks.into_iter().map(|(file, leak)| format!("{file}: {leak}")).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().flatten().map(|entry| entry.path());
        files.filter(|path| path.is_file()).collect()
    }
}

/// When something was last made in a folder, or taken out of it.
fn modified(folder: &Path) -> SystemTime {
    std::fs::metadata(folder).unwrap().modified().unwrap()
}

/// How the lines are run, and what is known of it.
struct Manner {
    more: &'static [&'static str],
    /// Nobody reads the results.
    is_closed: bool,
    /// Each line has to end as the table says.
    is_strict: bool,
    /// The server tells no secret.
    is_honest: bool,
}

const FOR_PEOPLE: Manner = Manner { more: &[], is_closed: false, is_strict: true, is_honest: true };
const FOR_PROGRAMS: Manner =
    Manner { more: &["--output", "json"], is_closed: false, is_strict: false, is_honest: true };
const FOR_NOBODY: Manner =
    Manner { more: &["--output", "jsonl"], is_closed: true, is_strict: false, is_honest: true };

fn assert_none(leaks: &[String]) {
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

/// The verbs of the command's own reference, which is made of what it understands.
#[test]
fn no_verb_is_forgotten() {
    let reference = airbyte().arg("reference").output().unwrap();
    let reference = String::from_utf8(reference.stdout).unwrap();
    let headings: Vec<&str> =
        reference.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(" airbyte ")).collect();
    let leaves: Vec<&str> = headings
        .iter()
        .copied()
        .filter(|name| {
            !headings.iter().any(|other| other.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))
        })
        .collect();
    assert!(leaves.len() > 70, "{leaves:?}");
    let is_run = |verb: &str| LINES.iter().any(|line: &Line| line.verb == verb);
    let forgotten: Vec<&str> = leaves
        .iter()
        .copied()
        .filter(|verb| !is_run(verb) && !NOT_HERE.iter().any(|(name, _)| name == verb))
        .collect();
    assert!(forgotten.is_empty(), "commands.rs has no line for {forgotten:?}");
    for line in LINES {
        assert!(leaves.contains(&line.verb), "there is no `{}`", line.verb);
        assert!(line.arguments.join(" ").starts_with(line.verb), "{:?}", line.arguments);
    }
}

/// A file that `connection apply` makes a workspace of, with a key that a mapper encrypts with.
fn workspace_file(world: &World) {
    let house = std::fs::read_to_string(world.path("house.json")).unwrap();
    let text = format!(
        "version: 1
sources:
  Faker: {{type: faker, configuration: {{count: 5, seed: 1}}}}
destinations:
  Written: {{type: postgres, configuration: {house}}}
connections:
  Mapped:
    source: Faker
    destination: Written
    streams:
      - name: users
        sync_mode: full_refresh_overwrite
        mappers:
          - type: encryption
            mapperConfiguration:
              {{algorithm: AES, mode: CBC, padding: NoPadding, key: \"${{MAPPER_KEY}}\", targetField: name, fieldNameSuffix: _e}}
"
    );
    std::fs::write(world.path("workspace.yaml"), &text).unwrap();
    // The same with a tunnel that was not there before.
    let mut house: serde_json::Value = serde_json::from_str(&house).unwrap();
    house["tunnel_method"] = serde_json::json!({
        "tunnel_method": "SSH_KEY_AUTH", "tunnel_host": "h", "tunnel_port": 22, "tunnel_user": "u",
        "ssh_key": world.canaries.odd("tunnel key"),
    });
    let text = format!("version: 1\ndestinations:\n  Written: {{type: postgres, configuration: {house}}}\n");
    std::fs::write(world.path("tunnel.yaml"), text).unwrap();
}

#[test]
fn no_command_tells_a_secret() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let sandbox =
        Sandbox::logged(&["--seed", "demo", "--time-scale", "0.02", "-v", "-v"], log.reopen().unwrap())
            .unwrap();
    let ready = |key: &str| sandbox.ready(key).to_owned();
    let variables = vec![
        ("AIRBYTE_API_URL", ready("public_api_root")),
        ("AIRBYTE_CONFIG_API_URL", ready("config_api_root")),
        ("AIRBYTE_CLIENT_ID", ready("client_id")),
        ("AIRBYTE_CLIENT_SECRET", ready("client_secret")),
        ("AIRBYTE_WORKSPACE_ID", ready("workspace_id")),
    ];
    let world = World::new(Canaries::new(files::PLACES), variables, sandbox.ready("client_secret"));
    workspace_file(&world);
    let planted = world.files();
    let watch = Watch::start(&world.canaries);
    let mut leaks = world.leaks(&FOR_PEOPLE, |_, _| true);
    // What was done is undone by now, so these fail in their own ways; but the first lines make it all again.
    leaks.extend(world.leaks(&FOR_PROGRAMS, |_, _| true));
    leaks.extend(world.leaks(&FOR_NOBODY, |number, _| number.is_multiple_of(4)));
    leaks.extend(watch.end());
    leaks.extend(world.leaks_of_files(&planted));
    let log = std::fs::read(log.path()).unwrap();
    leaks.extend(world.canaries.search(&log).into_iter().map(|leak| format!("the sandbox's log: {leak}")));
    assert_none(&leaks);
}

/// What is told of answers is not what they quote.
#[test]
fn no_answer_makes_a_command_tell_a_secret() {
    let leaks: Vec<String> = std::thread::scope(|scope| {
        // Two at a time: the machine has other things to do as well.
        let halves = [0, 1].map(|half| {
            scope.spawn(move || {
                (0..hostile::WAYS).filter(move |way| way % 2 == half).flat_map(hostile_leaks).collect()
            })
        });
        halves.into_iter().flat_map(|half| -> Vec<String> { half.join().unwrap() }).collect()
    });
    assert_none(&leaks);
}

fn hostile_leaks(way: usize) -> Vec<String> {
    let mut canaries = Canaries::new(files::PLACES);
    canaries.add("access token", "kanarie7accesstoken9vogel");
    let root = hostile::start(way, canaries.plain("access token"));
    let secret = canaries.odd("profile secret");
    let mut variables = vec![
        ("AIRBYTE_CONFIG_API_URL", root.replace("/api/public/v1", "/api/v1")),
        ("AIRBYTE_API_URL", root),
        ("AIRBYTE_WORKSPACE_ID", NOWHERE.to_owned()),
        ("AIRBYTE_CLIENT_ID", "an-application".to_owned()),
    ];
    if way.is_multiple_of(2) {
        variables.push(("AIRBYTE_CLIENT_SECRET", secret));
    } else {
        variables.push(("AIRBYTE_BEARER_TOKEN", canaries.plain("bearer token").to_owned()));
    }
    let world = World::new(canaries, variables, "kanarie7clientsecret9vogel");
    workspace_file(&world);
    let planted = world.files();
    // Each line meets three of the ways, and each way a third of the lines, in both forms of output.
    let how = Manner {
        is_strict: false,
        is_honest: false,
        ..if way.is_multiple_of(2) { FOR_PEOPLE } else { FOR_PROGRAMS }
    };
    let asks = |line: &Line| !line.arguments.contains(&"--destination");
    let mut leaks = world.leaks(&how, |number, line| (number + way).is_multiple_of(3) && asks(line));
    leaks.extend(world.leaks_of_files(&planted));
    leaks.into_iter().map(|leak| format!("way {way}: {leak}")).collect()
}

/// A command that breaks down says where, and not what it had in its hands.
#[cfg(target_os = "linux")]
#[test]
fn no_crash_tells_a_secret() {
    let canaries = Canaries::new(files::PLACES);
    let root = hostile::start(0, canaries.plain("bearer token"));
    let variables = vec![
        ("AIRBYTE_CONFIG_API_URL", root.replace("/api/public/v1", "/api/v1")),
        ("AIRBYTE_API_URL", root),
        ("AIRBYTE_WORKSPACE_ID", NOWHERE.to_owned()),
        ("AIRBYTE_CLIENT_ID", "an-application".to_owned()),
        ("AIRBYTE_CLIENT_SECRET", canaries.odd("profile secret")),
    ];
    let world = World::new(canaries, variables, "kanarie7clientsecret9vogel");
    let planted = world.files();
    let mut crashes = crashes::crash(&world);
    crashes.leaks.extend(world.leaks_of_files(&planted));
    assert_none(&crashes.leaks);
    assert!(crashes.panics > 0, "nothing has panicked, and {} were ended", crashes.signals);
}

/// What lies around may be read by others, so it must not be readable where it holds secrets.
#[cfg(unix)]
#[test]
fn what_holds_secrets_can_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::start(&["--seed", "demo", "--time-scale", "0.02"]).unwrap();
    let home = sandbox.folder().join("home");
    let mut login =
        sandbox.command(&["auth", "login", "--secret-stdin", "--client-id", sandbox.ready("client_id")]);
    login.args(["--api-root", sandbox.ready("public_api_root")]).env("XDG_CONFIG_HOME", &home);
    let mut login = login.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    writeln!(login.stdin.take().unwrap(), "{}", sandbox.ready("client_secret")).unwrap();
    assert!(login.wait().unwrap().success());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.join("airbyte")), 0o700);
    assert_eq!(mode(&home.join("airbyte/profiles.toml")), 0o600);
    // The sandbox keeps configurations as they were given.
    let data = sandbox.folder().join("data");
    assert_eq!(mode(&data), 0o700, "{}", data.display());
    for entry in std::fs::read_dir(&data).unwrap().flatten() {
        if entry.path().is_file() {
            assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
        }
    }
}
