//! One stream's data in the destination.

mod names;
mod reads;
mod summary;

pub use summary::{Aggregate, Summary};

use std::sync::Arc;
use std::time::Duration;

use arrow_schema::{DataType, Schema, SchemaRef};

use crate::destination_kind::DestinationKind;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::filter::{Filter, Order};
use crate::json_columns::{ID_COLUMNS, InexactNumbers, JsonColumns};
use crate::locate::{Located, TableName};
pub(crate) use crate::meta_columns::DATA_COLUMN;
use crate::meta_columns::{DELETED_COLUMN, GENERATION_COLUMN, MetaColumns, is_meta};
use crate::naming::Layout;
use crate::plan::Plan;
use crate::query::BATCH_ROWS;
use crate::reading::Patience;
use crate::scan::{Column, Expression, Latest, Scan};
use crate::stream_spec::StreamSpec;
use crate::types::{self, UnknownTypes};

/// What tells when a record was extracted, in the versions of the connectors.
const EXTRACTED_COLUMNS: [&str; 2] = ["_airbyte_extracted_at", "_airbyte_emitted_at"];

/// One stream's data in the destination: what to read of it, then ways to read it.
///
/// Nothing is read before a reading method is called, and then all of it happens in the database: the choice of
/// columns, filters, order and limit. A read sees one snapshot of the table. Cheap to clone.
#[derive(Clone, Debug)]
#[must_use = "a dataset reads nothing by itself"]
pub struct Dataset {
    kind: DestinationKind,
    engine: Arc<dyn Engine>,
    located: Located,
    pub(crate) stream: StreamSpec,
    stored: Vec<Column>,
    /// Every name that can be asked for, and what it stands for. A stored column wins over a member of the JSON.
    names: Vec<(String, Expression)>,
    /// The column that numbers the refreshes, unless the stream keeps the rows of older ones.
    generation: Option<Column>,
    /// Columns that are text because they fit no type of Arrow.
    unknown: Vec<String>,
    json: Option<JsonColumns>,
    chosen: Option<Vec<String>>,
    /// Not read unless they are chosen.
    left_out: Vec<String>,
    meta: MetaColumns,
    renamed: Vec<(String, String)>,
    latest: Option<Latest>,
    filter: Option<Filter>,
    order: Vec<(String, Order)>,
    limit: Option<u64>,
    batch_rows: usize,
    patience: Patience,
}

