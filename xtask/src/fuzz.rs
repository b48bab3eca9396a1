//! `cargo xtask fuzz`: looks for bytes that break a decoder, led by the branches that they take.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;

use crate::packages::{self, Packages};
use crate::step::{self, cargo, target, workspace_root};

#[derive(Args)]
pub struct Fuzz {
    /// Only the decoders whose name has this in it, as `cargo test` names them
    word: Option<String>,
    /// How long each is tried
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

impl Fuzz {
    /// All decoders, for the time that a check has for them.
    pub fn shortly() -> Self {
        Self { word: None, seconds: 10 }
    }
}

/// The crates with decoders, and what is built of them.
const BUILT: &[&str] = &[
    "--lib",
    "--bins",
    "--package=airbyte-cli",
    "--package=airbyte-cloud",
    "--package=airbyte-sandbox",
    "--package=airbyte-sql-read",
    "--features=airbyte-sql-read/snowflake,airbyte-sql-read/bigquery",
    "--profile=fuzz",
];

/// What brings a C++ compiler, for libFuzzer.
const COMPILER: &[Packages] =
    &[("apt-get", &["g++"]), ("dnf", &["gcc-c++"]), ("apk", &["g++"]), ("pacman", &["gcc"])];

/// How the compiler marks branches and comparisons for libFuzzer, which bolero brings. All of it is stable; without the
/// address sanitizer, which is not, and looks for what code without `unsafe` cannot do.
const MARKED: &[&str] = &[
    "--cfg=fuzzing",
    "--cfg=fuzzing_libfuzzer",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// What the name of a test ends in that a fuzzer may run: the last of those that `decoder!` makes.
const SOUGHT: &str = "::sought";

/// A test program, and the folder of its crate.
struct Program {
    executable: PathBuf,
    package: PathBuf,
}

/// Builds the decoders for the fuzzer and tries each, from the files of its corpus and what earlier runs have found.
pub fn fuzz(options: &Fuzz) -> Result<()> {
    step::outlive_interrupts()?;
    let here = [folder(), workspace_root().to_owned()];
    let has_blank = here.iter().find(|path| path.display().to_string().contains(' '));
    ensure!(has_blank.is_none(), "libFuzzer takes no paths with blanks, and there is one in {here:?}");
    packages::program("a C++ compiler", &["c++", "g++", "clang++"], COMPILER)?;
    step::run(&mut build()?)?;
    let mut decoders = Vec::new();
    for program in programs()? {
        for test in tests(&program)? {
            decoders.push(Decoder::new(&program, test));
        }
    }
    let written = written()?;
    ensure!(decoders.len() == written, "{written} decoders are written, and {} were built", decoders.len());
    if let Some(word) = &options.word {
        decoders.retain(|decoder| decoder.test.contains(word));
        ensure!(!decoders.is_empty(), "no decoder has `{word}` in its name");
    }
    let mut broken = Vec::new();
    for decoder in &decoders {
        if let Err(why) = decoder.seek(options.seconds) {
            step::not_interrupted()?;
            eprintln!("{why:#}");
            broken.push(decoder.test.as_str());
        }
    }
    ensure!(broken.is_empty(), "broken: {}", broken.join(", "));
    eprintln!("{} decoders were tried for {} s each; none was broken", decoders.len(), options.seconds);
    Ok(())
}

/// How many decoders the crates have: what is not built would be passed over in silence.
fn written() -> Result<usize> {
    let mut count = 0;
    let mut folders = vec![workspace_root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                count +=
                    fs::read_to_string(path)?.lines().filter(|line| line.starts_with("decoder!(")).count();
            }
        }
    }
    Ok(count)
}

fn build() -> Result<Command> {
    let mut build = cargo(&["test", "--locked", "--no-run"]);
    // With a target, build scripts and macros are not marked.
    build.args(BUILT).args(["--target", &host()?]);
    build.env("CARGO_ENCODED_RUSTFLAGS", MARKED.join("\u{1f}")).env("CARGO_TARGET_DIR", folder());
    Ok(build)
}

fn folder() -> PathBuf {
    target().join("fuzz")
}

