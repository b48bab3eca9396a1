//! Rows as CSV that tells NULL from an empty text, which no quoting style of `arrow_csv` does.

use std::io::Write;

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, SchemaRef};

use crate::error::{Error, ErrorKind, Result};

/// Bytes of lines that are handed on at once.
const CHUNK: usize = 64 * 1024;

/// Writes a header and rows as RFC 4180 has them, with LF at the ends of lines. NULL is nothing, an empty text is `""`,
/// and all other values are as Arrow shows them.
pub(crate) struct CsvWriter<W> {
    out: W,
    schema: SchemaRef,
    has_header: bool,
}

impl<W: Write> CsvWriter<W> {
    pub(crate) fn new(out: W, schema: SchemaRef) -> Self {
        Self { out, schema, has_header: false }
    }

    /// Writes rows, none of whose columns is nested.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.write_header()?;
        let options = FormatOptions::default();
        let mut columns = Vec::with_capacity(batch.num_columns());
        for column in batch.columns() {
            columns.push((ArrayFormatter::try_new(column, &options)?, column.logical_nulls()));
        }
        let mut lines = Lines::default();
        for row in 0..batch.num_rows() {
            for (index, (shown, nulls)) in columns.iter().enumerate() {
                let start = lines.field(index);
                if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    continue;
                }
                shown.value(row).write(&mut lines.text).map_err(|error| {
                    let column = batch.schema_ref().field(index).name();
                    let message = format!("a value of the column `{column}` cannot be shown: {error}");
                    Error::new(ErrorKind::Value, message)
                })?;
                lines.quote(start);
            }
            lines.text.push('\n');
            if lines.text.len() >= CHUNK {
                self.put(&lines.text)?;
                lines.text.clear();
            }
        }
        self.put(&lines.text)?;
        // Whoever reads a pipe has all rows of a batch once it is written.
        self.out.flush().map_err(ArrowError::from)?;
        Ok(())
    }

    /// Gives the output back. It has the header, also where there were no rows.
    pub(crate) fn finish(mut self) -> Result<W> {
        self.write_header()?;
        Ok(self.out)
    }

    fn write_header(&mut self) -> Result<()> {
        if self.has_header {
            return Ok(());
        }
        self.has_header = true;
        let mut line = Lines::default();
        for (index, field) in self.schema.fields().iter().enumerate() {
            let start = line.field(index);
            line.text.push_str(field.name());
            line.quote(start);
        }
        line.text.push('\n');
        self.put(&line.text)
    }

    fn put(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes()).map_err(ArrowError::from)?;
        Ok(())
    }
}

/// Lines that are not handed on yet.
#[derive(Default)]
struct Lines {
    text: String,
    /// Room for a value that gets quotes.
    bare: String,
}

impl Lines {
    /// Begins the field of this index in a line, and tells where it is.
    fn field(&mut self, index: usize) -> usize {
        if index > 0 {
            self.text.push(',');
        }
        self.text.len()
    }

