//! A dataset as a table.

use std::sync::Arc;

use airbyte_sql_read::{Dataset, Refreshes, Splits, TableSize, Warehouse};
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::columns::Columns;
use crate::error::from_reader;
use crate::filters::{Pushed, pushed};
use crate::orders;
use crate::scan::{AirbyteScan, What};
use crate::summary::SummaryTable;
use crate::warehouses::Source;

/// Bytes of a table that are worth a connection of their own.
const BYTES_A_PART: u64 = 1024 * 1024;

/// A dataset as a table of DataFusion.
///
/// The table has the columns that the dataset reads, and its rows: what was chosen, renamed, filtered or limited before
/// stays so.
///
/// Planning a query asks the warehouse: for the table's size, for the parts and their snapshot, and where no column is
/// wanted, as in `count(*)`, for the number of rows, which is all that there is to know then.
#[derive(Clone, Debug)]
pub struct AirbyteTable {
    warehouse: Warehouse,
    name: Option<Arc<str>>,
    dataset: Dataset,
    columns: Columns,
    schema: SchemaRef,
    parts: Option<usize>,
    unchanging: bool,
}

impl AirbyteTable {
    /// The table of a dataset, which is one of this warehouse.
    pub fn new(warehouse: &Warehouse, dataset: Dataset) -> Self {
        Self {
            warehouse: warehouse.clone(),
            name: None,
            columns: Columns::of(&dataset),
            schema: dataset.schema(),
            dataset,
            parts: None,
            unchanging: false,
        }
    }

    /// The name that other processes know the destination by, so that they can take part: see
    /// [`Warehouses`](crate::Warehouses).
    #[must_use]
    pub fn known_as(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Reads about so many parts side by side, however small the table. Default: the session's `target_partitions`, and at
    /// most one for each megabyte, where the warehouse tells the size.
    #[must_use]
    pub fn parts(mut self, parts: usize) -> Self {
        self.parts = Some(parts.max(1));
        self
    }

    /// Says that the table's rows stay the same while a query reads it. A cluster, which may repeat parts of a query, needs to
    /// know where the warehouse has no state that can be read again ([`AirbyteScan::is_repeatable`]).
    #[must_use]
    pub fn unchanging(mut self) -> Self {
        self.unchanging = true;
        self
    }

    /// The table of this dataset, which is the same with other conditions, order or limit.
    pub(crate) fn of(mut self, dataset: Dataset) -> Self {
        self.dataset = dataset;
        self
    }

    /// The dataset.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The filter as the warehouse can evaluate it.
    fn pushed(&self, filter: &Expr) -> Option<Pushed> {
        // Which rows a limit lets in depends on the rows before it.
        if self.dataset.is_limited() { None } else { pushed(filter, &self.columns) }
    }

    pub(crate) fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    pub(crate) fn name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    pub(crate) fn is_unchanging(&self) -> bool {
        self.unchanging
    }

    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The dataset's rows that fit; `None` if the warehouse cannot tell exactly which do.
    pub(crate) fn filtered(&self, filters: &[Expr]) -> Result<Option<Dataset>> {
        let mut dataset = self.dataset.clone();
        for filter in filters {
            let Some(Pushed { filter, exact: true }) = self.pushed(filter) else { return Ok(None) };
            dataset = dataset.filter(filter).map_err(from_reader)?;
        }
        Ok(Some(dataset))
    }

    pub(crate) fn shown(&self) -> String {
        let (schema, table) = (self.dataset.schema_name(), self.dataset.table_name());
        if schema.is_empty() { table.to_owned() } else { format!("{schema}.{table}") }
    }

    /// The parts of a read, all of one state.
    async fn splits(&self, dataset: &Dataset, target: usize, size: TableSize) -> Result<Splits> {
        let worth = size.bytes.map_or(usize::MAX, |bytes| {
            usize::try_from(bytes.div_ceil(BYTES_A_PART)).unwrap_or(usize::MAX).max(1)
        });
        let wanted = self.parts.unwrap_or_else(|| target.min(worth));
        let splits = dataset.splits(wanted).await.map_err(from_reader)?;
        if splits.is_one_snapshot() {
            return Ok(splits);
        }
        tracing::debug!(
            table = self.shown(),
            "connections cannot share a state, so the table is read over one"
        );
        dataset.splits(1).await.map_err(from_reader)
    }
}

/// Whether a table is one whose scans are [`AirbyteScan`]s: a dataset, or groups of one that the warehouse makes.
pub fn reads_a_dataset(table: &dyn TableProvider) -> bool {
    table.is::<AirbyteTable>() || table.is::<SummaryTable>()
}

#[async_trait]
impl TableProvider for AirbyteTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.pushed(filter) {
            Some(Pushed { exact: true, .. }) => TableProviderFilterPushDown::Exact,
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut dataset = self.dataset.clone();
        let mut all_exact = true;
        for filter in filters {
            match self.pushed(filter) {
                Some(Pushed { filter, exact }) => {
                    dataset = dataset.filter(filter).map_err(from_reader)?;
                    all_exact &= exact;
                }
                None => all_exact = false,
            }
        }
        // A limit is one of the rows that are left after all filters, and not a second one beside the dataset's own.
        let limit = limit.filter(|_| all_exact && !dataset.is_limited());
        if let Some(limit) = limit {
            dataset = dataset.limit(limit as u64);
        }
        let source = Source::Here(self.warehouse.clone(), self.name.clone());
        if projection.is_some_and(Vec::is_empty) {
            let refreshes = Refreshes::default();
            let rows = dataset.count_of(&refreshes).await.map_err(from_reader)?;
            let scan = AirbyteScan::new(source, What::counted(self.shown(), rows), None);
            return Ok(Arc::new(scan.of_refreshes(refreshes)));
        }
        if let Some(projection) = projection {
            let names = projection.iter().map(|place| self.columns.columns[*place].stored.clone());
            dataset = dataset.columns(names).map_err(from_reader)?;
        }
        let mut size = dataset.table_size().await.map_err(from_reader)?;
        let splits = self.splits(&dataset, state.config().target_partitions(), size).await?;
        if let Some(limit) = limit {
            size.rows = Some(size.rows.unwrap_or(u64::MAX).min(limit as u64));
        }
        let part_of_row = dataset.schema().fields().len() as u64;
        size.bytes = size.bytes.map(|bytes| bytes * part_of_row / self.schema.fields().len().max(1) as u64);
        let what = What::of_splits(self.shown(), dataset.schema(), &splits, size)
            .ordered(&dataset.column_names(), orders::of_dataset(&dataset, &self.columns));
        Ok(Arc::new(AirbyteScan::new(source, what, Some(splits)).unchanging(self.unchanging)))
    }
}
