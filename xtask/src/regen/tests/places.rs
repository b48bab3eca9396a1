//! Places in a document, chosen at random.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use crate::regen::document::{METHODS, Object};

/// Any path.
pub fn path_item<'a>(document: &'a mut Value, rng: &mut StdRng) -> &'a mut Value {
    let paths = document["paths"].as_object_mut().unwrap();
    let at = rng.random_range(0..paths.len());
    paths.values_mut().nth(at).unwrap()
}

/// Any operation.
pub fn operation<'a>(document: &'a mut Value, rng: &mut StdRng) -> &'a mut Value {
    let item = path_item(document, rng).as_object_mut().unwrap();
    let methods: Vec<&str> = METHODS.into_iter().filter(|method| item.contains_key(*method)).collect();
    let method = methods.choose(rng).unwrap();
    item.get_mut(*method).unwrap()
}

pub fn parameters(operation: &mut Value) -> &mut Vec<Value> {
    let operation = operation.as_object_mut().unwrap();
    operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut().unwrap()
}

fn schemas(document: &mut Value) -> &mut Object {
    document["components"]["schemas"].as_object_mut().unwrap()
}

/// The name of any schema.
pub fn schema_name(document: &mut Value, rng: &mut StdRng) -> String {
    let names: Vec<&String> = schemas(document).keys().collect();
    (*names.choose(rng).unwrap()).clone()
}

/// Any schema.
pub fn schema<'a>(document: &'a mut Value, rng: &mut StdRng) -> &'a mut Value {
    let name = schema_name(document, rng);
    &mut document["components"]["schemas"][name]
}

/// Any object with properties.
pub fn object_schema<'a>(document: &'a mut Value, rng: &mut StdRng) -> &'a mut Value {
    let names: Vec<String> = schemas(document)
        .iter()
        .filter(|(_, schema)| schema["properties"].as_object().is_some_and(|all| !all.is_empty()))
        .map(|(name, _)| name.clone())
        .collect();
    &mut document["components"]["schemas"][names.choose(rng).unwrap()]
}

/// Gives any object one more property.
pub fn property(document: &mut Value, rng: &mut StdRng, schema: Value) {
    let name = format!("zyx{}", rng.random_range(0..1_000_000));
    object_schema(document, rng)["properties"][name] = schema;
}

pub fn name_with(document: &mut Value, property: &str) -> String {
    let mut found =
        schemas(document).iter().filter(|(_, schema)| schema["properties"].get(property).is_some());
    found.next().unwrap().0.clone()
}
