//! Rows put together by groups, in the database.

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};

use super::Dataset;
use crate::engine::Summaries;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;
use crate::reading::Batches;
use crate::refreshes::Refreshes;
use crate::scan::{self, Column, GroupKey, Scan, SummaryValue};
use crate::split::{self, Splits};

/// What the oldest and the newest refresh of a group are called, where they are asked for.
const REFRESHES: [&str; 2] = ["_airbyte_oldest_generation", "_airbyte_newest_generation"];

/// The smallest or the largest value of a column.
type End = fn(String, Option<String>) -> SummaryValue;

/// What becomes of the rows of a group. Columns go by their names in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aggregate {
    /// The column's value, which all rows of the group have: one of those that make the groups.
    Key(String),
    /// The number of rows.
    Rows,
    /// The number of rows in which the column is not NULL.
    NotNull(String),
    /// The smallest value of the column; NULL where there is none.
    Min(String),
    /// The largest value of the column; NULL where there is none.
    Max(String),
    /// The sum of the column's values; NULL where there is none. Of whole numbers it is one of 64 bits, of decimals one with
    /// ten more digits, up to 38; a sum that does not fit is a `Query` error.
    Sum(String),
}

/// A dataset's rows by groups: a row for each group, put together in the database. See [`Dataset::summary`].
#[derive(Clone, Debug)]
#[must_use = "a summary reads nothing by itself"]
pub struct Summary {
    dataset: Dataset,
    plan: Plan,
}

impl Dataset {
    /// The rows of the dataset by groups, a row for each: those with the same values in the columns `by` are one, and of no
    /// columns all rows are one. The values are those that are named, in that order, each with a name for its column.
    ///
    /// It is there where the database's results are those of Arrow's own arithmetic and comparison: of PostgreSQL, for the
    /// types of which that is known. Elsewhere [`Warehouse::query`](crate::Warehouse::query) groups as the database does.
    ///
    /// # Errors
    /// `Unsupported` if the database, or a column's type, would not be grouped, compared or added up as in Arrow; if the
    /// column is a member of a record kept as JSON; or if the dataset has an order or a limit. `InvalidInput` if a column does
    /// not exist.
    pub fn summary(
        &self,
        by: impl IntoIterator<Item = impl Into<String>>,
        values: impl IntoIterator<Item = (impl Into<String>, Aggregate)>,
    ) -> Result<Summary> {
        let can = self.engine.summaries().ok_or_else(|| {
            unsupported("this database is not known to group rows as Arrow does")
                .with_hint("a statement of your own can (`Warehouse::query`)")
        })?;
        if self.limit.is_some() || !self.order.is_empty() {
            return Err(unsupported("a dataset with an order or a limit has no groups"));
        }
        let mut keys = Vec::new();
        for name in by {
            keys.push(self.key(can, &name.into())?);
        }
        let (mut columns, mut made) = (Vec::new(), Vec::new());
        for (name, value) in values {
            let (column, value) = self.value(can, &keys, &value)?;
            let field = column.field.as_ref().clone().with_name(name);
            columns.push(Column { name: field.name().clone(), field: Arc::new(field), ..column });
            made.push(value);
        }
        if columns.is_empty() {
            return Err(Error::invalid("no values of the groups are wanted"));
        }
        let fields: Vec<Arc<Field>> = columns.iter().map(|column| column.field.clone()).collect();
        let schema = Arc::new(Schema::new(fields));
        let mut generations = Vec::new();
        // Read along, so that a summary tells of an unfinished refresh as a read does.
        if let Some(generation) = self.generation.as_ref().filter(|generation| can.is_ordered(generation)) {
            let ends: [End; 2] = [SummaryValue::Least, SummaryValue::Most];
            for (name, end) in REFRESHES.into_iter().zip(ends) {
                let field = generation.field.as_ref().clone().with_name(name).with_nullable(true);
                columns.push(Column { name: name.to_owned(), field: Arc::new(field), ..generation.clone() });
                made.push(end(generation.name.clone(), can.precise(generation)));
                generations.push(name.to_owned());
            }
        }
        let summary = Some(scan::Summary { by: keys, values: made });
        let scan = Scan { columns, summary, generation: None, ..self.plan().scan };
        let plan = Plan { scan, json: None, stored: schema.clone(), schema, generations };
        Ok(Summary { dataset: self.clone(), plan })
    }

    /// The column of the table, not of a record.
    fn stored_column(&self, name: &str) -> Result<&Column> {
        self.known(name)?;
        self.stored
            .iter()
            .find(|column| column.name == name)
            .ok_or_else(|| unsupported(format!("`{name}` is a member of a record kept as JSON")))
    }

    fn key(&self, can: &dyn Summaries, name: &str) -> Result<GroupKey> {
        can.key(self.stored_column(name)?)
            .ok_or_else(|| unsupported(format!("`{name}` is not told apart by the database as by Arrow")))
    }

    /// The column that a value comes in, and how it comes about.
    fn value(
        &self,
        can: &dyn Summaries,
        keys: &[GroupKey],
        value: &Aggregate,
    ) -> Result<(Column, SummaryValue)> {
        let ordered = |name: &String, end: End| {
            let column = self.stored_column(name)?;
            if !can.is_ordered(column) {
                return Err(unsupported(format!("`{name}` is not ordered by the database as by Arrow")));
            }
            let field = column.field.as_ref().clone().with_nullable(true);
            let value = end(name.clone(), can.precise(column));
            Ok((Column { field: Arc::new(field), ..column.clone() }, value))
        };
        match value {
            Aggregate::Key(name) => match keys.iter().find(|key| key.column == *name) {
                Some(key) => Ok((self.stored_column(name)?.clone(), SummaryValue::Key(key.clone()))),
                None => Err(Error::invalid(format!("rows are not grouped by `{name}`"))),
            },
            Aggregate::Rows => Ok((can.rows(), SummaryValue::Rows)),
            Aggregate::NotNull(name) => {
                Ok((can.rows(), SummaryValue::NotNull(self.stored_column(name)?.name.clone())))
            }
            Aggregate::Min(name) => ordered(name, SummaryValue::Least),
            Aggregate::Max(name) => ordered(name, SummaryValue::Most),
            Aggregate::Sum(name) => {
                let (sum, type_name) = can.sum(self.stored_column(name)?).ok_or_else(|| {
                    unsupported(format!("`{name}` is not added up by the database as by Arrow"))
                })?;
                Ok((sum, SummaryValue::Sum(name.clone(), type_name)))
            }
        }
    }
}

impl Summary {
    /// The columns that will be read, in the order in which they were named.
    pub fn schema(&self) -> SchemaRef {
        self.plan.schema.clone()
    }

    /// The groups, in no order.
    ///
    /// # Errors
    /// Those of [`Dataset::batches`].
    pub async fn batches(&self) -> Result<Batches> {
        let rows = async {
            let rows = self.dataset.engine.read(self.plan.scan.clone()).await?;
            Ok(self.plan.finish(rows, &Refreshes::default()))
        };
        self.dataset.patience.read(rows).await
    }

    /// The same as the one part of a read, for whoever reads parts.
    ///
    /// # Errors
    /// Those of [`Dataset::splits`].
    pub async fn splits(&self) -> Result<Splits> {
        let Dataset { kind, engine, patience, .. } = &self.dataset;
        patience.answer(split::cut(*kind, &**engine, &self.plan, *patience, NonZeroUsize::MIN)).await
    }
}

fn unsupported(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}
