//! Whether what is in a table is one refresh, whole.

use std::ops::RangeInclusive;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_cast::cast;
use arrow_schema::DataType;

use crate::dataset::Dataset;
use crate::error::Result;
use crate::filter::{Filter, Order};
use crate::meta_columns::GENERATION_COLUMN;

const META_COLUMN: &str = "_airbyte_meta";
const EXTRACTED_COLUMN: &str = "_airbyte_extracted_at";

/// Whether the rows of a table are those of syncs that have ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Freshness {
    /// Nothing says otherwise.
    Complete,
    /// A sync is running: rows may be there already, or old and new ones beside each other.
    InProgress,
    /// A refresh has left a part of its rows, beside older ones or alone; or it ended badly, and whether it has left
    /// rows cannot be told.
    Partial,
}

impl Dataset {
    /// The oldest and the newest refresh that has rows in the table; `None` where there are no rows, or the connector
    /// does not number them.
    ///
    /// # Errors
    /// Those of [`Dataset::batches`].
    pub async fn generations(&self) -> Result<Option<RangeInclusive<i64>>> {
        let Some(column) = self.stored_named(&[GENERATION_COLUMN]) else { return Ok(None) };
        let name = column.name.clone();
        // Old rows have none.
        let all = self.whole_table().columns([&name])?.filter(Filter::is_not_null(&name))?;
        let (oldest, newest) = (
            all.clone().order_by(&name, Order::Ascending)?.head(1).await?,
            all.order_by(&name, Order::Descending)?.head(1).await?,
        );
        Ok(number(&oldest).zip(number(&newest)).map(|(oldest, newest)| oldest..=newest))
    }

    /// Whether the table holds one refresh, as far as the table tells: the rows of several count as [`Partial`] unless
    /// the stream is known to keep them ([`StreamSpec::overwrites`](crate::StreamSpec::overwrites)). The connection
    /// knows more, see `ConnectionDatasets::freshness`.
    ///
    /// # Errors
    /// Those of [`Dataset::batches`].
    ///
    /// [`Partial`]: Freshness::Partial
    pub async fn freshness(&self) -> Result<Freshness> {
        let keeps = self.stream.overwrites == Some(false);
        Ok(if !keeps && self.generations().await?.is_some_and(|all| all.start() != all.end()) {
            Freshness::Partial
        } else {
            Freshness::Complete
        })
    }

    /// The job that the newest row is from, where the connector writes it down.
    #[cfg_attr(not(feature = "cloud"), expect(dead_code, reason = "only the API knows about jobs"))]
    pub(crate) async fn newest_job(&self) -> Result<Option<i64>> {
        let own = |name: &str| self.stored_named(&[name]).map(|column| column.name.clone());
        let (Some(meta), Some(extracted)) = (own(META_COLUMN), own(EXTRACTED_COLUMN)) else {
            return Ok(None);
        };
        let newest = self
            .whole_table()
            .columns([&meta])?
            .filter(Filter::is_not_null(&extracted))?
            .order_by(&extracted, Order::Descending)?
            .head(1)
            .await?;
        let Some(text) = newest.columns().first().and_then(|column| cast(column, &DataType::Utf8).ok())
        else {
            return Ok(None);
        };
        let texts = text.as_string::<i32>().iter().next().flatten();
        let meta = texts.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        Ok(meta.and_then(|meta| meta.get("sync_id")?.as_i64()))
    }
}

/// The only value of the only column.
fn number(batch: &RecordBatch) -> Option<i64> {
    let column = cast(batch.columns().first()?, &DataType::Int64).ok()?;
    column.as_primitive::<Int64Type>().iter().next().flatten()
}
