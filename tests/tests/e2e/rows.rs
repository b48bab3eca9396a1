//! Reads exported files back without the reader under test.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// One row: column name to its text, `None` for NULL.
pub(crate) type Row = BTreeMap<String, Option<String>>;

/// All rows of a Parquet file as texts, without the columns that Airbyte adds.
pub(crate) fn parquet(path: &Path) -> Vec<Row> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let schema = batch.schema();
        let columns: Vec<_> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(field, _)| !field.name().starts_with("_airbyte_"))
            .map(|(field, column)| (field.name(), column, ArrayFormatter::try_new(column, &options).unwrap()))
            .collect();
        for row in 0..batch.num_rows() {
            let cell = |(name, column, text): &(&String, &arrow_array::ArrayRef, ArrayFormatter<'_>)| {
                let value = (!arrow_array::Array::is_null(column, row)).then(|| text.value(row).to_string());
                ((*name).clone(), value)
            };
            rows.push(columns.iter().map(cell).collect());
        }
    }
    rows
}

/// All rows of a JSON Lines file, without the columns that Airbyte adds.
pub(crate) fn json_lines(path: &Path) -> Vec<serde_json::Map<String, Value>> {
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| {
            let mut row: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
            row.retain(|name, _| !name.starts_with("_airbyte_"));
            row
        })
        .collect()
}
