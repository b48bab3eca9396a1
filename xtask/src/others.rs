//! The sandbox, tried by programs that were written elsewhere: a generator of requests, and the clients that
//! Airbyte's users in Python have. What they do is in `tests/python`.

use std::path::Path;

use anyhow::{Result, bail};

use crate::sandbox::Sandbox;
use crate::step::{self, cargo, target, workspace_root};
use crate::test::FEATURES;
use crate::{python, skipped, upstream_documents};

/// A file of tests and the environment it runs in; PyAirbyte brings the older generation of airbyte-api along.
const SUITES: [(&str, &str); 4] = [
    ("schemathesis", "test_schemathesis.py"),
    ("airbyte-api", "test_airbyte_api.py"),
    ("pyairbyte", "test_airbyte_api.py"),
    ("pyairbyte", "test_pyairbyte.py"),
];

/// Runs all suites, each on a sandbox of its own. One whose packages cannot be had is skipped.
pub fn test() -> Result<()> {
    step::outlive_interrupts()?;
    // As the end-to-end suites build it, so that nothing is built twice.
    step::run(&mut cargo(&["build", "--quiet", "--locked", "--bins", "--features", FEATURES]))?;
    let airbyte = target().join("debug/airbyte");
    let mut failed = Vec::new();
    for (environment, file) in SUITES {
        let name = format!("{file} with {environment}");
        let outcome = python::environment(environment).map(|python| run(&airbyte, &python, file));
        step::not_interrupted()?;
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed.push(format!("{name}: {error}")),
            Err(error) => skipped::skip(&name, &error.context("its packages could not be installed")),
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("{}", failed.join("\n")) }
}

fn run(airbyte: &Path, python: &Path, file: &str) -> Result<()> {
    let sandbox = Sandbox::start(airbyte, &["--seed", "demo", "--token-ttl", "1h"])?;
    let document = upstream_documents()?.map_or_else(
        || workspace_root().join("openapi/public.json"),
        |folder| folder.join("airbyte-public.yaml"),
    );
    let mut tests = sandbox.command(python);
    tests
        .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider", file])
        .current_dir(workspace_root().join("tests/python"))
        .env("AIRBYTE_API_DOCUMENT", document)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    step::run(&mut tests)
}
