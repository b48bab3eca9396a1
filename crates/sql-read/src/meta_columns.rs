//! The columns that Airbyte adds.

/// What becomes of the columns that Airbyte adds (those that begin with `_airbyte_`, in any case).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetaColumns {
    /// They are read as they are.
    #[default]
    Keep,
    /// They are left out. Records kept as JSON stay where the stream's schema is not known.
    Drop,
    /// They begin with this instead of `_airbyte_`.
    Prefix(String),
}

const PREFIX: &str = "_airbyte_";
/// The column that holds a record as JSON.
pub(crate) const DATA_COLUMN: &str = "_airbyte_data";
/// The number of the refresh that a row is from.
pub(crate) const GENERATION_COLUMN: &str = "_airbyte_generation_id";
/// When a row was deleted in its source, as change data capture tells it.
pub(crate) const DELETED_COLUMN: &str = "_ab_cdc_deleted_at";

/// Whether Airbyte has added the column.
pub(crate) fn is_meta(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

impl MetaColumns {
    /// The name that a column is given.
    pub(crate) fn renamed(&self, name: &str) -> String {
        match self {
            Self::Prefix(prefix) if is_meta(name) => format!("{prefix}{}", &name[PREFIX.len()..]),
            _ => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_every_connector_are_known() {
        assert!(is_meta("_airbyte_raw_id") && is_meta("_AIRBYTE_META"));
        assert!(!is_meta("_ab_cdc_lsn") && !is_meta("airbyte_id") && !is_meta("é") && !is_meta(""));
        let prefix = MetaColumns::Prefix("m_".into());
        assert_eq!((prefix.renamed("_AIRBYTE_META"), prefix.renamed("id")), ("m_META".into(), "id".into()));
    }
}
