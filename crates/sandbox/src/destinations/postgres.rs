//! The `postgres` destination, as version 3 of its connector writes: typed columns, temporary tables, swaps.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::SinkExt;
use serde_json::Value;
use tokio_postgres::{Client, Config, NoTls};

use super::{DestinationError, StreamTarget, copy_text, row_id};
use crate::naming;
use crate::sources::{FieldType, Row};

/// How the server is reached. Holds the password, so it does not show itself.
#[derive(Clone)]
pub(crate) struct Settings {
    config: Config,
    schema: String,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Settings {
    pub(super) fn new(configuration: &Value) -> Result<Self, DestinationError> {
        let text = |name: &str| configuration.get(name).and_then(Value::as_str);
        let required = |name: &str| {
            text(name).ok_or_else(|| DestinationError::config(format!("the configuration lacks `{name}`")))
        };
        let mode = configuration.pointer("/ssl_mode/mode").and_then(Value::as_str).unwrap_or("disable");
        if !matches!(mode, "disable" | "allow" | "prefer") {
            return Err(DestinationError::config(format!(
                "the sandbox writes to PostgreSQL without TLS, and `ssl_mode` asks for `{mode}`"
            )));
        }
        let tunnel = configuration.pointer("/tunnel_method/tunnel_method").and_then(Value::as_str);
        if tunnel.is_some_and(|tunnel| tunnel != "NO_TUNNEL") {
            return Err(DestinationError::config("the sandbox opens no SSH tunnels"));
        }
        let port = configuration.get("port").and_then(Value::as_u64).unwrap_or(5432);
        let port =
            u16::try_from(port).map_err(|_| DestinationError::config(format!("{port} is not a port")))?;
        let mut config = Config::new();
        config
            .host(required("host")?)
            .port(port)
            .dbname(required("database")?)
            .user(required("username")?)
            .application_name("airbyte-sandbox")
            .connect_timeout(Duration::from_secs(10));
        if let Some(password) = text("password") {
            config.password(password);
        }
        Ok(Self { config, schema: text("schema").unwrap_or("public").to_owned() })
    }

    pub(super) async fn connect(&self) -> Result<Client, DestinationError> {
        let (client, connection) = self.config.connect(NoTls).await.map_err(|error| {
            DestinationError::config(format!("cannot connect to PostgreSQL: {}", describe(&error)))
        })?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %describe(&error), "the connection to PostgreSQL ended");
            }
        });
        Ok(client)
    }

    pub(super) async fn writers(
        &self,
        streams: Vec<StreamTarget>,
    ) -> Result<Vec<Box<PostgresWriter>>, DestinationError> {
        let client = Arc::new(self.connect().await?);
        let names: Vec<_> = streams
            .iter()
            .map(|stream| {
                (stream.namespace.clone().unwrap_or_else(|| self.schema.clone()), stream.name.clone())
            })
            .collect();
        let tables = naming::postgres_tables(&names);
        Ok(streams
            .into_iter()
            .zip(tables)
            .map(|(stream, (schema, table))| {
                Box::new(PostgresWriter::new(client.clone(), stream, schema, table))
            })
            .collect())
    }
}

/// Writes one stream.
pub(crate) struct PostgresWriter {
    client: Arc<Client>,
    stream: StreamTarget,
    schema: String,
    table: String,
    columns: Vec<String>,
    /// Whether rows go into a temporary table first, to appear all at once at the end.
    staged: bool,
}

impl PostgresWriter {
    fn new(client: Arc<Client>, stream: StreamTarget, schema: String, table: String) -> Self {
        let columns = naming::postgres_columns(stream.fields.iter().map(|field| field.name.as_str()));
        Self { client, stream, schema, table, columns, staged: false }
    }

