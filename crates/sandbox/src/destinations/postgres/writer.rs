//! Writes the rows of one stream: straight into its table, or beside it until the end.

use bytes::{BufMut, Bytes, BytesMut};
use futures::SinkExt;
use serde_json::json;

use super::table::{Layout, Table};
use super::{DestinationError, StreamTarget, copy_text, failed};
use crate::destinations::{json_text, row_id};
use crate::sources::Row;
use crate::sources::capture::DELETED_AT;

/// Writes one stream.
pub(crate) struct PostgresWriter {
    stream: StreamTarget,
    table: Table,
    /// Whether rows that the source has deleted go, where it tells so.
    deletes: bool,
    /// Whether rows go into a temporary table first, to appear all at once at the end.
    staged: bool,
    /// Whether the temporary table takes the place of the table at the end; else its rows are brought into it.
    swaps: bool,
}

impl PostgresWriter {
    pub(super) fn new(stream: StreamTarget, table: Table, hard_deletes: bool) -> Self {
        let deletes = hard_deletes && stream.fields.iter().any(|field| field.name == DELETED_AT);
        Self { stream, table, deletes, staged: false, swaps: false }
    }

    /// A raw table takes every row as it comes.
    fn deduplicates(&self) -> bool {
        self.stream.deduplicates() && self.table.layout == Layout::Typed
    }

    pub(in crate::destinations) async fn begin(&mut self) -> Result<(), DestinationError> {
        self.table.make_schema().await?;
        let present = self.table.present(self.stream.minimum_generation).await?;
        // An overwrite goes straight into the table if nothing older is there; then readers see it grow.
        self.swaps = self.stream.overwrites() && present.holds_older;
        self.staged = self.deduplicates() || self.swaps;
        if self.staged {
            // What an earlier attempt has read comes again, as sources are read from where that began. That does no
            // harm where one row a key is kept; elsewhere rows would be there twice.
            let taken_up = self.deduplicates().then_some(self.stream.minimum_generation);
            self.table.make_temporary(taken_up).await?;
        }
        if self.swaps {
            return Ok(());
        }
        self.table.make_or_adapt(&present, self.deduplicates()).await
    }

    pub(in crate::destinations) fn holds_back(&self) -> bool {
        self.staged
    }

    pub(in crate::destinations) async fn clear(&self) -> Result<(), DestinationError> {
        self.table.run(&format!("drop table if exists {}", self.table.temporary())).await?;
        if self.table.present(0).await?.is_missing() {
            return Ok(());
        }
        self.table.run(&format!("truncate {}", self.table.target())).await
    }

    pub(in crate::destinations) async fn write(&mut self, rows: &[Row]) -> Result<i64, DestinationError> {
        let block = self.encoded(rows);
        let bytes = i64::try_from(block.len()).unwrap_or(i64::MAX);
        let into = if self.staged { self.table.temporary() } else { self.table.target() };
        let sink = self
            .table
            .client
            .copy_in::<_, Bytes>(&format!("copy {into} ({}) from stdin", self.table.all_columns()))
            .await
            .map_err(|error| failed(&error))?;
        futures::pin_mut!(sink);
        sink.send(block).await.map_err(|error| failed(&error))?;
        sink.finish().await.map_err(|error| failed(&error))?;
        Ok(bytes)
    }

    /// The rows with their meta columns, as COPY takes them.
    fn encoded(&self, rows: &[Row]) -> Bytes {
        let now = chrono::Utc::now().format("%Y-%m-%d %H:%M:%S%.6f+00").to_string();
        let meta = format!(
            "\t{now}\t{{\"sync_id\": {}, \"changes\": []}}\t{}",
            self.stream.sync_id, self.stream.generation
        );
        let names: Vec<String> =
            self.stream.fields.iter().map(|field| json!(field.name).to_string()).collect();
        let mut random = rand::rng();
        let mut block = BytesMut::with_capacity(rows.len() * 256);
        let mut data = String::new();
        for row in rows {
            block.put_slice(row_id(&mut random).as_hyphenated().encode_lower(&mut [0; 36]).as_bytes());
            block.put_slice(meta.as_bytes());
            match self.table.layout {
                Layout::Typed => {
                    for (field, cell) in self.stream.fields.iter().zip(row) {
                        block.put_u8(b'\t');
                        copy_text::field(&mut block, field.kind, cell);
                    }
                }
                Layout::Raw => {
                    data.clear();
                    for (name, cell) in names.iter().zip(row) {
                        data.push(if data.is_empty() { '{' } else { ',' });
                        data.push_str(name);
                        data.push(':');
                        data.push_str(&json_text(cell));
                    }
                    data.push_str(if data.is_empty() { "{}" } else { "}" });
                    // Nothing is known of when it was loaded.
                    block.put_slice(b"\t\\N\t");
                    copy_text::json(&mut block, &data);
                }
            }
            block.put_u8(b'\n');
        }
        block.freeze()
    }

    pub(in crate::destinations) async fn finish(self: Box<Self>) -> Result<(), DestinationError> {
        if !self.staged {
            return Ok(());
        }
        if self.deduplicates() {
            self.keep_newest().await?;
        }
        if self.swaps {
            return self.table.swap(self.deduplicates()).await;
        }
        self.upsert().await
    }

    /// Ends the writing of a stream that has failed. What has come of a deduplicated one is merged all the same, unless
    /// the rows of older generations go. Whether what has come can be seen.
    pub(in crate::destinations) async fn abandon(self: Box<Self>) -> Result<bool, DestinationError> {
        if !self.staged {
            return Ok(true);
        }
        if !self.deduplicates() || self.stream.overwrites() {
            return Ok(false);
        }
        self.finish().await.map(|()| true)
    }

    /// Leaves one row a key in the temporary table: the one with the newest cursor.
    async fn keep_newest(&self) -> Result<(), DestinationError> {
        let (table, key) = (self.table.temporary(), self.table.key().join(", "));
        let newest = match self.table.cursor() {
            Some(cursor) => format!("{cursor} desc nulls last, _airbyte_extracted_at desc"),
            None => "_airbyte_extracted_at desc".to_owned(),
        };
        self.table
            .run(&format!(
                "delete from {table} where ctid in (
                     select ctid from (
                         select ctid, row_number() over (partition by {key} order by {newest}) as place from {table}
                     ) as ranked where place > 1
                 )"
            ))
            .await?;
        if self.deletes && self.swaps {
            return self.table.run(&format!("delete from {table} where \"{DELETED_AT}\" is not null")).await;
        }
        Ok(())
    }

    /// Brings the rows of the temporary table into the table, where they are newer than what is there.
    async fn upsert(&self) -> Result<(), DestinationError> {
        let (target, temporary) = (self.table.target(), self.table.temporary());
        let columns = self.table.all_columns();
        let pairs = self.table.key().iter().map(|key| format!("old.{key} = new.{key}"));
        let same_key = pairs.collect::<Vec<_>>().join(" and ");
        let not_newer = match self.table.cursor() {
            Some(cursor) => format!("and (old.{cursor} is null or new.{cursor} >= old.{cursor})"),
            None => String::new(),
        };
        let is_there = if self.deletes { format!("and new.\"{DELETED_AT}\" is null") } else { String::new() };
        self.table
            .run(&format!(
                "begin;
                 delete from {target} as old using {temporary} as new where {same_key} {not_newer};
                 insert into {target} ({columns}) select {columns} from {temporary} as new
                     where not exists (select 1 from {target} as old where {same_key}) {is_there};
                 drop table {temporary};
                 commit"
            ))
            .await
    }
}
