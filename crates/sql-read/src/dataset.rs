//! One stream's data in the destination.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use futures::{Stream, StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use crate::engine::{Engine, RecordBatchStream};
use crate::error::{Error, Result};
use crate::export::Export;
use crate::filter::{Filter, Order};
use crate::format::Format;
use crate::json_columns::{InexactNumbers, JsonColumns};
use crate::locate::{Located, TableName};
use crate::naming::Layout;
use crate::scan::{Column, Expression, Scan};
use crate::stream_spec::StreamSpec;

/// Rows of a batch unless something else is asked for.
const BATCH_ROWS: usize = 8_192;
/// The column that holds a record as JSON.
pub(crate) const DATA_COLUMN: &str = "_airbyte_data";

/// One stream's data in the destination: what to read of it, then ways to read it.
///
/// Nothing is read before a reading method is called, and then all of it happens in the database: the choice of
/// columns, filters, order and limit. A read sees one snapshot of the table. Cheap to clone.
#[derive(Clone, Debug)]
#[must_use = "a dataset reads nothing by itself"]
pub struct Dataset {
    engine: Arc<dyn Engine>,
    located: Located,
    stored: Vec<Column>,
    json: Option<JsonColumns>,
    chosen: Option<Vec<String>>,
    without_meta: bool,
    filter: Option<Filter>,
    order: Vec<(String, Order)>,
    limit: Option<u64>,
    batch_rows: usize,
}

impl Dataset {
    pub(crate) async fn open(engine: Arc<dyn Engine>, located: Located, stream: &StreamSpec) -> Result<Self> {
        let table = TableName { schema: located.schema.clone(), table: located.table.clone() };
        let stored = engine.columns(&table).await?;
        let holds_json = stored.iter().any(|column| column.name == DATA_COLUMN);
        let json = match (&stream.json_schema, located.layout) {
            (Some(schema), Layout::Raw | Layout::RawV1) if holds_json => JsonColumns::new(schema),
            _ => None,
        };
        Ok(Self {
            engine,
            located,
            stored,
            json,
            chosen: None,
            without_meta: false,
            filter: None,
            order: Vec::new(),
            limit: None,
            batch_rows: BATCH_ROWS,
        })
    }

    /// The schema of the table; empty in databases without schemas.
    pub fn schema_name(&self) -> &str {
        &self.located.schema
    }

    /// The table.
    pub fn table_name(&self) -> &str {
        &self.located.table
    }

    /// How the connector lays the records out.
    pub fn layout(&self) -> Layout {
        self.located.layout
    }

