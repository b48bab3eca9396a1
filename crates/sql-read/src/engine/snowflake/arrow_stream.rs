//! Arrow as the service sends it, taken piece by piece: a length in it says how much is to come, and not how much memory
//! to ask for before it has.

use std::io::{Read, Take};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;

/// Bytes that are taken at once.
const PIECE: usize = 256 * 1024;

/// A stream of batches from a stream of bytes.
pub(super) struct ArrowStream<R> {
    bytes: Take<R>,
    decoder: StreamDecoder,
    piece: Buffer,
    /// The first bytes, and how many there were in all.
    head: Vec<u8>,
    length: u64,
}

/// Why it has no further batch, though it is not at its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// It goes on beyond the limit.
    TooLong,
    Damaged(String),
}

impl<R: Read> ArrowStream<R> {
    /// A stream of at most so many bytes.
    pub(super) fn new(bytes: R, longest: u64) -> Self {
        let piece = Buffer::from(Vec::<u8>::new());
        let decoder = StreamDecoder::new();
        Self { bytes: bytes.take(longest), decoder, piece, head: Vec::new(), length: 0 }
    }

    /// The next batch; `None` at the end.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>, Broken> {
        loop {
            let decoded = self.decoder.decode(&mut self.piece);
            if let Some(batch) = decoded.map_err(|error| Broken::Damaged(error.to_string()))? {
                return Ok(Some(batch));
            }
            let mut piece = Vec::with_capacity(PIECE);
            let read = (&mut self.bytes).take(PIECE as u64).read_to_end(&mut piece);
            read.map_err(|error| Broken::Damaged(error.to_string()))?;
            if piece.is_empty() {
                return self.end();
            }
            self.head.extend(piece.iter().take(8 - self.head.len()));
            self.length += piece.len() as u64;
            self.piece = Buffer::from_vec(piece);
        }
    }

    fn end(&mut self) -> Result<Option<RecordBatch>, Broken> {
        match self.decoder.finish() {
            Ok(()) => Ok(None),
            Err(_) if self.is_schema_alone() => Ok(None),
            Err(_) if self.bytes.limit() == 0 => Err(Broken::TooLong),
            Err(error) => Err(Broken::Damaged(error.to_string())),
        }
    }

    /// Whether there was a schema and nothing more, not even the mark of the end. The decoder waits for more then, though
    /// the schema is whole.
    fn is_schema_alone(&self) -> bool {
        let Ok(head) = <[u8; 8]>::try_from(self.head.as_slice()) else { return false };
        let [marker, size] =
            [0, 4].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        marker == u32::MAX && self.length == 8 + u64::from(size)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use arrow_ipc::writer::StreamWriter;

    use super::*;

    fn batch(rows: i64) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let names: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("name {row}"))));
        RecordBatch::try_from_iter([("ID", ids), ("NAME", names)]).unwrap()
    }

    fn written(batches: &[RecordBatch]) -> Vec<u8> {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch(0).schema()).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.into_inner().unwrap()
    }

    /// Everything in a stream of bytes that come a few at a time.
    fn read(bytes: &[u8], longest: u64) -> Result<Vec<RecordBatch>, Broken> {
        let mut stream = ArrowStream::new(bytes, longest);
        let mut batches = Vec::new();
        while let Some(batch) = stream.next_batch()? {
            batches.push(batch);
        }
        Ok(batches)
    }

    #[test]
    fn what_is_larger_than_a_piece_comes_whole() {
        let sent = [batch(3), batch(100_000), batch(1), batch(0)];
        assert_eq!(read(&written(&sent), u64::MAX).unwrap(), sent);
    }

    #[test]
    fn a_cut_is_no_end_unless_it_is_between_two_messages() {
        let (none, one) = (written(&[]), written(&[batch(5)]));
        let mark = 8;
        for length in 0..one.len() {
            let end = read(&one[..length], u64::MAX);
            let rows: Option<usize> = end.ok().map(|batches| batches.iter().map(RecordBatch::num_rows).sum());
            let expected = match length {
                0 => Some(0),
                _ if length == none.len() - mark => Some(0),
                _ if length == one.len() - mark => Some(5),
                _ => None,
            };
            assert_eq!(rows, expected, "cut at {length} of {}", one.len());
        }
    }

    /// The reader of the format that asks for all memory at once ends the process here.
    #[test]
    fn a_length_that_no_memory_has_is_damage() {
        let mut bytes = written(&[batch(5)]);
        let place = message_lengths(&bytes)[0];
        for length in [1_i64 << 45, i64::MAX, -1, i64::MIN] {
            bytes[place..place + 8].copy_from_slice(&length.to_le_bytes());
            assert!(matches!(read(&bytes, u64::MAX), Err(Broken::Damaged(_))), "{length}");
        }
    }

    /// Where the lengths of bodies stand, of those that are not empty.
    fn message_lengths(bytes: &[u8]) -> Vec<usize> {
        let (mut at, mut places) = (0, Vec::new());
        while let Some(head) = bytes.get(at..at + 8) {
            let size = u32::from_le_bytes(head[4..].try_into().unwrap()) as usize;
            if size == 0 {
                break;
            }
            let metadata = &bytes[at + 8..at + 8 + size];
            let length = arrow_ipc::root_as_message(metadata).unwrap().bodyLength();
            if length > 0 {
                let written = length.to_le_bytes();
                let place = metadata.windows(8).position(|window| window == written).unwrap();
                places.push(at + 8 + place);
            }
            at += 8 + size + usize::try_from(length).unwrap();
        }
        places
    }

    #[test]
    fn what_goes_on_for_ever_is_ended() {
        let endless = std::io::repeat(0).take(1 << 40);
        let mut message = written(&[batch(5)]);
        let place = message_lengths(&message)[0];
        message[place..place + 8].copy_from_slice(&(1_i64 << 40).to_le_bytes());
        let mut stream = ArrowStream::new(message.as_slice().chain(endless), 4 << 20);
        assert!(matches!(stream.next_batch(), Err(Broken::TooLong)));
    }
}
