//! What the types of databases and of Airbyte become.

use arrow_schema::extension::Json;
use arrow_schema::{DataType, Field};

/// A column of JSON text, marked as such (`arrow.json`), so that those who know the mark see more than text.
pub(crate) fn json_field(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable).with_extension_type(Json::default())
}