    /// Reads these columns alone, in this order. The default is all of them, in the table's order; records kept as
    /// JSON come as typed columns if the stream's schema is known, and `_airbyte_data` can still be asked for.
    ///
    /// # Errors
    /// `InvalidInput` if a column does not exist.
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let chosen: Vec<String> = columns.into_iter().map(Into::into).collect();
        for name in &chosen {
            self.known(name)?;
        }
        if chosen.is_empty() {
            return Err(Error::invalid("no columns are chosen"));
        }
        self.chosen = Some(chosen);
        Ok(self)
    }

    /// Leaves out the columns that Airbyte adds (those that begin with `_airbyte_`).
    pub fn without_meta_columns(mut self) -> Self {
        self.without_meta = true;
        self
    }

    /// Reads these columns as the database's own text, whatever their type: a way out for values that Arrow's types
    /// cannot hold, such as dates at infinity.
    ///
    /// # Errors
    /// `InvalidInput` if a column does not exist.
    pub fn text_columns(mut self, columns: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        for name in columns {
            let name = name.as_ref();
            self.known(name)?;
            if let Some(json) = &mut self.json {
                json.read_as_text(name);
            }
            for column in self.stored.iter_mut().filter(|column| column.name == name) {
                column.as_text = true;
                let text = column.field.as_ref().clone().with_data_type(arrow_schema::DataType::Utf8);
                column.field = Arc::new(text);
            }
        }
        Ok(self)
    }

    /// Reads the rows that fit alone. A second filter narrows the first.
    ///
    /// # Errors
    /// `InvalidInput` if a column does not exist.
    pub fn filter(mut self, filter: Filter) -> Result<Self> {
        for name in filter.columns() {
            self.known(name)?;
        }
        self.filter = Some(match self.filter.take() {
            None => filter,
            Some(first) => first.and(filter),
        });
        Ok(self)
    }

    /// Orders the rows by a column; a second call orders those that the first leaves equal.
    ///
    /// # Errors
    /// `InvalidInput` if the column does not exist.
    pub fn order_by(mut self, column: impl Into<String>, order: Order) -> Result<Self> {
        let column = column.into();
        self.known(&column)?;
        self.order.push((column, order));
        Ok(self)
    }

    /// Reads so many rows at the most.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// So many rows a batch at the most, 8,192 unless this is called. Memory grows with it.
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows.max(1);
        self
    }

    /// What to do with numbers kept as JSON that a double cannot hold. Default: refuse them.
    pub fn inexact_numbers(mut self, policy: InexactNumbers) -> Self {
        if let Some(json) = &mut self.json {
            json.inexact_numbers = policy;
        }
        self
    }

    /// The columns that will be read.
    pub fn schema(&self) -> SchemaRef {
        self.plan().schema
    }

    /// Counts the rows, in the database.
    ///
    /// # Errors
    /// `Query` or `BrokenConnection` if the database does not answer.
    pub async fn count(&self) -> Result<u64> {
        self.engine.count(&self.plan().scan).await
    }

    /// The first rows as one batch.
    ///
    /// # Errors
    /// Those of [`Dataset::batches`].
    pub async fn head(&self, rows: u64) -> Result<RecordBatch> {
        let limit = self.limit.map_or(rows, |limit| limit.min(rows));
        let few = self.clone().limit(limit);
        let batches: Vec<RecordBatch> = few.batches().await?.try_collect().await?;
        Ok(concat_batches(&few.schema(), &batches)?)
    }

    /// All rows, batch by batch, in bounded memory. An error ends the stream; without one it is whole.
    ///
    /// # Errors
    /// `Query` if the database refuses, `BrokenConnection` if it is lost on the way, `Value` if a value does not fit
    /// its column's type.
    pub async fn batches(&self) -> Result<RecordBatchStream> {
        let plan = self.plan();
        let batches = self.engine.read(plan.scan).await?;
        let Some(json) = plan.json else { return Ok(batches) };
        let schema = plan.schema;
        Ok(Box::pin(batches.map(move |batch| json.expand(&batch?, &schema))))
    }

    /// All rows as values of a type of yours, one by one. Fields go by the names of columns.
    ///
    /// # Errors
    /// Those of [`Dataset::batches`], and `Value` if a row does not fit the type.
    pub async fn rows<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> Result<impl Stream<Item = Result<T>> + Send + use<T>> {
        let batches = self.batches().await?;
        Ok(batches
            .map(|batch| -> Result<_> {
                let rows: Vec<T> = serde_arrow::from_record_batch(&batch?).map_err(|error| {
                    Error::new(crate::ErrorKind::Value, format!("a row does not fit the type: {error}"))
                })?;
                Ok(futures::stream::iter(rows.into_iter().map(Ok::<T, Error>)))
            })
            .try_flatten())
    }

    /// Writes all rows to a file. Nothing happens before it is awaited.
    pub fn export(&self, path: impl AsRef<Path>, format: Format) -> Export {
        Export::new(self.clone(), path.as_ref().to_owned(), format)
    }

    fn known(&self, name: &str) -> Result<()> {
        if self.names().iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        let names: Vec<_> = self.schema().fields().iter().map(|field| field.name().clone()).collect();
        Err(Error::invalid(format!("there is no column `{name}` in `{}`", self.located.table))
            .with_hint(format!("the columns are {}", names.join(", "))))
    }

    /// Every name that can be asked for, and what it stands for. A stored column wins over a member of the JSON.
    fn names(&self) -> Vec<(String, Expression)> {
        let stored =
            self.stored.iter().map(|column| (column.name.clone(), Expression::Column(column.name.clone())));
        let members = self.json.iter().flat_map(JsonColumns::names);
        stored.chain(members.map(|name| (name.to_owned(), Expression::Json(name.to_owned())))).collect()
    }

    fn default_columns(&self) -> Vec<String> {
        let stored = self.stored.iter().map(|column| column.name.as_str());
        // What is shown as columns is not shown as JSON once more.
        let stored = stored.filter(|name| self.json.is_none() || *name != DATA_COLUMN);
        let members = self.json.iter().flat_map(JsonColumns::names);
        stored
            .chain(members.filter(|name| !self.stored.iter().any(|column| column.name == *name)))
            .filter(|name| !self.without_meta || !name.starts_with("_airbyte_"))
            .map(str::to_owned)
            .collect()
    }

    fn plan(&self) -> Plan {
        let wanted = self.chosen.clone().unwrap_or_else(|| self.default_columns());
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        let mut from_json = false;
        for name in &wanted {
            if let Some(column) = self.stored.iter().find(|column| column.name == *name) {
                fields.push(column.field.clone());
                columns.push(column.clone());
            } else if let Some(field) = self.json.as_ref().and_then(|json| json.field(name)) {
                fields.push(field);
                from_json = true;
            }
        }
        if from_json {
            // The id of the record is what an error names.
            for needed in [DATA_COLUMN, "_airbyte_ab_id", "_airbyte_raw_id"] {
                let present = columns.iter().any(|column| column.name == needed);
                if let Some(column) = self.stored.iter().find(|column| column.name == needed && !present) {
                    columns.push(column.clone());
                }
            }
        }
        let scan = Scan {
            table: TableName { schema: self.located.schema.clone(), table: self.located.table.clone() },
            columns,
            names: self.names(),
            filter: self.filter.clone(),
            order: self.order.clone(),
            limit: self.limit,
            batch_rows: self.batch_rows,
        };
        let json = if from_json { self.json.clone() } else { None };
        Plan { scan, json, schema: Arc::new(Schema::new(fields)) }
    }
}

/// What one read consists of.
struct Plan {
    scan: Scan,
    json: Option<JsonColumns>,
    schema: SchemaRef,
}
