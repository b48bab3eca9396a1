//! Destinations and connections as catalogs.

use std::collections::BTreeMap;
use std::sync::Arc;

use airbyte_sql_read::{ErrorKind, StreamSpec, Warehouse};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::error::Result;

use crate::error::from_reader;
use crate::table::AirbyteTable;

/// What schemas are called where the database has none.
const NO_SCHEMA: &str = "main";

/// What is in a destination, or what of it a connection has put there: schemas of tables, by the names that they have in the
/// database. Where that has no schemas, there is one called `main`.
///
/// Which tables there are is looked up when the catalog is made, and what columns they have when a query names them.
#[derive(Clone, Debug)]
pub struct AirbyteCatalog {
    schemas: BTreeMap<String, Arc<AirbyteSchema>>,
}

/// A schema of a destination.
#[derive(Clone, Debug)]
pub struct AirbyteSchema {
    warehouse: Warehouse,
    name: Option<Arc<str>>,
    unchanging: bool,
    tables: BTreeMap<String, Place>,
}

/// How a table is found.
#[derive(Clone, Debug)]
enum Place {
    /// As that of a stream, with what is known about it.
    Stream(Box<StreamSpec>),
    /// By its own name.
    Table { schema: Option<String>, table: String },
}

impl AirbyteCatalog {
    /// The tables and views in these schemas of a destination; of none, those of the schema that it is configured for.
    ///
    /// # Errors
    /// An `External` or `IoError` if the database's catalogue cannot be read.
    pub async fn of_destination(warehouse: &Warehouse, schemas: &[&str]) -> Result<Self> {
        // Its own is asked for without a name: it may be written in another case than it is configured in.
        let own = [""];
        let schemas = if schemas.is_empty() { &own } else { schemas };
        let mut catalog = Self { schemas: BTreeMap::new() };
        for schema in schemas {
            let asked = (!schema.is_empty()).then(|| (*schema).to_owned());
            let name = asked.as_deref().unwrap_or_else(|| warehouse.schema_name());
            let tables = warehouse.tables(asked.as_deref()).await.map_err(from_reader)?;
            // A schema without tables is there as well.
            let there = catalog.schema_of(warehouse, name);
            there.tables.extend(
                tables
                    .into_iter()
                    .map(|table| (table.clone(), Place::Table { schema: asked.clone(), table })),
            );
        }
        Ok(catalog)
    }

    /// The tables of these streams, as far as they are there.
    ///
    /// # Errors
    /// An `External` or `IoError` if the database's catalogue cannot be read.
    pub async fn of_streams(
        warehouse: &Warehouse,
        streams: impl IntoIterator<Item = StreamSpec>,
    ) -> Result<Self> {
        let mut found = Vec::new();
        for stream in streams {
            let located = warehouse.locate(&stream).await.map_err(from_reader)?;
            if located.exists {
                found.push((located.schema, located.table, Place::Stream(Box::new(stream))));
            }
        }
        Ok(Self::new(warehouse, found))
    }

    /// What a connection has put into its destination (feature `cloud`). Records that the connector keeps as JSON have their
    /// fields as columns.
    ///
    /// # Errors
    /// An `External` or `IoError` if the database's catalogue cannot be read.
    #[cfg(feature = "cloud")]
    pub async fn of_connection(datasets: &airbyte_sql_read::ConnectionDatasets) -> Result<Self> {
        Self::of_streams(datasets.warehouse(), datasets.streams().iter().cloned()).await
    }

    /// The name that other processes know the destination by, so that they can take part: see
    /// [`Warehouses`](crate::Warehouses).
    #[must_use]
    pub fn known_as(mut self, name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        for schema in self.schemas.values_mut() {
            Arc::make_mut(schema).name = Some(name.clone());
        }
        self
    }

    /// Says that the rows of these tables stay the same while a query reads them: see [`AirbyteTable::unchanging`].
    #[must_use]
    pub fn unchanging(mut self) -> Self {
        for schema in self.schemas.values_mut() {
            Arc::make_mut(schema).unchanging = true;
        }
        self
    }

    /// The schema to look for tables in whose schema is not said: that of this name if tables are there, else the first with
    /// tables, else that of this name.
    pub fn home(&self, configured: &str) -> String {
        let configured = if configured.is_empty() { NO_SCHEMA } else { configured };
        let has_tables = |name: &str| self.schemas.get(name).is_some_and(|schema| !schema.tables.is_empty());
        let mut with_tables = self.schemas.keys().filter(|name| has_tables(name));
        let home = if has_tables(configured) { None } else { with_tables.next() };
        home.map_or(configured, String::as_str).to_owned()
    }

    fn new(warehouse: &Warehouse, found: Vec<(String, String, Place)>) -> Self {
        let mut catalog = Self { schemas: BTreeMap::new() };
        for (schema, table, place) in found {
            catalog.schema_of(warehouse, &schema).tables.insert(table, place);
        }
        catalog
    }

    /// The schema of this name, which is made if it is not there.
    fn schema_of(&mut self, warehouse: &Warehouse, name: &str) -> &mut AirbyteSchema {
        let name = if name.is_empty() { NO_SCHEMA } else { name };
        let empty = || {
            let tables = BTreeMap::new();
            Arc::new(AirbyteSchema { warehouse: warehouse.clone(), name: None, unchanging: false, tables })
        };
        Arc::make_mut(self.schemas.entry(name.to_owned()).or_insert_with(empty))
    }
}

impl CatalogProvider for AirbyteCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.schemas.keys().cloned().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.schemas.get(name).map(|schema| Arc::clone(schema) as _)
    }
}

#[async_trait]
impl SchemaProvider for AirbyteSchema {
    fn table_names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(place) = self.tables.get(name) else { return Ok(None) };
        let dataset = match place {
            Place::Stream(stream) => self.warehouse.dataset(stream).await,
            Place::Table { schema, table } => self.warehouse.table(schema.as_deref(), table).await,
        };
        let dataset = match dataset {
            Ok(dataset) => dataset,
            // It has gone since the catalog was made.
            Err(error) if error.kind() == ErrorKind::StreamNotFound => return Ok(None),
            Err(error) => return Err(from_reader(error)),
        };
        let table = AirbyteTable::new(&self.warehouse, dataset);
        let table = if self.unchanging { table.unchanging() } else { table };
        Ok(Some(Arc::new(match &self.name {
            Some(name) => table.known_as(name.clone()),
            None => table,
        })))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }
}
