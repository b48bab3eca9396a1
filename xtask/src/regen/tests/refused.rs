//! What cannot be generated, selected or overlaid must be said, with its name.

use serde_json::{Value, json};

use crate::regen::overlay::Overlay;
use crate::regen::source::Source;
use crate::regen::{checked_in, probe};

/// A schema that no rule lets through: the generator has no type for it.
fn unknown_shape() -> Value {
    json!({ "type": "string", "enum": ["a-b", "a_b"] })
}

#[test]
fn a_shape_without_a_rule_names_its_operation() {
    let mut document = checked_in("public").unwrap();
    document["paths"]["/jobs/{jobId}"]["delete"]["responses"]["2XX"]["content"]["application/json"]["schema"] =
        json!({ "type": "object", "properties": { "a": unknown_shape() } });
    let error = probe::generate(&document).unwrap_err().to_string();
    assert!(error.contains("operation cancelJob"), "{error}");
    assert!(error.contains("No rule of the normaliser"), "{error}");
}

#[test]
fn a_shape_without_a_rule_names_its_schema() {
    let mut document = checked_in("public").unwrap();
    document["components"]["schemas"]["TagResponse"]["properties"]["shape"] = unknown_shape();
    let error = probe::generate(&document).unwrap_err().to_string();
    assert!(error.contains("operation listTags (schema TagResponse)"), "{error}");
}

#[test]
fn a_panic_of_the_generator_is_an_error() {
    let mut document = checked_in("public").unwrap();
    document["paths"]["/tags"]["post"]["requestBody"]["content"]["text/plain"] =
        json!({ "schema": { "type": "string" } });
    let error = probe::generate(&document).unwrap_err().to_string();
    assert!(error.contains("operation createTag") && error.contains("media types"), "{error}");
}

#[test]
fn two_operations_that_do_not_go_together_name_the_second() {
    let mut document = checked_in("public").unwrap();
    document["paths"]["/tags/{tagId}"]["get"]["operationId"] = json!("list_jobs");
    let error = probe::generate(&document).unwrap_err().to_string();
    assert!(error.contains("together with an earlier one") && error.contains("operation list"), "{error}");
}

fn source(take: &[&str], leave: &[&str]) -> Source {
    toml::from_str(&format!(
        "address = ''\nsha256 = ''\nstrip_prefix = '/v1'\ntake = {take:?}\nleave = {leave:?}"
    ))
    .unwrap()
}

#[test]
fn selection_takes_paths_below_the_root_and_tells_what_is_missing() {
    let mut document = json!({ "paths": { "/v1/jobs/get": {}, "/v1/jobs/list": {}, "/v1/other": {}, "/public/v1/jobs/get": {} } });
    let unused = source(&["/jobs/*", "/gone", "/jobs/get"], &["/jobs/list", "/never"]).select(&mut document);
    assert_eq!(document, json!({ "paths": { "/jobs/get": {} } }));
    assert_eq!(unused, ["/gone", "/never"]);
}

#[test]
fn a_missing_document_is_named_and_another_one_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let error = format!("{:#}", source(&[], &[]).load("public", Some(folder.path())).unwrap_err());
    assert!(error.contains("airbyte-public.yaml"), "{error}");
    std::fs::write(folder.path().join("airbyte-public.yaml"), "openapi: 3.1.0").unwrap();
    let (document, is_pinned) = source(&[], &[]).load("public", Some(folder.path())).unwrap();
    assert_eq!((document, is_pinned), (json!({ "openapi": "3.1.0" }), false));
}

fn overlay(actions: &str) -> anyhow::Result<Overlay> {
    Overlay::parse(&format!("overlay: 1.0.0\ninfo: {{ title: t, version: '1' }}\nactions: {actions}"))
}

#[test]
fn overlays_merge_append_and_remove() {
    let mut document = json!({ "a": { "b": [1, 2], "c/d": 3 }, "e": ["x", "y", "x"], "f": 1 });
    let overlay = overlay(
        "[{ target: $.a, update: { b: [3], g: { h: 1 } } }, { target: $.e, update: z }, \
          { target: \"$.e[?@ == 'x']\", remove: true }, { target: \"$.a['c/d']\", remove: true }, { target: $.gone, remove: true }]",
    );
    let missed = overlay.unwrap().apply(&mut document).unwrap();
    assert_eq!(document, json!({ "a": { "b": [1, 2, 3], "g": { "h": 1 } }, "e": ["y", "z"], "f": 1 }));
    assert_eq!(missed, ["$.gone"]);
}

#[test]
fn overlays_refuse_what_they_cannot_do() {
    let refused =
        |actions: &str| match overlay(actions).and_then(|overlay| overlay.apply(&mut json!({ "f": 1 }))) {
            Ok(missed) => panic!("{actions}: {missed:?}"),
            Err(error) => format!("{error:#}"),
        };
    assert!(refused("[{ target: f, remove: true }]").contains("not a JSONPath"));
    assert!(refused("[{ target: $.f, update: 2 }]").contains("neither an object nor an array"));
    assert!(refused("[{ target: $.f }]").contains("either `update` or `remove"));
    assert!(refused("[{ target: $, remove: true }]").contains("cannot be removed"));
    assert!(refused("[{ target: $.f, copy: $.g }]").contains("copy"));
    let future =
        Overlay::parse("overlay: 2.0.0\ninfo: { title: t, version: '1' }\nactions: []").err().unwrap();
    assert!(future.to_string().contains("2.0.0"));
}
