//! Exported files, read back by other means than ours.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use parquet::file::reader::{FileReader, SerializedFileReader};

/// The rows of a Parquet or a JSON Lines file, as text.
///
/// # Errors
/// The file is not whole.
pub(super) fn lines(path: &Path) -> Result<Vec<String>> {
    if path.extension().is_some_and(|end| end == "parquet") {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let reader = SerializedFileReader::new(file)?;
        return reader.get_row_iter(None)?.map(|row| Ok(row?.to_string())).collect();
    }
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.lines().map(|line| Ok(serde_json::from_str::<serde_json::Value>(line)?.to_string())).collect()
}

/// What is in a folder besides these names: an export that failed leaves nothing.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn others(folder: &Path, known: &[String]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| !known.contains(name));
    Ok(names)
}
