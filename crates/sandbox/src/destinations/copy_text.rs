//! Rows in the text form of PostgreSQL's COPY.

use bytes::{BufMut, BytesMut};

use crate::sources::{Cell, FieldType};

/// Appends one field, as the type of its column takes it.
pub(super) fn field(out: &mut BytesMut, kind: FieldType, cell: &Cell) {
    match (kind, cell) {
        (_, Cell::Null) => out.put_slice(b"\\N"),
        (FieldType::Json, Cell::Text(text)) => json(out, &serde_json::json!(text).to_string()),
        (_, Cell::Boolean(value)) => out.put_slice(if *value { b"true" } else { b"false" }),
        (_, Cell::Integer(value)) => out.put_slice(value.to_string().as_bytes()),
        (FieldType::Json, Cell::Json(text)) => json(out, text),
        (_, Cell::Number(text) | Cell::Text(text) | Cell::Json(text)) => escaped(out, text),
    }
}

/// Appends a JSON text.
pub(super) fn json(out: &mut BytesMut, text: &str) {
    if text.contains("\\u0000") { escaped(out, &without_nul(text)) } else { escaped(out, text) }
}

/// Appends a text. NUL, which PostgreSQL cannot hold, is left out, as the real connector does.
fn escaped(out: &mut BytesMut, text: &str) {
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

/// The JSON text without the escapes of NUL in its strings, which `jsonb` refuses.
fn without_nul(json: &str) -> String {
    let mut kept = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        kept.push_str(before);
        // A backslash takes the next character with it; a second backslash begins no escape then.
        let length = if escape.starts_with("\\u0000") { 6 } else { 2.min(escape.len()) };
        if length == 2 {
            kept.push_str(&escape[..2]);
        }
        rest = &escape[length..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_left_out_of_json_too() {
        let mut out = BytesMut::new();
        field(&mut out, FieldType::Json, &Cell::Text("a\0b".into()));
        assert_eq!(&out[..], b"\"ab\"");
        assert_eq!(without_nul(r#"{"a": "x\u0000y\\u0000\n"}"#), r#"{"a": "xy\\u0000\n"}"#);
    }

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
