//! A scan of a dataset, part by part.

use std::fmt;
use std::sync::Arc;

use airbyte_sql_read::{Refreshes, Split, Splits, TableSize};
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_datafusion_err, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::{StreamExt, TryFutureExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::error::from_reader;
use crate::warehouses::{Source, Warehouses};

/// Reads a dataset: a partition for each part.
///
/// It can go to another process as bytes, which hold no credentials: the destination is named, and the other process has its
/// own way to it. The snapshot stays open as long as the scan that was planned first, or one of its streams, is kept.
#[derive(Clone, Debug)]
pub struct AirbyteScan {
    source: Source,
    what: Arc<What>,
    /// Of which refreshes the rows of all partitions are.
    refreshes: Refreshes,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    /// Holds the snapshot.
    splits: Option<Arc<Splits>>,
    /// Whether nobody writes meanwhile.
    unchanging: bool,
}

/// What is read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct What {
    /// The table, as people are shown it.
    pub table: String,
    /// What batches are like, also where there is no part.
    pub schema: SchemaRef,
    pub parts: Vec<Part>,
    /// The order of the rows, as far as it is known to be Arrow's; first things first.
    pub order: Vec<Ordered>,
    /// About how many rows there are in all parts, and bytes of them.
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
}

/// A column that the rows are in the order of.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Ordered {
    column: usize,
    descending: bool,
    nulls_first: bool,
}

/// One partition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Part {
    /// Rows of which no column is wanted: the warehouse has counted them.
    Counted(u64),
    /// Rows to be read.
    Split(Box<Split>),
}

/// The same as it goes to another process.
#[derive(Serialize)]
struct Sent<'a> {
    destination: &'a str,
    what: &'a What,
}

#[derive(Deserialize)]
struct Received {
    destination: String,
    what: What,
}

impl What {
    /// The rows of these parts.
    pub(crate) fn of_splits(table: String, schema: SchemaRef, splits: &Splits, size: TableSize) -> Self {
        let parts = parts(splits.splits());
        let rows = if splits.splits().is_empty() { Some(0) } else { size.rows };
        Self { table, schema, parts, order: Vec::new(), rows, bytes: size.bytes }
    }

    /// The same, its rows in this order of columns, of which these are read.
    pub(crate) fn ordered(mut self, read: &[String], order: Vec<(String, SortOptions)>) -> Self {
        // Parts are read side by side, so that an order would be one of each alone.
        if self.parts.len() == 1 {
            let place = |(name, SortOptions { descending, nulls_first })| {
                let column = read.iter().position(|read| *read == name)?;
                Some(Ordered { column, descending, nulls_first })
            };
            self.order = order.into_iter().map_while(place).collect();
        }
        self
    }

    /// Its order as plans have it.
    fn ordering(&self) -> Option<LexOrdering> {
        LexOrdering::new(self.order.iter().map(|ordered| {
            let Ordered { column, descending, nulls_first } = *ordered;
            let column = Column::new(self.schema.field(column).name(), column);
            PhysicalSortExpr::new(Arc::new(column), SortOptions { descending, nulls_first })
        }))
    }

    /// So many rows without columns.
    pub(crate) fn counted(table: String, rows: u64) -> Self {
        let schema = Arc::new(Schema::empty());
        Self {
            table,
            schema,
            parts: vec![Part::Counted(rows)],
            order: Vec::new(),
            rows: Some(rows),
            bytes: Some(0),
        }
    }

    /// Whether the number of rows is known and not only estimated.
    fn is_counted(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Counted(_)))
    }
}

impl AirbyteScan {
    /// The same, which has seen rows of these refreshes already.
    pub(crate) fn of_refreshes(self, refreshes: Refreshes) -> Self {
        Self { refreshes, ..self }
    }

