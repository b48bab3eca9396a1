//! Secrets that files refer to instead of holding them.
//!
//! In a text `${NAME}` stands for an environment variable and `${file:PATH}` for the content of a file without the
//! line end at its end; `$${` stands for `${` itself.

use serde_json::Value;

use crate::environment::referred;
use crate::error::Failure;
use crate::interrupt::Phase;

/// Puts in what is referred to, in all texts of a value.
pub(crate) fn resolve(value: &Value) -> Result<Value, Failure> {
    walk(value, &mut |text| expand(text))
}

/// Makes a text that stands for itself: what looks like a reference does not refer to anything.
pub(crate) fn escape(text: &str) -> String {
    text.replace("${", "$${")
}

/// Whether a text has a reference in it.
pub(crate) fn refers(text: &str) -> bool {
    parts(text).is_ok_and(|parts| parts.iter().any(|part| matches!(part, Part::Reference(_))))
}

/// The text that a text without references stands for.
pub(crate) fn unescape(text: &str) -> String {
    text.replace("$${", "${")
}

fn walk(value: &Value, change: &mut impl FnMut(&str) -> Result<String, Failure>) -> Result<Value, Failure> {
    Ok(match value {
        Value::String(text) => Value::String(change(text)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| walk(item, change)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let walked = members.iter().map(|(name, value)| Ok((name.clone(), walk(value, change)?)));
            Value::Object(walked.collect::<Result<_, Failure>>()?)
        }
        other => other.clone(),
    })
}

enum Part<'a> {
    Text(&'a str),
    Reference(&'a str),
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, Failure> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            parts.extend([Part::Text(before), Part::Text("${")]);
            rest = &after[2..];
            continue;
        }
        let end = after.find('}').ok_or_else(|| {
            Failure::usage("a reference `${` has no end").with_hint("write `$${` where no reference is meant")
        })?;
        parts.extend([Part::Text(before), Part::Reference(&after[2..end])]);
        rest = &after[end + 1..];
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

fn expand(text: &str) -> Result<String, Failure> {
    let mut expanded = String::new();
    for part in parts(text)? {
        match part {
            Part::Text(text) => expanded.push_str(text),
            Part::Reference(name) => expanded.push_str(&look_up(name)?),
        }
    }
    Ok(expanded)
}

fn look_up(reference: &str) -> Result<String, Failure> {
    if let Some(path) = reference.strip_prefix("file:") {
        let _reading = Phase::reading();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("the file {path} that is referred to cannot be read: {error}"))
        })?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    referred(reference).ok_or_else(|| {
        Failure::usage(format!("the environment variable {reference} that is referred to is not set"))
            .with_hint(format!("export {reference}=..., or write `$${{` where no reference is meant"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_looked_up_and_escaped_ones_stand_for_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "hunter2\n").unwrap();
        let value = json!({ "a": [format!("x${{file:{}}}y", file.display())], "b": "$${NOT} $5", "c": 1 });
        assert_eq!(resolve(&value).unwrap(), json!({ "a": ["xhunter2y"], "b": "${NOT} $5", "c": 1 }));
        for wrong in ["${AIRBYTE_TEST_NOT_SET_ANYWHERE}", "${file:/nowhere/at/all}", "${open"] {
            assert_eq!(resolve(&json!(wrong)).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn what_is_escaped_comes_back() {
        for text in ["${A}", "$${A}", "plain", "a ${b} c ${d"] {
            assert!(!refers(&escape(text)), "{text}");
            assert_eq!(resolve(&json!(escape(text))).unwrap(), json!(text));
        }
        assert!(refers("jdbc:${HOST}") && !refers("$${HOST}"));
    }
}
