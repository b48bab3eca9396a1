//! JSON Lines files: one object a line, every number with the digits that it has in the file.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::{BATCH, Cell, Emit, Field, FieldType, SourceError};

type Line = IndexMap<String, Box<RawValue>>;

/// The fields of all lines, in the order of their first appearance.
pub(crate) fn fields(path: &Path) -> Result<Vec<Field>, SourceError> {
    let mut kinds: IndexMap<String, Option<FieldType>> = IndexMap::new();
    each_line(path, |line| {
        for (name, value) in line {
            let seen = kinds.entry(name).or_default();
            *seen = match (*seen, kind_of(value.get())) {
                (kind, None) | (None, kind) => kind,
                (Some(old), Some(new)) if old == new => Some(old),
                (
                    Some(FieldType::Integer | FieldType::Number),
                    Some(FieldType::Integer | FieldType::Number),
                ) => Some(FieldType::Number),
                _ => Some(FieldType::Json),
            };
        }
        Ok(true)
    })?;
    if kinds.is_empty() {
        return Err(SourceError::new(format!("{} holds no JSON object", path.display())));
    }
    Ok(kinds.into_iter().map(|(name, kind)| Field::new(name, kind.unwrap_or(FieldType::Text))).collect())
}

pub(crate) fn read(path: &Path, fields: &[Field], emit: Emit<'_>) -> Result<(), SourceError> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut stopped = false;
    each_line(path, |line| {
        batch.push(
            fields.iter().map(|field| cell(field.kind, line.get(&field.name).map(|raw| raw.get()))).collect(),
        );
        if batch.len() == BATCH {
            stopped = emit(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_break();
        }
        Ok(!stopped)
    })?;
    if !stopped && !batch.is_empty() {
        let _ = emit(batch);
    }
    Ok(())
}

/// The type of a JSON text; `None` for null.
fn kind_of(json: &str) -> Option<FieldType> {
    match json.as_bytes().first()? {
        b'n' => None,
        b't' | b'f' => Some(FieldType::Boolean),
        b'"' => Some(FieldType::Text),
        b'{' | b'[' => Some(FieldType::Json),
        _ if json.parse::<i64>().is_ok() => Some(FieldType::Integer),
        _ => Some(FieldType::Number),
    }
}

fn cell(kind: FieldType, json: Option<&str>) -> Cell {
    let Some(json) = json.filter(|json| *json != "null") else { return Cell::Null };
    match kind {
        FieldType::Integer => json.parse().map_or_else(|_| Cell::Json(json.to_owned()), Cell::Integer),
        FieldType::Number => Cell::Number(json.to_owned()),
        FieldType::Boolean => Cell::Boolean(json == "true"),
        FieldType::Text => {
            serde_json::from_str(json).map_or_else(|_| Cell::Json(json.to_owned()), Cell::Text)
        }
        _ => Cell::Json(json.to_owned()),
    }
}

/// Calls `visit` with each line's object until it says to stop. Empty lines are passed over.
fn each_line(
    path: &Path,
    mut visit: impl FnMut(Line) -> Result<bool, SourceError>,
) -> Result<(), SourceError> {
    let unreadable =
        |error: std::io::Error| SourceError::new(format!("{} cannot be read: {error}", path.display()));
    let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut text = String::new();
    for number in 1_u64.. {
        text.clear();
        if reader.read_line(&mut text).map_err(unreadable)? == 0 {
            break;
        }
        if text.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(&text).map_err(|error| {
            SourceError::new(format!("{}, line {number}: not a JSON object ({error})", path.display()))
        })?;
        if !visit(line)? {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn types_hold_for_every_line_and_digits_are_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "{\"a\": 1, \"b\": 1.10, \"c\": \"x\"}\n\n{\"a\": 2, \"b\": 3, \"c\": 4, \"d\": {\"e\": [1.0]}}\n",
        )
        .unwrap();
        let fields = fields(file.path()).unwrap();
        let kinds: Vec<_> = fields.iter().map(|field| (field.name.as_str(), field.kind)).collect();
        assert_eq!(
            kinds,
            [
                ("a", FieldType::Integer),
                ("b", FieldType::Number),
                ("c", FieldType::Json),
                ("d", FieldType::Json)
            ]
        );
        let mut rows = Vec::new();
        read(file.path(), &fields, &mut |batch| {
            rows.extend(batch);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(
            rows,
            [
                vec![Cell::Integer(1), Cell::Number("1.10".into()), Cell::Json("\"x\"".into()), Cell::Null],
                vec![
                    Cell::Integer(2),
                    Cell::Number("3".into()),
                    Cell::Json("4".into()),
                    Cell::Json("{\"e\": [1.0]}".into())
                ],
            ]
        );
    }

    #[test]
    fn a_line_that_is_no_object_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"a\": 1}\n[1]\n").unwrap();
        let error = fields(file.path()).unwrap_err().0;
        assert!(error.contains("line 2: not a JSON object"), "{error}");
    }
}
