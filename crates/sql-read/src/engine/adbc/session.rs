//! A session with a database, and statements in it.

use std::sync::Arc;

use adbc_core::options::{OptionDatabase, OptionValue};
use adbc_core::{Connection, Database, Driver, Statement, error};
use adbc_driver_manager::{ManagedConnection, ManagedDatabase, ManagedDriver, ManagedStatement};
use arrow_array::cast::AsArray;
use arrow_array::{RecordBatch, RecordBatchReader};
use tempfile::TempDir;

use crate::error::{Error, ErrorKind, Result};

/// The connection of one read, or of a few look-ups. The calls block.
pub(crate) struct Session {
    pub connection: ManagedConnection,
    /// Words that must not show in an error.
    pub hidden: Arc<[String]>,
    /// Where the database may put what does not fit into memory. Behind the connection, so that it goes last.
    pub spill: Option<TempDir>,
}

/// Rows of a statement. The statement has to stay until they are read, and the rows are dropped before it.
pub(crate) struct Reader {
    pub rows: Box<dyn RecordBatchReader + Send>,
    pub statement: ManagedStatement,
}

/// How a session comes about: anew for each read, so that nothing is held in between.
pub(crate) type Open = Arc<dyn Fn() -> Result<Session> + Send + Sync>;

/// A database of the driver with these options.
pub(crate) fn database(
    driver: &ManagedDriver,
    options: impl IntoIterator<Item = (String, OptionValue)>,
) -> error::Result<ManagedDatabase> {
    let options = options.into_iter().map(|(name, value)| (OptionDatabase::from(name.as_str()), value));
    driver.clone().new_database_with_opts(options)
}

impl Session {
    pub(crate) fn new(database: &ManagedDatabase, hidden: Arc<[String]>) -> error::Result<Self> {
        Ok(Self { connection: database.new_connection()?, hidden, spill: None })
    }

    /// Runs a statement that gives rows.
    pub(crate) fn query(&mut self, sql: &str) -> Result<Reader> {
        let mut run = || {
            let mut statement = self.connection.new_statement()?;
            statement.set_sql_query(sql)?;
            let rows = statement.execute()?;
            Ok(Reader { rows, statement })
        };
        run().map_err(|error| self.failed(&error))
    }

    /// All rows of a small answer.
    pub(crate) fn rows(&mut self, sql: &str) -> Result<Vec<RecordBatch>> {
        let Reader { rows, statement } = self.query(sql)?;
        let all = rows.collect::<Result<_, _>>().map_err(|error| self.broke(&error));
        drop(statement);
        all
    }

    /// The one number that a statement gives; `None` if it is NULL or there is no row.
    pub(crate) fn number(&mut self, sql: &str) -> Result<Option<i64>> {
        Ok(self.numbers(sql)?.first().copied().flatten())
    }

    /// The numbers of the first row that a statement gives.
    pub(crate) fn numbers(&mut self, sql: &str) -> Result<Vec<Option<i64>>> {
        let batches = self.rows(sql)?;
        let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(Vec::new()) };
        let number = |column: &arrow_array::ArrayRef| {
            let column = arrow_cast::cast(column, &arrow_schema::DataType::Int64)?;
            Ok(column.as_primitive::<arrow_array::types::Int64Type>().iter().next().flatten())
        };
        batch.columns().iter().map(number).collect()
    }

    /// Runs a statement for its effect on the session.
    pub(crate) fn set(&mut self, sql: &str) -> Result<()> {
        let mut run = || {
            let mut statement = self.connection.new_statement()?;
            statement.set_sql_query(sql)?;
            statement.execute_update().map(drop)
        };
        run().map_err(|error| self.failed(&error))
    }

    /// What the driver says of a statement.
    pub(crate) fn failed(&self, error: &error::Error) -> Error {
        failed(error, &self.hidden)
    }

    /// What it says while rows come: a text alone, in which the status is lost.
    pub(crate) fn broke(&self, error: &arrow_schema::ArrowError) -> Error {
        let text = match error {
            arrow_schema::ArrowError::CDataInterface(text) => text.clone(),
            other => other.to_string(),
        };
        let kind = if is_of_the_connection(&text) { ErrorKind::BrokenConnection } else { ErrorKind::Query };
        hinted(Error::new(kind, without(&said(&text), &self.hidden)))
    }
}

/// What to do about errors of DuckDB, the one driver whose settings are known.
fn hinted(error: Error) -> Error {
    let text = error.to_string();
    if text.contains("Out of Memory Error") {
        error.with_hint(
            "a destination file may allow more: \"adbc\": {\"options\": {\"memory_limit\": \"1GB\"}}",
        )
    } else if text.contains("INTERRUPT Error") {
        // The first thread that fails interrupts the others, and one of those may be the first to tell.
        error.with_hint(
            "another thread of the query failed first; a destination file with \
             \"adbc\": {\"options\": {\"threads\": \"1\"}} shows its error",
        )
    } else {
        error
    }
}

/// The driver's words, without those that are hidden. The error itself is not kept: it would show them.
pub(crate) fn failed(error: &error::Error, hidden: &[String]) -> Error {
    let kind = match error.status {
        error::Status::Unauthenticated | error::Status::Unauthorized => ErrorKind::Connect,
        _ if is_of_the_connection(&error.message) => ErrorKind::BrokenConnection,
        error::Status::NotImplemented => ErrorKind::Unsupported,
        _ => ErrorKind::Query,
    };
    hinted(Error::new(kind, without(&said(&error.message), hidden)))
}

/// The first paragraph: behind it, databases show the statement.
fn said(message: &str) -> String {
    let paragraph: Vec<&str> =
        message.trim().lines().map(str::trim_end).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

fn without(text: &str, hidden: &[String]) -> String {
    hidden.iter().fold(text.to_owned(), |text, word| text.replace(word.as_str(), "***"))
}

/// Whether these are the words of a connection that broke. Drivers have no common status for it.
fn is_of_the_connection(message: &str) -> bool {
    const WORDS: [&str; 8] = [
        "connection reset",
        "connection refused",
        "closed the connection",
        "connection to server",
        "terminating connection",
        "no connection to the server",
        "broken pipe",
        "unexpected eof",
    ];
    let message = message.to_ascii_lowercase();
    WORDS.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_neither_the_statement_nor_what_is_hidden() {
        let error = error::Error::with_message_and_status(
            "Catalog Error: no table a with hunter2\nmaybe b\n\nLINE 1: select secret",
            error::Status::Internal,
        );
        let shown = failed(&error, &["hunter2".to_owned()]);
        assert_eq!(shown.to_string(), "Catalog Error: no table a with *** maybe b");
        assert!(!format!("{shown:?}").contains("hunter2"), "{shown:?}");
    }

    #[test]
    fn a_broken_connection_is_told_by_its_words() {
        let error = |text: &str| error::Error::with_message_and_status(text, error::Status::IO);
        let kind = |text: &str| failed(&error(text), &[]).kind();
        assert_eq!(kind("server closed the connection unexpectedly"), ErrorKind::BrokenConnection);
        assert_eq!(kind("syntax error at or near from"), ErrorKind::Query);
    }

    #[test]
    fn a_thread_that_was_interrupted_tells_where_the_cause_is_found() {
        let error =
            error::Error::with_message_and_status("INTERRUPT Error: Interrupted!", error::Status::Internal);
        let hint = failed(&error, &[]).hint().map(str::to_owned).unwrap();
        assert!(hint.contains("threads"), "{hint}");
    }
}
