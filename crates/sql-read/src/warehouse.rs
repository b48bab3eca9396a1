//! A destination that is connected to.

use std::sync::Arc;

use crate::dataset::Dataset;
use crate::destination::Destination;
use crate::destination_kind::DestinationKind;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::{Located, TableName, locate, not_found};
use crate::naming::{Candidate, Layout, NameSettings, candidates, default_schema, is_temporary};
#[cfg(feature = "cloud")]
use crate::naming::{claims, mark_taken_names};
use crate::query::Query;
use crate::reading::Batches;
use crate::refreshes::Refreshes;
use crate::split::{self, Split};
use crate::statement;
use crate::stream_spec::StreamSpec;

/// A destination that is connected to, read-only. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Warehouse {
    kind: DestinationKind,
    names: NameSettings,
    engine: Arc<dyn Engine>,
}

impl Warehouse {
    pub(crate) async fn connect(destination: &Destination) -> Result<Self> {
        let names = NameSettings::from_configuration(destination.kind(), destination.configuration());
        Ok(Self { kind: destination.kind(), names, engine: engine(destination).await? })
    }

    /// What of the destination's configuration has no effect here, in words.
    pub fn warnings(&self) -> &[String] {
        self.engine.warnings()
    }

    /// What it is.
    pub fn kind(&self) -> DestinationKind {
        self.kind
    }

    /// Runs a statement that reads, in the database's own language.
    ///
    /// The statement is looked at before anything is sent: more than one, or one that writes, is refused. The session
    /// is read-only as well, where the database can do that. What the functions that it calls do is the database's
    /// matter.
    ///
    /// # Errors
    /// `InvalidInput` if it is no single read.
    pub fn query(&self, sql: &str) -> Result<Query> {
        Ok(Query::new(self.engine.clone(), statement::reading(self.kind, sql)?))
    }

    /// Reads a part of a dataset, cut by [`Dataset::splits`], maybe in another process.
    ///
    /// # Errors
    /// `InvalidInput` if it is a part of another kind of destination, `Query` if the snapshot that it belongs to is
    /// gone, and those of [`Dataset::batches`].
    pub async fn read_split(&self, split: &Split) -> Result<Batches> {
        split::read(self.kind, &*self.engine, split, &Refreshes::default()).await
    }

    /// The same; of which refreshes the rows are is told by `refreshes`, which several parts of a read can share.
    ///
    /// # Errors
    /// Those of [`Warehouse::read_split`].
    pub async fn read_split_of(&self, split: &Split, refreshes: &Refreshes) -> Result<Batches> {
        split::read(self.kind, &*self.engine, split, refreshes).await
    }

    /// The tables and views of a schema, by name; without one those of the destination's own schema. What a running sync
    /// writes before it swaps is left out.
    ///
    /// # Errors
    /// `Connect` or `Query` if the catalogue cannot be read.
    pub async fn tables(&self, schema: Option<&str>) -> Result<Vec<String>> {
        let present = self.present(schema).await?;
        let mut tables: Vec<String> =
            present.into_iter().map(|name| name.table).filter(|table| !is_temporary(table)).collect();
        tables.sort();
        tables.dedup();
        Ok(tables)
    }

    /// A table or view by its own name, whatever stream it may be of; without a schema in the destination's own one.
    ///
    /// # Errors
    /// `StreamNotFound`, with what is there, if none has exactly this name; `Connect` or `Query` if the catalogue cannot
    /// be read.
    pub async fn table(&self, schema: Option<&str>, table: &str) -> Result<Dataset> {
        let present = self.present(schema).await?;
        let Some(found) = present.iter().find(|name| name.table == table) else {
            let tried = Candidate::new(schema.unwrap_or_else(|| self.schema_name()), table, Layout::Typed);
            return Err(not_found(table, &[tried], &present));
        };
        let located = Located {
            schema: found.schema.clone(),
            table: found.table.clone(),
            exists: true,
            layout: Layout::Typed,
            tried: Vec::new(),
        };
        Dataset::open(self.kind, self.engine.clone(), located, &StreamSpec::new(table)).await
    }

    /// The schema for streams without a namespace; empty in databases without schemas.
    pub fn schema_name(&self) -> &str {
        self.names.default_schema.as_deref().unwrap_or_else(|| default_schema(self.kind))
    }

