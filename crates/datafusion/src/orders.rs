//! Where a database puts rows in the order in which Arrow would.

use airbyte_sql_read::{Dataset, DestinationKind, Order};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, TimeUnit};

use crate::columns::{Column, Columns};

/// The order in which a database gives rows that are ordered by this column; `None` if that is not Arrow's.
///
/// Texts have the order of a collation, and floating point numbers a NaN or a zero that Arrow puts elsewhere.
pub(crate) fn options(kind: DestinationKind, column: &Column, order: Order) -> Option<SortOptions> {
    // A member of a JSON record is ordered by the database as whatever it holds.
    let declared = column.declared()?;
    let same = match (kind, column.data_type()) {
        (DestinationKind::Sqlite, of) => of == &DataType::Int64,
        (_, DataType::Boolean | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Date32) => {
            true
        }
        (DestinationKind::Postgres, DataType::Utf8) => declared == "uuid",
        (DestinationKind::Postgres, of) => matches!(
            of,
            DataType::Decimal128(_, 0..)
                | DataType::Time64(TimeUnit::Microsecond)
                | DataType::Timestamp(TimeUnit::Microsecond, _)
        ),
        _ => false,
    };
    let descending = match order {
        Order::Ascending => false,
        Order::Descending => true,
        _ => return None,
    };
    let nulls_first = if column.is_nullable() { nulls_first(kind, descending)? } else { descending };
    same.then_some(SortOptions { descending, nulls_first })
}

/// Where the database puts NULL unless it is told; `None` if that depends on an account's settings or is not known.
fn nulls_first(kind: DestinationKind, descending: bool) -> Option<bool> {
    match kind {
        // Larger than everything.
        DestinationKind::Postgres | DestinationKind::Redshift => Some(descending),
        // Smaller than everything.
        DestinationKind::BigQuery | DestinationKind::Sqlite => Some(!descending),
        _ => None,
    }
}

/// The order of a dataset's rows as far as Arrow has the same: columns by their names in the database.
pub(crate) fn of_dataset(dataset: &Dataset, columns: &Columns) -> Vec<(String, SortOptions)> {
    let known = |(name, order): &(String, Order)| {
        let options = options(columns.kind, columns.by_stored_name(name)?, *order)?;
        Some((name.clone(), options))
    };
    dataset.ordered_by().iter().map_while(known).collect()
}
