//! Finds out whether a document can be generated from, and if not, because of which operation.
//!
//! The generator panics on shapes it does not know, deep inside and without a place. Here that becomes an
//! error which names the operation and, where one alone is to blame, the schema.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::document::{METHODS, Object, each_operation, schema_names};
use super::normalise::prune;

/// The generator, shared with the build script of `airbyte-api-raw`.
#[path = "../../../crates/api-raw/build/generate/mod.rs"]
#[allow(dead_code, reason = "the build script uses all of it")]
mod generate;

/// The Rust source that the document gives.
pub fn generate(document: &Value) -> Result<String> {
    match attempt(document) {
        Ok(source) => Ok(source),
        Err(cause) => bail!(
            "{} cannot be generated: {cause}\n\
             No rule of the normaliser covers this shape. openapi/RULES.md lists the rules; add one in \
             xtask/src/regen/normalise that rewrites it.",
            culprit(document)
        ),
    }
}

fn attempt(document: &Value) -> Result<String, String> {
    let outcome = quietly(|| {
        let parsed = generate::parse(&document.to_string())?;
        generate::client(&parsed)
    });
    let source = outcome?.map_err(|error| format!("{error:#}"))?;
    match twice_defined(&source) {
        None => Ok(source),
        Some(name) => Err(format!("two types would be called {name}")),
    }
}

/// Which part of the document the generator fails on.
fn culprit(document: &Value) -> String {
    let operations = operations(document);
    for (name, path, method) in &operations {
        let alone = only(document, |other_path, other_method| (other_path, other_method) == (path, method));
        if attempt(&alone).is_err() {
            return match blamed_schema(&alone) {
                Some(schema) => format!("operation {name} (schema {schema})"),
                None => format!("operation {name}"),
            };
        }
    }
    // Each is fine by itself, so two of them do not go together: the first that spoils those before it.
    let (mut fine, mut spoilt) = (0, operations.len());
    while spoilt - fine > 1 {
        let middle = usize::midpoint(fine, spoilt);
        let first = &operations[..middle];
        let some = only(document, |path, method| {
            first.iter().any(|(_, p, m)| (p.as_str(), m.as_str()) == (path, method))
        });
        if attempt(&some).is_ok() { fine = middle } else { spoilt = middle }
    }
    match operations.get(fine) {
        Some((name, ..)) => format!("operation {name}, together with an earlier one,"),
        None => "the document".to_owned(),
    }
}

/// The name, path and method of each operation.
fn operations(document: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    each_operation(&mut document.clone(), |operation| {
        found.push((operation.name(), operation.path.to_owned(), operation.method.to_owned()));
        0
    });
    found
}

/// The document with those operations only that `wanted` says yes to, and the schemas they need.
fn only(document: &Value, wanted: impl Fn(&str, &str) -> bool) -> Value {
    let mut part = document.clone();
    if let Some(paths) = part["paths"].as_object_mut() {
        for (path, item) in paths.iter_mut() {
            if let Some(item) = item.as_object_mut() {
                item.retain(|key, _| !METHODS.contains(&key.as_str()) || wanted(path, key));
            }
        }
        paths.retain(|_, item| item.as_object().is_some_and(|item| !item.is_empty()));
    }
    prune(&mut part);
    part
}

/// The schema that cannot be generated even without any operation, if there is one.
fn blamed_schema(document: &Value) -> Option<String> {
    schema_names(document).into_iter().find(|name| {
        let mut alone = document.clone();
        let mut paths = Object::new();
        let answer = json!({ "$ref": format!("#/components/schemas/{name}") });
        paths.insert(
            "/probe".to_owned(),
            json!({ "get": { "operationId": "probe", "responses": { "2XX": {
                "description": "", "content": { "application/json": { "schema": answer } }
            } } } }),
        );
        alone["paths"] = json!(paths);
        prune(&mut alone);
        // With the schemas it refers to made harmless, only its own shape is left to blame.
        if let Some(schemas) = alone.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
            schemas
                .iter_mut()
                .filter(|(other, _)| *other != name)
                .for_each(|(_, schema)| *schema = json!({}));
        }
        attempt(&alone).is_err()
    })
}

/// A type that two items of the same generated module define; the compiler would find it much later.
fn twice_defined(source: &str) -> Option<String> {
    let file = syn::parse_file(source).ok()?;
    twice_among(&file.items)
}

fn twice_among(items: &[syn::Item]) -> Option<String> {
    let mut seen = std::collections::BTreeSet::new();
    items.iter().find_map(|item| match item {
        syn::Item::Struct(item) => (!seen.insert(item.ident.to_string())).then(|| item.ident.to_string()),
        syn::Item::Enum(item) => (!seen.insert(item.ident.to_string())).then(|| item.ident.to_string()),
        syn::Item::Mod(item) => twice_among(&item.content.as_ref()?.1),
        _ => None,
    })
}

thread_local! {
    /// Whether a panic of this thread is expected, and so not worth a message.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`; a panic inside is the error, and prints nothing.
fn quietly<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            if !QUIET.get() {
                usual(panicked);
            }
        }));
    });
    QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(body));
    QUIET.set(false);
    outcome.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("the generator panicked")
            .to_owned()
    })
}
