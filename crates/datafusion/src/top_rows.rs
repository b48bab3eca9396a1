//! The first rows of an order, which the warehouse can tell.

use std::sync::Arc;

use airbyte_sql_read::{DestinationKind, Order};
use datafusion::common::Column;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::TableScanBuilder;
use datafusion::logical_expr::{Expr, LogicalPlan, Sort, SortExpr, SubqueryAlias, TableScan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::orders;
use crate::table::AirbyteTable;

/// What the first rows of a table are called in a plan.
const FIRST_ROWS: &str = "airbyte_first_rows";

/// More rows than these are quicker to read in parts and to sort here.
const MOST_ROWS: usize = 100_000;

/// Has the warehouse give the first rows alone where a query wants no others: `order by ... limit` of columns that it puts in
/// Arrow's order, of a table whose conditions are all evaluated there as well. These are whole numbers and dates, where NULL is
/// wanted where the database puts it; in PostgreSQL also decimals with a precision, times and `uuid`. Not in BigQuery, where
/// it would be a query, which is billed, in place of a read of the table. `SessionContext::add_optimizer_rule` adds it.
///
/// It saves all other rows their way, and with an index on the columns also their reading. The table is read in one part then.
#[derive(Debug, Default)]
pub struct TopRowsInWarehouse;

impl OptimizerRule for TopRowsInWarehouse {
    fn name(&self) -> &'static str {
        "airbyte_top_rows"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Sort(Sort { expr, input, fetch: Some(rows @ ..=MOST_ROWS) }) = &plan else {
            return Ok(Transformed::no(plan));
        };
        let Some(keys) = expr.iter().map(key).collect::<Option<Vec<_>>>() else {
            return Ok(Transformed::no(plan));
        };
        Ok(match first_rows(input, keys, *rows, config)? {
            // The order is still wanted: it goes from the physical plan, where the scan says that it has it.
            Some(input) => Transformed::yes(LogicalPlan::Sort(Sort {
                expr: expr.clone(),
                input: Arc::new(input),
                fetch: Some(*rows),
            })),
            None => Transformed::no(plan),
        })
    }
}

/// A column to order by.
struct Key {
    column: Column,
    order: Order,
    nulls_first: bool,
}

fn key(expression: &SortExpr) -> Option<Key> {
    let Expr::Column(column) = &expression.expr else { return None };
    let order = if expression.asc { Order::Ascending } else { Order::Descending };
    Some(Key { column: column.clone(), order, nulls_first: expression.nulls_first })
}

/// The plan with its table read up to so many rows in this order.
fn first_rows(
    plan: &LogicalPlan,
    keys: Vec<Key>,
    rows: usize,
    config: &dyn OptimizerConfig,
) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::TableScan(scan) => of_table(scan, &keys, rows, config),
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Projection(_) => {
            let [input] = plan.inputs()[..] else { return Ok(None) };
            let mut below = Vec::new();
            for key in keys {
                let place = plan.schema().index_of_column(&key.column)?;
                let column = match plan {
                    LogicalPlan::Projection(projection) => match projection.expr[place].clone().unalias() {
                        Expr::Column(column) => column,
                        _ => return Ok(None),
                    },
                    _ => Column::from(input.schema().qualified_field(place)),
                };
                below.push(Key { column, ..key });
            }
            let Some(input) = first_rows(input, below, rows, config)? else { return Ok(None) };
            plan.with_new_exprs(plan.expressions(), vec![input]).map(Some)
        }
        _ => Ok(None),
    }
}

fn of_table(
    scan: &TableScan,
    keys: &[Key],
    rows: usize,
    config: &dyn OptimizerConfig,
) -> Result<Option<LogicalPlan>> {
    let Ok(provider) = source_as_provider(&scan.source) else { return Ok(None) };
    let Some(table) = provider.downcast_ref::<AirbyteTable>() else { return Ok(None) };
    // A limit or an order of its own says already which rows are the first.
    let own = table.dataset();
    if scan.fetch.is_some() || own.is_limited() || !own.ordered_by().is_empty() {
        return Ok(None);
    }
    if own.kind() == DestinationKind::BigQuery {
        return Ok(None);
    }
    let Some(mut dataset) = table.filtered(&scan.filters)? else { return Ok(None) };
    for key in keys {
        let Some(column) = table.columns().named(&key.column.name) else { return Ok(None) };
        let Some(options) = orders::options(table.columns().kind, column, key.order) else { return Ok(None) };
        if column.is_nullable() && options.nulls_first != key.nulls_first {
            return Ok(None);
        }
        dataset = dataset.order_by(&column.stored, key.order).map_err(crate::error::from_reader)?;
    }
    let source = provider_as_source(Arc::new(table.clone().of(dataset.limit(rows as u64))));
    // Plans are compared by the names of their tables, and not by what is behind them: two that differ need two.
    let first = TableScanBuilder::new(config.alias_generator().next(FIRST_ROWS), source)
        .with_projection(scan.projection.clone())
        .build()?;
    let first = Arc::new(LogicalPlan::TableScan(first));
    Ok(Some(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(first, scan.table_name.clone())?)))
}