impl Dataset {
    pub(crate) async fn open(
        kind: DestinationKind,
        engine: Arc<dyn Engine>,
        located: Located,
        stream: &StreamSpec,
    ) -> Result<Self> {
        let table = TableName { schema: located.schema.clone(), table: located.table.clone() };
        let stored = engine.columns(&table).await?;
        let holds_json = stored.iter().any(|column| column.name.eq_ignore_ascii_case(DATA_COLUMN));
        let json = match (&stream.json_schema, located.layout) {
            (Some(schema), Layout::Raw | Layout::RawV1) if holds_json => JsonColumns::new(schema),
            _ => None,
        };
        let numbered = |column: &&Column| {
            let is_number = column.field.data_type().is_integer() || column.field.data_type().is_decimal();
            is_number && column.name.eq_ignore_ascii_case(GENERATION_COLUMN)
        };
        let generation = stored.iter().find(numbered).filter(|_| stream.overwrites != Some(false)).cloned();
        Ok(Self {
            kind,
            engine,
            located,
            names: names::of(&stored, json.as_ref()),
            generation,
            stream: stream.clone(),
            unknown: stored
                .iter()
                .filter(|column| column.as_text || types::stands_in(kind, &column.field))
                .map(|column| column.name.clone())
                .collect(),
            stored,
            json,
            chosen: None,
            left_out: Vec::new(),
            meta: MetaColumns::Keep,
            renamed: Vec::new(),
            latest: None,
            filter: None,
            order: Vec::new(),
            limit: None,
            batch_rows: BATCH_ROWS,
            patience: Patience::default(),
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

    /// The table as it is written in a statement for [`Warehouse::query`](crate::Warehouse::query): with its schema, and
    /// quoted.
    pub fn sql_table_name(&self) -> String {
        let parts = [&self.located.schema, &self.located.table].into_iter().filter(|part| !part.is_empty());
        parts.map(|part| self.kind.quoted(part)).collect::<Vec<_>>().join(".")
    }

    /// The stream that it is of.
    pub fn stream(&self) -> &StreamSpec {
        &self.stream
    }

    /// What the database is.
    pub fn kind(&self) -> DestinationKind {
        self.kind
    }

    /// How the connector lays the records out.
    pub fn layout(&self) -> Layout {
        self.located.layout
    }

    /// Reads these columns alone, in this order. The default is all of them, in the table's order; records kept as
    /// JSON come as typed columns if the stream's schema is known, and `_airbyte_data` can still be asked for.
    ///
    /// # Errors
    /// `InvalidInput` if a column does not exist, or is there twice.
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let chosen: Vec<String> = columns.into_iter().map(Into::into).collect();
        for name in &chosen {
            self.known(name)?;
        }
        if chosen.is_empty() {
            return Err(Error::invalid("no columns are chosen"));
        }
        if let Some(twice) = (1..chosen.len()).find(|at| chosen[..*at].contains(&chosen[*at])) {
            return Err(Error::invalid(format!("the column `{}` is chosen twice", chosen[twice])));
        }
        self.chosen = Some(chosen);
        Ok(self)
    }

    /// Leaves out the columns that Airbyte adds: [`MetaColumns::Drop`].
    pub fn without_meta_columns(mut self) -> Self {
        self.meta = MetaColumns::Drop;
        self
    }

    /// What becomes of the columns that Airbyte adds. Those that are chosen by name are read in any case.
    ///
    /// # Errors
    /// `InvalidInput` if two columns would have the same name.
    pub fn meta_columns(mut self, meta: MetaColumns) -> Result<Self> {
        self.meta = meta;
        self.distinct()
    }

    /// Gives a column another name in what is read. Filters, orders and choices go by the name that it has in the
    /// table.
    ///
    /// # Errors
    /// `InvalidInput` if the column does not exist, or another one has that name already.
    pub fn rename(mut self, column: &str, name: impl Into<String>) -> Result<Self> {
        self.known(column)?;
        self.renamed.retain(|(known, _)| known != column);
        self.renamed.push((column.to_owned(), name.into()));
        self.distinct()
    }

    /// Reads these columns as the database's own text, whatever their type: a way out for values that Arrow's types
    /// cannot hold, such as dates at infinity. Fields of records kept as JSON can be read so as well.
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
                let text = column.field.as_ref().clone().with_data_type(DataType::Utf8);
                column.field = Arc::new(text);
            }
        }
        Ok(self)
    }

    /// What to do with columns that fit no type of Arrow. Those that are chosen by name are read as text in any case.
    /// Default: all are. (A single value that does not fit its column's type is an error in any case, and
    /// [`Dataset::text_columns`] the way around it.)
    ///
    /// # Errors
    /// `InvalidInput`, with the columns and their types, if there are any and the policy is [`UnknownTypes::Error`];
    /// or if nothing would be left.
    pub fn unknown_types(mut self, policy: UnknownTypes) -> Result<Self> {
        if policy == UnknownTypes::Text || self.unknown.is_empty() {
            return Ok(self);
        }
        let described = |name: &String| {
            let column = self.stored_named(&[name]);
            let declared = column.and_then(|column| types::declared(&column.field)).unwrap_or("unknown");
            format!("`{name}` ({declared})")
        };
        let columns: Vec<String> = self.unknown.iter().map(described).collect();
        let wanted: Vec<String> =
            self.default_columns().into_iter().filter(|name| !self.unknown.contains(name)).collect();
        if policy == UnknownTypes::Error || wanted.is_empty() {
            return Err(Error::invalid(format!(
                "these columns are of types without a form in Arrow: {}",
                columns.join(", ")
            ))
            .with_hint("read them as text (`UnknownTypes::Text`), or choose other columns"));
        }
        self.left_out.clone_from(&self.unknown);
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

    /// Leaves out the rows that are deleted in their source and kept in the destination: change data capture marks them
    /// in `_ab_cdc_deleted_at`. Without that column there are none.
    pub fn without_deleted_rows(mut self) -> Self {
        let deleted = self.names.iter().find(|(name, _)| name.eq_ignore_ascii_case(DELETED_COLUMN));
        if let Some((name, _)) = deleted {
            let there = Filter::is_null(name);
            self.filter = Some(match self.filter.take() {
                None => there,
                Some(first) => first.and(there),
            });
        }
        self
    }

    /// Of the rows with the same key reads the newest alone: the one with the largest cursor, then the one that was
    /// extracted last. Filters look at what is left. This is what the connector itself makes of a stream with
    /// deduplication, so it is for raw tables, and for tables that only grow.
    ///
    /// # Errors
    /// `InvalidInput` if there is no key, or a column does not exist.
    pub fn latest(
        mut self,
        key: impl IntoIterator<Item = impl Into<String>>,
        cursor: Option<&str>,
    ) -> Result<Self> {
        let key: Vec<String> = key.into_iter().map(Into::into).collect();
        if key.is_empty() {
            return Err(Error::invalid("the newest rows of a key need a key"));
        }
        for name in key.iter().map(String::as_str).chain(cursor) {
            self.known(name)?;
        }
        let own = |known: &[&str]| self.stored_named(known).map(|column| column.name.clone());
        let newest: Vec<String> = cursor
            .map(str::to_owned)
            .into_iter()
            .chain(own(&EXTRACTED_COLUMNS))
            .chain(own(&ID_COLUMNS))
            .collect();
        if newest.is_empty() {
            return Err(Error::invalid("nothing tells which of the rows is newer").with_hint("name a cursor"));
        }
        self.latest = Some(Latest { key, newest });
        Ok(self)
    }

    /// [`Dataset::latest`] by the primary key and the cursor that the connection has for the stream.
    ///
    /// # Errors
    /// `InvalidInput` if no primary key is known, or it is not among the columns.
    pub fn deduplicated(self) -> Result<Self> {
        if self.stream.primary_key.is_empty() {
            return Err(Error::invalid(format!("no primary key of `{}` is known", self.stream.name()))
                .with_hint("name the key: `Dataset::latest`"));
        }
        let key: Vec<String> = self.stream.primary_key.iter().map(|field| self.column_of(field)).collect();
        let cursor = self.stream.cursor.as_ref().map(|field| self.column_of(field));
        // A source may keep its cursor to itself; then the time of extraction has to do.
        let cursor = cursor.filter(|cursor| self.known(cursor).is_ok());
        self.latest(key, cursor.as_deref())
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

    /// Gives up, with a `Timeout` error, when a read takes longer; of [splits](Self::splits), when one of them does.
    /// Default: never.
    pub fn timeout(mut self, whole: Duration) -> Self {
        self.patience.whole = Some(whole);
        self
    }

    /// Gives up, with a `Timeout` error, when the database gives nothing for so long. Time between two batches that
    /// the caller takes does not count. Default: never.
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        self.patience.idle = Some(idle);
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

    /// The same columns by their names in the table, which [`Dataset::columns`], filters and orders go by.
    pub fn column_names(&self) -> Vec<String> {
        self.plan().stored.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The type of a column by its name in the table, whether it will be read or not: what filters compare with. `None` if
    /// there is no such column.
    pub fn column_type(&self, name: &str) -> Option<DataType> {
        let stored = self.stored.iter().find(|column| column.name == name);
        let of_json = || self.json.as_ref()?.field(name).map(|field| field.data_type().clone());
        stored.map(|column| column.field.data_type().clone()).or_else(of_json)
    }

    /// The columns that the rows are ordered by, by their names in the table; first things first.
    pub fn ordered_by(&self) -> &[(String, Order)] {
        &self.order
    }

    /// Whether which rows are read depends on a limit: then a further filter would let others in.
    pub fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// The same table with none of the choices made.
    pub(crate) fn whole_table(&self) -> Self {
        Self {
            chosen: None,
            left_out: Vec::new(),
            meta: MetaColumns::Keep,
            renamed: Vec::new(),
            latest: None,
            filter: None,
            order: Vec::new(),
            limit: None,
            ..self.clone()
        }
    }

    fn default_columns(&self) -> Vec<String> {
        let is_data = |name: &str| name.eq_ignore_ascii_case(DATA_COLUMN);
        let stored = self.stored.iter().map(|column| column.name.as_str());
        // What is shown as columns is not shown as JSON once more.
        let stored = stored.filter(|name| self.json.is_none() || !is_data(name));
        let members = self.json.iter().flat_map(JsonColumns::names);
        stored
            .chain(members.filter(|name| !self.stored.iter().any(|column| column.name == *name)))
            .filter(|name| !self.left_out.iter().any(|out| out == name))
            .filter(|name| self.meta != MetaColumns::Drop || !is_meta(name) || is_data(name))
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn plan(&self) -> Plan {
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
            for needed in [DATA_COLUMN].into_iter().chain(ID_COLUMNS) {
                if let Some(column) = self.stored_named(&[needed])
                    && !columns.iter().any(|present| present.name == column.name)
                {
                    columns.push(column.clone());
                }
            }
        }
        if let Some(generation) = &self.generation
            && !columns.iter().any(|present| present.name == generation.name)
        {
            columns.push(generation.clone());
        }
        let scan = Scan {
            table: TableName { schema: self.located.schema.clone(), table: self.located.table.clone() },
            columns,
            summary: None,
            generation: self.generation.as_ref().map(|column| column.name.clone()),
            names: self.names.clone(),
            latest: self.latest.clone(),
            filter: self.filter.clone(),
            order: self.order.clone(),
            limit: self.limit,
            batch_rows: self.batch_rows,
        };
        let json = if from_json { self.json.clone() } else { None };
        let renamed = fields.iter().map(|field| {
            let own =
                self.renamed.iter().find(|(known, _)| known == field.name()).map(|(_, name)| name.clone());
            types::marked(self.kind, field).with_name(own.unwrap_or_else(|| self.meta.renamed(field.name())))
        });
        let schema = Arc::new(Schema::new(renamed.collect::<Vec<_>>()));
        let generations = scan.generation.iter().cloned().collect();
        Plan { scan, json, stored: Arc::new(Schema::new(fields)), schema, generations }
    }
}
