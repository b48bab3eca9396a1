//! `cargo xtask vectors`: known names of tables, looked for by the reader.

use std::path::{Path, absolute};

use anyhow::Result;

use crate::step;

/// Runs the reader's example over `file`; fails if a name is missed. The reader is not linked in here, so that the
/// tasks build without it.
pub fn vectors(file: &Path) -> Result<()> {
    let arguments = [
        "run",
        "--quiet",
        "--locked",
        "--package",
        "airbyte-sql-read",
        "--no-default-features",
        "--example",
        "vectors",
    ];
    step::run(step::cargo(&arguments).arg("--").arg(absolute(file)?))
}
