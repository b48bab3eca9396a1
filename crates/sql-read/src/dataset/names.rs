//! The names that a dataset's columns are asked for by.

use std::collections::HashSet;

use super::Dataset;
use crate::error::{Error, Result};
use crate::json_columns::JsonColumns;
use crate::naming::loosely;
use crate::scan::{Column, Expression};

impl Dataset {
    pub(super) fn known(&self, name: &str) -> Result<()> {
        if self.names().iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        let names: Vec<_> = self.plan().stored.fields().iter().map(|field| field.name().clone()).collect();
        Err(Error::invalid(format!("there is no column `{name}` in `{}`", self.located.table))
            .with_hint(format!("the columns are {}", names.join(", "))))
    }

    /// The column that holds a field of the source: connectors write names in another case, and replace characters. Where
    /// none does, or several may, the field's own name.
    pub(crate) fn column_of(&self, field: &str) -> String {
        let names = self.names();
        if names.iter().any(|(name, _)| name == field) {
            return field.to_owned();
        }
        let wanted = loosely(field);
        let mut alike = names.iter().filter(|(name, _)| loosely(name) == wanted);
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

    /// Every name that can be asked for, and what it stands for. A stored column wins over a member of the JSON.
    pub(super) fn names(&self) -> Vec<(String, Expression)> {
        let stored =
            self.stored.iter().map(|column| (column.name.clone(), Expression::Column(column.name.clone())));
        let members = self.json.iter().flat_map(JsonColumns::names);
        stored.chain(members.map(|name| (name.to_owned(), Expression::Json(name.to_owned())))).collect()
    }

    /// The first of these that the table has, in any case.
    pub(crate) fn stored_named(&self, names: &[&str]) -> Option<&Column> {
        names.iter().find_map(|name| self.stored.iter().find(|column| column.name.eq_ignore_ascii_case(name)))
    }
}
