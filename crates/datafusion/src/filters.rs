//! DataFusion's filters as filters of the reader.

use airbyte_sql_read::{Comparison, Filter};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use crate::columns::{Column, Columns};
use crate::compare::{self, compare};

/// Values of a list that are worth a longer statement.
const LONGEST_LIST: usize = 500;

/// A filter for the warehouse.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pushed {
    pub filter: Filter,
    /// Whether it is true, false and unknown for the very rows for which the original is. If not, it keeps all rows that
    /// the original keeps, and maybe more.
    pub exact: bool,
}

impl Pushed {
    pub(crate) fn exactly(filter: Filter) -> Self {
        Self { filter, exact: true }
    }

    pub(crate) fn at_least(filter: Filter) -> Self {
        Self { filter, exact: false }
    }
}

/// The expression as a filter for the warehouse; `None` if nothing of it can be evaluated there.
pub(crate) fn pushed(expression: &Expr, columns: &Columns) -> Option<Pushed> {
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (pushed(left, columns), pushed(right, columns)) {
                (Some(left), Some(right)) => {
                    Some(Pushed { exact: left.exact && right.exact, filter: left.filter.and(right.filter) })
                }
                // One condition less keeps more rows.
                (Some(one), None) | (None, Some(one)) => Some(Pushed { exact: false, ..one }),
                (None, None) => None,
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (left, right) = (pushed(left, columns)?, pushed(right, columns)?);
            Some(Pushed { exact: left.exact && right.exact, filter: left.filter.or(right.filter) })
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let comparison = comparison(*op)?;
            if let (Some(column), Some(value)) = (column(left, columns), literal(right)) {
                compare(columns.kind, column, comparison, value)
            } else {
                compare(columns.kind, column(right, columns)?, mirrored(comparison)?, literal(left)?)
            }
        }
        // What keeps more rows than it should would keep fewer when it is turned around.
        Expr::Not(inner) => pushed(inner, columns)
            .filter(|inner| inner.exact)
            .map(|inner| Pushed::exactly(Filter::Not(Box::new(inner.filter)))),
        Expr::IsNull(inner) => null_test(inner, columns, Filter::is_null),
        Expr::IsNotNull(inner) => null_test(inner, columns, Filter::is_not_null),
        Expr::Column(_) => {
            let column = column(expression, columns)?;
            (column.data_type() == &DataType::Boolean).then(|| {
                compare(columns.kind, column, Comparison::Equal, &ScalarValue::Boolean(Some(true)))
            })?
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let column = column(expr, columns)?;
            let (low, high) = (literal(low)?, literal(high)?);
            if *negated {
                let below = compare(columns.kind, column, Comparison::Less, low)?;
                let above = compare(columns.kind, column, Comparison::Greater, high)?;
                Some(Pushed { exact: below.exact && above.exact, filter: below.filter.or(above.filter) })
            } else {
                let from = compare(columns.kind, column, Comparison::GreaterOrEqual, low)?;
                let to = compare(columns.kind, column, Comparison::LessOrEqual, high)?;
                Some(Pushed { exact: from.exact && to.exact, filter: from.filter.and(to.filter) })
            }
        }
        Expr::InList(list) => in_list(list, columns),
        _ => None,
    }
}

fn in_list(InList { expr, list, negated }: &InList, columns: &Columns) -> Option<Pushed> {
    if list.is_empty() || list.len() > LONGEST_LIST {
        return None;
    }
    let column = column(expr, columns)?;
    let comparison = if *negated { Comparison::NotEqual } else { Comparison::Equal };
    let each: Option<Vec<Pushed>> =
        list.iter().map(|value| compare(columns.kind, column, comparison, literal(value)?)).collect();
    let each = each?;
    let exact = each.iter().all(|one| one.exact);
    let filters: Vec<Filter> = each.into_iter().map(|one| one.filter).collect();
    let filter = if *negated { Filter::All(filters) } else { Filter::Any(filters) };
    Some(Pushed { filter, exact })
}

fn null_test(inner: &Expr, columns: &Columns, test: fn(String) -> Filter) -> Option<Pushed> {
    let column = column(inner, columns)?;
    compare::tells_null(columns.kind, column).then(|| Pushed::exactly(test(column.stored.clone())))
}

fn column<'a>(expression: &Expr, columns: &'a Columns) -> Option<&'a Column> {
    match expression {
        Expr::Column(column) => columns.named(&column.name),
        _ => None,
    }
}

fn literal(expression: &Expr) -> Option<&ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn comparison(operator: Operator) -> Option<Comparison> {
    Some(match operator {
        Operator::Eq => Comparison::Equal,
        Operator::NotEq => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// The comparison with its sides changed.
fn mirrored(comparison: Comparison) -> Option<Comparison> {
    Some(match comparison {
        Comparison::Equal => Comparison::Equal,
        Comparison::NotEqual => Comparison::NotEqual,
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        _ => return None,
    })
}
