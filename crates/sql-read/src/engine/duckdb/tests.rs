//! Statements and parts on real files.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use adbc_core::options::OptionValue;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::TryStreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::ErrorKind;
use crate::filter::{Filter, Order};
use crate::scan::Expression;

struct File {
    path: PathBuf,
    _folder: TempDir,
}

/// A file that these statements made; `None` where DuckDB could not be had, and that was said.
fn file(statements: &str) -> Option<File> {
    if crate::secret::is_skipped("DUCKDB") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = File { path: folder.path().join("a.duckdb"), _folder: folder };
    file.run(statements);
    Some(file)
}

impl File {
    fn run(&self, statements: &str) {
        let driver = library::driver().unwrap();
        let path = OptionValue::from(self.path.to_str().unwrap());
        let database = adbc::database(&driver, [("path".to_owned(), path)]).unwrap();
        let mut session = adbc::Session::new(&database, [].into()).unwrap();
        for statement in statements.split(';') {
            session.set(statement).unwrap();
        }
    }

    async fn engine(&self) -> DuckDb {
        let destination =
            json!({"destinationType": "duckdb", "configuration": {"destination_path": self.path}});
        DuckDb::open(&Destination::from_json(&destination).unwrap()).await.unwrap()
    }
}

async fn scan(engine: &DuckDb, table: &str) -> Scan {
    let table = TableName { schema: "main".into(), table: table.into() };
    let columns = engine.columns(&table).await.unwrap();
    let names = columns.iter().map(|Column { name, field, .. }| {
        let data_type = field.data_type().clone();
        (name.clone(), Expression::Column { name: name.clone(), data_type })
    });
    Scan {
        names: names.collect(),
        table,
        columns,
        summary: None,
        generation: None,
        latest: None,
        filter: None,
        order: vec![],
        limit: None,
        batch_rows: 8192,
    }
}

async fn numbers(batches: RecordBatchStream) -> Result<Vec<i64>> {
    let batches: Vec<_> = batches.try_collect().await?;
    let numbers =
        batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec());
    Ok(numbers.collect())
}

/// The parts, through their text, as another process would get them.
async fn parts(engine: &DuckDb, scan: &Scan, wanted: usize) -> Vec<Value> {
    let parts = engine.parts(scan, NonZeroUsize::new(wanted).unwrap()).await.unwrap();
    assert!(parts.one_snapshot);
    parts.parts.iter().map(|part| serde_json::from_str(&part.to_string()).unwrap()).collect()
}

const MANY: &str = "create table many as select range as n from range(1000000); delete from many where n % 10 = 3 or n > 999990; checkpoint";

#[tokio::test]
async fn parts_are_the_table_exactly_once() {
    let Some(file) = file(MANY) else { return };
    let planner = file.engine().await;
    let scan = scan(&planner, "many").await;
    let whole = numbers(planner.read(scan.clone()).await.unwrap()).await.unwrap();
    for wanted in [1, 2, 3, 1000] {
        let parts = parts(&planner, &scan, wanted).await;
        // There are nine row groups.
        assert_eq!(parts.len(), wanted.min(9));
        let reader = file.engine().await;
        let mut all = Vec::new();
        for part in &parts {
            let some = numbers(reader.read_part(scan.clone(), part).await.unwrap()).await.unwrap();
            assert!(!some.is_empty(), "{part}");
            all.extend(some);
        }
        assert_eq!(all, whole, "{wanted} parts");
    }
    let filtered =
        Scan { filter: Some(Filter::less("n", 5).or(Filter::equal("n", 999_990))), ..scan.clone() };
    let mut found = Vec::new();
    for part in parts(&planner, &filtered, 4).await {
        found.extend(numbers(planner.read_part(filtered.clone(), &part).await.unwrap()).await.unwrap());
    }
    assert_eq!(found, [0, 1, 2, 4, 999_990]);
}

