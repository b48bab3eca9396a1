//! What would be published.

use anyhow::Result;

use super::{OF_NEWER_RUST, PUBLISHED};
use crate::step::{cargo, run};

/// Makes the packages; `verified` builds each from itself alone, with the others as packages too.
pub fn package(verified: bool) -> Result<()> {
    let mut package = cargo(&["package", "--locked", "--allow-dirty", "--quiet"]);
    if !verified {
        package.arg("--no-verify");
    }
    package.args(PUBLISHED.iter().chain(OF_NEWER_RUST).flat_map(|name| ["--package", name]));
    run(&mut package)
}
