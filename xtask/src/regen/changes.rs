//! Writing files, or showing what would change.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use similar::TextDiff;

/// A file as it should be.
pub struct Wanted {
    /// Below the workspace's folder.
    pub path: PathBuf,
    pub text: String,
}

/// Writes the files that differ; the result are their paths.
pub fn write(root: &Path, files: &[Wanted]) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for file in files {
        let place = root.join(&file.path);
        if std::fs::read_to_string(&place).is_ok_and(|present| present == file.text) {
            continue;
        }
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        std::fs::write(&place, &file.text)
            .with_context(|| format!("{} cannot be written", place.display()))?;
        written.push(file.path.clone());
    }
    Ok(written)
}

/// Fails with the differences between the files as they are and as they should be.
pub fn check(root: &Path, files: &[Wanted]) -> Result<()> {
    let mut differences = String::new();
    for file in files {
        let present = std::fs::read_to_string(root.join(&file.path)).unwrap_or_default();
        if present != file.text {
            differences.push_str(&difference(&file.path, &present, &file.text));
        }
    }
    if !differences.is_empty() {
        bail!("these files are not what `cargo xtask regen` makes:\n{differences}");
    }
    Ok(())
}

/// A unified diff, cut where nobody reads on.
fn difference(path: &Path, present: &str, wanted: &str) -> String {
    const LINES: usize = 80;
    let name = path.display().to_string();
    let diff = TextDiff::from_lines(present, wanted);
    let text = diff.unified_diff().context_radius(3).header(&name, &name).to_string();
    let mut shown: String = text.lines().take(LINES).flat_map(|line| [line, "\n"]).collect();
    let rest = text.lines().count().saturating_sub(LINES);
    if rest > 0 {
        shown.extend(["... ", &rest.to_string(), " more lines\n"]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> [Wanted; 1] {
        [Wanted { path: PathBuf::from("a/page.md"), text: text.to_owned() }]
    }

    #[test]
    fn a_file_is_written_once() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(write(root.path(), &wanted("one\n")).unwrap(), [PathBuf::from("a/page.md")]);
        assert!(write(root.path(), &wanted("one\n")).unwrap().is_empty());
        assert!(check(root.path(), &wanted("one\n")).is_ok());
    }

    #[test]
    fn a_difference_is_shown_and_nothing_is_written() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &wanted("one\ntwo\n")).unwrap();
        let shown = check(root.path(), &wanted("one\nthree\n")).unwrap_err().to_string();
        assert!(shown.contains("a/page.md") && shown.contains("-two") && shown.contains("+three"), "{shown}");
        assert_eq!(std::fs::read_to_string(root.path().join("a/page.md")).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_long_difference_is_cut() {
        let long = "line\n".repeat(500);
        let shown = difference(Path::new("x"), "", &long);
        assert!(shown.lines().count() < 100, "{shown}");
        assert!(shown.ends_with("more lines\n"));
    }
}
