//! The binary form of COPY: from chunks of bytes, cut anywhere, to rows.

use arrow_array::builder::ArrayBuilder;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use bytes::{Bytes, BytesMut};

use super::builder::ColumnBuilder;
use crate::error::{Error, ErrorKind, Result};
use crate::scan::Column;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Bytes of decoded values at which a batch is closed, however few rows it has.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Decodes the stream of one COPY.
pub(super) struct Decoder {
    columns: Vec<Column>,
    schema: SchemaRef,
    builders: Vec<ColumnBuilder>,
    batch_rows: usize,
    rows: usize,
    bytes: usize,
    /// What of a row, or of the header, has come so far.
    carry: BytesMut,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    /// The trailer has come: the data is whole.
    Done,
}

impl Decoder {
    pub(super) fn new(columns: Vec<Column>, schema: SchemaRef, batch_rows: usize) -> Self {
        let mut decoder = Self {
            columns,
            schema,
            builders: Vec::new(),
            batch_rows,
            rows: 0,
            bytes: 0,
            carry: BytesMut::new(),
            state: State::Header,
        };
        decoder.builders = decoder.new_builders();
        decoder
    }

    fn new_builders(&self) -> Vec<ColumnBuilder> {
        let rows = self.batch_rows.min(65_536);
        self.columns
            .iter()
            .map(|column| ColumnBuilder::new(column.type_id, column.field.data_type(), column.as_text, rows))
            .collect()
    }

    /// Takes the next bytes. Returns how many of them belong to a batch that is full, if one is: call again with
    /// the rest after [`Decoder::take_batch`].
    pub(super) fn push(&mut self, chunk: &Bytes) -> Result<usize> {
        if self.carry.is_empty() {
            let used = self.decode(chunk)?;
            if used < chunk.len() && !self.is_full() {
                self.carry.extend_from_slice(&chunk[used..]);
                return Ok(chunk.len());
            }
            return Ok(used);
        }
        let before = self.carry.len();
        self.carry.extend_from_slice(chunk);
        let carry = std::mem::take(&mut self.carry);
        let used = self.decode(&carry)?;
        if self.is_full() && used >= before {
            return Ok(used - before);
        }
        self.carry.extend_from_slice(&carry[used..]);
        Ok(chunk.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES
    }

    /// The rows so far, `None` if there are none.
    pub(super) fn take_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let new = self.new_builders();
        let columns =
            std::mem::replace(&mut self.builders, new).iter_mut().map(ArrayBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        Ok(Some(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }

    /// Whether the data has come to its own end. A stream that ends before has lost rows.
    pub(super) fn check_whole(&self) -> Result<()> {
        if self.state == State::Done && self.carry.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::BrokenConnection, "the data from PostgreSQL ended before its trailer"))
    }

    /// Decodes whole rows from the front of `bytes` until the batch is full, and returns how many bytes they took.
    fn decode(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut used = 0;
        if self.state == State::Header {
            let Some(length) = header(bytes)? else { return Ok(0) };
            used = length;
            self.state = State::Rows;
        }
        while !self.is_full() {
            if self.state == State::Done {
                if used < bytes.len() {
                    return Err(malformed("there are bytes behind the trailer"));
                }
                break;
            }
            match self.row(&bytes[used..])? {
                0 => break,
                length => used += length,
            }
        }
        Ok(used)
    }

    /// Decodes one row and returns its length, 0 if it has not come whole.
    fn row(&mut self, bytes: &[u8]) -> Result<usize> {
        let Some((count, _)) = bytes.split_first_chunk::<2>() else { return Ok(0) };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.state = State::Done;
            return Ok(2);
        }
        if usize::try_from(count) != Ok(self.columns.len()) {
            return Err(malformed("a row has another number of fields than were asked for"));
        }
        let Some(length) = row_length(bytes, self.columns.len())? else { return Ok(0) };
        let mut place = 2;
        for (builder, column) in self.builders.iter_mut().zip(&self.columns) {
            let size = size(bytes, place).unwrap_or(-1);
            place += 4;
            let field = match usize::try_from(size) {
                Ok(size) => {
                    place += size;
                    Some(&bytes[place - size..place])
                }
                Err(_) => None,
            };
            self.bytes += builder.append(field).map_err(|problem| {
                Error::new(ErrorKind::Value, format!("a value of the column `{}` {}", column.name, problem.0))
                    .with_hint("read the column as text (`Dataset::text_columns`)")
            })?;
        }
        self.rows += 1;
        Ok(length)
    }
}