    pub(super) async fn begin(&mut self) -> Result<(), DestinationError> {
        self.run(&format!("create schema if not exists {}", quoted(&self.schema))).await?;
        let present = self.present().await?;
        // An overwrite goes straight into the table if nothing older is there; then readers see it grow.
        self.staged = self.stream.deduplicates() || (self.stream.overwrites() && present.holds_older);
        if self.staged {
            let temporary = self.temporary();
            self.run(&format!("drop table if exists {temporary}; {}", self.create(&temporary))).await?;
            if !self.stream.overwrites() {
                self.ensure_final(&present).await?;
            }
            return Ok(());
        }
        self.ensure_final(&present).await
    }

    pub(super) fn holds_back(&self) -> bool {
        self.staged
    }

    pub(super) async fn clear(&self) -> Result<(), DestinationError> {
        let (target, temporary) = (self.target(), self.temporary());
        self.run(&format!("drop table if exists {temporary}")).await?;
        if self.present().await?.columns.is_empty() {
            return Ok(());
        }
        self.run(&format!("truncate {target}")).await
    }

    pub(super) async fn write(&mut self, rows: &[Row]) -> Result<i64, DestinationError> {
        let block = self.encoded(rows);
        let bytes = i64::try_from(block.len()).unwrap_or(i64::MAX);
        let into = if self.staged { self.temporary() } else { self.target() };
        let columns = self.all_columns().map(|column| quoted(&column)).collect::<Vec<_>>().join(", ");
        let sink = self
            .client
            .copy_in::<_, Bytes>(&format!("copy {into} ({columns}) from stdin"))
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
        let mut random = rand::rng();
        let mut block = BytesMut::with_capacity(rows.len() * 256);
        for row in rows {
            block.put_slice(row_id(&mut random).as_hyphenated().encode_lower(&mut [0; 36]).as_bytes());
            block.put_slice(meta.as_bytes());
            for (field, cell) in self.stream.fields.iter().zip(row) {
                block.put_u8(b'\t');
                copy_text::field(&mut block, field.kind, cell);
            }
            block.put_u8(b'\n');
        }
        block.freeze()
    }

    pub(super) async fn finish(self: Box<Self>) -> Result<(), DestinationError> {
        if !self.staged {
            return Ok(());
        }
        let (target, temporary) = (self.target(), self.temporary());
        if self.stream.deduplicates() {
            self.keep_newest(&temporary).await?;
        }
        if self.stream.overwrites() {
            return self
                .run(&format!(
                    "begin; drop table if exists {target}; alter table {temporary} rename to {}; {} commit",
                    quoted(&self.table),
                    self.indexes()
                ))
                .await;
        }
        let columns = self.all_columns().map(|column| quoted(&column)).collect::<Vec<_>>().join(", ");
        let same_key =
            self.key().iter().map(|key| format!("old.{key} = new.{key}")).collect::<Vec<_>>().join(" and ");
        let not_newer = match self.cursor() {
            Some(cursor) => format!("and (old.{cursor} is null or new.{cursor} >= old.{cursor})"),
            None => String::new(),
        };
        self.run(&format!(
            "begin;
             delete from {target} as old using {temporary} as new where {same_key} {not_newer};
             insert into {target} ({columns}) select {columns} from {temporary} as new
                 where not exists (select 1 from {target} as old where {same_key});
             drop table {temporary};
             commit"
        ))
        .await
    }

