//! The `file` source: one local CSV, JSON Lines or Parquet file as one stream.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Emit, SourceError, Stream, csv, json_lines, parquet};

/// How the file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Format {
    Csv(csv::Options),
    JsonLines,
    Parquet,
}

/// A `file` source whose configuration has been checked.
#[derive(Debug)]
pub(crate) struct FileSource {
    path: PathBuf,
    stream_name: String,
    format: Format,
}

impl FileSource {
    /// Checks the configuration; files are read only below the `roots`.
    pub(crate) fn new(configuration: &Value, roots: &[PathBuf]) -> Result<Self, SourceError> {
        let text = |name: &str| {
            configuration
                .get(name)
                .and_then(Value::as_str)
                .ok_or_else(|| SourceError::new(format!("the file source's configuration lacks `{name}`")))
        };
        let storage = configuration.pointer("/provider/storage").and_then(Value::as_str).unwrap_or_default();
        if storage != "local" {
            return Err(SourceError::new(format!(
                "the sandbox reads local files only: `provider.storage` is `{storage}`, not `local`"
            )));
        }
        let options = configuration.get("reader_options").and_then(Value::as_str).unwrap_or_default();
        let format = match text("format")? {
            "csv" => Format::Csv(csv::Options::parse(options)?),
            "json" | "jsonl" => Format::JsonLines,
            "parquet" => Format::Parquet,
            other => {
                return Err(SourceError::new(format!(
                    "the sandbox does not read files of format `{other}`; it reads csv, json, jsonl and parquet"
                )));
            }
        };
        let path = below(roots, text("url")?)?;
        Ok(Self { path, stream_name: text("dataset_name")?.to_owned(), format })
    }

    /// The one stream, with types that hold for every row of the file.
    pub(crate) fn stream(&self) -> Result<Stream, SourceError> {
        let fields = match &self.format {
            Format::Csv(options) => csv::fields(&self.path, options)?,
            Format::JsonLines => json_lines::fields(&self.path)?,
            Format::Parquet => parquet::fields(&self.path)?,
        };
        Ok(Stream {
            name: self.stream_name.clone(),
            namespace: None,
            fields,
            cursor: Vec::new(),
            primary_key: Vec::new(),
            incremental: false,
        })
    }

    pub(crate) fn read(&self, stream: &Stream, emit: Emit<'_>) -> Result<(), SourceError> {
        match &self.format {
            Format::Csv(options) => csv::read(&self.path, options, &stream.fields, emit),
            Format::JsonLines => json_lines::read(&self.path, &stream.fields, emit),
            Format::Parquet => parquet::read(&self.path, &stream.fields, emit),
        }
    }
}

/// The file that `url` names, refused if it is below none of the `roots` once all links are followed.
fn below(roots: &[PathBuf], url: &str) -> Result<PathBuf, SourceError> {
    let first = roots.first().map_or(Path::new("."), PathBuf::as_path);
    let asked = first.join(url.strip_prefix("file://").unwrap_or(url));
    let found = asked
        .canonicalize()
        .map_err(|error| SourceError::new(format!("the file {} cannot be read: {error}", asked.display())))?;
    if !roots.iter().filter_map(|root| root.canonicalize().ok()).any(|root| found.starts_with(root)) {
        return Err(SourceError::new(format!(
            "the file {} is outside of {}; start the sandbox with another --files-root to allow it",
            found.display(),
            first.display()
        )));
    }
    if !found.is_file() {
        return Err(SourceError::new(format!("{} is not a file", found.display())));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_outside_of_the_root_are_refused_through_links_too() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(folder.path().join("secret.csv"), "a\n1\n").unwrap();
        std::fs::write(root.join("open.csv"), "a\n1\n").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret.csv"), root.join("link.csv")).unwrap();
        let roots = [root];
        assert!(below(&roots, "open.csv").is_ok());
        for outside in ["../secret.csv", "link.csv", folder.path().join("secret.csv").to_str().unwrap()] {
            let error = below(&roots, outside).unwrap_err();
            assert!(error.0.contains("outside of"), "{}", error.0);
        }
        assert!(below(&roots, "missing.csv").unwrap_err().0.contains("cannot be read"));
    }
}
