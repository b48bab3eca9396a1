//! What the mappers of a stream make of its fields on their way to the destination.

use serde::Deserialize;
use serde_json::{Value, json};

/// A mapper, as far as it changes names and types of fields.
#[derive(Deserialize)]
#[serde(
    tag = "type",
    content = "mapperConfiguration",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
enum Mapper {
    Hashing { target_field: String, field_name_suffix: String },
    Encryption { target_field: String, field_name_suffix: String },
    FieldRenaming { original_field_name: String, new_field_name: String },
    FieldFiltering { target_field: String },
    RowFiltering {},
}

/// The mappers of a stream, in the order in which they work.
pub(super) struct Mappers(Vec<Mapper>);

impl Mappers {
    /// Those that a connection has for a stream; `None` if one of them is not known, for then nobody can say what arrives.
    pub(super) fn new(said: &[Value]) -> Option<Self> {
        said.iter().map(|mapper| Mapper::deserialize(mapper).ok()).collect::<Option<_>>().map(Self)
    }

    /// The JSON schema of the records as they arrive.
    pub(super) fn schema(&self, mut schema: Value) -> Value {
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
            return schema;
        };
        for mapper in &self.0 {
            if let Mapper::FieldFiltering { target_field } = mapper {
                properties.shift_remove(target_field);
            } else if let Some((before, after)) = mapper.renames() {
                // Each field keeps its place.
                let fields = std::mem::take(properties).into_iter();
                *properties = fields
                    .map(|(name, of)| match name == before {
                        true if mapper.gives_text() => (after.clone(), json!({"type": ["null", "string"]})),
                        true => (after.clone(), of),
                        false => (name, of),
                    })
                    .collect();
            }
        }
        schema
    }

    /// What a field of the source is called when it arrives.
    pub(super) fn name(&self, field: &str) -> String {
        let renames = self.0.iter().filter_map(Mapper::renames);
        renames.fold(field.to_owned(), |name, (before, after)| if name == before { after } else { name })
    }

    /// What a field of the source that tells what is newer is called when it arrives; `None` if it no longer tells that.
    pub(super) fn cursor(&self, field: &str) -> Option<String> {
        let mut name = field.to_owned();
        for mapper in &self.0 {
            if let Some((before, after)) = mapper.renames()
                && name == before
            {
                if mapper.gives_text() {
                    return None;
                }
                name = after;
            }
        }
        Some(name)
    }
}

impl Mapper {
    /// The name of its field before and after.
    fn renames(&self) -> Option<(&str, String)> {
        match self {
            Self::Hashing { target_field, field_name_suffix }
            | Self::Encryption { target_field, field_name_suffix } => {
                Some((target_field, format!("{target_field}{field_name_suffix}")))
            }
            Self::FieldRenaming { original_field_name, new_field_name } => {
                Some((original_field_name, new_field_name.clone()))
            }
            Self::FieldFiltering { .. } | Self::RowFiltering {} => None,
        }
    }

    /// Whether a text takes the place of the value.
    fn gives_text(&self) -> bool {
        matches!(self, Self::Hashing { .. } | Self::Encryption { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapper(kind: &str, configuration: &Value) -> Value {
        json!({"id": "6b7a1c2e", "type": kind, "mapperConfiguration": configuration})
    }

    #[test]
    fn each_mapper_sees_the_fields_that_the_one_before_has_left() {
        let mappers = Mappers::new(&[
            mapper("field-renaming", &json!({"originalFieldName": "id", "newFieldName": "number"})),
            mapper(
                "hashing",
                &json!({"targetField": "number", "method": "MD5", "fieldNameSuffix": "_hashed"}),
            ),
            mapper(
                "encryption",
                &json!({"algorithm": "RSA", "publicKey": "x", "targetField": "mail", "fieldNameSuffix": "_sealed"}),
            ),
            mapper("field-filtering", &json!({"targetField": "city"})),
            mapper(
                "row-filtering",
                &json!({"conditions": {"type": "EQUAL", "fieldName": "name", "comparisonValue": "a"}}),
            ),
        ])
        .unwrap();
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"}, "id": {"type": "integer"}, "name": {"type": "string"}, "mail": {"type": "string"},
            "at": {"type": "string", "format": "date-time"},
        }});
        let mapped = mappers.schema(schema);
        let properties = mapped["properties"].as_object().unwrap();
        let names: Vec<_> = properties.keys().map(String::as_str).collect();
        assert_eq!(names, ["number_hashed", "name", "mail_sealed", "at"]);
        assert_eq!(properties["number_hashed"], json!({"type": ["null", "string"]}));
        assert_eq!(properties["at"]["format"], "date-time");
        assert_eq!(mappers.name("id"), "number_hashed");
        assert_eq!(mappers.name("name"), "name");
        assert_eq!(mappers.cursor("at").as_deref(), Some("at"));
        // Hashes are in no order that means anything.
        assert_eq!(mappers.cursor("id"), None);
    }

    #[test]
    fn of_a_mapper_that_is_not_known_nothing_is_said() {
        assert!(Mappers::new(&[mapper("shuffling", &json!({}))]).is_none());
        assert!(Mappers::new(&[mapper("hashing", &json!({"targetField": "id"}))]).is_none());
        let none = Mappers::new(&[]).unwrap();
        assert_eq!(none.schema(json!({"type": "object"})), json!({"type": "object"}));
    }
}