#[tokio::test]
async fn what_has_no_row_ids_or_has_an_order_is_one_part() {
    let statements =
        "create table small as select range as n from range(10); create view seen as select n from small;
        create table named as select 1 as rowid; create table empty (n bigint)";
    let Some(file) = file(statements) else { return };
    let engine = file.engine().await;
    for table in ["seen", "named", "empty"] {
        assert_eq!(parts(&engine, &scan(&engine, table).await, 4).await.len(), 1, "{table}");
    }
    let small = scan(&engine, "small").await;
    for scan in [
        Scan { limit: Some(3), ..small.clone() },
        Scan { limit: Some(3), order: vec![("n".into(), Order::Descending)], ..small.clone() },
    ] {
        let parts = parts(&engine, &scan, 4).await;
        assert_eq!(parts.len(), 1);
        assert_eq!(numbers(engine.read_part(scan, &parts[0]).await.unwrap()).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_part_of_another_state_is_refused() {
    let Some(file) = file(MANY) else { return };
    let engine = file.engine().await;
    let scan = scan(&engine, "many").await;
    let parts = parts(&engine, &scan, 2).await;
    assert!(engine.read_part(scan.clone(), &parts[1]).await.is_ok());
    file.run("insert into many values (7)");
    let error = engine.read_part(scan.clone(), &parts[1]).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Query);
    assert!(error.hint().unwrap().contains("anew"), "{error:?}");
    let error = engine.read_part(scan, &json!({"rows": "x"})).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_statement_gives_its_rows_and_their_columns() {
    let Some(file) = file("create table t as select range as n, 'row ' || range as text from range(100)")
    else {
        return;
    };
    let engine = file.engine().await;
    let rows =
        engine.query("select n % 3 as rest, count(*) as rows from t group by 1 order by 1", 2).await.unwrap();
    let names: Vec<_> = rows.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["rest", "rows"]);
    let batches: Vec<_> = rows.batches.try_collect().await.unwrap();
    assert_eq!(batches.iter().map(arrow_array::RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
    let rows = engine.query("select n from t where n < 0", 10).await.unwrap();
    assert_eq!(rows.schema.fields().len(), 1);
    assert!(rows.batches.try_collect::<Vec<_>>().await.unwrap().is_empty());
    let error = engine.query("select nothing from t", 10).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Query);
    assert!(error.to_string().contains("nothing") && !error.to_string().contains("LINE"), "{error}");
}

/// The names of a statement's columns, and the last one's texts.
async fn texts(engine: &DuckDb, sql: &str) -> (Vec<String>, Vec<String>) {
    let rows = engine.query(sql, 1000).await.unwrap();
    let names: Vec<String> = rows.schema.fields().iter().map(|field| field.name().clone()).collect();
    let batches: Vec<_> = rows.batches.try_collect().await.unwrap();
    let last = |batch: &arrow_array::RecordBatch| -> Vec<String> {
        let column = batch.column(batch.num_columns() - 1).as_string::<i32>();
        column.iter().map(|text| text.unwrap_or("NULL").to_owned()).collect()
    };
    (names, batches.iter().flat_map(last).collect())
}

#[tokio::test]
async fn a_statement_with_columns_as_text_is_the_same_otherwise() {
    type Key = fn(i64) -> (i64, i64);
    let Some(file) = file("create table t as select range as n, range::uhugeint as h from range(300000)")
    else {
        return;
    };
    let engine = file.engine().await;
    let cases: [(&str, &[&str], &[&str]); 8] = [
        (
            "select n as N, h, h from t order by n desc limit 2 -- the newest",
            &["N", "h", "h"],
            &["299999", "299998"],
        ),
        ("from t select h order by n limit 1 /* ; */ ; ", &["h"], &["0"]),
        ("values (1, 2::uhugeint), (0, 3::uhugeint) order by 2 desc", &["col0", "col1"], &["3", "2"]),
        ("with c1 as (select 5::uhugeint as found) select found as \"a \"\"\" from c1", &["a \""], &["5"]),
        ("select 1::uhugeint as h union all select 2::uhugeint order by h desc", &["h"], &["2", "1"]),
        ("(select null::uhugeint as h)", &["h"], &["NULL"]),
        ("select max(h) as most from t where n < 3", &["most"], &["2"]),
        // Nothing is read as text in this one.
        (
            "from (describe t) select column_name, column_type limit 1",
            &["column_name", "column_type"],
            &["BIGINT"],
        ),
    ];
    for (sql, names, values) in cases {
        let found = texts(&engine, sql).await;
        assert_eq!(found.0, names, "{sql}");
        assert_eq!(found.1, values, "{sql}");
    }
    // What cannot be described runs as it is.
    let (names, _) = texts(&engine, "pragma version").await;
    assert_eq!(names[0], "library_version");
    let orders: [(&str, Key); 2] =
        [("select h from t", |n| (0, n)), ("select h from t order by n % 7, n desc", |n| (n % 7, -n))];
    for (sql, key) in orders {
        let mut expected: Vec<i64> = (0..300_000).collect();
        expected.sort_by_key(|n| key(*n));
        let (_, found) = texts(&engine, sql).await;
        assert!(found.iter().map(|text| text.parse::<i64>().unwrap()).eq(expected), "{sql}");
    }
    for broken in ["select 1::uhugeint) union (select 2", "select h from t) as found (c1), (select 1"] {
        let error = engine.query(broken, 10).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Query, "{broken}");
    }
}

#[tokio::test]
async fn nothing_is_written_by_any_statement() {
    let Some(file) = file("create table t as select 1 as n") else { return };
    let engine = file.engine().await;
    let before = std::fs::read(&file.path).unwrap();
    let out = file.path.with_file_name("out.csv");
    for statement in [
        "insert into t values (2)".to_owned(),
        "drop table t".to_owned(),
        "create table u (n int)".to_owned(),
        format!("copy t to '{}'", out.display()),
        format!("attach '{}' as other", out.display()),
        format!("export database '{}'", out.display()),
        "set enable_external_access = true".to_owned(),
        "set lock_configuration = false".to_owned(),
        "select * from read_text('/etc/hostname')".to_owned(),
        "install httpfs".to_owned(),
        "checkpoint".to_owned(),
    ] {
        // Some are refused when they are prepared, some when they run.
        let outcome = match engine.query(&statement, 10).await {
            Ok(rows) => rows.batches.try_collect::<Vec<_>>().await.map(|rows| rows.len()),
            Err(error) => Err(error),
        };
        assert!(outcome.is_err() || statement == "checkpoint", "{statement}: {outcome:?}");
    }
    assert_eq!(std::fs::read(&file.path).unwrap(), before);
    assert_eq!(std::fs::read_dir(file.path.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_read_that_nobody_wants_lets_go_of_the_file() {
    let Some(file) = file("create table t as select range as n from range(1000000)") else { return };
    let engine = file.engine().await;
    let endless = "select count(*) from t a, t b where (a.n * b.n) % 7 = 3";
    // It has not given its first row when it is dropped.
    let begun = std::time::Instant::now();
    let timed_out =
        tokio::time::timeout(std::time::Duration::from_millis(200), engine.query(endless, 10)).await;
    assert!(timed_out.is_err(), "the statement ended by itself");
    let mut batches = engine.query("from t", 10).await.unwrap().batches;
    batches.try_next().await.unwrap().unwrap();
    drop(batches);
    // Whoever writes has the file to themselves, and this process's locks do not count among themselves: what holds
    // the file open is what the system says.
    let open = || {
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        links
            .filter(|link| {
                std::fs::read_link(link.as_ref().unwrap().path()).is_ok_and(|path| path == file.path)
            })
            .count()
    };
    while open() > 0 {
        assert!(begun.elapsed().as_secs() < 10, "the file is still open");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
