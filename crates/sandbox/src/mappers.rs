//! Mappers of a stream: what happens to its rows between the source and the destination.

mod digest;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use self::digest::Method;
use crate::connectors::MASK;
use crate::http::Refusal;
use crate::model::ConfiguredStream;
use crate::sources::{Cell, Field, FieldType, Row};

/// What a mapper does, as its type and its configuration say.
#[derive(Deserialize)]
#[serde(tag = "type", content = "mapperConfiguration", rename_all = "kebab-case")]
enum Mapper {
    #[serde(rename_all = "camelCase")]
    Hashing {
        target_field: String,
        method: Method,
        field_name_suffix: String,
    },
    #[serde(rename_all = "camelCase")]
    FieldRenaming {
        original_field_name: String,
        new_field_name: String,
    },
    #[serde(rename_all = "camelCase")]
    FieldFiltering {
        target_field: String,
    },
    RowFiltering {
        conditions: Condition,
    },
    Encryption(Encryption),
}

/// Which rows stay.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
enum Condition {
    #[serde(rename_all = "camelCase")]
    Equal { field_name: String, comparison_value: String },
    /// None of these holds.
    Not { conditions: Vec<Condition> },
}

/// How a field is encrypted. The keys are not looked at: nothing is encrypted here.
#[derive(Deserialize)]
#[serde(tag = "algorithm")]
enum Encryption {
    #[serde(rename = "RSA", rename_all = "camelCase")]
    Rsa {
        target_field: String,
        field_name_suffix: String,
        #[serde(rename = "publicKey")]
        _public_key: String,
    },
    #[serde(rename = "AES", rename_all = "camelCase")]
    Aes {
        target_field: String,
        field_name_suffix: String,
        #[serde(rename = "key")]
        _key: String,
        #[serde(rename = "mode")]
        _mode: Mode,
        #[serde(rename = "padding")]
        _padding: Padding,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Cbc,
    Cfb,
    Ofb,
    Ctr,
    Gcm,
    Ecb,
}

#[derive(Deserialize)]
enum Padding {
    #[serde(rename = "NoPadding")]
    None,
    #[serde(rename = "PKCS5Padding")]
    Pkcs5,
}

/// A mapper that cannot be: which one, counted from 0, and why. The reason quotes no key.
#[derive(Debug, PartialEq)]
pub(crate) struct Unfit {
    pub position: usize,
    pub reason: String,
}

/// Gives a mapper an id, as every stored one has.
pub(crate) fn identify(mapper: &mut Value) {
    if let Value::Object(members) = mapper
        && !members.get("id").is_some_and(Value::is_string)
    {
        members.insert("id".to_owned(), json!(Uuid::new_v4()));
    }
}

/// What is wrong with the mappers of a stream with these fields, as a refusal tells it.
pub(crate) fn unfit(stream: &ConfiguredStream, fields: Vec<Field>) -> Option<Value> {
    let told = |mapper: Value, reason: String| {
        json!({
            "stream": stream.name,
            "error": {"type": "INVALID_MAPPER_CONFIG", "message": reason},
            "mapper": masked(mapper),
        })
    };
    let chain = match Chain::new(&stream.mappers, fields) {
        Ok(chain) => chain,
        Err(unfit) => return Some(told(stream.mappers[unfit.position].clone(), unfit.reason)),
    };
    let cursor = stream.cursor_field.first().filter(|_| !stream.is_full_refresh());
    let key = stream.primary_key.iter().filter_map(|path| path.first());
    let key = key.filter(|_| stream.sync_mode.contains("dedup"));
    let gone = cursor.into_iter().chain(key).find(|field| chain.loses(field))?;
    let mapper = stream.mappers.iter().find(|one| one["mapperConfiguration"]["targetField"] == **gone);
    let reason = format!("the stream cannot do without the field `{gone}`");
    Some(told(mapper.cloned().unwrap_or_default(), reason))
}

/// A mapper without its key.
pub(crate) fn masked(mut mapper: Value) -> Value {
    if let Some(key) = mapper.pointer_mut("/mapperConfiguration/key") {
        *key = json!(MASK);
    }
    mapper
}

/// The streams with the stored keys where masks stand for them.
pub(crate) fn unmasked(
    mut streams: Vec<ConfiguredStream>,
    stored: &[ConfiguredStream],
) -> Result<Vec<ConfiguredStream>, Refusal> {
    for mapper in streams.iter_mut().flat_map(|stream| &mut stream.mappers) {
        if mapper.pointer("/mapperConfiguration/key").is_none_or(|key| key != MASK) {
            continue;
        }
        let known = stored.iter().flat_map(|stream| &stream.mappers).find(|one| one["id"] == mapper["id"]);
        let key = known.and_then(|known| known.pointer("/mapperConfiguration/key"));
        let key = key.ok_or_else(|| Refusal::mapper_secret(&mapper["id"], &mapper["type"]))?;
        mapper["mapperConfiguration"]["key"] = key.clone();
    }
    Ok(streams)
}

/// The mappers of a stream, one after the other, for rows of certain fields.
pub(crate) struct Chain {
    /// What the rows have in the end.
    pub fields: Vec<Field>,
    steps: Vec<Step>,
    /// What the fields of the source are called in the end; `None`: they are gone.
    names: Vec<(String, Option<String>)>,
    encrypts: Option<String>,
}

enum Step {
    Hash { column: usize, method: Method },
    Remove { column: usize },
    Keep(Test),
}

/// A condition whose field is found.
enum Test {
    Equal { column: usize, value: String },
    Not(Vec<Test>),
}

impl Chain {
    /// The mappers, as they are stored, for rows of these fields.
    pub(crate) fn new(mappers: &[Value], fields: Vec<Field>) -> Result<Self, Unfit> {
        let names = fields.iter().map(|field| (field.name.clone(), Some(field.name.clone()))).collect();
        let mut chain = Self { fields, steps: Vec::new(), names, encrypts: None };
        for (position, mapper) in mappers.iter().enumerate() {
            chain.add(mapper).map_err(|reason| Unfit { position, reason })?;
        }
        Ok(chain)
    }

