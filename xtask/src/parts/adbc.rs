//! ADBC drivers that others made, of their packages on PyPI.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Running;
use crate::python;

/// Sees to it that the drivers are there, and tells the tests where.
pub fn start() -> Result<Running> {
    let python = python::environment("adbc")?;
    let environment =
        python.ancestors().nth(2).context("the interpreter is in a folder of its environment")?;
    let variables = vec![
        ("AIRBYTE_TEST_ADBC_SQLITE", driver(environment, "sqlite")?.into()),
        ("AIRBYTE_TEST_ADBC_POSTGRESQL", driver(environment, "postgresql")?.into()),
    ];
    Ok(Running { variables, hold: None })
}

/// `lib/python3.N/site-packages/adbc_driver_NAME/libadbc_driver_NAME.so`, on every system under this ending.
fn driver(environment: &Path, name: &str) -> Result<PathBuf> {
    let below = format!("site-packages/adbc_driver_{name}/libadbc_driver_{name}.so");
    let versions = std::fs::read_dir(environment.join("lib"))?;
    let found =
        versions.filter_map(|version| Some(version.ok()?.path().join(&below))).find(|file| file.is_file());
    Ok(std::path::absolute(found.with_context(|| format!("the package adbc-driver-{name} has no driver"))?)?)
}
