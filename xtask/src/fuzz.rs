//! `cargo xtask fuzz`: looks for bytes that break a decoder, led by the branches that they take.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use crate::step::{self, cargo, target};

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

/// What the name of a test ends in that a fuzzer may run: the last of the three that `decoder!` makes.
const SOUGHT: &str = "::sought";

/// A test program, and the folder of its crate.
struct Program {
    executable: PathBuf,
    package: PathBuf,
}

/// Builds the decoders for the fuzzer and tries each, from the files of its corpus and what earlier runs have found.
pub fn fuzz(options: &Fuzz) -> Result<()> {
    step::outlive_interrupts()?;
    step::run(&mut build()?)?;
    let mut tried = 0;
    for program in programs()? {
        for test in tests(&program)? {
            if options.word.as_ref().is_none_or(|word| test.contains(word)) {
                seek(&program, &test, options.seconds)?;
                tried += 1;
            }
        }
    }
    ensure!(tried > 0, "no decoder has that word in its name");
    eprintln!("{tried} decoders were tried for {} s each; none was broken", options.seconds);
    Ok(())
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

fn seek(program: &Program, test: &str, seconds: u64) -> Result<()> {
    let path = test.trim_end_matches(SOUGHT);
    let decoder = path.rsplit("::").next().unwrap_or(path);
    let known = program.package.join("corpus").join(decoder);
    let package = program.package.file_name().unwrap_or_default();
    let found = folder().join("found").join(package).join(path.replace("::", "-"));
    let broken = folder().join("broken").join(package).join(path.replace("::", "-"));
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&broken)?;
    let log = broken.join("log.txt");
    let options = [
        format!("-max_total_time={seconds}"),
        "-timeout=10".to_owned(),
        "-print_final_stats=1".to_owned(),
        format!("-artifact_prefix={}/", broken.display()),
    ];
    // What is new goes into the first folder.
    let folders = [&found, &known].map(|folder| folder.display().to_string());
    let mut run = Command::new(&program.executable);
    run.args([test, "--exact", "--nocapture", "--quiet", "--test-threads", "1"])
        .env("CARGO_MANIFEST_DIR", &program.package)
        // What the panic said is found more easily.
        .env("RUST_BACKTRACE", "0")
        .env("BOLERO_TEST_NAME", test)
        .env("BOLERO_LIBTEST_HARNESS", "1")
        .env("BOLERO_LIBFUZZER_ARGS", folders.iter().chain(&options).cloned().collect::<Vec<_>>().join(" "))
        .stdout(File::create(&log)?)
        .stderr(File::options().append(true).open(&log)?);
    let ended = step::run(&mut run);
    step::not_interrupted()?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let Some(runs) = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
    else {
        bail!("{}", why(test, &said, &broken, &known));
    };
    ended.with_context(|| why(test, &said, &broken, &known))?;
    ensure!(runs.trim().parse::<u64>().is_ok_and(|runs| runs > 0), "{test} was not run");
    eprintln!("{} runs", runs.trim());
    Ok(())
}

/// Where what breaks the decoder is, and what the fuzzer said last.
fn why(test: &str, said: &str, broken: &Path, known: &Path) -> String {
    let mut lines: Vec<&str> = said.lines().rev().take(40).collect();
    lines.reverse();
    format!(
        "{test} is broken by what is in a file in {}; copied into {} it is tried by every `cargo xtask test`\n\n{}\n",
        broken.display(),
        known.display(),
        lines.join("\n"),
    )
}
