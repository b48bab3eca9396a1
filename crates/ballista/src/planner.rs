//! Plans a query's datasets where it is asked, and the rest of it at the scheduler.

use std::fmt;
use std::sync::Arc;

use airbyte_datafusion::{AirbyteScan, reads_a_dataset};
use async_trait::async_trait;
use ballista_core::planner::BallistaQueryPlanner;
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{internal_datafusion_err, internal_err, not_impl_err};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableScan};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion_proto::protobuf::LogicalPlanNode;
use futures::StreamExt;

use crate::stand_in::StandIn;

/// Ballista's planner, after the datasets of a query have been planned.
#[derive(Debug)]
pub(crate) struct Planner {
    pub ballista: BallistaQueryPlanner<LogicalPlanNode>,
}

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        logical_plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (plan, scans) = planned(logical_plan, session).await?;
        let query = self.ballista.create_physical_plan(&plan, session).await?;
        Ok(if scans.is_empty() { query } else { Arc::new(HoldsSnapshots { query, scans: scans.into() }) })
    }
}

/// The plan with a stand-in for each dataset, and what they stand for.
async fn planned(plan: &LogicalPlan, session: &dyn Session) -> Result<(LogicalPlan, Vec<AirbyteScan>)> {
    // Planning asks the warehouse, which rewriting a plan cannot wait for.
    let mut tables = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(table) = node
            && is_dataset(table)
            && !tables.iter().any(|known| is_same(known, table))
        {
            tables.push(table.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut scans = Vec::new();
    for table in &tables {
        let TableScan { source, projection, filters, fetch, .. } = table;
        let planned = source_as_provider(source)?.scan(session, projection.as_ref(), filters, *fetch).await?;
        // Where the number of groups alone is wanted, they are read without their columns being handed on.
        let scan = planned.downcast_ref::<AirbyteScan>();
        let Some(scan) = scan.or_else(|| planned.children().into_iter().next()?.downcast_ref()) else {
            return internal_err!("the table {} is no dataset", table.table_name);
        };
        // Said before anything is sent.
        scan.to_bytes()?;
        check_repeatable(scan)?;
        scans.push(scan.clone());
    }
    let plan = plan.clone().transform_down_with_subqueries(|node| match node {
        LogicalPlan::TableScan(table) if is_dataset(&table) => {
            let place = tables.iter().position(|planned| is_same(planned, &table));
            let place = place.ok_or_else(|| internal_datafusion_err!("a table was not planned"))?;
            let stand_in = provider_as_source(Arc::new(StandIn { scan: scans[place].clone() }));
            // Whoever compares plans goes by names, and the conditions that told two scans apart are in them now.
            let nothing = table.projection.filter(Vec::is_empty);
            let scan = LogicalPlanBuilder::scan(format!("airbyte_scan_{place}"), stand_in, nothing)?;
            Ok(Transformed::yes(scan.alias(table.table_name)?.build()?))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok((plan.data, scans))
}

/// A lost executor's parts are read again, when others may have used what came of the first time.
fn check_repeatable(scan: &AirbyteScan) -> Result<()> {
    if scan.is_repeatable() {
        return Ok(());
    }
    not_impl_err!(
        "{} has no state that can be read again, so a cluster that loses an executor could mix two; ask by \
         DataFusion in one process, or say that its rows stay the same meanwhile (AirbyteCatalog::unchanging)",
        scan.table()
    )
}

/// Whether two scans are one: what is called alike may be two tables.
fn is_same(one: &TableScan, other: &TableScan) -> bool {
    one == other && Arc::ptr_eq(&one.source, &other.source)
}

fn is_dataset(table: &TableScan) -> bool {
    source_as_provider(&table.source).is_ok_and(|provider| reads_a_dataset(provider.as_ref()))
}

/// A query that others run, and the snapshots that they read: kept until its last row has come.
#[derive(Debug)]
struct HoldsSnapshots {
    query: Arc<dyn ExecutionPlan>,
    scans: Arc<[AirbyteScan]>,
}

impl DisplayAs for HoldsSnapshots {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables: Vec<&str> = self.scans.iter().map(AirbyteScan::table).collect();
        write!(f, "HoldsSnapshots: tables=[{}]", tables.join(", "))
    }
}

impl ExecutionPlan for HoldsSnapshots {
    fn name(&self) -> &'static str {
        "HoldsSnapshots"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.query.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.query]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(query) = children.pop() else { return internal_err!("a query is missing") };
        Ok(Arc::new(Self { query, scans: self.scans.clone() }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.query.execute(partition, context)?;
        let (schema, scans) = (rows.schema(), self.scans.clone());
        let rows = rows.inspect(move |_| {
            let _live_as_long_as_the_stream = &scans;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