    /// Puts quotes around the value that begins at `start`, where it needs them.
    fn quote(&mut self, start: usize) {
        let value = &self.text[start..];
        if !value.is_empty() && !value.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
            return;
        }
        self.bare.clear();
        self.bare.push_str(value);
        self.text.truncate(start);
        self.text.push('"');
        for (index, piece) in self.bare.split('"').enumerate() {
            if index > 0 {
                self.text.push_str("\"\"");
            }
            self.text.push_str(piece);
        }
        self.text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
        Float64Array, Int64Array, IntervalMonthDayNanoArray, NullArray, StringArray, Time64MicrosecondArray,
        TimestampMicrosecondArray,
    };
    use arrow_buffer::IntervalMonthDayNano;

    use super::*;

    fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
        let columns = columns.map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    fn written(batch: &RecordBatch) -> String {
        let mut writer = CsvWriter::new(Vec::new(), batch.schema());
        writer.write(batch).unwrap();
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn null_is_nothing_and_an_empty_text_has_quotes() {
        let bytes = [Some(b"\x00\xff".as_slice()), Some(b"".as_slice()), None, None];
        let rows = batch([
            ("text", Arc::new(StringArray::from(vec![None, Some(""), Some("x"), None])) as ArrayRef),
            ("bytes", Arc::new(BinaryArray::from(bytes.to_vec())) as ArrayRef),
            ("number", Arc::new(Int64Array::from(vec![Some(1), None, None, None])) as ArrayRef),
            (
                "picked",
                Arc::new(
                    [None, Some(""), Some("y"), None].into_iter().collect::<DictionaryArray<Int32Type>>(),
                ) as ArrayRef,
            ),
            ("none", Arc::new(NullArray::new(4)) as ArrayRef),
        ]);
        let expected = "text,bytes,number,picked,none\n,00ff,1,,\n\"\",\"\",,\"\",\nx,,,y,\n,,,,\n";
        assert_eq!(written(&rows), expected);
    }

    /// Nothing else can be said of a line's only field.
    #[test]
    fn a_null_alone_is_an_empty_line() {
        let rows = batch([("t", Arc::new(StringArray::from(vec![None, Some(""), Some("x")])) as ArrayRef)]);
        assert_eq!(written(&rows), "t\n\n\"\"\nx\n");
    }

    #[test]
    fn all_else_is_what_arrow_writes() {
        let texts =
            ["a,b", "say \"x\"", "\"", "l\nm", "c\rd", " padded ", "it's \\ ; | #", "é\u{2028}漢", "NULL"];
        let numbers = [0.1, -0.0, 1e300, 1e-7, 1e21, 3.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let narrow = [0.1, -0.0, 1e30, 1e-7, 1e21, 3.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let micros: [i64; 9] =
            [0, 1, -1, 1_000, 1_500_000, 86_399_999_999, 1_767_225_600_000_000, 60_000_000, 7];
        let times = micros.map(|micros| micros.clamp(0, 86_399_999_999));
        let spans = micros.map(|micros| IntervalMonthDayNano::new(14, 3, micros));
        let stamps = TimestampMicrosecondArray::from(micros.to_vec());
        let rows = batch([
            ("text", Arc::new(StringArray::from(texts.to_vec())) as ArrayRef),
            ("a \"name\", quoted", Arc::new(Float64Array::from(numbers.to_vec())) as ArrayRef),
            ("narrow", Arc::new(Float32Array::from(narrow.to_vec())) as ArrayRef),
            ("local", Arc::new(stamps.clone()) as ArrayRef),
            ("zoned", Arc::new(stamps.with_timezone("UTC")) as ArrayRef),
            ("time", Arc::new(Time64MicrosecondArray::from(times.to_vec())) as ArrayRef),
            ("span", Arc::new(IntervalMonthDayNanoArray::from(spans.to_vec())) as ArrayRef),
            ("date", Arc::new(Date32Array::from(vec![0, 1, -1, 20_000, -800_000, 5, 6, 7, 8])) as ArrayRef),
            ("truth", Arc::new(BooleanArray::from(micros.map(|micros| micros > 0).to_vec())) as ArrayRef),
            (
                "amount",
                Arc::new(
                    Decimal128Array::from(micros.map(i128::from).to_vec())
                        .with_precision_and_scale(20, 2)
                        .unwrap(),
                ) as ArrayRef,
            ),
            ("bytes", Arc::new(BinaryArray::from(texts.map(str::as_bytes).to_vec())) as ArrayRef),
            ("whole", Arc::new(Int64Array::from(micros.to_vec())) as ArrayRef),
        ]);
        let mut arrow = arrow_csv::Writer::new(Vec::new());
        arrow.write(&rows).unwrap();
        assert_eq!(written(&rows), String::from_utf8(arrow.into_inner()).unwrap());
    }

    #[test]
    fn many_rows_are_handed_on_in_pieces_and_no_rows_have_a_header() {
        let many: Vec<String> = (0..30_000).map(|number| format!("row {number}")).collect();
        let rows = batch([("row", Arc::new(StringArray::from(many.clone())) as ArrayRef)]);
        let text = written(&rows);
        assert!(text.len() > 3 * CHUNK);
        assert!(text.lines().skip(1).eq(many.iter().map(String::as_str)));
        let none = CsvWriter::new(Vec::new(), rows.schema()).finish().unwrap();
        assert_eq!(String::from_utf8(none).unwrap(), "row\n");
    }

    #[test]
    fn a_value_that_cannot_be_shown_names_its_column() {
        let rows = batch([("at", Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX])) as ArrayRef)]);
        let error = CsvWriter::new(std::io::sink(), rows.schema()).write(&rows).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        assert!(error.to_string().contains("`at`"), "{error}");
    }
}
