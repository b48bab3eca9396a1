//! A table cut into ranges of pages, read in one snapshot by several sessions, maybe of several processes.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::session::{Isolation, Session};
use super::{PostgresDialect, catalogue, read};
use crate::engine::{Parts, RecordBatchStream};
use crate::error::{Error, ErrorKind, Result};
use crate::scan::{Scan, quoted_text};

/// One part, as it is handed to another session.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    /// The snapshot, by the name that the server gave it.
    snapshot: String,
    /// The table's id and the file that holds its rows: another one is another table, or it was emptied.
    table: u32,
    file: Option<u32>,
    /// The first page, and the one behind the last; without either, the end of the table.
    from: Option<u64>,
    to: Option<u64>,
}

/// Makes the parts. The session stays with them: it holds the snapshot and the table.
pub(super) async fn plan(mut session: Session, scan: &Scan, wanted: NonZeroUsize) -> Result<Parts> {
    let has_places = hold(&mut session, scan).await?;
    // A holder has nothing to do, and is not to be ended for that.
    session
        .batch_execute("set local idle_in_transaction_session_timeout to 0; set local statement_timeout to 0")
        .await?;
    let row = session
        .query_typed(
            "select pg_catalog.pg_export_snapshot(), c.oid, pg_catalog.pg_relation_filenode(c.oid), c.relkind = 'r',
                    case when c.relkind = 'r'
                         then pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8 else 0 end,
                    c.relkind in ('r', 'm', 'p') and not exists (
                        with recursive below as (
                            select c.oid as id
                            union select i.inhrelid from pg_catalog.pg_inherits i join below on i.inhparent = below.id)
                        select 1 from below join pg_catalog.pg_class b on b.oid = below.id where b.relkind = 'f')
             from pg_catalog.pg_class c where c.oid = $1::text::regclass",
            &[(&scan.table.sql(), Type::TEXT)],
        )
        .await?;
    let row = row.first().ok_or_else(|| catalogue::gone(&scan.table))?;
    let (snapshot, table, file): (String, u32, Option<u32>) = (row.get(0), row.get(1), row.get(2));
    let pages = u64::try_from(row.get::<_, i64>(4)).unwrap_or_default();
    // Another server's rows are in no snapshot of this one, and a view may ask what time it is.
    let repeatable = row.get(5);
    // The order of rows, and which of them come first, is nothing that parts could keep to.
    let divisible = has_places && row.get::<_, bool>(3) && scan.is_divisible();
    let count = if divisible { (wanted.get() as u64).min(pages).max(1) } else { 1 };
    // The last part is open: what was added since has pages behind the last, and the snapshot sees none of it.
    let edge = |number: u64| (number > 0 && number < count).then(|| pages * number / count);
    let parts = (0..count)
        .map(|number| Part {
            snapshot: snapshot.clone(),
            table,
            file,
            from: edge(number),
            to: edge(number + 1),
        })
        .map(|part| serde_json::to_value(part).map_err(|error| Error::invalid(error.to_string())))
        .collect::<Result<Vec<Value>>>()?;
    session.rests();
    Ok(Parts { parts, one_snapshot: true, repeatable, hold: Some(Box::new(session)) })
}

/// Reads a part.
pub(super) async fn read_part(session: Session, scan: Scan, part: &Value) -> Result<RecordBatchStream> {
    let part: Part = serde_json::from_value(part.clone())
        .map_err(|error| Error::invalid(format!("this is no part of a PostgreSQL table: {error}")))?;
    let import = format!("set transaction snapshot {}", quoted_text(&part.snapshot)?);
    if let Err(error) = session.try_execute(&import).await? {
        let known = [
            SqlState::UNDEFINED_OBJECT,
            SqlState::INVALID_PARAMETER_VALUE,
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        ];
        return Err(if error.code().is_some_and(|code| known.contains(code)) {
            outlived().with_source(error)
        } else {
            session.error(error)
        });
    }
    let (from, to) = (part.from, part.to);
    let place = |page: u64| format!("'({page},0)'::tid");
    let range: Vec<String> = [
        from.map(|page| format!("ctid >= {}", place(page))),
        to.map(|page| format!("ctid < {}", place(page))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let select = scan.select_where(&PostgresDialect, &range)?;
    read::check(&session, &select, &scan).await?;
    // The table is held by now. It may have been replaced or emptied before, if nobody held the parts any more; then
    // the old snapshot would see no rows in it.
    // A name is looked up in the catalogue as it is now, a table in the one that the snapshot sees.
    let same = session
        .query_typed(
            "select t.now::oid, pg_catalog.pg_relation_filenode(t.now) from (select $1::text::regclass as now) as t",
            &[(&scan.table.sql(), Type::TEXT)],
        )
        .await?
        .first()
        .is_some_and(|row| row.get::<_, u32>(0) == part.table && row.get::<_, Option<u32>>(1) == part.file);
    if !same {
        return Err(outlived());
    }
    read::copy(session, &select, scan.columns, scan.batch_rows).await
}

/// Holds the table before the snapshot is taken, and tells whether its rows can be asked for by their places.
async fn hold(session: &mut Session, scan: &Scan) -> Result<bool> {
    let lock = format!("lock table {} in access share mode", scan.table.sql());
    let Err(error) = session.try_execute(&lock).await? else { return Ok(true) };
    match error.code() {
        // Foreign tables and their like cannot be held, nor can a sync swap them.
        Some(code) if *code == SqlState::WRONG_OBJECT_TYPE => {
            session.batch_execute("rollback").await?;
            session.begin(Isolation::Transaction).await?;
            Ok(true)
        }
        // Who may read some columns alone may neither lock the table nor see the places of rows. To read those columns
        // holds it as well, with all that is below it, and the snapshot is that of the statement after this one.
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            session.batch_execute("rollback").await?;
            session.begin(Isolation::Statement).await?;
            let nothing = Scan { limit: Some(0), ..scan.clone() };
            session.batch_execute(&nothing.select(&PostgresDialect)?).await?;
            Ok(false)
        }
        _ => Err(session.error(error)),
    }
}

fn outlived() -> Error {
    Error::new(ErrorKind::Query, "the snapshot that the part belongs to has gone")
        .with_hint("parts can be read as long as the plan that made them is kept; plan again")
}
