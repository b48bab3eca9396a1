//! Rows in the text form of PostgreSQL's COPY.

use bytes::{BufMut, BytesMut};

use crate::sources::{Cell, FieldType};

/// Appends one field, as the type of its column takes it.
pub(super) fn field(out: &mut BytesMut, kind: FieldType, cell: &Cell) {
    match (kind, cell) {
        (_, Cell::Null) => out.put_slice(b"\\N"),
        (FieldType::Json, Cell::Text(text)) => escaped(out, &serde_json::json!(text).to_string()),
        (_, Cell::Boolean(value)) => out.put_slice(if *value { b"true" } else { b"false" }),
        (_, Cell::Integer(value)) => out.put_slice(value.to_string().as_bytes()),
        (_, Cell::Number(text) | Cell::Text(text) | Cell::Json(text)) => escaped(out, text),
    }
}

/// Appends a text. NUL, which PostgreSQL cannot hold, is left out, as the real connector does.
pub(super) fn escaped(out: &mut BytesMut, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.put_slice(b"\\\\"),
            b'\n' => out.put_slice(b"\\n"),
            b'\r' => out.put_slice(b"\\r"),
            b'\t' => out.put_slice(b"\\t"),
            0 => {}
            byte => out.put_u8(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_reads_specially_is_escaped() {
        let mut out = BytesMut::new();
        field(&mut out, FieldType::Text, &Cell::Text("a\\N\tb\nc\r\0d".into()));
        assert_eq!(&out[..], b"a\\\\N\\tb\\nc\\rd");
        out.clear();
        field(&mut out, FieldType::Text, &Cell::Null);
        assert_eq!(&out[..], b"\\N");
        out.clear();
        field(&mut out, FieldType::Json, &Cell::Text("x\"".into()));
        assert_eq!(&out[..], b"\"x\\\\\"\"");
    }
}
