//! What is given to the command as a file, with what nobody meant.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_yaml_ng::Value;

use super::model::{Code, Workspace};
use super::plan::{Allowed, plan};
use crate::decoder::decoder;
use crate::references::{escape, refers, resolve, unescape};

/// What stands for secrets in the corpus.
const SECRET: &str = "hidden";

decoder!(code, text);
/// A workspace as code is understood or refused, the refusal tells no value, and what is understood is written as it was
/// read.
fn code(text: &str) -> bool {
    match Code::parse(text) {
        Err(why) => {
            assert!(!tells(&why, text), "{why}");
            false
        }
        Ok(code) => {
            let written = serde_yaml_ng::to_string(&code).unwrap();
            assert_eq!(Code::parse(&written).unwrap(), code, "{written}");
            for (prune, update_secrets) in [(false, false), (true, true)] {
                match plan(&code, &Workspace::default(), Allowed { prune, update_secrets }) {
                    Ok(steps) => assert!(steps.iter().all(|step| step.action == "create")),
                    Err(error) => assert_eq!(error.exit_code(), 2, "{}", error.message),
                }
            }
            true
        }
    }
}

decoder!(reference, text);
/// Whatever is escaped stands for itself, and refers to nothing.
fn reference(text: &str) -> bool {
    let escaped = escape(text);
    assert!(!refers(&escaped));
    assert_eq!(unescape(&escaped), text);
    assert_eq!(resolve(&escaped.into()).unwrap(), *text);
    refers(text)
}

/// Whether a refusal quotes a secret. Names are quoted, and damage can make a name of one.
fn tells(why: &str, text: &str) -> bool {
    let named = serde_yaml_ng::from_str(text).map_or(why.contains("duplicate"), |value| is_named(&value));
    !named && why.contains(SECRET)
}

fn is_named(value: &Value) -> bool {
    match value {
        Value::Mapping(members) => members.iter().any(|(name, value)| {
            let name = serde_yaml_ng::to_string(name).unwrap_or_default();
            name.contains(SECRET) || is_named(value)
        }),
        Value::Sequence(items) => items.iter().any(is_named),
        Value::Tagged(tagged) => tagged.tag.to_string().contains(SECRET) || is_named(&tagged.value),
        _ => false,
    }
}

#[test]
fn a_value_in_the_wrong_place_is_not_told() {
    for yaml in ["version: 1\nsources: {A: {configuration: hidden}}\n", "version: hidden\n", "hidden\n"] {
        let why = Code::parse(yaml).unwrap_err();
        assert!(!why.contains("hidden") && why.contains("it should be "), "{why}");
    }
}