    pub(crate) fn new(source: Source, what: What, splits: Option<Splits>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(what.schema.clone(), what.ordering()),
            Partitioning::UnknownPartitioning(what.parts.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            source,
            what: Arc::new(what),
            refreshes: Refreshes::default(),
            properties: Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative)),
            metrics: ExecutionPlanMetricsSet::new(),
            splits: splits.map(Arc::new),
            unchanging: false,
        }
    }

    /// The same, of a table that nobody writes to meanwhile, if that is so.
    pub(crate) fn unchanging(self, unchanging: bool) -> Self {
        Self { unchanging, ..self }
    }

    /// The scan for another process: which destination, which parts, and no credentials.
    ///
    /// # Errors
    /// `Plan` if the table's destination has no name ([`AirbyteTable::known_as`](crate::AirbyteTable::known_as)).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let sent = Sent { destination: self.source.name()?, what: &self.what };
        serde_json::to_vec(&sent).map_err(|error| DataFusionError::External(Box::new(error)))
    }

    /// The scan that [`AirbyteScan::to_bytes`] was called of, read from the destination that has its name in
    /// `warehouses`. Nothing is connected to before it is executed.
    ///
    /// # Errors
    /// `Internal` if the bytes are none of this version's.
    pub fn from_bytes(bytes: &[u8], warehouses: Arc<dyn Warehouses>) -> Result<Self> {
        let Received { destination, what } = serde_json::from_slice(bytes)
            .map_err(|error| internal_datafusion_err!("these bytes are no scan of a dataset: {error}"))?;
        if what.order.iter().any(|ordered| ordered.column >= what.schema.fields().len()) {
            return internal_err!(
                "these bytes are no scan of a dataset: it has an order of columns that it has not"
            );
        }
        Ok(Self::new(Source::Named(destination.into(), warehouses), what, None))
    }

    /// The scan of these partitions alone, in this order, for those who hand them out. Partitions that there are not are
    /// left out.
    #[must_use]
    pub fn only(&self, partitions: &[usize]) -> Self {
        let all = self.what.parts.len() as u64;
        let parts: Vec<Part> =
            partitions.iter().filter_map(|partition| self.what.parts.get(*partition).cloned()).collect();
        let share = |whole: Option<u64>| Some(whole? * parts.len() as u64 / all.max(1));
        let (rows, bytes) = (share(self.what.rows), share(self.what.bytes));
        let schema = self.schema();
        let order = self.what.order.clone();
        let what = What { table: self.what.table.clone(), schema, parts, order, rows, bytes };
        let scan = Self::new(self.source.clone(), what, None);
        Self {
            refreshes: self.refreshes.clone(),
            splits: self.splits.clone(),
            unchanging: self.unchanging,
            ..scan
        }
    }

    /// The table that is read, as plans show it.
    pub fn table(&self) -> &str {
        &self.what.table
    }

    /// Whether a partition that is executed again, here or in another process, is of the same rows as before, or an error
    /// ([`Splits::is_repeatable`]). Only the scan that was planned can tell, not one that came as bytes.
    pub fn is_repeatable(&self) -> bool {
        // What the warehouse has counted is in the plan.
        self.unchanging || self.splits.as_ref().is_none_or(|splits| splits.is_repeatable())
    }

    /// Of which refreshes the rows are that were read so far, of all partitions; what is told is final when they have
    /// ended. Rows of an unfinished refresh beside older ones are logged as well.
    pub fn refreshes(&self) -> Refreshes {
        self.refreshes.clone()
    }
}

impl DisplayAs for AirbyteScan {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.what.parts.len();
        match format {
            DisplayFormatType::TreeRender => write!(f, "table={}\nparts={parts}", self.what.table),
            _ if self.what.is_counted() => write!(f, "AirbyteScan: table={}, counted", self.what.table),
            _ => {
                let schema = self.schema();
                let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                write!(
                    f,
                    "AirbyteScan: table={}, columns=[{}], parts={parts}",
                    self.what.table,
                    names.join(", ")
                )?;
                match self.what.ordering() {
                    Some(order) => write!(f, ", order=[{order}]"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl ExecutionPlan for AirbyteScan {
    fn name(&self) -> &'static str {
        "AirbyteScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a scan has no children") }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let batches = match self.what.parts.get(partition) {
            None => return internal_err!("the scan has no partition {partition}"),
            Some(Part::Counted(rows)) => {
                counted(self.schema(), *rows, context.session_config().batch_size()).boxed()
            }
            Some(Part::Split(split)) => {
                let (source, split, refreshes) = (self.source.clone(), split.clone(), self.refreshes.clone());
                // Nothing is asked of the warehouse before somebody wants rows.
                let read = async move {
                    let warehouse = source.warehouse().await?;
                    let batches = warehouse.read_split_of(&split, &refreshes).await.map_err(from_reader)?;
                    Ok(batches.map_err(from_reader))
                };
                read.try_flatten_stream().boxed()
            }
        };
        let splits = self.splits.clone();
        let batches = batches.inspect(move |batch| {
            let _lives_as_long_as_the_stream = &splits;
            if let Ok(batch) = batch {
                batch.record_output(&metrics);
            }
        });
        Ok(Box::pin(cooperative(RecordBatchStreamAdapter::new(self.schema(), batches))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        if partition.is_none() || self.what.parts.len() == 1 {
            let number = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
            let told = |number: usize| {
                // An exact number takes the place of the scan in the plan, and nobody would be told of the refreshes.
                let is_all = self.what.is_counted() && self.refreshes.warning().is_none();
                if is_all { Precision::Exact(number) } else { Precision::Inexact(number) }
            };
            statistics.num_rows = number(self.what.rows).map_or(Precision::Absent, told);
            statistics.total_byte_size = number(self.what.bytes).map_or(Precision::Absent, told);
        }
        Ok(Arc::new(statistics))
    }
}

/// The partitions for these parts. BigQuery cuts no rows into no parts, and DataFusion can do nothing with a scan of no
/// partitions.
fn parts(splits: &[Split]) -> Vec<Part> {
    if splits.is_empty() {
        return vec![Part::Counted(0)];
    }
    splits.iter().map(|split| Part::Split(Box::new(split.clone()))).collect()
}

/// So many rows of no columns.
fn counted(
    schema: SchemaRef,
    rows: u64,
    batch_rows: usize,
) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
    let batch_rows = batch_rows.max(1);
    futures::stream::try_unfold(rows, move |left| {
        let schema = schema.clone();
        async move {
            if left == 0 {
                return Ok(None);
            }
            let rows = usize::try_from(left).map_or(batch_rows, |left| left.min(batch_rows));
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let batch = RecordBatch::try_new_with_options(schema, Vec::new(), &options)?;
            Ok(Some((batch, left - rows as u64)))
        }
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field};

    use super::*;

    #[tokio::test]
    async fn no_parts_are_a_partition_without_rows() {
        let parts = parts(&[]);
        assert!(matches!(parts.as_slice(), [Part::Counted(0)]));
        let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
        let batches: Vec<_> = counted(schema, 0, 10).collect().await;
        assert!(batches.is_empty());
    }
}
