//! The files of the repository, as the checks see them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::step::workspace_root;

/// Every text file that is tracked, or would be after `git add`.
pub struct Repository {
    pub files: Vec<TextFile>,
}

/// One of them.
pub struct TextFile {
    /// Below the workspace's folder, with `/` between the parts.
    pub path: String,
    pub text: String,
}

impl Repository {
    /// Reads the files of this workspace.
    pub fn open() -> Result<Self> {
        let root = workspace_root();
        let listed = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(root)
            .output()
            .context("`git` could not be started")?;
        ensure!(
            listed.status.success(),
            "`git ls-files` failed: {}",
            String::from_utf8_lossy(&listed.stderr)
        );
        let names = String::from_utf8(listed.stdout).context("a file name is not UTF-8")?;
        let files = names.split('\0').filter(|name| !name.is_empty()).filter_map(|name| read(root, name));
        Ok(Self { files: files.collect() })
    }

    /// The Rust files below a folder's `src`, of each of the crates or of the named ones.
    pub fn sources<'a>(&'a self, crates: &'a [&'a str]) -> impl Iterator<Item = &'a TextFile> {
        self.files.iter().filter(move |file| {
            let mut parts = file.path.split('/');
            let (folder, name, src) = (parts.next(), parts.next(), parts.next());
            let named = crates.is_empty() || name.is_some_and(|name| crates.contains(&name));
            folder == Some("crates") && named && src == Some("src") && is_rust(&file.path)
        })
    }
}

impl TextFile {
    /// The lines with their numbers, up to the tests at the end of the file.
    pub fn lines_before_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = self.text.lines().enumerate().map(|(at, line)| (at + 1, line)).peekable();
        std::iter::from_fn(move || {
            let line = lines.next()?;
            let marked = line.1.split_once("#[cfg(test)]").map(|(_, rest)| rest.trim());
            let begins = match marked {
                Some("") => lines.peek().map(|(_, next)| *next),
                other => other,
            };
            // A module in a file of its own is not the end.
            let ends = begins.is_some_and(|item| item.starts_with("mod ") && item.contains('{'));
            (!ends).then_some(line)
        })
        .fuse()
    }
}

/// Whether the path is one of a Rust file.
pub fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// A file that is not text, or a link to a folder, is none of the checks' business.
fn read(root: &Path, name: &str) -> Option<TextFile> {
    let path: PathBuf = root.join(name);
    let text = path.is_file().then(|| std::fs::read_to_string(&path).ok())??;
    Some(TextFile { path: name.to_owned(), text })
}
