//! Whether a statement only reads: looked at before it is sent, so that a mistake is told at once and by name.
//!
//! The connection refuses to write as well, where the database can do that. What is asked here is the text alone:
//! a function of the database that changes something by being called looks like any other.

use std::ops::ControlFlow;

use sqlparser::ast::{Query, Select, SetExpr, Statement, Visit, Visitor};
use sqlparser::dialect::{
    BigQueryDialect, ClickHouseDialect, DatabricksDialect, Dialect, DuckDbDialect, MsSqlDialect,
    MySqlDialect, PostgreSqlDialect, RedshiftSqlDialect, SQLiteDialect, SnowflakeDialect,
};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::destination_kind::DestinationKind;
use crate::error::{Error, Result};

/// Words that begin something else than a read, or turn a read into something else.
const WRITING: &[&str] = &[
    "ALTER", "ANALYZE", "ATTACH", "BEGIN", "CALL", "COMMIT", "COPY", "CREATE", "DECLARE", "DELETE", "DETACH",
    "DO", "DROP", "EXEC", "EXECUTE", "EXPORT", "GRANT", "IMPORT", "INSERT", "INSTALL", "INTO", "LOAD",
    "LOCK", "MERGE", "PRAGMA", "PUT", "REFRESH", "REINDEX", "RENAME", "REPLACE", "RESET", "REVOKE",
    "ROLLBACK", "SET", "TRUNCATE", "UNLOAD", "UPDATE", "UPSERT", "VACUUM",
];
/// Words that a read begins with.
const READING: &[&str] = &["FROM", "SELECT", "TABLE", "VALUES", "WITH"];

/// The statement without what stands after it, if it is one and only reads.
pub(crate) fn reading(kind: DestinationKind, sql: &str) -> Result<String> {
    let dialect = dialect(kind);
    let (statement, words) = one_statement(&*dialect, kind, sql)?;
    let parsed = Parser::new(&*dialect).with_recursion_limit(200).try_with_sql(&statement);
    match parsed.and_then(|mut parser| parser.parse_statements()) {
        Ok(parsed) => match parsed.as_slice() {
            [Statement::Query(query)] => reads_only(query)?,
            _ => return Err(refused("the statement is not a query")),
        },
        // A database knows more than any parser of its language. What is not understood must at least begin as a read,
        // and hold no word that could make it something else.
        Err(_) => words_read_only(&words)?,
    }
    Ok(statement)
}

fn refused(why: impl Into<String>) -> Error {
    Error::invalid(why)
        .with_hint("destinations are only read: send one statement that begins with SELECT or WITH")
}

fn dialect(kind: DestinationKind) -> Box<dyn Dialect> {
    match kind {
        DestinationKind::BigQuery => Box::new(BigQueryDialect {}),
        DestinationKind::ClickHouse => Box::new(ClickHouseDialect {}),
        DestinationKind::Databricks => Box::new(DatabricksDialect {}),
        DestinationKind::DuckDb | DestinationKind::MotherDuck => Box::new(DuckDbDialect {}),
        DestinationKind::MsSql => Box::new(MsSqlDialect {}),
        DestinationKind::MySql => Box::new(MySqlDialect {}),
        DestinationKind::Postgres => Box::new(PostgreSqlDialect {}),
        DestinationKind::Redshift => Box::new(RedshiftSqlDialect {}),
        DestinationKind::Snowflake => Box::new(SnowflakeDialect {}),
        DestinationKind::Sqlite => Box::new(SQLiteDialect {}),
    }
}

