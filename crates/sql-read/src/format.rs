//! The file formats that rows can be written in.

use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::LineDelimitedWriter;
use arrow_json::writer::LineDelimited;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::csv::CsvWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::json_lines;

/// When a row group of a Parquet file is closed. A group is held in memory until it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowGroups {
    /// Rows of a group at the most.
    pub rows: usize,
    /// Bytes of a group, as encoded, at which it is closed.
    pub bytes: usize,
}

impl Default for RowGroups {
    fn default() -> Self {
        Self { rows: 131_072, bytes: 8 * 1024 * 1024 }
    }
}

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Apache Parquet, compressed with zstd.
    Parquet,
    /// CSV with a header. NULL is an empty field, an empty text is `""`; nested values are JSON text. Of a single column a
    /// NULL is an empty line, as in PostgreSQL's own CSV, and readers that skip empty lines do not see it.
    Csv,
    /// One JSON object a line. NaN and the infinities, for which JSON has no numbers, are the texts `"NaN"`, `"Infinity"`
    /// and `"-Infinity"`.
    JsonLines,
    /// The Arrow IPC file format (`.arrow`, also known as Feather 2).
    Arrow,
}

impl Format {
    /// The name that [`FromStr`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Arrow => "arrow",
        }
    }

    /// The format that a file's ending stands for.
    pub fn of_path(path: &std::path::Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "parquet" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "arrow" | "feather" | "ipc" => Some(Self::Arrow),
            _ => None,
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Parquet, Self::Csv, Self::JsonLines, Self::Arrow]
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| {
                Error::invalid(format!("`{text}` is no file format"))
                    .with_hint("known: parquet, csv, jsonl, arrow")
            })
    }
}

/// Writes batches in one of the formats.
pub(crate) struct BatchWriter<W: Write + Send> {
    writer: Writer<Watched<W>>,
    failure: Failure,
}

enum Writer<W: Write + Send> {
    Parquet(Box<ArrowWriter<W>>, Convert, RowGroups),
    Csv(CsvWriter<W>, Convert),
    JsonLines(LineDelimitedWriter<W>, Convert),
    Arrow(Box<arrow_ipc::writer::FileWriter<W>>),
}

impl<W: Write + Send> BatchWriter<W> {
    pub(crate) fn new(out: W, format: Format, schema: &SchemaRef, groups: RowGroups) -> Result<Self> {
        let failure = Failure::default();
        let out = Watched { out, failure: failure.clone() };
        let writer = Writer::new(out, format, schema, groups).map_err(|error| failure.or(error))?;
        Ok(Self { writer, failure })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|error| self.failure.or(error))
    }

    /// Writes what belongs at the end and gives the output back.
    pub(crate) fn finish(self) -> Result<W> {
        let Self { writer, failure } = self;
        Ok(writer.finish().map_err(|error| failure.or(error))?.out)
    }
}

/// An output whose error is kept: the writers of some formats make a text of it, and forget what it was.
struct Watched<W> {
    out: W,
    failure: Failure,
}

/// What went wrong with an output, if anything did.
#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    fn lock(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of the output, or else the one of the rows.
    fn or(&self, error: Error) -> Error {
        match self.lock().take() {
            Some(failure) => Error::new(ErrorKind::Io, format!("the output cannot be written: {failure}"))
                .with_source(failure),
            None => error,
        }
    }

    fn note<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| {
            let shown = io::Error::new(error.kind(), error.to_string());
            // After that one it goes on.
            if error.kind() != io::ErrorKind::Interrupted {
                self.lock().get_or_insert(error);
            }
            shown
        })
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.failure.note(self.out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.failure.note(self.out.flush())
    }
}