    fn add(&mut self, mapper: &Value) -> Result<(), String> {
        // What `serde` says may quote the configuration.
        let unfit = |_| "its type and its configuration do not fit".to_owned();
        match Mapper::deserialize(mapper).map_err(unfit)? {
            Mapper::Hashing { target_field, method, field_name_suffix } => {
                let column = self.column(&target_field)?;
                self.replace(column, &format!("{target_field}{field_name_suffix}"))?;
                self.steps.push(Step::Hash { column, method });
            }
            Mapper::FieldRenaming { original_field_name, new_field_name } => {
                let column = self.column(&original_field_name)?;
                self.rename(column, &new_field_name)?;
            }
            Mapper::FieldFiltering { target_field } => {
                let column = self.column(&target_field)?;
                self.fields.remove(column);
                for (_, name) in self.names.iter_mut().filter(|(_, name)| *name == Some(target_field.clone()))
                {
                    *name = None;
                }
                self.steps.push(Step::Remove { column });
            }
            Mapper::RowFiltering { conditions } => {
                let test = self.test(conditions)?;
                self.steps.push(Step::Keep(test));
            }
            Mapper::Encryption(
                Encryption::Rsa { target_field, field_name_suffix, .. }
                | Encryption::Aes { target_field, field_name_suffix, .. },
            ) => {
                let column = self.column(&target_field)?;
                self.replace(column, &format!("{target_field}{field_name_suffix}"))?;
                self.encrypts = Some(target_field);
            }
        }
        Ok(())
    }

    fn column(&self, name: &str) -> Result<usize, String> {
        let found = self.fields.iter().position(|field| field.name == name);
        found.ok_or_else(|| format!("there is no field `{name}`"))
    }

    fn rename(&mut self, column: usize, new: &str) -> Result<(), String> {
        if self.fields.iter().enumerate().any(|(other, field)| other != column && field.name == new) {
            return Err(format!("there is a field `{new}` already"));
        }
        let old = std::mem::replace(&mut self.fields[column].name, new.to_owned());
        for (_, name) in self.names.iter_mut().filter(|(_, name)| name.as_deref() == Some(&old)) {
            *name = Some(new.to_owned());
        }
        Ok(())
    }

    /// Puts a text of another name in the place of a field.
    fn replace(&mut self, column: usize, new: &str) -> Result<(), String> {
        self.rename(column, new)?;
        self.fields[column] = Field::new(new, FieldType::Text);
        Ok(())
    }

    fn test(&self, condition: Condition) -> Result<Test, String> {
        Ok(match condition {
            Condition::Equal { field_name, comparison_value } => {
                Test::Equal { column: self.column(&field_name)?, value: comparison_value }
            }
            Condition::Not { conditions } if conditions.is_empty() => {
                return Err("a NOT needs a condition".to_owned());
            }
            Condition::Not { conditions } => {
                Test::Not(conditions.into_iter().map(|one| self.test(one)).collect::<Result<_, _>>()?)
            }
        })
    }

    /// What a field of the source is called in the end; `None`: it is gone.
    pub(crate) fn name_of(&self, field: &str) -> Option<&str> {
        self.names.iter().find(|(name, _)| name == field)?.1.as_deref()
    }

    /// Whether the source has the field, and the destination gets nothing of it.
    fn loses(&self, field: &str) -> bool {
        self.names.iter().any(|(name, now)| name == field && now.is_none())
    }

    /// The field that would have to be encrypted, which cannot be done here.
    pub(crate) fn encrypts(&self) -> Option<&str> {
        self.encrypts.as_deref()
    }

