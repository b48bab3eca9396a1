//! The binary, a sandbox to point it at, and readers of what they wrote.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

/// An id that nothing has.
pub(crate) const NOWHERE: &str = "00000000-0000-4000-8000-000000000000";

/// `airbyte`, with nothing of the developer's own settings.
pub(crate) fn airbyte<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airbyte"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AIRBYTE_") {
            command.env_remove(name);
        }
    }
    for name in ["CI", "CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR", "PAGER"] {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

/// What a command that has ended left behind.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ended {
    let output = command.output().expect("`airbyte` starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Ended { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ended {
    /// It ended with this exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        let mut said = String::new();
        let _ = write!(said, "{}\nstdout: {}\nstderr: {}", self.status, self.stdout, self.stderr);
        assert_eq!(self.status.code(), Some(code), "{said}");
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout))
    }

    /// The error object, which must be all there is on standard error.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let object: Value =
            serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error} in {:?}", self.stderr));
        assert_eq!(keys(&object), ["error"]);
        object["error"].clone()
    }
}

/// The keys of an object, in their order.
#[track_caller]
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap_or_else(|| panic!("no object: {object}")).keys().map(String::as_str).collect()
}

/// A text member of an object.
#[track_caller]
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {object}"))
}

/// A sandbox process, ended when it is dropped.
pub(crate) struct Sandbox {
    process: Child,
    ready: Value,
    folder: TempDir,
}

impl Sandbox {
    /// With the demo's objects, and jobs that take no time to speak of.
    pub(crate) fn demo() -> Self {
        Self::with(&[])
    }

    /// The same with these further arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command =
            airbyte(["sandbox", "--json", "--seed", "demo", "--time-scale", "0.05", "--files-root"]);
        let mut process = command
            .arg(folder.path())
            .args(arguments)
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = first_line(process.stdout.take().unwrap());
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        Self { process, ready, folder }
    }

    /// A value of the readiness line.
    pub(crate) fn ready(&self, key: &str) -> &str {
        text(&self.ready, key)
    }

    /// A folder for the test's own files, which the sandbox's file source may read.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `airbyte` with an environment that leads to this sandbox.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = airbyte(arguments);
        command
            .current_dir(self.folder())
            .env("AIRBYTE_API_URL", self.ready("public_api_root"))
            .env("AIRBYTE_CONFIG_API_URL", self.ready("config_api_root"))
            .env("AIRBYTE_CLIENT_ID", self.ready("client_id"))
            .env("AIRBYTE_CLIENT_SECRET", self.ready("client_secret"))
            .env("AIRBYTE_WORKSPACE_ID", self.ready("workspace_id"));
        command
    }

    /// Runs `airbyte ...` as people do.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        run(&mut self.command(arguments))
    }

    /// Runs `airbyte ... --output json`.
    #[track_caller]
    pub(crate) fn script(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments).args(["--output", "json"]))
    }

    /// What `airbyte ... --output json` prints; it must succeed and say nothing else.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.script(arguments).exits(0);
        assert_eq!(ended.stderr, "");
        ended.json()
    }

    /// The id of the connection that the demo has.
    #[track_caller]
    pub(crate) fn connection(&self) -> String {
        let list = self.json(&["connection", "list", "--name", "Faker to SQLite"]);
        text(&list[0], "connection_id").to_owned()
    }

    /// The same, after a sync.
    #[track_caller]
    pub(crate) fn synced_connection(&self) -> String {
        let connection = self.connection();
        let job = self.json(&["connection", "sync", &connection, "--wait"]);
        assert_eq!(job["status"], "succeeded");
        connection
    }

    /// A file like the API's destination, for the embedded database of the demo.
    pub(crate) fn destination_file(&self) -> String {
        let list = self.json(&["destination", "list", "--name", "Embedded SQLite"]);
        let file = self.folder().join("destination.json");
        let destination = serde_json::json!({
            "destinationType": list[0]["destination_type"],
            "configuration": list[0]["configuration"],
        });
        std::fs::write(&file, destination.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The first line of a process's output; the rest is read and dropped, so that it never blocks.
pub(crate) fn first_line(output: impl Read + Send + 'static) -> String {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    line
}

/// Sends a signal by its short name, `INT` for instance.
pub(crate) fn signal(process: &Child, name: &str) {
    let signal: nix::sys::signal::Signal = format!("SIG{name}").parse().unwrap();
    let process = nix::unistd::Pid::from_raw(process.id().try_into().unwrap());
    nix::sys::signal::kill(process, signal).unwrap();
}

/// A Parquet file: the names of its columns without Airbyte's own, and the rows as texts (`None` is NULL).
pub(crate) fn parquet(file: &Path) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let open = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(open).unwrap().build().unwrap();
    let options = FormatOptions::default();
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    for batch in reader {
        let batch = batch.unwrap();
        let own: Vec<usize> = (0..batch.num_columns())
            .filter(|index| !batch.schema().field(*index).name().starts_with("_airbyte_"))
            .collect();
        names = own.iter().map(|index| batch.schema().field(*index).name().clone()).collect();
        let columns: Vec<_> = own.iter().map(|index| batch.column(*index).clone()).collect();
        let texts: Vec<_> =
            columns.iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cell = |(column, text): (&arrow_array::ArrayRef, &ArrayFormatter<'_>)| {
                (!arrow_array::Array::is_null(column, row)).then(|| text.value(row).to_string())
            };
            rows.push(columns.iter().zip(&texts).map(cell).collect());
        }
    }
    (names, rows)
}
