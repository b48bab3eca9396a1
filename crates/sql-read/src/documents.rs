//! Rows as documents: text to be searched, embedded or handed to a model.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use arrow_json::writer::LineDelimited;
use futures::{Stream, StreamExt, TryStreamExt};
use serde_json::{Map, Value};

use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::format::Convert;
use crate::json_lines;
use crate::meta_columns::is_meta;

/// A row as a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// The values of the primary key, joined by `:`, where it is known and among the columns.
    pub id: Option<String>,
    /// The value of the title column.
    pub title: Option<String>,
    /// The text: of one content column its value, of several a line `name: value` each. NULL is left out.
    pub content: String,
    /// The values of the metadata columns; those that are NULL are left out. NaN and the infinities are the texts `NaN`,
    /// `Infinity` and `-Infinity`.
    pub metadata: Map<String, Value>,
}

/// Documents of a dataset: which columns make what of them. They are named as the table names them, and shown under the
/// names that the dataset gives them.
#[derive(Clone, Debug)]
#[must_use = "nothing is read before `stream` is called"]
pub struct Documents {
    dataset: Dataset,
    title: Option<String>,
    content: Option<Vec<String>>,
    metadata: Vec<String>,
}

impl Dataset {
    /// The rows as documents. Unless it is said otherwise, all columns but Airbyte's own are content.
    pub fn documents(&self) -> Documents {
        Documents { dataset: self.clone(), title: None, content: None, metadata: Vec::new() }
    }
}

impl Documents {
    /// The column that is the title.
    pub fn title(mut self, column: impl Into<String>) -> Self {
        self.title = Some(column.into());
        self
    }

    /// The columns that are the text, in this order. Default: all that are nothing else.
    pub fn content(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.content = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// The columns that go along as data.
    pub fn metadata(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.metadata = columns.into_iter().map(Into::into).collect();
        self
    }

    /// The documents, one by one.
    ///
    /// # Errors
    /// `InvalidInput` if a column does not exist, and those of [`Dataset::batches`].
    pub async fn stream(self) -> Result<impl Stream<Item = Result<Document>> + Send> {
        let Self { dataset, title, content, metadata } = self;
        let names = dataset.column_names();
        let is_other =
            |name: &String| title.as_ref() == Some(name) || metadata.contains(name) || is_meta(name);
        let content =
            content.unwrap_or_else(|| names.iter().filter(|name| !is_other(name)).cloned().collect());
        let key: Vec<String> =
            dataset.stream().primary_key.iter().map(|field| dataset.column_of(field)).collect();
        let key = if key.iter().all(|name| names.contains(name)) { key } else { Vec::new() };
        let mut columns: Vec<String> = Vec::new();
        for name in title.iter().chain(&content).chain(&metadata).chain(&key) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let dataset = dataset.columns(columns.clone())?;
        let schema = dataset.schema();
        // Columns are chosen by the names that they have in the table, and shown under those that they are given.
        let given: HashMap<_, _> = columns.into_iter().zip(schema.fields()).collect();
        let shown = |names: Vec<String>| -> Vec<String> {
            names.iter().filter_map(|name| Some(given.get(name)?.name().clone())).collect()
        };
        let shape = Shape {
            title: shown(title.into_iter().collect()).pop(),
            content: shown(content),
            metadata: shown(metadata),
            key: shown(key),
            convert: Convert::for_json(&schema),
        };
        let batches = dataset.batches().await?;
        let documents = batches.map(move |batch| shape.documents(&batch?));
        Ok(documents.map_ok(|some| futures::stream::iter(some.into_iter().map(Ok))).try_flatten())
    }
}

struct Shape {
    title: Option<String>,
    content: Vec<String>,
    metadata: Vec<String>,
    key: Vec<String>,
    convert: Convert,
}

impl Shape {
    fn documents(&self, batch: &RecordBatch) -> Result<Vec<Document>> {
        let mut writer = json_lines::builder().build::<_, LineDelimited>(Vec::new());
        writer.write(&self.convert.apply(batch)?)?;
        writer.finish()?;
        let rows = serde_json::Deserializer::from_slice(&writer.into_inner())
            .into_iter::<Map<String, Value>>()
            .collect::<Result<Vec<_>, _>>();
        let rows =
            rows.map_err(|error| Error::new(ErrorKind::Value, format!("a row cannot be shown: {error}")))?;
        Ok(rows.iter().map(|row| self.document(row)).collect())
    }

    fn document(&self, row: &Map<String, Value>) -> Document {
        let value = |name: &String| row.get(name).map(text);
        let content = match self.content.as_slice() {
            [only] => value(only).unwrap_or_default(),
            several => {
                let lines = several.iter().filter_map(|name| Some(format!("{name}: {}", value(name)?)));
                lines.collect::<Vec<_>>().join("\n")
            }
        };
        let key: Option<Vec<String>> = self.key.iter().map(value).collect();
        Document {
            id: key.filter(|key| !key.is_empty()).map(|key| key.join(":")),
            title: self.title.as_ref().and_then(value),
            content,
            metadata: self
                .metadata
                .iter()
                .filter_map(|name| Some((name.clone(), row.get(name)?.clone())))
                .collect(),
        }
    }
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