/// The length of the header with its extension, `None` if it has not come whole.
fn header(bytes: &[u8]) -> Result<Option<usize>> {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes[..known] != SIGNATURE[..known] {
        return Err(malformed("it does not begin with the signature of binary COPY"));
    }
    let Some(extension) = size(bytes, SIGNATURE.len() + 4) else { return Ok(None) };
    let extension =
        usize::try_from(extension).map_err(|_| malformed("the header's extension has no length"))?;
    let length = SIGNATURE.len() + 8 + extension;
    Ok((bytes.len() >= length).then_some(length))
}

/// The length of the row at the front of `bytes`, `None` if it has not come whole.
fn row_length(bytes: &[u8], columns: usize) -> Result<Option<usize>> {
    let mut place = 2;
    for _ in 0..columns {
        let Some(size) = size(bytes, place) else { return Ok(None) };
        place += 4;
        match usize::try_from(size) {
            Ok(size) => place += size,
            Err(_) if size == -1 => {}
            Err(_) => return Err(malformed("a field has a negative length")),
        }
    }
    Ok((bytes.len() >= place).then_some(place))
}

fn size(bytes: &[u8], place: usize) -> Option<i32> {
    bytes.get(place..)?.first_chunk::<4>().map(|size| i32::from_be_bytes(*size))
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::BrokenConnection, format!("the data from PostgreSQL is malformed: {what}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_schema::{DataType, Field, Schema};

    use super::super::types::oid;
    use super::*;

    fn decoder(batch_rows: usize) -> Decoder {
        let column = |name: &str, type_id, data_type| Column {
            name: name.to_owned(),
            field: Arc::new(Field::new(name, data_type, true)),
            type_id,
            as_text: false,
        };
        let columns =
            vec![column("id", oid::INT8, DataType::Int64), column("name", oid::TEXT, DataType::Utf8)];
        let schema =
            Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
        Decoder::new(columns, schema, batch_rows)
    }

    fn stream(rows: i64) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        for row in 0..rows {
            bytes.extend([0, 2, 0, 0, 0, 8]);
            bytes.extend(row.to_be_bytes());
            if row % 3 == 0 {
                bytes.extend((-1_i32).to_be_bytes());
            } else {
                let name = "n".repeat(usize::try_from(row % 7).unwrap());
                bytes.extend(i32::try_from(name.len()).unwrap().to_be_bytes());
                bytes.extend(name.as_bytes());
            }
        }
        bytes.extend((-1_i16).to_be_bytes());
        bytes
    }

    /// Feeds the stream in pieces and returns the ids that come out.
    fn ids(bytes: &[u8], piece: usize, batch_rows: usize) -> Result<Vec<i64>> {
        let mut decoder = decoder(batch_rows);
        let mut ids = Vec::new();
        let mut take = |decoder: &mut Decoder| -> Result<()> {
            if let Some(batch) = decoder.take_batch()? {
                assert!(batch.num_rows() <= batch_rows);
                ids.extend(batch["id"].as_primitive::<Int64Type>().values());
            }
            Ok(())
        };
        for piece in bytes.chunks(piece) {
            let mut piece = Bytes::copy_from_slice(piece);
            loop {
                let used = decoder.push(&piece)?;
                if !decoder.is_full() {
                    assert_eq!(used, piece.len());
                    break;
                }
                take(&mut decoder)?;
                piece = piece.slice(used..);
            }
        }
        take(&mut decoder)?;
        decoder.check_whole()?;
        Ok(ids)
    }

    #[test]
    fn rows_come_out_whole_wherever_the_bytes_are_cut() {
        let bytes = stream(50);
        let expected: Vec<i64> = (0..50).collect();
        for piece in 1..80 {
            for batch_rows in [1, 7, 100] {
                assert_eq!(
                    ids(&bytes, piece, batch_rows).unwrap(),
                    expected,
                    "pieces of {piece}, batches of {batch_rows}"
                );
            }
        }
        assert_eq!(ids(&stream(0), 5, 10).unwrap(), Vec::<i64>::new());
    }

    #[test]
    fn a_stream_that_ends_early_is_an_error_at_every_byte() {
        let bytes = stream(6);
        for length in 0..bytes.len() {
            let error = ids(&bytes[..length], 13, 4).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenConnection, "cut at {length}");
        }
    }

    #[test]
    fn garbled_bytes_are_an_error_or_other_values_and_never_a_panic() {
        let bytes = stream(8);
        for place in 0..bytes.len() {
            for garbage in [0, 1, 0x7f, 0x80, 0xff] {
                let mut garbled = bytes.clone();
                garbled[place] = garbage;
                let _ = ids(&garbled, 17, 3);
            }
        }
    }
}
