//! Random conditions on random rows.

use datafusion::logical_expr::{Expr, Operator, binary_expr, in_list, lit};
use datafusion::prelude::col;
use datafusion::scalar::ScalarValue;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A column and values that are worth comparing it with: those that are in it, and some between them.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub column: &'static str,
    pub values: Vec<ScalarValue>,
}

impl Pool {
    pub(crate) fn new<T: Into<ScalarValue>>(
        column: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        Self { column, values: values.into_iter().map(Into::into).collect() }
    }

    fn value(&self, index: Index) -> Expr {
        lit(index.get(&self.values).clone())
    }
}

fn leaf(pools: Vec<Pool>) -> impl Strategy<Value = Expr> {
    let operators =
        [Operator::Eq, Operator::NotEq, Operator::Lt, Operator::LtEq, Operator::Gt, Operator::GtEq];
    let one = (
        select(pools),
        select(operators.to_vec()),
        proptest::collection::vec(any::<Index>(), 1..4),
        0..10_u8,
    );
    one.prop_map(|(pool, operator, values, form)| {
        let column = col(pool.column);
        match form {
            0 => column.is_null(),
            1 => column.is_not_null(),
            2 => binary_expr(pool.value(values[0]), operator, column),
            3 => in_list(column, values.iter().map(|value| pool.value(*value)).collect(), false),
            4 => in_list(column, values.iter().map(|value| pool.value(*value)).collect(), true),
            5 => column.between(pool.value(values[0]), pool.value(*values.last().unwrap())),
            6 => column.not_between(pool.value(values[0]), pool.value(*values.last().unwrap())),
            _ => binary_expr(column, operator, pool.value(values[0])),
        }
    })
}

/// Conditions on these columns, some deep.
pub(crate) fn condition(pools: &[Pool]) -> impl Strategy<Value = Expr> + use<> {
    leaf(pools.to_vec()).prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| one.and(other)),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| one.or(other)),
            inner.prop_map(|one| !one),
        ]
    })
}
