//! A table that has been planned already.

use std::sync::Arc;

use airbyte_datafusion::AirbyteScan;
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

use crate::parts::handed_out;

/// Stands in a logical plan where a table was, once its scan is planned: the columns, conditions and limits of the query are
/// in the scan.
#[derive(Clone, Debug)]
pub(crate) struct StandIn {
    pub scan: AirbyteScan,
}

#[async_trait]
impl TableProvider for StandIn {
    fn schema(&self) -> SchemaRef {
        self.scan.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// What the scheduler asks for beyond what the client has planned is done there.
    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = handed_out(self.scan.clone())?;
        let schema = self.schema();
        match projection {
            Some(places) if !places.iter().copied().eq(0..schema.fields().len()) => {
                let columns = places.iter().map(|place| {
                    let name = schema.field(*place).name();
                    ProjectionExpr::new(Arc::new(Column::new(name, *place)), name.clone())
                });
                Ok(Arc::new(ProjectionExec::try_new(columns, all)?))
            }
            _ => Ok(all),
        }
    }
}
