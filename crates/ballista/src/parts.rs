//! The parts of a scan, in the only form of which Ballista knows how to hand out some.

use std::fmt;
use std::sync::Arc;

use airbyte_datafusion::AirbyteScan;
use datafusion::common::not_impl_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use object_store::ObjectStore;

/// A partition of the scan.
struct Partition(usize);

/// Stands for a scan in the scheduler's plans.
///
/// The scheduler makes a task of some of a stage's partitions by leaving out the others, and knows how to do that with
/// files. A leaf that it does not know goes to every task whole, and each row would be read several times. So here each partition
/// is a file to it, which is never opened: on its way to an executor, what is left of them becomes a scan again.
struct Parts {
    scan: AirbyteScan,
    schema: TableSchema,
    metrics: ExecutionPlanMetricsSet,
}

/// The scan as a plan for the scheduler.
pub(crate) fn handed_out(scan: AirbyteScan) -> Result<Arc<dyn ExecutionPlan>> {
    let statistics = StatisticsContext::new().compute(&scan, &StatisticsArgs::default())?;
    let partitions = scan.properties().partitioning.partition_count();
    let groups = (0..partitions).map(|partition| {
        let file = PartitionedFile::new(format!("{}/{partition}", scan.table()), 0);
        FileGroup::new(vec![file.with_extension(Partition(partition))])
    });
    let groups = groups.collect();
    let schema = TableSchema::from(scan.schema());
    let source = Parts { scan, schema, metrics: ExecutionPlanMetricsSet::new() };
    let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse("airbyte://")?, Arc::new(source))
        .with_file_groups(groups)
        .with_statistics(Arc::unwrap_or_clone(statistics))
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// The scan that a plan of the scheduler's stands for, of the partitions that are left in it; `None` if it is another plan.
pub(crate) fn left(plan: &dyn ExecutionPlan) -> Option<AirbyteScan> {
    let (config, parts) = plan.downcast_ref::<DataSourceExec>()?.downcast_to_file_source::<Parts>()?;
    let files = config.file_groups.iter().flat_map(FileGroup::files);
    let partitions: Option<Vec<usize>> =
        files.map(|file| file.extension::<Partition>().map(|Partition(number)| *number)).collect();
    Some(parts.scan.only(&partitions?))
}

impl FileSource for Parts {
    fn create_file_opener(
        &self,
        _: Arc<dyn ObjectStore>,
        _: &FileScanConfig,
        _: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        not_impl_err!("parts of a dataset are read by executors that have airbyte-ballista's codec")
    }

    fn table_schema(&self) -> &TableSchema {
        &self.schema
    }

    fn with_batch_size(&self, _: usize) -> Arc<dyn FileSource> {
        Arc::new(Self {
            scan: self.scan.clone(),
            schema: self.schema.clone(),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &'static str {
        "airbyte"
    }

    fn fmt_extra(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ", table={}", self.scan.table())
    }

    /// A part is read as it was planned.
    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
}
