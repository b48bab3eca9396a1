//! The names that a dataset's columns are asked for by.

use std::collections::HashSet;

use super::Dataset;
use crate::error::{Error, Result};
use crate::json_columns::JsonColumns;
use crate::naming::loosely;
use crate::scan::{Column, Expression};

/// The names of columns and of members of the JSON, with the types that they have before any of them is read as text.
pub(super) fn of(stored: &[Column], json: Option<&JsonColumns>) -> Vec<(String, Expression)> {
    let stored = stored.iter().map(|Column { name, field, .. }| {
        (name.clone(), Expression::Column { name: name.clone(), data_type: field.data_type().clone() })
    });
    let members = json.into_iter().flat_map(|json| {
        json.names().map(|name| {
            (name.to_owned(), Expression::Json { name: name.to_owned(), is_time: json.is_time(name) })
        })
    });
    stored.chain(members).collect()
}

impl Dataset {
    pub(super) fn known(&self, name: &str) -> Result<()> {
        if self.names.iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        let whole = self.whole_table().column_names();
        Err(Error::invalid(format!("there is no column `{name}` in `{}`", self.located.table))
            .with_hint(format!("the columns are {}", whole.join(", "))))
    }

    /// The column that holds a field of the source: connectors write names in another case, and replace characters. Where
    /// none does, or several may, the field's own name.
    pub(crate) fn column_of(&self, field: &str) -> String {
        if self.names.iter().any(|(name, _)| name == field) {
            return field.to_owned();
        }
        let wanted = loosely(field);
        let mut alike = self.names.iter().filter(|(name, _)| loosely(name) == wanted);
        match (alike.next(), alike.next()) {
            (Some((only, _)), None) => only.clone(),
            _ => field.to_owned(),
        }
    }

    /// That no two columns have the same name.
    pub(super) fn distinct(self) -> Result<Self> {
        let schema = self.schema();
        let mut seen = HashSet::new();
        match schema.fields().iter().find(|field| !seen.insert(field.name().as_str())) {
            None => Ok(self),
            Some(twice) => Err(Error::invalid(format!("two columns would be called `{}`", twice.name()))),
        }
    }

    /// The first of these that the table has, in any case.
    pub(crate) fn stored_named(&self, names: &[&str]) -> Option<&Column> {
        names.iter().find_map(|name| self.stored.iter().find(|column| column.name.eq_ignore_ascii_case(name)))
    }
}