impl<W: Write + Send> Writer<W> {
    fn new(out: W, format: Format, schema: &SchemaRef, groups: RowGroups) -> Result<Self> {
        Ok(match format {
            Format::Parquet => {
                let convert = Convert::new(schema, |kind| matches!(kind, DataType::Interval(_)));
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_max_row_group_row_count(Some(groups.rows))
                    .build();
                let writer = ArrowWriter::try_new(out, convert.schema.clone(), Some(properties))
                    .map_err(|error| failed(&error))?;
                Self::Parquet(Box::new(writer), convert, groups)
            }
            Format::Csv => {
                let convert = Convert::new(schema, DataType::is_nested);
                Self::Csv(CsvWriter::new(out, convert.schema.clone()), convert)
            }
            // Each row has all columns, so that whoever reads them learns of each.
            Format::JsonLines => Self::JsonLines(
                json_lines::builder().with_explicit_nulls(true).build(out),
                Convert::for_json(schema),
            ),
            Format::Arrow => Self::Arrow(Box::new(arrow_ipc::writer::FileWriter::try_new(out, schema)?)),
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Parquet(writer, convert, groups) => {
                writer.write(&convert.apply(batch)?).map_err(|error| failed(&error))?;
                if writer.in_progress_size() > groups.bytes {
                    writer.flush().map_err(|error| failed(&error))?;
                }
                Ok(())
            }
            Self::Csv(writer, convert) => writer.write(&convert.apply(batch)?),
            Self::JsonLines(writer, convert) => Ok(writer.write(&convert.apply(batch)?)?),
            Self::Arrow(writer) => Ok(writer.write(batch)?),
        }
    }

    fn finish(self) -> Result<W> {
        match self {
            Self::Parquet(writer, ..) => writer.into_inner().map_err(|error| failed(&error)),
            Self::Csv(writer, _) => writer.finish(),
            Self::JsonLines(mut writer, _) => {
                writer.finish()?;
                Ok(writer.into_inner())
            }
            Self::Arrow(mut writer) => {
                writer.finish()?;
                Ok(writer.into_inner()?)
            }
        }
    }
}

fn failed(error: &parquet::errors::ParquetError) -> Error {
    Error::new(ErrorKind::Io, format!("the Parquet file cannot be written: {error}"))
}

/// Turns the columns that a format cannot hold into text.
pub(crate) struct Convert {
    schema: SchemaRef,
    columns: Vec<usize>,
}

impl Convert {
    fn new(schema: &SchemaRef, unfit: impl Fn(&DataType) -> bool) -> Self {
        let columns: Vec<usize> =
            (0..schema.fields().len()).filter(|index| unfit(schema.field(*index).data_type())).collect();
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let field = field.as_ref().clone();
                if columns.contains(&index) { field.with_data_type(DataType::Utf8) } else { field }
            })
            .collect();
        Self { schema: Arc::new(Schema::new(fields)), columns }
    }

    /// For JSON, which has no form for intervals.
    pub(crate) fn for_json(schema: &SchemaRef) -> Self {
        Self::new(schema, |kind| matches!(kind, DataType::Interval(_)))
    }

    pub(crate) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        if self.columns.is_empty() {
            return Ok(batch.clone());
        }
        let mut columns = batch.columns().to_vec();
        for index in &self.columns {
            columns[*index] = as_text(&columns[*index])?;
        }
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

/// Nested values as JSON, all else as it is shown.
fn as_text(column: &ArrayRef) -> Result<ArrayRef> {
    if column.data_type().is_nested() {
        let holder = RecordBatch::try_from_iter_with_nullable([("value", column.clone(), true)])?;
        let mut writer =
            json_lines::builder().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        writer.write(&holder)?;
        writer.finish()?;
        let lines = writer.into_inner();
        let lines = String::from_utf8(lines).map_err(|error| Error::invalid(error.to_string()))?;
        // Each line is {"value":...}.
        let texts = lines.lines().map(|line| {
            let value =
                line.strip_prefix("{\"value\":").and_then(|line| line.strip_suffix('}')).unwrap_or(line);
            (value != "null").then_some(value)
        });
        return Ok(Arc::new(texts.collect::<StringArray>()));
    }
    let options = FormatOptions::default();
    let shown = ArrayFormatter::try_new(column, &options)?;
    let texts = (0..column.len()).map(|row| (!column.is_null(row)).then(|| shown.value(row).to_string()));
    Ok(Arc::new(texts.collect::<StringArray>()))
}
