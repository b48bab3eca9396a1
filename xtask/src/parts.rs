//! The real parts that tests need: a database, a browser, emulators. Each is installed where it is missing, started,
//! and found by the tests through environment variables.

mod adbc;
pub mod bigquery;
pub mod duckdb;
mod emulator;
mod pooler;
pub mod snowflake;
mod ssh;

use std::any::Any;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use crate::packages::{self, Packages};
use crate::postgres::Cluster;
use crate::{skipped, step};

/// Where the tests find the private PostgreSQL cluster.
pub const POSTGRES_URL: &str = "AIRBYTE_TEST_POSTGRES_URL";

/// Where they find another one, whose settings they change and which they crash.
const SPARE_URL: &str = "AIRBYTE_TEST_POSTGRES_SPARE_URL";

/// A part that is there.
pub struct Running {
    /// What tells the tests where it is.
    pub variables: Vec<(&'static str, OsString)>,
    /// Ends it when dropped; nothing for what was not started.
    #[expect(dead_code, reason = "nothing is done with it but to keep it")]
    pub hold: Option<Box<dyn Any>>,
}

/// A part that tests need.
struct Need {
    /// What cannot be tested without it, for the message.
    tested: &'static str,
    /// Installs it where it is missing, and starts it.
    start: fn() -> Result<Running>,
    /// Set where it cannot be had: tests skip what needs it. Nothing is skipped without saying so; a part without
    /// such a variable is needed.
    skip: Option<&'static str>,
}

const OPENSSL: &[Packages] = &[
    ("apt-get", &["openssl"]),
    ("dnf", &["openssl"]),
    ("apk", &["openssl"]),
    ("pacman", &["openssl"]),
    ("brew", &["openssl"]),
];

const NEEDS: &[Need] = &[
    Need { tested: "everything with a PostgreSQL", start: postgres, skip: None },
    Need { tested: "TLS and crashes of a PostgreSQL", start: spare, skip: None },
    Need { tested: "SSH tunnels", start: ssh::start, skip: Some("AIRBYTE_TEST_SKIP_SSH") },
    Need { tested: "poolers", start: pooler::start, skip: Some("AIRBYTE_TEST_SKIP_POOLER") },
    Need {
        tested: "the sandbox's pages in a browser",
        start: crate::browser::start,
        skip: Some("AIRBYTE_TEST_SKIP_BROWSER"),
    },
    Need { tested: "everything with DuckDB", start: duckdb::start, skip: Some("AIRBYTE_TEST_SKIP_DUCKDB") },
    Need {
        tested: "reads through ADBC drivers of others",
        start: adbc::start,
        skip: Some("AIRBYTE_TEST_SKIP_ADBC"),
    },
    Need {
        tested: "everything with a Snowflake",
        start: snowflake::start,
        skip: Some("AIRBYTE_TEST_SKIP_SNOWFLAKE"),
    },
    Need {
        tested: "everything with a BigQuery",
        start: bigquery::start,
        skip: Some("AIRBYTE_TEST_SKIP_BIGQUERY"),
    },
];

/// Installs and starts all of them.
pub fn start() -> Result<Vec<Running>> {
    NEEDS.iter().map(started).collect()
}

fn started(need: &Need) -> Result<Running> {
    let outcome = (need.start)();
    step::not_interrupted()?;
    match (outcome, need.skip) {
        (Ok(running), _) => Ok(running),
        (Err(error), Some(skip)) => {
            skipped::skip(need.tested, &error);
            Ok(Running { variables: vec![(skip, "1".into())], hold: None })
        }
        (Err(error), None) => Err(error),
    }
}

fn postgres() -> Result<Running> {
    let cluster = Cluster::start()?;
    Ok(Running { variables: vec![(POSTGRES_URL, cluster.url().into())], hold: Some(Box::new(cluster)) })
}

fn spare() -> Result<Running> {
    // The tests of TLS make keys with it.
    openssl()?;
    let cluster = Cluster::start()?;
    Ok(Running { variables: vec![(SPARE_URL, cluster.url().into())], hold: Some(Box::new(cluster)) })
}

/// The program `openssl`, installed first where it is missing.
fn openssl() -> Result<PathBuf> {
    packages::program("openssl", &["openssl"], OPENSSL)
}
