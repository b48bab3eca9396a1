//! Results of the emulator, cut into parts as the service cuts its own.

use std::io::{Cursor, Read, Write};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Schema};
use arrow_select::concat::concat_batches;
use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::double::Behaviour;

/// Rows of a batch in a part.
const BATCH_ROWS: usize = 1_000;

/// A result as it is kept.
pub(crate) struct Stored {
    answer: Value,
    pub(crate) parts: Vec<StoredPart>,
}

pub(crate) struct StoredPart {
    pub(crate) bytes: Bytes,
    rows: usize,
    uncompressed: usize,
}

impl Stored {
    /// The answer, with addresses of the parts.
    pub(crate) fn answer(&self, address: impl Fn(usize) -> String) -> Value {
        let mut answer = self.answer.clone();
        if self.parts.is_empty() {
            return answer;
        }
        let chunks = self.parts.iter().enumerate().map(|(index, part)| {
            json!({
                "url": address(index + 1),
                "rowCount": part.rows,
                "uncompressedSize": part.uncompressed,
                "compressedSize": part.bytes.len(),
            })
        });
        answer["data"]["chunks"] = chunks.collect();
        answer["data"]["chunkHeaders"] = json!({"x-store-key": "sesame"});
        answer
    }
}

/// Keeps what the emulator answers: the first rows in the answer, the others in parts.
pub(crate) fn stored(mut answer: Value, behaviour: &Behaviour) -> Stored {
    let base64 = answer["data"]["rowsetBase64"].as_str().unwrap_or_default().to_owned();
    // The service shows things as JSON, whatever the form of results.
    let shows = answer["data"]["statementTypeId"].as_i64().is_some_and(|kind| kind >> 12 == 4);
    let json = behaviour.json || shows;
    if base64.is_empty() || (behaviour.part_rows == 0 && !json) {
        return Stored { answer, parts: Vec::new() };
    }
    let reader = StreamReader::try_new(Cursor::new(STANDARD.decode(base64).unwrap()), None).unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let rows = concat_batches(&schema, &batches).unwrap();
    let all = rows.num_rows();
    let inline = if behaviour.part_rows == 0 { all } else { behaviour.inline_rows.min(all) };
    let mut parts = Vec::new();
    let mut begin = inline;
    while begin < all {
        let count = behaviour.part_rows.min(all - begin);
        let is_short = behaviour.short.contains(&(parts.len() + 1));
        let slice = rows.slice(begin, if is_short { count - 1 } else { count });
        let plain = if json { texts(&slice, &answer).into_bytes() } else { stream(&slice) };
        parts.push(StoredPart { rows: count, uncompressed: plain.len(), bytes: packed(&plain).into() });
        begin += count;
    }
    let first = rows.slice(0, inline);
    if json {
        answer["data"]["rowset"] = serde_json::from_str(&format!("[{}]", texts(&first, &answer))).unwrap();
        answer["data"]["queryResultFormat"] = json!("json");
        answer["data"].as_object_mut().unwrap().remove("rowsetBase64");
    } else {
        let base64 = if inline == 0 { String::new() } else { STANDARD.encode(stream(&first)) };
        answer["data"]["rowsetBase64"] = json!(base64);
    }
    answer["data"]["total"] = json!(all);
    answer["data"]["returned"] = json!(all);
    Stored { answer, parts }
}

/// An Arrow stream, each number in the narrowest form that holds all of its column.
fn stream(rows: &RecordBatch) -> Vec<u8> {
    let narrow: Vec<ArrayRef> = rows.columns().iter().map(narrowed).collect();
    let fields = rows
        .schema()
        .fields()
        .iter()
        .zip(&narrow)
        .map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()))
        .collect::<Vec<_>>();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), narrow).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), rows.schema_ref()).unwrap();
    let mut begin = 0;
    while begin < rows.num_rows() {
        let count = BATCH_ROWS.min(rows.num_rows() - begin);
        writer.write(&rows.slice(begin, count)).unwrap();
        begin += count;
    }
    writer.into_inner().unwrap()
}

fn narrowed(column: &ArrayRef) -> ArrayRef {
    let (smallest, largest) = match column.data_type() {
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>().iter().flatten();
            (values.clone().min().map(i128::from), values.max().map(i128::from))
        }
        DataType::Decimal128(..) => {
            let values = column.as_primitive::<Decimal128Type>().iter().flatten();
            (values.clone().min(), values.max())
        }
        _ => return column.clone(),
    };
    let (smallest, largest) = (smallest.unwrap_or_default(), largest.unwrap_or_default());
    let fits = |least: i64, most: i64| smallest >= least.into() && largest <= most.into();
    let form = if fits(i8::MIN.into(), i8::MAX.into()) {
        DataType::Int8
    } else if fits(i16::MIN.into(), i16::MAX.into()) {
        DataType::Int16
    } else if fits(i32::MIN.into(), i32::MAX.into()) {
        DataType::Int32
    } else if fits(i64::MIN, i64::MAX) {
        DataType::Int64
    } else {
        return column.clone();
    };
    let counts = match column.data_type() {
        DataType::Decimal128(precision, _) => {
            let decimals = column.as_primitive::<Decimal128Type>().clone();
            Arc::new(decimals.with_precision_and_scale(*precision, 0).unwrap()) as ArrayRef
        }
        _ => column.clone(),
    };
    arrow_cast::cast(&counts, &form).unwrap()
}

/// Rows as JSON arrays of texts, without brackets around them all.
fn texts(rows: &RecordBatch, answer: &Value) -> String {
    let types = &answer["data"]["rowtype"];
    let lines = (0..rows.num_rows()).map(|row| {
        let cells = rows.columns().iter().enumerate().map(|(index, column)| {
            (!column.is_null(row)).then(|| cell(column, row, types[index]["type"].as_str().unwrap()))
        });
        serde_json::to_string(&cells.collect::<Vec<_>>()).unwrap()
    });
    lines.collect::<Vec<_>>().join(",")
}

fn cell(column: &ArrayRef, row: usize, type_name: &str) -> String {
    match (type_name, column.data_type()) {
        ("boolean", _) => i32::from(column.as_boolean().value(row)).to_string(),
        ("date", _) => column.as_primitive::<Date32Type>().value(row).to_string(),
        ("real", _) => format!("{:e}", column.as_primitive::<arrow_array::types::Float64Type>().value(row)),
        ("time", _) => seconds(column.as_primitive::<Int64Type>().value(row).into()),
        (_, DataType::Struct(_)) => {
            let parts = column.as_struct();
            let epoch = parts.column_by_name("epoch").unwrap().as_primitive::<Int64Type>().value(row);
            let fraction = parts.column_by_name("fraction").unwrap().as_primitive::<Int32Type>().value(row);
            let instant = seconds(i128::from(epoch) * 1_000_000_000 + i128::from(fraction));
            match parts.column_by_name("timezone") {
                Some(zone) => format!("{instant} {}", zone.as_primitive::<Int32Type>().value(row)),
                None => instant,
            }
        }
        _ => {
            let options = FormatOptions::new();
            ArrayFormatter::try_new(column.as_ref(), &options).unwrap().value(row).to_string()
        }
    }
}

fn seconds(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}
