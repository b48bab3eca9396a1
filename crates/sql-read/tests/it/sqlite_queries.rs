//! Statements of one's own, reads in parts, and writers beside readers, on SQLite files.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use airbyte_sql_read::{ErrorKind, Split, StreamSpec, Warehouse};
use arrow_schema::DataType;
use futures::TryStreamExt;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{destination, shown};

struct File {
    writer: Connection,
    path: PathBuf,
    _folder: TempDir,
}

impl File {
    fn new(statements: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.db");
        let writer = Connection::open(&path).unwrap();
        writer.busy_timeout(Duration::from_millis(100)).unwrap();
        writer.execute_batch(statements).unwrap();
        Self { writer, path, _folder: folder }
    }

    async fn connect(&self) -> Warehouse {
        destination("sqlite", &json!({"destination_path": self.path})).connect().await.unwrap()
    }
}

const ROWS: &str = "create table rows (n integer, filler text); with recursive s (n) as (select 1 union all select n + 1 from s where n < 10000)
                    insert into rows select n, 'x' || n from s;";

#[tokio::test]
async fn a_query_gives_declared_types_or_those_of_its_values() {
    let file = File::new(&format!(
        "{ROWS} create table others (d decimal, b blob); insert into others values ('1.10', x'00'), (null, null)"
    ));
    let warehouse = file.connect().await;
    let sql = "select n, filler, n * 2 as twice, n / 2.0 as half, null as nil, case when n = 1 then 1 else 0.5 end as mixed,
                      case when n = 1 then 'a' else n end as either from rows order by n limit 2";
    let batch = warehouse.query(sql).unwrap().collect().await.unwrap();
    let types: Vec<_> = batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    let (integer, float, text) = (DataType::Int64, DataType::Float64, DataType::Utf8);
    assert_eq!(types, [integer.clone(), text.clone(), integer, float.clone(), text.clone(), float, text]);
    assert_eq!(shown(&batch, "either"), ["a", "2"]);
    assert_eq!(shown(&batch, "mixed"), ["1.0", "0.5"]);
    assert_eq!(shown(&batch, "nil"), ["NULL", "NULL"]);
    // Many rows, the first of which told the types.
    let batches: Vec<_> = warehouse
        .query("select n + 0 as m from rows")
        .unwrap()
        .batches()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(batches.iter().flat_map(|batch| shown(batch, "m")).collect::<BTreeSet<_>>().len(), 10_000);
    // A value that the first thousand did not announce is an error that names its column.
    let late = "select case when n > 5000 then 'late' else n end as v from rows order by n";
    let error = warehouse.query(late).unwrap().collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value, "{error:?}");
    assert!(error.to_string().contains("`v`"), "{error}");
    let none = warehouse.query("select n from rows where false").unwrap().collect().await.unwrap();
    assert_eq!((none.num_rows(), none.schema().field(0).data_type().clone()), (0, DataType::Int64));
    for wrong in ["select nothing from rows", "select ?1", "select n from rows limit 'x'"] {
        warehouse.query(wrong).unwrap().collect().await.expect_err(wrong);
    }
}

