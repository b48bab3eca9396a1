//! Aggregates that the warehouse can make as DataFusion would.

use std::sync::Arc;

use airbyte_sql_read::Aggregate;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{AggregateFunction, Cast};
use datafusion::logical_expr::{self as logical, Expr, LogicalPlan, LogicalPlanBuilder, TableScan, col};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::summary::SummaryTable;
use crate::table::AirbyteTable;

/// What the groups are called in a plan.
const GROUPS: &str = "airbyte_groups";

/// Has groups made in the warehouse where the result is exactly DataFusion's: `count`, `min`, `max` and `sum` of columns, grouped
/// by columns, of a table whose conditions are all evaluated there as well. In PostgreSQL these are whole numbers, decimals with
/// a precision, dates and times; texts and booleans to group by. `SessionContext::add_optimizer_rule` adds it.
///
/// It saves the rows their way: one comes for each group, over one connection. Where the warehouse is busier than whoever asks,
/// leave the rule out.
#[derive(Debug, Default)]
pub struct AggregatesInWarehouse;

impl OptimizerRule for AggregatesInWarehouse {
    fn name(&self) -> &'static str {
        "airbyte_aggregates"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        Ok(match in_warehouse(&plan, config)? {
            Some(plan) => Transformed::yes(plan),
            None => Transformed::no(plan),
        })
    }
}

fn in_warehouse(plan: &LogicalPlan, config: &dyn OptimizerConfig) -> Result<Option<LogicalPlan>> {
    let LogicalPlan::Aggregate(aggregate) = plan else { return Ok(None) };
    let Some((scan, provider)) = table(&aggregate.input) else { return Ok(None) };
    let Some(table) = provider.downcast_ref::<AirbyteTable>() else { return Ok(None) };
    // Which rows a limit lets in is decided before they are grouped.
    if scan.fetch.is_some() {
        return Ok(None);
    }
    let Some(dataset) = table.filtered(&scan.filters)? else { return Ok(None) };

    let mut by = Vec::new();
    for key in &aggregate.group_expr {
        let Some(name) = stored(table, key) else { return Ok(None) };
        by.push(name);
    }
    let mut made: Vec<Aggregate> = by.iter().cloned().map(Aggregate::Key).collect();
    for value in &aggregate.aggr_expr {
        let Some(value) = made_there(table, value) else { return Ok(None) };
        made.push(value);
    }
    let values: Vec<(String, Aggregate)> =
        made.into_iter().enumerate().map(|(place, value)| (format!("value_{place}"), value)).collect();
    // Refused where the warehouse is not known to do it as DataFusion does.
    let Ok(summary) = dataset.summary(by.clone(), values.clone()) else { return Ok(None) };
    let schema = summary.schema();
    let same = |(made, wanted): (&Arc<_>, &Arc<_>)| {
        let (made, wanted): (&datafusion::arrow::datatypes::Field, &datafusion::arrow::datatypes::Field) =
            (made, wanted);
        made.data_type() == wanted.data_type() && (wanted.is_nullable() || !made.is_nullable())
    };
    if schema.fields().len() != aggregate.schema.fields().len()
        || !schema.fields().iter().zip(aggregate.schema.fields()).all(same)
    {
        return Ok(None);
    }
    let groups = SummaryTable {
        warehouse: table.warehouse().clone(),
        name: table.name(),
        shown: table.shown(),
        dataset,
        by,
        values,
        schema,
        unchanging: table.is_unchanging(),
    };
    // Plans are compared by the names of their tables, and not by what is behind them: groups that differ need two.
    let name = config.alias_generator().next(GROUPS);
    let named = aggregate.schema.iter().enumerate().map(|(place, (qualifier, field))| {
        let value = col(format!("{name}.value_{place}"));
        value.alias_qualified(qualifier.cloned(), field.name())
    });
    let groups = LogicalPlanBuilder::scan(name.as_str(), provider_as_source(Arc::new(groups)), None)?;
    Ok(Some(groups.project(named)?.build()?))
}

/// The table below, by whatever name.
fn table(plan: &LogicalPlan) -> Option<(&TableScan, Arc<dyn datafusion::catalog::TableProvider>)> {
    match plan {
        LogicalPlan::TableScan(scan) => Some((scan, source_as_provider(&scan.source).ok()?)),
        LogicalPlan::SubqueryAlias(alias) => table(&alias.input),
        _ => None,
    }
}

/// The column that an expression is, by its name in the database.
fn stored(table: &AirbyteTable, expression: &Expr) -> Option<String> {
    let Expr::Column(column) = expression else { return None };
    Some(table.columns().named(&column.name)?.stored.clone())
}

fn made_there(table: &AirbyteTable, expression: &Expr) -> Option<Aggregate> {
    let expression = match expression {
        Expr::Alias(alias) => alias.expr.as_ref(),
        other => other,
    };
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expression else { return None };
    let logical::expr::AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = params;
    if *distinct || filter.is_some() || !order_by.is_empty() || null_treatment.is_some() {
        return None;
    }
    let [of] = args.as_slice() else { return None };
    match (func.name(), of) {
        ("count", Expr::Literal(value, _)) if !value.is_null() => Some(Aggregate::Rows),
        ("count", of) => Some(Aggregate::NotNull(stored(table, of)?)),
        ("min", of) => Some(Aggregate::Min(stored(table, of)?)),
        ("max", of) => Some(Aggregate::Max(stored(table, of)?)),
        // Smaller whole numbers are made larger before they are added up.
        ("sum", Expr::Cast(Cast { expr, field })) if field.data_type() == &DataType::Int64 => {
            let name = stored(table, expr)?;
            let column = table.columns().by_stored_name(&name)?;
            matches!(column.data_type(), DataType::Int16 | DataType::Int32).then_some(Aggregate::Sum(name))
        }
        ("sum", of) => Some(Aggregate::Sum(stored(table, of)?)),
        _ => None,
    }
}
