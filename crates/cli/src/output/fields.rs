//! `--fields`: some members of an object only.

use serde_json::{Map, Value};

use super::Table;

/// Keeps these members of an object, in this order; dots lead into objects. What is not there is null.
pub(crate) fn picked(object: &Value, fields: &[String]) -> Value {
    let member = |path: &String| path.split('.').try_fold(object, |value, name| value.get(name)).cloned();
    let picked: Map<String, Value> =
        fields.iter().map(|path| (path.clone(), member(path).unwrap_or(Value::Null))).collect();
    Value::Object(picked)
}

/// The fields that none of the objects has, which are slips most likely.
pub(crate) fn missing<'a>(objects: &[Value], fields: &'a [String]) -> Vec<&'a str> {
    let is_there = |path: &str| {
        objects.iter().any(|object| path.split('.').try_fold(object, |value, name| value.get(name)).is_some())
    };
    let fields = fields.iter().map(String::as_str);
    if objects.is_empty() { Vec::new() } else { fields.filter(|path| !is_there(path)).collect() }
}

/// Objects that were picked from, as a table.
pub(crate) fn table(objects: &[Value], fields: &[String]) -> String {
    let header: Vec<&str> = fields.iter().map(String::as_str).collect();
    let mut table = Table::new(&header);
    for object in objects {
        table.row(fields.iter().map(|field| text(&object[field])));
    }
    table.to_string()
}

/// A value as a cell.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_picked_by_their_paths() {
        let object = json!({ "name": "a", "schedule": { "type": "manual" }, "streams": [] });
        let fields = ["schedule.type", "name", "nothing"].map(str::to_owned);
        assert_eq!(
            picked(&object, &fields).to_string(),
            r#"{"schedule.type":"manual","name":"a","nothing":null}"#
        );
        assert_eq!(missing(&[object], &fields), ["nothing"]);
        assert!(missing(&[], &fields).is_empty());
    }
}
