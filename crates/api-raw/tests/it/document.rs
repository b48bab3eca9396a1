//! Samples of what an API document describes. The tests of the client use them, too.

#![allow(dead_code, reason = "not all of it is needed everywhere")]

use serde_json::{Map, Value, json};

/// The id of everything.
pub(crate) const ID: &str = "5e5510ad-0000-4000-8000-00000000c0de";

/// Every text. Some texts are times, and this is one, without the seconds as the server writes it.
pub(crate) const TEXT: &str = "2026-01-01T10:00Z";

/// Stands for every word that the document does not know.
pub(crate) const NEW_WORD: &str = "a word of a newer server";

/// Stands for every member that the document does not know.
pub(crate) const NEW_MEMBER: &str = "memberOfANewerServer";

/// How a sample differs from one in which all that can be there is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Full,
    /// What may be left out is left out.
    Sparse,
    /// What may be left out is null.
    Nulls,
    /// Every word of a fixed set is another.
    NewWords,
    /// Every object has one member more.
    NewMembers,
    /// Lists and maps are empty, if they have to be there.
    EmptyLists,
    /// Lists and maps are null.
    NullLists,
}

pub(crate) struct Document(Value);

pub(crate) struct Operation<'a> {
    /// `GET /jobs/{jobId}`
    pub(crate) request: String,
    /// The same with values, as it goes out.
    pub(crate) sent: String,
    pub(crate) body: Option<&'a Value>,
    /// Nothing where the document says nothing about the answer.
    pub(crate) answer: Option<&'a Value>,
}

impl Document {
    pub(crate) fn read(api: &str) -> Self {
        let file = format!("{}/../../openapi/{api}.json", env!("CARGO_MANIFEST_DIR"));
        Self(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
    }

    pub(crate) fn operations(&self) -> Vec<Operation<'_>> {
        let mut all = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let method = method.to_uppercase();
                all.push(Operation {
                    request: format!("{method} {path}"),
                    sent: format!("{method} {}", with_values(path, &operation["parameters"])),
                    body: operation.pointer("/requestBody/content/application~1json/schema"),
                    answer: operation.pointer("/responses/2XX/content/application~1json/schema"),
                });
            }
        }
        all
    }

    /// A value of this schema.
    pub(crate) fn sample(&self, schema: &Value, shape: Shape) -> Value {
        self.value(schema, shape, &mut Vec::new()).expect("an object that must hold itself")
    }

    /// `None` inside of a schema that is within itself.
    fn value<'a>(&'a self, schema: &'a Value, shape: Shape, within: &mut Vec<&'a str>) -> Option<Value> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            if within.contains(&reference) {
                return None;
            }
            within.push(reference);
            let found = self.0.pointer(reference.strip_prefix('#').unwrap()).unwrap();
            let value = self.value(found, shape, within);
            within.pop();
            return value;
        }
        Some(match schema["type"].as_str() {
            Some("object") => return self.object(schema, shape, within),
            Some("array") => match shape {
                Shape::NullLists => Value::Null,
                Shape::EmptyLists => json!([]),
                _ => json!([self.value(&schema["items"], shape, within)?]),
            },
            Some("string") => match &schema["enum"][0] {
                Value::Null if schema["format"] == "uuid" => json!(ID),
                Value::Null => json!(TEXT),
                _ if shape == Shape::NewWords => json!(NEW_WORD),
                word => word.clone(),
            },
            Some("boolean") => json!(true),
            Some("integer") => json!(7),
            Some("number") => json!(1.5),
            None => json!({ "any": [1, null, "JSON"] }),
            Some(other) => panic!("a type of no document: {other}"),
        })
    }

    fn object<'a>(&'a self, schema: &'a Value, shape: Shape, within: &mut Vec<&'a str>) -> Option<Value> {
        let mut object = Map::new();
        let members = schema.get("properties").and_then(Value::as_object).filter(|all| !all.is_empty());
        for (name, member) in members.into_iter().flatten() {
            if is_required(schema, name) {
                object.insert(name.clone(), self.value(member, shape, within)?);
                continue;
            }
            match shape {
                Shape::Sparse => None,
                Shape::Nulls => Some(Value::Null),
                Shape::EmptyLists if self.is_collection(member) => None,
                _ => self.value(member, shape, within),
            }
            .map(|value| object.insert(name.clone(), value));
        }
        if members.is_none() {
            match shape {
                Shape::NullLists => return Some(Value::Null),
                Shape::EmptyLists => return Some(json!({})),
                _ => {}
            }
            let further = schema.get("additionalProperties").filter(|further| further.is_object());
            object.insert("anything".to_owned(), self.value(further.unwrap_or(&Value::Null), shape, within)?);
        } else if shape == Shape::NewMembers {
            object.insert(NEW_MEMBER.to_owned(), json!({ "deep": [null] }));
        }
        Some(Value::Object(object))
    }

    /// Whether this is a list or a map.
    fn is_collection(&self, schema: &Value) -> bool {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.is_collection(self.0.pointer(&reference[1..]).unwrap()),
            None => {
                schema["type"] == "array"
                    || (schema["type"] == "object" && schema.get("properties").is_none())
            }
        }
    }
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|required| required.iter().any(|one| one == name))
}

/// The path as it is sent: texts are an id, numbers are 7.
fn with_values(path: &str, parameters: &Value) -> String {
    let mut filled = path.to_owned();
    for parameter in parameters.as_array().into_iter().flatten().filter(|one| one["in"] == "path") {
        let name = parameter["name"].as_str().unwrap();
        let value = if parameter["schema"]["type"] == "integer" { "7" } else { ID };
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    filled
}
