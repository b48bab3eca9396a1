//! The table of one stream: made, adapted to new columns, swapped.

use std::fmt::Write as _;
use std::sync::Arc;

use tokio_postgres::Client;

use super::{DestinationError, StreamTarget, failed, quoted};
use crate::naming;
use crate::sources::FieldType;

const META: [(&str, &str); 4] = [
    ("_airbyte_raw_id", "character varying not null"),
    ("_airbyte_extracted_at", "timestamp with time zone not null"),
    ("_airbyte_meta", "jsonb not null"),
    ("_airbyte_generation_id", "bigint not null"),
];
const RAW: [(&str, &str); 2] =
    [("_airbyte_loaded_at", "timestamp with time zone"), ("_airbyte_data", "jsonb not null")];

/// How the rows of a stream lie in their table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A column a field.
    Typed,
    /// The fields of a row together in one column.
    Raw,
}

/// The table of one stream.
pub(super) struct Table {
    pub client: Arc<Client>,
    pub schema: String,
    pub name: String,
    pub layout: Layout,
    /// Dropping the table takes along what depends on it.
    pub cascades: bool,
    /// The columns of the fields, in order, each with its type.
    columns: Vec<(String, &'static str)>,
    key: Vec<String>,
    cursor: Option<String>,
}

/// What a table is like before the sync.
pub(super) struct Present {
    /// Each with its type. Empty if there is no such table.
    columns: Vec<(String, String)>,
    /// Whether it has rows of an older generation than the stream keeps.
    pub holds_older: bool,
}

impl Present {
    pub(super) fn is_missing(&self) -> bool {
        self.columns.is_empty()
    }
}

impl Table {
    pub(super) fn new(
        client: Arc<Client>,
        stream: &StreamTarget,
        (schema, name): (String, String),
        layout: Layout,
        cascades: bool,
    ) -> Self {
        let names = naming::postgres_columns(stream.fields.iter().map(|field| field.name.as_str()));
        let column = |field: &String| {
            let index = stream.fields.iter().position(|candidate| candidate.name == *field)?;
            Some(quoted(&names[index]))
        };
        let key = stream.primary_key.iter().filter_map(|path| column(path.first()?)).collect();
        let cursor = stream.cursor.first().and_then(column);
        let kinds = stream.fields.iter().map(|field| column_type(field.kind));
        let columns = names.iter().cloned().zip(kinds).collect();
        Self { client, schema, name, layout, cascades, columns, key, cursor }
    }

    /// The columns that make a row the same one, quoted.
    pub(super) fn key(&self) -> &[String] {
        &self.key
    }

    /// The column that tells newer rows from older ones, quoted.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// All columns, quoted, as a list.
    pub(super) fn all_columns(&self) -> String {
        let meta = META.iter().map(|(name, _)| *name);
        let further: Vec<&str> = match self.layout {
            Layout::Typed => self.columns.iter().map(|(name, _)| name.as_str()).collect(),
            Layout::Raw => RAW.iter().map(|(name, _)| *name).collect(),
        };
        meta.chain(further).map(quoted).collect::<Vec<_>>().join(", ")
    }

    /// The table, quoted.
    pub(super) fn target(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// The table beside it that rows may go to first, quoted.
    pub(super) fn temporary(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.temporary_name()))
    }

    fn temporary_name(&self) -> String {
        naming::postgres_temporary(&self.schema, &self.name)
    }

    pub(super) async fn make_schema(&self) -> Result<(), DestinationError> {
        self.run(&format!("create schema if not exists {}", quoted(&self.schema))).await
    }

    /// Makes the temporary table. One that an earlier attempt has left behind, with no rows of a generation below
    /// `taken_up`, is taken up with its rows.
    pub(super) async fn make_temporary(&self, taken_up: Option<i64>) -> Result<(), DestinationError> {
        let temporary = self.temporary();
        if let Some(minimum) = taken_up {
            let left = self.present_as(&self.temporary_name(), minimum).await?;
            if !left.is_missing() && !left.holds_older {
                return self.adapt(&temporary, &left).await;
            }
        }
        self.run(&format!("drop table if exists {temporary}; {}", self.create(&temporary))).await
    }

    /// Makes the table, or gives it the columns and types that the stream has by now.
    pub(super) async fn make_or_adapt(
        &self,
        present: &Present,
        deduplicates: bool,
    ) -> Result<(), DestinationError> {
        if present.is_missing() {
            let made = format!("{}; {}", self.create(&self.target()), self.indexes(deduplicates));
            return self.run(&made).await;
        }
        self.adapt(&self.target(), present).await
    }

    /// Gives a table that is there the columns and types of the stream.
    async fn adapt(&self, table: &str, present: &Present) -> Result<(), DestinationError> {
        let changes = self.changes(present);
        if changes.is_empty() {
            return Ok(());
        }
        let changes = changes.iter().fold(String::new(), |mut all, change| {
            let _ = write!(all, "alter table {table} {change};");
            all
        });
        self.run(&format!("begin; {changes} commit")).await
    }