    /// Leaves one row a key in the table: the one with the newest cursor.
    async fn keep_newest(&self, table: &str) -> Result<(), DestinationError> {
        let key = self.key().join(", ");
        let newest = match self.cursor() {
            Some(cursor) => format!("{cursor} desc nulls last, _airbyte_extracted_at desc"),
            None => "_airbyte_extracted_at desc".to_owned(),
        };
        self.run(&format!(
            "delete from {table} where ctid in (
                 select ctid from (
                     select ctid, row_number() over (partition by {key} order by {newest}) as place from {table}
                 ) as ranked where place > 1
             )"
        ))
        .await
    }

    async fn present(&self) -> Result<Present, DestinationError> {
        let rows = self
            .client
            .query(
                "select a.attname::text from pg_attribute a
                 join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
                 where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped",
                &[&self.schema, &self.table],
            )
            .await
            .map_err(|error| failed(&error))?;
        let columns: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let mut holds_older = false;
        if columns.iter().any(|column| column == "_airbyte_generation_id") {
            let older =
                format!("select exists (select 1 from {} where _airbyte_generation_id < $1)", self.target());
            holds_older = self
                .client
                .query_one(&older, &[&self.stream.minimum_generation])
                .await
                .map_err(|error| failed(&error))?
                .get(0);
        }
        Ok(Present { columns, holds_older })
    }

    /// Makes the final table, or adds the columns that the stream has gained.
    async fn ensure_final(&self, present: &Present) -> Result<(), DestinationError> {
        if present.columns.is_empty() {
            return self.run(&format!("{}; {}", self.create(&self.target()), self.indexes())).await;
        }
        for (column, field) in self.columns.iter().zip(&self.stream.fields) {
            if !present.columns.contains(column) {
                self.run(&format!(
                    "alter table {} add column {} {}",
                    self.target(),
                    quoted(column),
                    column_type(field.kind)
                ))
                .await?;
            }
        }
        Ok(())
    }

    fn create(&self, table: &str) -> String {
        let mut statement = format!(
            "create table {table} (_airbyte_raw_id varchar not null, _airbyte_extracted_at timestamptz not null, \
             _airbyte_meta jsonb not null, _airbyte_generation_id bigint not null"
        );
        for (column, field) in self.columns.iter().zip(&self.stream.fields) {
            let _ = write!(statement, ", {} {}", quoted(column), column_type(field.kind));
        }
        statement.push(')');
        statement
    }

    fn indexes(&self) -> String {
        let index = |kind: &str, columns: &str| {
            let mut name = format!("idx_{kind}_{}", self.table);
            name.truncate(63);
            format!("create index if not exists {} on {} ({columns});", quoted(&name), self.target())
        };
        let mut statements = index("extracted_at", "_airbyte_extracted_at");
        if self.stream.deduplicates() {
            statements += &index("pk", &self.key().join(", "));
            if let Some(cursor) = self.cursor() {
                statements += &index("cursor", &cursor);
            }
        }
        statements
    }

    fn all_columns(&self) -> impl Iterator<Item = String> + '_ {
        ["_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id"]
            .into_iter()
            .map(str::to_owned)
            .chain(self.columns.iter().cloned())
    }

    fn column(&self, field: &str) -> Option<String> {
        let index = self.stream.fields.iter().position(|candidate| candidate.name == field)?;
        Some(quoted(&self.columns[index]))
    }

    fn key(&self) -> Vec<String> {
        self.stream.primary_key.iter().filter_map(|path| self.column(path.first()?)).collect()
    }

    fn cursor(&self) -> Option<String> {
        self.column(self.stream.cursor.first()?)
    }

    fn target(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.table))
    }

    fn temporary(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&naming::postgres_temporary(&self.schema, &self.table)))
    }

    /// Runs the statements. If one fails in a transaction, the others of the sync find the connection free of it.
    async fn run(&self, statements: &str) -> Result<(), DestinationError> {
        let outcome = self.client.batch_execute(statements).await.map_err(|error| failed(&error));
        if outcome.is_err() && statements.starts_with("begin;") {
            // A connection that is gone cannot be rolled back, and need not be.
            let _ = self.client.batch_execute("rollback").await;
        }
        outcome
    }
}

/// What the final table is like before the sync.
struct Present {
    /// Empty if there is no such table.
    columns: Vec<String>,
    /// Whether it has rows of an older generation.
    holds_older: bool,
}

fn column_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "varchar",
        FieldType::Boolean => "boolean",
        FieldType::Integer => "bigint",
        FieldType::Number => "decimal",
        FieldType::Date => "date",
        FieldType::Timestamp => "timestamp",
        FieldType::TimestampWithZone => "timestamptz",
        FieldType::Json => "jsonb",
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn failed(error: &tokio_postgres::Error) -> DestinationError {
    DestinationError::transient(format!("PostgreSQL: {}", describe(error)))
}

/// The server's own words, which the driver keeps one level down.
fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => server.message().to_owned(),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
