//! What is known of a dataset's columns.

use airbyte_sql_read::{Dataset, DestinationKind};
use datafusion::arrow::datatypes::{DataType, FieldRef};

/// A column, as the table of DataFusion has it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Its name in the database, which filters go by.
    pub stored: String,
    field: FieldRef,
}

impl Column {
    pub(crate) fn data_type(&self) -> &DataType {
        self.field.data_type()
    }

    pub(crate) fn is_nullable(&self) -> bool {
        self.field.is_nullable()
    }

    /// Its type in the words of the database. Members of JSON records have none.
    pub(crate) fn declared(&self) -> Option<&str> {
        let mut declared = self.field.metadata().iter().filter(|(key, _)| key.ends_with(":type"));
        declared.next().map(|(_, declared)| declared.as_str())
    }
}

/// The columns of a dataset, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub kind: DestinationKind,
    pub columns: Vec<Column>,
}

impl Columns {
    pub(crate) fn of(dataset: &Dataset) -> Self {
        let schema = dataset.schema();
        let stored = dataset.column_names().into_iter();
        let columns =
            stored.zip(schema.fields()).map(|(stored, field)| Column { stored, field: field.clone() });
        Self { kind: dataset.kind(), columns: columns.collect() }
    }

    /// The column of this name in the database.
    pub(crate) fn by_stored_name(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.stored == name)
    }

    /// The column of this name, as DataFusion knows it.
    pub(crate) fn named(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.field.name() == name)
    }
}