    /// What has to change about the columns that there are. Those of fields that the stream has lost go.
    fn changes(&self, present: &Present) -> Vec<String> {
        if self.layout == Layout::Raw {
            return Vec::new();
        }
        let cascade = if self.cascades { " cascade" } else { "" };
        let mut changes = Vec::new();
        for (name, wanted) in &self.columns {
            let column = quoted(name);
            match present.columns.iter().find(|(known, _)| known == name) {
                None => changes.push(format!("add column {column} {wanted}")),
                Some((_, kind)) if kind == wanted => {}
                Some((_, kind)) => {
                    let converted = match (kind.as_str(), *wanted) {
                        (_, "jsonb") => format!("to_jsonb({column})"),
                        ("jsonb", "character varying") => format!("{column} #>> '{{}}'"),
                        _ => format!("{column}::{wanted}"),
                    };
                    changes.push(format!("alter column {column} type {wanted} using {converted}"));
                }
            }
        }
        for (name, _) in &present.columns {
            let is_meta = META.iter().any(|(meta, _)| meta == name);
            if !is_meta && !self.columns.iter().any(|(known, _)| known == name) {
                changes.push(format!("drop column {}{cascade}", quoted(name)));
            }
        }
        changes
    }

    /// Puts the temporary table in the place of the table.
    pub(super) async fn swap(&self, deduplicates: bool) -> Result<(), DestinationError> {
        let cascade = if self.cascades { " cascade" } else { "" };
        self.run(&format!(
            "begin; drop table if exists {}{cascade}; alter table {} rename to {}; {} commit",
            self.target(),
            self.temporary(),
            quoted(&self.name),
            self.indexes(deduplicates)
        ))
        .await
    }

    /// What there is of the table.
    pub(super) async fn present(&self, minimum_generation: i64) -> Result<Present, DestinationError> {
        self.present_as(&self.name, minimum_generation).await
    }

    /// What there is of a table of this name, in the schema of the table.
    async fn present_as(&self, name: &str, minimum_generation: i64) -> Result<Present, DestinationError> {
        let rows = self
            .client
            .query(
                "select a.attname::text, format_type(a.atttypid, null) from pg_attribute a
                 join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
                 where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped",
                &[&self.schema, &name],
            )
            .await
            .map_err(|error| failed(&error))?;
        let columns: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let mut holds_older = false;
        if columns.iter().any(|(column, _)| column == "_airbyte_generation_id") {
            let table = format!("{}.{}", quoted(&self.schema), quoted(name));
            let older = format!("select exists (select 1 from {table} where _airbyte_generation_id < $1)");
            let found = self.client.query_one(&older, &[&minimum_generation]).await;
            holds_older = found.map_err(|error| failed(&error))?.get(0);
        }
        Ok(Present { columns, holds_older })
    }

    fn create(&self, table: &str) -> String {
        let meta = META.iter().map(|(name, kind)| format!("{} {kind}", quoted(name)));
        let columns: Vec<String> = match self.layout {
            Layout::Typed => meta
                .chain(self.columns.iter().map(|(name, kind)| format!("{} {kind}", quoted(name))))
                .collect(),
            Layout::Raw => {
                meta.chain(RAW.iter().map(|(name, kind)| format!("{} {kind}", quoted(name)))).collect()
            }
        };
        format!("create table {table} ({})", columns.join(", "))
    }

    fn indexes(&self, deduplicates: bool) -> String {
        let index = |kind: &str, columns: &str| {
            let mut name = format!("idx_{kind}_{}", self.name);
            name.truncate(63);
            format!("create index if not exists {} on {} ({columns});", quoted(&name), self.target())
        };
        let mut statements = index("extracted_at", "_airbyte_extracted_at");
        if deduplicates {
            statements += &index("pk", &self.key.join(", "));
            if let Some(cursor) = &self.cursor {
                statements += &index("cursor", cursor);
            }
        }
        statements
    }

    /// Runs the statements. If one fails in a transaction, the others of the sync find the connection free of it.
    pub(super) async fn run(&self, statements: &str) -> Result<(), DestinationError> {
        let outcome = self.client.batch_execute(statements).await.map_err(|error| failed(&error));
        if outcome.is_err() && statements.starts_with("begin;") {
            // A connection that is gone cannot be rolled back, and need not be.
            let _ = self.client.batch_execute("rollback").await;
        }
        outcome
    }
}

/// The type of a field's column, in the words of the server's catalogue.
fn column_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "character varying",
        FieldType::Boolean => "boolean",
        FieldType::Integer => "bigint",
        FieldType::Number => "numeric",
        FieldType::Date => "date",
        FieldType::Timestamp => "timestamp without time zone",
        FieldType::TimestampWithZone => "timestamp with time zone",
        FieldType::Json => "jsonb",
    }
}