#[tokio::test]
async fn dropping_a_read_ends_the_query_and_with_it_the_lock() {
    let file =
        File::new(&format!("{ROWS} create view slow as select count(*) as n from rows a, rows b, rows c"));
    let dataset = file.connect().await.dataset(&StreamSpec::new("slow")).await.unwrap();
    let counting = tokio::time::timeout(Duration::from_millis(300), dataset.head(1)).await;
    assert!(counting.is_err(), "{counting:?}");
    // As long as somebody reads, nobody commits.
    for _ in 0..100 {
        if file.writer.execute("insert into rows values (0, '')", []).is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the query still runs");
}

#[tokio::test]
async fn a_write_ahead_log_is_read_and_a_writer_goes_on_meanwhile() {
    let file = File::new(&format!("pragma journal_mode = wal; pragma wal_autocheckpoint = 0; {ROWS}"));
    let dataset = file.connect().await.dataset(&StreamSpec::new("rows")).await.unwrap().batch_rows(100);
    let mut batches = dataset.batches().await.unwrap();
    let mut rows = batches.try_next().await.unwrap().unwrap().num_rows();
    file.writer.execute_batch("delete from rows; insert into rows values (0, 'new')").unwrap();
    while let Some(batch) = batches.try_next().await.unwrap() {
        rows += batch.num_rows();
    }
    assert_eq!(rows, 10_000);
    assert_eq!(dataset.count().await.unwrap(), 1);
}

async fn numbers(warehouse: &Warehouse, splits: &[Split]) -> Vec<i64> {
    let mut numbers = Vec::new();
    for split in splits {
        let batches: Vec<_> = warehouse.read_split(split).await.unwrap().try_collect().await.unwrap();
        numbers.extend(batches.iter().flat_map(|batch| shown(batch, "n")).map(|n| n.parse::<i64>().unwrap()));
    }
    numbers
}

#[tokio::test]
async fn parts_are_the_table_exactly_once_and_no_writer_commits_while_the_plan_lives() {
    let file = File::new(ROWS);
    let warehouse = file.connect().await;
    let dataset = warehouse.dataset(&StreamSpec::new("rows")).await.unwrap();
    let splits = dataset.splits(7).await.unwrap();
    assert_eq!((splits.splits().len(), splits.is_one_snapshot()), (7, true));
    assert!(splits.is_repeatable());
    assert!(file.writer.execute("delete from rows", []).is_err());
    let sent: Vec<Split> = serde_json::from_str(&serde_json::to_string(splits.splits()).unwrap()).unwrap();
    let mut all = numbers(&file.connect().await, &sent).await;
    all.sort_unstable();
    assert_eq!(all, (1..=10_000).collect::<Vec<_>>());
    drop(splits);
    file.writer.execute("delete from rows", []).unwrap();
    file.writer.execute_batch("drop table rows; create table rows (n integer, filler text)").unwrap();
    let error =
        file.connect().await.read_split(&sent[0]).await.unwrap().try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("plan again")), "{error:?}");
}

#[tokio::test]
async fn with_a_write_ahead_log_parts_leave_out_what_was_added_since() {
    let file = File::new(&format!("pragma journal_mode = wal; {ROWS}"));
    let warehouse = file.connect().await;
    let dataset = warehouse.dataset(&StreamSpec::new("rows")).await.unwrap();
    let splits = dataset.splits(4).await.unwrap();
    assert_eq!((splits.splits().len(), splits.is_one_snapshot()), (4, false));
    file.writer.execute("insert into rows values (0, 'new')", []).unwrap();
    let all: BTreeSet<i64> = numbers(&warehouse, splits.splits()).await.into_iter().collect();
    assert_eq!(all, (1..=10_000).collect());
}

#[tokio::test]
async fn what_has_no_row_ids_is_one_part() {
    let file = File::new(
        "create table keyed (n integer primary key, t text) without rowid; insert into keyed values (1, 'a'), (2, 'b');
         create table hiding (n integer, rowid text, _rowid_ text, oid text); insert into hiding values (1, 'x', 'y', 'z');
         create table half (n integer, rowid text); insert into half values (1, 'b'), (2, 'a'), (-9223372036854775807, 'c');
         create view seen as select n from keyed; create table none (n integer);
         insert into half (_rowid_, n) values (-9223372036854775808, 7), (9223372036854775807, 8)",
    );
    let warehouse = file.connect().await;
    for (table, parts, rows) in
        [("keyed", 1, 2), ("hiding", 1, 1), ("seen", 1, 2), ("none", 1, 0), ("half", 3, 5)]
    {
        let dataset = warehouse.dataset(&StreamSpec::new(table)).await.unwrap();
        let splits = dataset.splits(3).await.unwrap();
        assert_eq!(splits.splits().len(), parts, "{table}");
        // A view may ask what time it is.
        assert_eq!(splits.is_repeatable(), table != "seen", "{table}");
        assert_eq!(numbers(&warehouse, splits.splits()).await.len(), rows, "{table}");
    }
}
