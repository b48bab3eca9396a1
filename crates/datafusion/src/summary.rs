//! Groups of a dataset's rows as a table.

use std::sync::Arc;

use airbyte_sql_read::{Aggregate, Dataset, TableSize, Warehouse};
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

use crate::error::from_reader;
use crate::scan::{AirbyteScan, What};
use crate::warehouses::Source;

/// What the warehouse makes of a dataset's groups, in place of the table and what would be made of it here.
#[derive(Clone, Debug)]
pub(crate) struct SummaryTable {
    pub warehouse: Warehouse,
    pub name: Option<Arc<str>>,
    pub shown: String,
    pub dataset: Dataset,
    pub by: Vec<String>,
    pub values: Vec<(String, Aggregate)>,
    pub schema: SchemaRef,
    pub unchanging: bool,
}

#[async_trait]
impl TableProvider for SummaryTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = match projection {
            Some(places) if !places.is_empty() => {
                places.iter().map(|place| self.values[*place].clone()).collect()
            }
            _ => self.values.clone(),
        };
        let summary = self.dataset.summary(&self.by, wanted).map_err(from_reader)?;
        let splits = summary.splits().await.map_err(from_reader)?;
        // How many groups there are is not known; of no keys it is one.
        let mut size = TableSize::default();
        size.rows = self.by.is_empty().then_some(1);
        let what = What::of_splits(self.shown.clone(), summary.schema(), &splits, size);
        let source = Source::Here(self.warehouse.clone(), self.name.clone());
        let scan = AirbyteScan::new(source, what, Some(splits)).unchanging(self.unchanging);
        let scan = Arc::new(scan);
        if projection.is_some_and(Vec::is_empty) {
            // The number of groups is wanted, and nothing of them.
            return Ok(Arc::new(ProjectionExec::try_new(Vec::<ProjectionExpr>::new(), scan)?));
        }
        Ok(scan)
    }
}