fn host() -> Result<String> {
    let said = Command::new("rustc").arg("-vV").output().context("`rustc -vV` could not be started")?;
    let said = String::from_utf8(said.stdout)?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

/// Cargo's word on something that it has built.
#[derive(Deserialize)]
struct Built {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
}

/// The programs that are built, asked of cargo once more.
fn programs() -> Result<Vec<Program>> {
    let told = build()?.args(["--quiet", "--message-format", "json"]).stderr(Stdio::inherit()).output()?;
    step::not_interrupted()?;
    ensure!(told.status.success(), "cargo does not say what it has built");
    let mut programs = Vec::new();
    for line in String::from_utf8(told.stdout)?.lines() {
        let Built { executable, manifest_path } = serde_json::from_str(line)?;
        if let (Some(executable), Some(manifest)) = (executable, manifest_path) {
            let package = manifest.parent().context("a manifest is in a folder")?.to_owned();
            programs.push(Program { executable, package });
        }
    }
    Ok(programs)
}

/// The names of the tests that are for the fuzzer.
fn tests(program: &Program) -> Result<Vec<String>> {
    let listed = Command::new(&program.executable).args(["--list", "--format", "terse"]).output()?;
    let listed = String::from_utf8(listed.stdout)?;
    let names = listed.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(names.filter(|name| name.ends_with(SOUGHT)).map(str::to_owned).collect())
}

/// One decoder, and the folders that are its own.
struct Decoder {
    executable: PathBuf,
    package: PathBuf,
    test: String,
    /// Its corpus.
    known: PathBuf,
    /// What takes new branches.
    found: PathBuf,
    /// What breaks it, or did at some time.
    broken: PathBuf,
    log: PathBuf,
}

impl Decoder {
    fn new(program: &Program, test: String) -> Self {
        let path = test.trim_end_matches(SOUGHT);
        let name = path.rsplit("::").next().unwrap_or(path);
        let package = program.package.file_name().unwrap_or_default();
        let own = |what: &str| folder().join(what).join(package).join(path.replace("::", "-"));
        Self {
            executable: program.executable.clone(),
            package: program.package.clone(),
            known: program.package.join("corpus").join(name),
            found: own("found"),
            broken: own("broken"),
            log: own("log").with_extension("txt"),
            test,
        }
    }

    fn seek(&self, seconds: u64) -> Result<()> {
        for folder in [Some(&*self.found), Some(&*self.broken), self.log.parent()].into_iter().flatten() {
            fs::create_dir_all(folder)?;
        }
        // What is new goes into the first folder.
        let folders = [&self.found, &self.known, &self.broken].map(|folder| folder.display().to_string());
        let options = [
            format!("-max_total_time={seconds}"),
            "-timeout=10".to_owned(),
            "-print_final_stats=1".to_owned(),
            format!("-artifact_prefix={}/", self.broken.display()),
        ];
        let mut run = Command::new(&self.executable);
        run.args([&*self.test, "--exact", "--nocapture", "--quiet", "--test-threads", "1"])
            .env("CARGO_MANIFEST_DIR", &self.package)
            // What the panic said is found more easily.
            .env("RUST_BACKTRACE", "0")
            .env("BOLERO_TEST_NAME", &self.test)
            .env("BOLERO_LIBTEST_HARNESS", "1")
            .env("BOLERO_LIBFUZZER_ARGS", [&folders[..], &options[..]].concat().join(" "))
            .stdout(File::create(&self.log)?)
            .stderr(File::options().append(true).open(&self.log)?);
        let ended = step::run(&mut run);
        let said = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        let told = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        ended.with_context(|| self.why(&said, told("artifact_prefix=")))?;
        let runs = told("stat::number_of_executed_units:").and_then(|runs| runs.parse::<u64>().ok());
        let runs = runs.filter(|runs| *runs > 0).with_context(|| self.why(&said, None))?;
        eprintln!("{runs} runs");
        Ok(())
    }

    /// What the fuzzer said last, and where what breaks the decoder is, if it says so.
    fn why(&self, said: &str, artifact: Option<&str>) -> String {
        let mut lines: Vec<&str> = said.lines().rev().take(40).collect();
        lines.reverse();
        let file = artifact.and_then(|line| line.split_once("Test unit written to ")).map(|(_, file)| {
            let known = self.known.display();
            format!(
                "{} is broken by {file}\nCopied into {known} it is tried by every `cargo xtask test`",
                self.test
            )
        });
        let what = file.unwrap_or_else(|| format!("{} was not tried to the end", self.test));
        format!("{}\n\n{what}\n", lines.join("\n"))
    }
}