/// The statement as it is written, without the semicolon behind it, and its bare words in capitals.
fn one_statement(dialect: &dyn Dialect, kind: DestinationKind, sql: &str) -> Result<(String, Vec<String>)> {
    if kind == DestinationKind::MySql && sql.contains("/*!") {
        return Err(refused("the statement holds a comment that MySQL would run"));
    }
    let tokens = Tokenizer::new(dialect, sql).tokenize_with_location().map_err(|error| {
        Error::invalid(format!("the statement cannot be read: {error}"))
            .with_hint("look for a quote that is not closed")
    })?;
    let mut words = Vec::new();
    // Where it ends, and whether that is in a comment, behind which nothing could be added.
    let mut end: Option<Location> = None;
    let mut in_comment = false;
    let mut is_empty = true;
    for TokenWithSpan { token, span } in tokens {
        match token {
            Token::SemiColon if is_empty => return Err(refused("the statement is empty")),
            Token::SemiColon => end = end.or(Some(span.start)),
            Token::EOF => {}
            Token::Whitespace(blank) => {
                in_comment |= end.is_none() && matches!(blank, Whitespace::SingleLineComment { .. });
            }
            _ if end.is_some() => return Err(refused("these are several statements")),
            token => {
                (is_empty, in_comment) = (false, false);
                if let Token::Word(word) = token
                    && word.quote_style.is_none()
                {
                    words.push(word.value.to_ascii_uppercase());
                }
            }
        }
    }
    if is_empty {
        return Err(refused("the statement is empty"));
    }
    let statement = end.map_or(sql, |end| &sql[..offset(sql, end)]).trim();
    Ok((format!("{statement}{}", if in_comment { "\n" } else { "" }), words))
}

/// Where a line and a column, counted in characters from 1, are in the text.
fn offset(text: &str, place: Location) -> usize {
    let line_start = match place.line {
        0 | 1 => 0,
        line => {
            let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            let nth = usize::try_from(line).map_or(usize::MAX, |line| line - 2);
            breaks.map(|(at, _)| at + 1).nth(nth).unwrap_or(text.len())
        }
    };
    let column = usize::try_from(place.column).map_or(usize::MAX, |column| column.saturating_sub(1));
    text[line_start..].char_indices().nth(column).map_or(text.len(), |(at, _)| line_start + at)
}

fn reads_only(query: &Query) -> Result<()> {
    match query.visit(&mut Writing) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(refused(format!("the statement {what}"))),
    }
}

/// Looks for what a query can hold and is no read.
struct Writing;

impl Visitor for Writing {
    type Break = &'static str;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Self::Break> {
        match statement {
            Statement::Query(_) => ControlFlow::Continue(()),
            _ => ControlFlow::Break("holds one that changes data"),
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if matches!(
            *query.body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        ) {
            return ControlFlow::Break("holds one that changes data");
        }
        if query.locks.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break("locks rows") }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        match select.into {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break("writes its rows into a table (`INTO`)"),
        }
    }
}

