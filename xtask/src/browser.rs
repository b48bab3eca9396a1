//! The headless browser in which the sandbox's pages are tested.

use anyhow::Result;

use crate::packages::{self, Packages};
use crate::parts::Running;

const NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const PACKAGES: &[Packages] =
    &[("apt-get", &["chromium"]), ("dnf", &["chromium"]), ("apk", &["chromium"]), ("pacman", &["chromium"])];

/// Sees to it that a Chromium is there, and tells the tests where; they start it themselves.
pub fn start() -> Result<Running> {
    let program = packages::program("Chromium", NAMES, PACKAGES)?;
    Ok(Running { variables: vec![("AIRBYTE_TEST_CHROMIUM", program.into())], hold: None })
}
