//! About how large a table is.

/// About how large a table is, as its database estimates it without reading the rows: for plans, never for answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableSize {
    /// Rows; `None` if the database does not tell, as PostgreSQL of a table that it has not analyzed yet.
    pub rows: Option<u64>,
    /// Bytes as they are stored; `None` if the database does not tell.
    pub bytes: Option<u64>,
}
