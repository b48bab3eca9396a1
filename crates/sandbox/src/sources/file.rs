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
    /// Checks the configuration; files are read only below the `roots`, and of the sandbox's data folder only rows.
    pub(crate) fn new(
        configuration: &Value,
        roots: &[PathBuf],
        data_folder: &Path,
    ) -> Result<Self, SourceError> {
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
        let path = below(roots, data_folder, text("url")?)?;
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

/// What is in the data folder for others to read. Beside it there are credentials, and configurations with their secrets.
const OPEN: [&str; 2] = ["files", "local"];

/// The file that `url` names, refused if it is below none of the `roots`, or the sandbox's own, once all links are followed.
fn below(roots: &[PathBuf], data_folder: &Path, url: &str) -> Result<PathBuf, SourceError> {
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
    let is_open = |name: &str| found.starts_with(data_folder.join(name));
    if found.starts_with(data_folder) && !OPEN.into_iter().any(is_open) {
        return Err(SourceError::new(format!(
            "the file {} is in the sandbox's data folder, of which only `files` and `local` are read; put it into `files`",
            found.display()
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
        let data = folder.path().join("data");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(folder.path().join("secret.csv"), "a\n1\n").unwrap();
        std::fs::write(root.join("open.csv"), "a\n1\n").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret.csv"), root.join("link.csv")).unwrap();
        let roots = [root];
        let below = |roots: &[PathBuf], url: &str| below(roots, &data, url);
        assert!(below(&roots, "open.csv").is_ok());
        for outside in ["../secret.csv", "link.csv", folder.path().join("secret.csv").to_str().unwrap()] {
            let error = below(&roots, outside).unwrap_err();
            assert!(error.0.contains("outside of"), "{}", error.0);
        }
        assert!(below(&roots, "missing.csv").unwrap_err().0.contains("cannot be read"));
    }

    #[test]
    fn of_the_data_folder_nothing_but_rows_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let data = root.join("data");
        for (path, is_read) in [
            ("own.jsonl", true),
            ("data-of-mine/own.jsonl", true),
            ("data/files/sample.jsonl", true),
            ("data/local/rows.jsonl", true),
            ("data/application.json", false),
            ("data/files.jsonl", false),
        ] {
            let file = root.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "{\"a\": 1}\n").unwrap();
            assert_eq!(below(std::slice::from_ref(&root), &data, path).is_ok(), is_read, "{path}");
        }
        std::os::unix::fs::symlink(data.join("application.json"), data.join("files/link.jsonl")).unwrap();
        let error = below(&[root], &data, "data/files/link.jsonl").unwrap_err();
        assert!(error.0.contains("data folder"), "{}", error.0);
    }
}