    /// What is in the schema of this name, or in the destination's own, which may be written in another case.
    async fn present(&self, schema: Option<&str>) -> Result<Vec<TableName>> {
        let own = self.schema_name();
        let all = self.engine.tables(&[schema.unwrap_or(own).to_owned()]).await?;
        let exact: Vec<TableName> = all
            .iter()
            .filter(|name| name.schema.is_empty() || name.schema == schema.unwrap_or(own))
            .cloned()
            .collect();
        Ok(if exact.is_empty() && schema.is_none() { all } else { exact })
    }

    /// Where the stream's table is, or would be.
    ///
    /// # Errors
    /// `Connect` or `Query` if the catalogue cannot be read.
    pub async fn locate(&self, stream: &StreamSpec) -> Result<Located> {
        Ok(self.look(stream).await?.0)
    }

    /// The stream's data.
    ///
    /// # Errors
    /// `StreamNotFound`, with what was tried and what is there, if the table does not exist.
    pub async fn dataset(&self, stream: &StreamSpec) -> Result<Dataset> {
        let (located, present) = self.look(stream).await?;
        if !located.exists {
            let missing = not_found(stream.name(), &located.tried, &present);
            return Err(match self.warnings() {
                warnings if warnings.is_empty() || !present.is_empty() => missing,
                // Why nothing is there says more than that nothing is.
                warnings => missing.with_hint(warnings.join("; ")),
            });
        }
        Dataset::open(self.kind, self.engine.clone(), located, stream).await
    }

    /// Tells streams of the same connection of each other: those whose plain name an earlier one has taken get another one
    /// from the connector, and none has the table that another one comes to first.
    #[cfg(feature = "cloud")]
    pub(crate) fn tell_apart(&self, streams: &mut [StreamSpec]) {
        mark_taken_names(self.kind, &self.names, streams);
        let claimed = claims(self.kind, &self.names, streams);
        for stream in streams {
            stream.claimed = claimed.clone();
        }
    }

    async fn look(&self, stream: &StreamSpec) -> Result<(Located, Vec<TableName>)> {
        let candidates = candidates(self.kind, &self.names, stream);
        let mut schemas: Vec<String> = candidates.iter().map(|candidate| candidate.schema.clone()).collect();
        schemas.sort();
        schemas.dedup();
        let present = self.engine.tables(&schemas).await?;
        let located = locate(candidates, &present, &stream.claimed.0).ok_or_else(|| {
            Error::invalid(format!("the stream name `{}` gives no table name", stream.name()))
        })?;
        Ok((located, present))
    }
}

async fn engine(destination: &Destination) -> Result<Arc<dyn Engine>> {
    #[cfg(feature = "adbc")]
    if destination.driver().contains_key("driver") {
        return Ok(Arc::new(crate::engine::adbc::Adbc::connect(destination).await?));
    }
    match destination.kind() {
        #[cfg(feature = "bigquery")]
        DestinationKind::BigQuery => {
            Ok(Arc::new(crate::engine::bigquery::BigQuery::connect(destination).await?))
        }
        #[cfg(feature = "duckdb")]
        DestinationKind::DuckDb | DestinationKind::MotherDuck => {
            Ok(Arc::new(crate::engine::duckdb::DuckDb::open(destination).await?))
        }
        #[cfg(feature = "postgres")]
        DestinationKind::Postgres => {
            Ok(Arc::new(crate::engine::postgres::Postgres::connect(destination).await?))
        }
        #[cfg(feature = "snowflake")]
        DestinationKind::Snowflake => {
            Ok(Arc::new(crate::engine::snowflake::Snowflake::connect(destination).await?))
        }
        #[cfg(feature = "postgres")]
        DestinationKind::Redshift => {
            Ok(Arc::new(crate::engine::redshift::Redshift::connect(destination).await?))
        }
        #[cfg(feature = "sqlite")]
        DestinationKind::Sqlite => Ok(Arc::new(crate::engine::sqlite::Sqlite::open(destination).await?)),
        #[allow(unreachable_patterns, reason = "reachable in builds without all engines")]
        kind => Err(Error::new(
            ErrorKind::Unsupported,
            format!("this build does not read {} destinations", kind.name()),
        )
        .with_hint(format!("build it with the feature `{}`", kind.name()))),
    }
}
