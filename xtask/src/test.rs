//! `cargo xtask test`: installs and starts what the tests need, then runs all of them.

use anyhow::Result;

use crate::{parts, step};

/// What is tested beside the default features. Linking in a whole libduckdb is not: that build takes half an hour.
pub const FEATURES: &str = "airbyte-api-raw/httpmock,airbyte-cli/duckdb,airbyte-sql-read/duckdb,airbyte-tests/duckdb,\
                            airbyte-cli/snowflake,airbyte-sql-read/snowflake,airbyte-cli/ssh,airbyte-sql-read/ssh,\
                            airbyte-cli/bigquery,airbyte-sql-read/bigquery";

/// Runs every test of the workspace against real parts; `arguments` go to `cargo test`.
pub fn test(arguments: &[String]) -> Result<()> {
    step::outlive_interrupts()?;
    let parts = parts::start()?;
    // The doc tests of the libraries are part of `cargo test`; so is the real binary, which the end-to-end
    // suites start.
    let mut tests = step::cargo(&["test", "--locked", "--features", FEATURES]);
    tests.args(arguments).env("INSTA_UPDATE", "no").env("AIRBYTE_TEST_FEATURES", FEATURES);
    // Generated cases are the same in every run, so that a change is judged by what it changed. To look for more:
    // another seed, and PROPTEST_CASES.
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        tests.env("PROPTEST_RNG_SEED", "20");
    }
    tests.envs(parts.iter().flat_map(|part| part.variables.iter().cloned()));
    if let Some(documents) = crate::upstream_documents()? {
        tests.env("AIRBYTE_OPENAPI_DIR", documents);
    }
    step::run(&mut tests)?;
    // Arguments choose among the tests in Rust.
    if arguments.is_empty() { crate::others::test() } else { Ok(()) }
}
