//! `cargo xtask test`: installs and starts what the tests need, then runs all of them.

use anyhow::Result;

use crate::postgres::Cluster;
use crate::step;

/// Where the tests find the private PostgreSQL cluster.
pub const POSTGRES_URL: &str = "AIRBYTE_TEST_POSTGRES_URL";

/// Where they find the browser.
const CHROMIUM: &str = "AIRBYTE_TEST_CHROMIUM";

/// Runs every test of the workspace against real parts; `arguments` go to `cargo test`.
pub fn test(arguments: &[String]) -> Result<()> {
    // Ctrl-C reaches the tests by itself; this process stays to stop the server and delete its data.
    ctrlc::set_handler(|| {})?;
    let cluster = Cluster::start()?;
    let mut tests = step::cargo(&["test", "--workspace", "--locked"]);
    tests.args(arguments).env(POSTGRES_URL, cluster.url()).env("INSTA_UPDATE", "no");
    if let Some(documents) = crate::upstream_documents() {
        tests.env("AIRBYTE_OPENAPI_DIR", documents);
    }
    match crate::browser::program() {
        Ok(program) => tests.env(CHROMIUM, program),
        Err(error) => {
            eprintln!("skipped: the sandbox's pages in a browser ({error:#})");
            tests.env("AIRBYTE_TEST_SKIP_BROWSER", "1")
        }
    };
    // The doc tests of the libraries are part of `cargo test`; so is the real binary, which the end-to-end
    // suites start.
    step::run(&mut tests)?;
    // Arguments choose among the tests in Rust.
    if arguments.is_empty() { crate::others::test() } else { Ok(()) }
}
