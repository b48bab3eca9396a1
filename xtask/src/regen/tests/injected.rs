//! Known defects, put where the pinned documents do not have them, must come out as code.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};

use super::defects::DEFECTS;
use crate::regen::normalise::{self, normalise};
use crate::regen::{checked_in, probe};

/// A document of our own, in the shape that the rules leave.
fn small_document() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Airbyte", "version": "1" },
        "paths": {
            "/crates": {
                "get": {
                    "operationId": "listCrates",
                    "parameters": [{ "name": "limit", "in": "query", "schema": { "type": "integer" } }],
                    "responses": { "2XX": { "description": "", "content": { "application/json": {
                        "schema": { "type": "array", "items": { "$ref": "#/components/schemas/Crate" } }
                    } } } }
                },
                "post": {
                    "operationId": "packCrate",
                    "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Crate" } } } },
                    "responses": { "2XX": { "description": "" } }
                }
            },
            "/crates/{crateId}": {
                "get": {
                    "operationId": "openCrate",
                    "parameters": [{ "name": "crateId", "in": "path", "required": true, "schema": { "type": "string" } }],
                    "responses": { "2XX": { "description": "", "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/Crate" }
                    } } } }
                }
            }
        },
        "components": { "schemas": {
            "Crate": { "type": "object", "required": ["label"], "properties": {
                "label": { "type": "string" }, "fruit": { "$ref": "#/components/schemas/Fruit" }
            } },
            "Fruit": { "type": "object", "properties": { "kind": { "type": "string", "enum": ["apple", "pear"] } } }
        } }
    })
}

#[test]
fn the_small_document_needs_no_rule() {
    let mut document = small_document();
    let fired = normalise(&mut document).unwrap();
    let busy: Vec<&str> = fired.iter().filter(|one| one.times > 0).map(|one| one.rule).collect();
    assert!(busy.is_empty(), "{busy:?}");
    assert_eq!(document, small_document());
}

#[test]
fn every_rule_has_a_defect_that_it_is_for() {
    for rule in normalise::rules() {
        assert!(
            DEFECTS.iter().any(|defect| defect.rule == rule.name),
            "no defect for the rule {}",
            rule.name
        );
    }
}

#[test]
fn each_defect_in_a_small_document_is_seen_by_its_rule_and_comes_out_as_code() {
    for defect in DEFECTS {
        let mut document = small_document();
        (defect.inject)(&mut document, &mut StdRng::seed_from_u64(7));
        let fired = normalise(&mut document).unwrap_or_else(|error| panic!("{}: {error}", defect.name));
        let seen = fired.iter().any(|one| one.rule == defect.rule && one.times > 0);
        assert!(seen, "{} did not see {}:\n{document:#}", defect.rule, defect.name);
        assert_passes(&document, defect.name);
    }
}

#[test]
fn each_defect_in_a_real_document_comes_out_as_code() {
    let real = checked_in("public").unwrap();
    for (seed, defect) in (100..).zip(DEFECTS) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut document = excerpt(&real, &mut rng);
        (defect.inject)(&mut document, &mut rng);
        normalise(&mut document).unwrap_or_else(|error| panic!("{}: {error}", defect.name));
        assert_passes(&document, defect.name);
    }
}

/// A sixth of the document's paths with the schemas they need: the whole one takes a second each time.
fn excerpt(document: &Value, rng: &mut StdRng) -> Value {
    let mut excerpt = document.clone();
    if let Some(paths) = excerpt["paths"].as_object_mut() {
        let kept: Vec<String> = paths.keys().cloned().collect();
        let kept: Vec<&String> = kept.choose_multiple(rng, paths.len() / 6).collect();
        paths.retain(|path, _| kept.contains(&path));
    }
    normalise::prune(&mut excerpt);
    excerpt
}

#[test]
fn many_defects_at_once_come_out_as_code() {
    let [public, config] = ["public", "config"].map(|api| checked_in(api).unwrap());
    for seed in 0..50 {
        let mut rng = StdRng::seed_from_u64(seed);
        // The Config API takes three times as long.
        let mut document = if seed % 10 == 0 { config.clone() } else { public.clone() };
        let defects: Vec<_> = DEFECTS.choose_multiple(&mut rng, 12).collect();
        for defect in &defects {
            (defect.inject)(&mut document, &mut rng);
        }
        let names: Vec<&str> = defects.iter().map(|defect| defect.name).collect();
        let names = format!("seed {seed}: {}", names.join("; "));
        normalise(&mut document).unwrap_or_else(|error| panic!("{names}: {error}"));
        assert_passes(&document, &names);
    }
}

/// The document is generated, is a fixed point, and holds no prose.
fn assert_passes(document: &Value, what: &str) {
    assert_passes_as_code(document, what);
    let mut again = document.clone();
    normalise(&mut again).unwrap();
    assert_eq!(&again, document, "{what}: a second run changes the document");
    assert!(!document.to_string().contains("\"zyx\""), "{what}: prose is left:\n{document:#}");
}

fn assert_passes_as_code(document: &Value, what: &str) {
    if let Err(error) = probe::generate(document) {
        panic!("{what}: {error}");
    }
}

/// Replaces any part of a document, wherever it is, by something that does not belong there.
fn spoil(document: &mut Value, rng: &mut StdRng) -> String {
    let mut places = Vec::new();
    places_in(document, String::new(), &mut places);
    let place = places.choose(rng).unwrap().clone();
    let nonsense = [
        json!(null),
        json!(true),
        json!(7),
        json!("nonsense"),
        json!([]),
        json!({}),
        json!([{}, null, 7]),
        json!({ "$ref": 7 }),
        json!({ "nonsense": null }),
        json!({ "schema": 7, "type": 7, "properties": 7 }),
    ];
    *document.pointer_mut(&place).unwrap() = nonsense.choose(rng).unwrap().clone();
    place
}

fn places_in(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                places_in(value, format!("{place}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                places_in(value, format!("{place}/{at}"), places);
            }
        }
        _ => {}
    }
    places.push(place);
}

#[test]
fn nonsense_is_left_out() {
    for seed in 0..400 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut document = small_document();
        for defect in DEFECTS.choose_multiple(&mut rng, 5) {
            (defect.inject)(&mut document, &mut rng);
        }
        let places: Vec<String> = (0..3).map(|_| spoil(&mut document, &mut rng)).collect();
        match normalise(&mut document) {
            Ok(_) => assert_passes_as_code(&document, &places.join(", ")),
            // Then even the paths were nonsense.
            Err(error) => assert!(error.to_string().contains("it has no paths"), "seed {seed}: {error}"),
        }
    }
}