    /// What becomes of these rows.
    pub(crate) fn apply(&self, rows: &mut Vec<Row>) {
        for step in &self.steps {
            match step {
                Step::Hash { column, method } => {
                    for row in rows.iter_mut() {
                        if let Some(text) = text(&row[*column]) {
                            row[*column] = Cell::Text(method.hex(text.as_bytes()));
                        }
                    }
                }
                Step::Remove { column } => {
                    for row in rows.iter_mut() {
                        row.remove(*column);
                    }
                }
                Step::Keep(test) => rows.retain(|row| test.holds(row)),
            }
        }
    }
}

impl Test {
    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::Equal { column, value } => text(&row[*column]).is_some_and(|text| text == *value),
            Self::Not(tests) => !tests.iter().any(|test| test.holds(row)),
        }
    }
}

/// A value as mappers see it, `None` for null.
fn text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Boolean(value) => Some(value.to_string()),
        Cell::Integer(value) => Some(value.to_string()),
        Cell::Number(text) | Cell::Text(text) | Cell::Json(text) => Some(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Vec<Field> {
        [("id", FieldType::Integer), ("name", FieldType::Text), ("city", FieldType::Text)]
            .map(|(name, kind)| Field::new(name, kind))
            .to_vec()
    }

    fn rows() -> Vec<Row> {
        [(1, "Ann", Some("Porto")), (2, "Bob", Some("Turku")), (3, "Cid", None)]
            .map(|(id, name, city)| {
                let city = city.map_or(Cell::Null, |city| Cell::Text(city.to_owned()));
                vec![Cell::Integer(id), Cell::Text(name.to_owned()), city]
            })
            .to_vec()
    }

    fn mapper(kind: &str, configuration: Value) -> Value {
        let mut mapper = json!({"type": kind});
        mapper["mapperConfiguration"] = configuration;
        mapper
    }

    fn names(chain: &Chain) -> Vec<&str> {
        chain.fields.iter().map(|field| field.name.as_str()).collect()
    }

    #[test]
    fn each_mapper_sees_what_the_one_before_has_made() {
        let equal = |value: &str| json!({"type": "EQUAL", "fieldName": "town", "comparisonValue": value});
        let mappers = [
            mapper("field-renaming", json!({"originalFieldName": "city", "newFieldName": "town"})),
            mapper("row-filtering", json!({"conditions": {"type": "NOT", "conditions": [equal("Turku")]}})),
            mapper(
                "hashing",
                json!({"targetField": "name", "method": "SHA-256", "fieldNameSuffix": "_hashed"}),
            ),
            mapper("field-filtering", json!({"targetField": "id"})),
        ];
        let chain = Chain::new(&mappers, fields()).unwrap();
        assert_eq!(names(&chain), ["name_hashed", "town"]);
        assert_eq!(
            (chain.name_of("id"), chain.name_of("name"), chain.name_of("city")),
            (None, Some("name_hashed"), Some("town"))
        );
        let mut rows = rows();
        chain.apply(&mut rows);
        let hash = |text: &str| Cell::Text(Method::Sha256.hex(text.as_bytes()));
        assert_eq!(rows, [vec![hash("Ann"), Cell::Text("Porto".to_owned())], vec![hash("Cid"), Cell::Null],]);
    }

    #[test]
    fn a_row_stays_if_its_value_is_the_one() {
        let condition = json!({"type": "EQUAL", "fieldName": "id", "comparisonValue": "2"});
        let chain =
            Chain::new(&[mapper("row-filtering", json!({"conditions": condition}))], fields()).unwrap();
        let mut rows = rows();
        chain.apply(&mut rows);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0][0], Cell::Integer(2));
    }

    #[test]
    fn what_cannot_be_is_refused_and_keys_are_not_repeated() {
        let encryption = json!({
            "algorithm": "AES", "mode": "CBC", "padding": "NoPadding", "key": "hush", "targetField": "name",
            "fieldNameSuffix": "_sealed",
        });
        let good = Chain::new(&[mapper("encryption", encryption.clone())], fields()).unwrap();
        assert_eq!((good.encrypts(), names(&good)), (Some("name"), vec!["id", "name_sealed", "city"]));
        let mut wrong = encryption;
        wrong["mode"] = json!("hush");
        let hashed = |field: &str, method: &str| {
            mapper("hashing", json!({"targetField": field, "method": method, "fieldNameSuffix": "_h"}))
        };
        for (unfit, reason) in [
            (hashed("nobody", "MD5"), "no field `nobody`"),
            (hashed("name", "MD6"), "do not fit"),
            (mapper("hashing", json!({"targetField": "name"})), "do not fit"),
            (mapper("shuffling", json!({})), "do not fit"),
            (mapper("encryption", wrong), "do not fit"),
            (
                mapper("field-renaming", json!({"originalFieldName": "id", "newFieldName": "name"})),
                "a field `name` already",
            ),
            (
                mapper("row-filtering", json!({"conditions": {"type": "NOT", "conditions": []}})),
                "needs a condition",
            ),
        ] {
            let first = mapper("field-filtering", json!({"targetField": "city"}));
            let found = Chain::new(&[first, unfit], fields()).err().unwrap();
            assert!(found.reason.contains(reason) && !found.reason.contains("hush"), "{found:?}");
            assert_eq!(found.position, 1);
        }
    }
}
