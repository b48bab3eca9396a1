//! Bindings that are generated twice are the same twice: whatever order a map of the generator has does not show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::step::{cargo, run, target};

/// What is generated with the feature for mocks, in order.
const FILES: [&str; 4] = ["config.rs", "config_mock.rs", "public.rs", "public_mock.rs"];

/// Generates them in two folders that know nothing of each other, and compares.
pub fn generated_twice() -> Result<()> {
    let folders = ["first", "second"].map(|name| target().join("again").join(name));
    let mut seen = Vec::new();
    for folder in &folders {
        std::fs::remove_dir_all(generated(folder)).ok();
        let mut check = cargo(&["check", "--package", "airbyte-api-raw", "--locked"]);
        run(check.args(["--features", "airbyte-api-raw/httpmock", "--target-dir"]).arg(folder))?;
        let files = read(&generated(folder))?;
        ensure!(files.keys().eq(FILES), "{:?} were generated, not {FILES:?}", files.keys());
        seen.push(files);
    }
    let [first, second] = &seen[..] else { unreachable!("there are two folders") };
    for (name, text) in first {
        ensure!(second.get(name) == Some(text), "{name} is not the same twice");
    }
    eprintln!("{} generated files are the same twice", first.len());
    Ok(())
}

fn generated(folder: &Path) -> PathBuf {
    folder.join("debug").join("build")
}

/// The files that build scripts of ours have written, by their names.
fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for build in std::fs::read_dir(folder).with_context(|| folder.display().to_string())?.flatten() {
        if !build.file_name().to_string_lossy().starts_with("airbyte-api-raw-") {
            continue;
        }
        for file in std::fs::read_dir(build.path().join("out")).into_iter().flatten().flatten() {
            if file.path().is_file() {
                files.insert(file.file_name().to_string_lossy().into_owned(), std::fs::read(file.path())?);
            }
        }
    }
    Ok(files)
}