fn words_read_only(words: &[String]) -> Result<()> {
    let not_understood = |why: String| {
        let hint = "the statement is not understood here, so that nothing in it may be a word that changes data; put names \
                    into quotes, or write it in a simpler way";
        Error::invalid(why).with_hint(hint)
    };
    match words.first() {
        Some(first) if READING.contains(&first.as_str()) => {}
        Some(first) => return Err(refused(format!("a statement that begins with {first} is not a query"))),
        None => return Err(refused("the statement has no words")),
    }
    match words.iter().find(|word| WRITING.contains(&word.as_str())) {
        None => Ok(()),
        Some(word) => Err(not_understood(format!("the statement holds the word {word}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str) -> Result<String> {
        reading(DestinationKind::Postgres, sql)
    }

    #[test]
    fn reads_pass_as_they_are_written() {
        for sql in [
            "select 1",
            "SELECT \"a;b\", 'it''s; drop table x', $$;$$, E'\\'' FROM t WHERE a = 'x' ORDER BY 1 LIMIT 3",
            "with a as (select 1) select * from a union all select 2",
            "values (1), (2)",
            "(select 1) union (select 2)",
            "select count(*) filter (where a > 1) over (partition by b) from s.\"T\"",
            "select data->>'a' from t where data @> '{\"a\": 1}'::jsonb",
            "select \"update\", \"into\" from \"drop\"",
        ] {
            assert_eq!(check(sql).unwrap(), sql);
        }
    }

    #[test]
    fn what_stands_around_a_statement_is_taken_away() {
        assert_eq!(check("  select 1 ; ").unwrap(), "select 1");
        // What an engine adds behind it must not be part of the comment.
        assert_eq!(check("select 1 -- the end;").unwrap(), "select 1 -- the end;\n");
        assert_eq!(check("select /* ; delete */ 1; -- x").unwrap(), "select /* ; delete */ 1");
        assert_eq!(
            check("select 'é'\n, 'ž' -- one;\n\t, 2 ;\n").unwrap(),
            "select 'é'\n, 'ž' -- one;\n\t, 2"
        );
    }

    #[test]
    fn writes_are_refused() {
        for sql in [
            "insert into t values (1)",
            "update t set a = 1",
            "delete from t",
            "drop table t",
            "create table t (a int)",
            "create table t as select 1",
            "select * into t from u",
            "select * from u for update",
            "select * from (select * from u for share) x",
            "with gone as (delete from t returning *) select * from gone",
            "with new as (insert into t values (1) returning *) select * from new",
            "with a as (with b as (update t set a = 1 returning *) select * from b) select * from a",
            "select 1 where exists (select * into t from u)",
            "copy t to program 'x'",
            "truncate t",
            "call p()",
            "do $$ begin end $$",
            "set role admin",
            "begin",
            "explain analyze delete from t",
            "lock table t",
            "merge into t using u on true when matched then delete",
            "vacuum",
            "",
            ";",
            "-- nothing",
        ] {
            let error = check(sql).expect_err(sql);
            assert_eq!(error.kind(), crate::ErrorKind::InvalidInput, "{sql}");
            assert!(error.hint().is_some(), "{sql}");
        }
    }

    #[test]
    fn only_one_statement_passes() {
        for sql in ["select 1; select 2", "select 1; drop table t", "select 1;;select 2", "select 'a' ; x"] {
            assert!(check(sql).unwrap_err().to_string().contains("several"), "{sql}");
        }
        assert!(check("select 'open").is_err());
    }

    #[test]
    fn each_database_is_read_in_its_own_language() {
        for (kind, sql) in [
            (DestinationKind::BigQuery, "SELECT * EXCEPT (a) FROM `p.d.t`, UNNEST([1, 2]) AS n"),
            (DestinationKind::Snowflake, "select v:a.b::string from t, lateral flatten(input => v) f"),
            (DestinationKind::DuckDb, "from t select a"),
            (DestinationKind::MsSql, "select top 3 [a b] from [dbo].[t]"),
            (DestinationKind::MySql, "select `a` from `t` limit 1, 2"),
            (DestinationKind::ClickHouse, "select a from t final"),
            (DestinationKind::Sqlite, "select * from t where a glob '*'"),
        ] {
            assert_eq!(reading(kind, sql).unwrap_or_else(|error| panic!("{sql}: {error}")), sql);
        }
        assert!(reading(DestinationKind::MySql, "select 1 /*! into outfile '/x' */").is_err());
        assert!(reading(DestinationKind::MySql, "select 1 into outfile '/x'").is_err());
        assert!(reading(DestinationKind::Snowflake, "create or replace table t as select 1").is_err());
        assert!(reading(DestinationKind::BigQuery, "export data options(uri='x') as select 1").is_err());
        assert!(reading(DestinationKind::DuckDb, "attach 'x'").is_err());
    }

    #[test]
    fn what_no_parser_understands_must_not_hold_a_word_that_writes() {
        // Not SQL that the parser knows; the database may.
        assert!(check("select 1 frobnicate by 2").is_ok());
        assert!(check("select 1 frobnicate by 2 into t").is_err());
        assert!(check("frobnicate t").is_err());
    }
}
