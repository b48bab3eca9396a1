//! Reads cut into parts, with everything that a dataset can be asked for.

use airbyte_sql_read::{
    Batches, Dataset, ErrorKind, Filter, MetaColumns, Order, Split, StreamSpec, Warehouse,
};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::TryStreamExt;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Schema, destination};

const RECORDS: i64 = 30_000;

/// The SQLite connector's raw table of records `{"id": n, "half": n / 2}`.
pub(crate) struct File {
    connection: Connection,
    folder: TempDir,
}

impl File {
    fn new() -> Self {
        Self::with(RECORDS)
    }

    /// With so many records.
    pub(crate) fn with(records: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("out.db")).unwrap();
        connection
            .execute_batch(&format!(
                "create table _airbyte_raw_halves (_airbyte_ab_id text primary key, _airbyte_emitted_at text, _airbyte_data text);
                 insert into _airbyte_raw_halves
                 with recursive n(i) as (select 0 union all select i + 1 from n where i < {records} - 1)
                 select 'id-' || i, '2026-01-01', json_object('id', i, 'half', i / 2.0) from n"
            ))
            .unwrap();
        Self { connection, folder }
    }

    /// How many records there are.
    pub(crate) fn count(&self) -> i64 {
        self.connection.query_row("select count(*) from _airbyte_raw_halves", [], |row| row.get(0)).unwrap()
    }

    pub(crate) async fn connect(&self) -> Warehouse {
        let path = self.folder.path().join("out.db");
        destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap()
    }
}

fn stream() -> StreamSpec {
    StreamSpec::new("halves").json_schema(json!({"properties": {
        "id": {"type": "integer"}, "half": {"type": "number"}
    }}))
}

/// What can be asked for, all at once.
pub(crate) async fn asked_for(warehouse: &Warehouse) -> Dataset {
    let dataset = warehouse.dataset(&stream()).await.unwrap();
    let dataset = dataset.filter(Filter::less("half", f64::MAX).and(Filter::at_least("id", 10))).unwrap();
    dataset.meta_columns(MetaColumns::Drop).unwrap().rename("id", "number").unwrap().batch_rows(1_000)
}

async fn numbers(batches: Batches) -> Vec<i64> {
    let batches: Vec<_> = batches.try_collect().await.unwrap();
    let mut numbers: Vec<i64> = batches
        .iter()
        .flat_map(|batch| batch["number"].as_primitive::<Int64Type>().values().to_vec())
        .collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn parts_that_went_through_json_are_the_rows_exactly_once() {
    let file = File::new();
    let warehouse = file.connect().await;
    let dataset = asked_for(&warehouse).await;
    let splits = dataset.splits(4).await.unwrap();
    assert!(splits.splits().len() > 1, "{splits:?}");
    let text = serde_json::to_string(splits.splits()).unwrap();
    // Somebody else reads them.
    let other = file.connect().await;
    let received: Vec<Split> = serde_json::from_str(&text).unwrap();
    let mut all = Vec::new();
    for split in &received {
        let batches = other.read_split(split).await.unwrap();
        assert_eq!(batches.schema(), dataset.schema());
        assert_eq!(split.schema(), dataset.schema());
        all.extend(numbers(batches).await);
    }
    all.sort_unstable();
    assert_eq!(all, (10..RECORDS).collect::<Vec<_>>());
}

#[tokio::test]
async fn parts_read_side_by_side_are_the_rows_exactly_once() {
    let file = File::new();
    let dataset = asked_for(&file.connect().await).await;
    for wanted in [0, 1, 3, 1_000] {
        let batches = dataset.read_parallel(wanted).await.unwrap();
        assert_eq!(batches.schema(), dataset.schema());
        assert_eq!(numbers(batches).await, (10..RECORDS).collect::<Vec<_>>(), "{wanted}");
    }
}

#[tokio::test]
async fn an_error_in_one_part_is_the_end_of_all() {
    let file = File::new();
    file.connection
        .execute_batch("update _airbyte_raw_halves set _airbyte_data = '{\"id\": \"x\"}' where _airbyte_ab_id = 'id-20000'")
        .unwrap();
    let warehouse = file.connect().await;
    let dataset = warehouse.dataset(&stream()).await.unwrap().batch_rows(100);
    let mut batches = dataset.read_parallel(4).await.unwrap();
    let error = loop {
        match batches.try_next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the read ended as if it were whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(error.to_string().contains("id-20000"), "{error}");
    assert!(batches.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_read_whose_rows_depend_on_each_other_is_one_part() {
    let file = File::new();
    let warehouse = file.connect().await;
    let dataset = asked_for(&warehouse).await;
    for whole in [
        dataset.clone().limit(5),
        dataset.clone().order_by("id", Order::Descending).unwrap(),
        dataset.latest(["id"], None).unwrap(),
    ] {
        let splits = whole.splits(4).await.unwrap();
        assert_eq!(splits.splits().len(), 1);
        assert!(splits.is_one_snapshot());
        let read = numbers(warehouse.read_split(&splits.splits()[0]).await.unwrap()).await;
        assert_eq!(read.len() as u64, whole.count().await.unwrap());
    }
}

#[tokio::test]
async fn a_part_of_another_kind_of_destination_is_refused() {
    let file = File::new();
    let splits = asked_for(&file.connect().await).await.splits(2).await.unwrap();
    let schema = Schema::new("other_kind").await;
    let warehouse = schema.destination().connect().await.unwrap();
    let error = warehouse.read_split(&splits.splits()[0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("sqlite"), "{error}");
}

#[tokio::test]
async fn parts_hold_no_secret() {
    let schema = Schema::new("no_secrets").await;
    schema.run("create table rows as select n as number from generate_series(1, 100000) as n").await;
    let dataset = schema.dataset("rows").await;
    let splits = dataset.splits(3).await.unwrap();
    let text = serde_json::to_string(splits.splits()).unwrap();
    assert!(splits.is_one_snapshot() && splits.splits().len() == 3);
    for hidden in ["password", "host", "username"] {
        assert!(!text.contains(hidden), "{text}");
    }
    // Rows that come after the plan are in no part.
    schema.run("insert into rows values (-1)").await;
    let mut rows = 0;
    let warehouse = schema.destination().connect().await.unwrap();
    for split in splits.splits() {
        let batches: Vec<_> = warehouse.read_split(split).await.unwrap().try_collect().await.unwrap();
        rows += batches.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>();
    }
    assert_eq!(rows, 100_000);
}

/// What another server holds is in no snapshot of this one, and a view can be another one each moment.
#[tokio::test]
async fn what_no_snapshot_holds_is_said_not_to_be_repeatable() {
    let schema = Schema::new("unrepeatable").await;
    schema
        .run(
            "drop foreign data wrapper if exists unrepeatable cascade; create foreign data wrapper unrepeatable;
             create server unrepeatable foreign data wrapper unrepeatable;
             create foreign table far (number bigint) server unrepeatable;
             create view seen as select 1::bigint as number, now() as at;
             create table parent (number bigint) partition by range (number);
             create table near partition of parent for values from (0) to (10)",
        )
        .await;
    let warehouse = schema.destination().connect().await.unwrap();
    let is_repeatable = async |table: &str| {
        let dataset = warehouse.dataset(&StreamSpec::new(table)).await.unwrap();
        dataset.columns(["number"]).unwrap().splits(2).await.unwrap().is_repeatable()
    };
    assert!(is_repeatable("parent").await && is_repeatable("near").await);
    assert!(!is_repeatable("far").await && !is_repeatable("seen").await);
    schema
        .run("create foreign table far_part partition of parent for values from (10) to (20) server unrepeatable")
        .await;
    assert!(!is_repeatable("parent").await && is_repeatable("near").await);
    schema.run("drop foreign data wrapper unrepeatable cascade").await;
}

/// Of a partitioned table as well, whose partitions are held with it.
#[tokio::test]
async fn who_may_read_some_columns_alone_reads_them_by_splits_as_well() {
    let schema = Schema::new("some_columns").await;
    schema
        .run(
            "create table rows as select n::bigint as number, 'x' as hidden from generate_series(1, 100000) as n;
             create table cut (number bigint, hidden text) partition by range (number);
             create table cut_1 partition of cut for values from (0) to (10);
             insert into cut values (1, 'x'), (2, 'y');
             drop role if exists some_columns_reader; create role some_columns_reader login password 'pw';
             grant usage on schema some_columns to some_columns_reader;
             grant select (number) on rows, cut to some_columns_reader",
        )
        .await;
    let configuration =
        schema.configuration_with(&json!({"username": "some_columns_reader", "password": "pw"}));
    let warehouse = destination("postgres", &configuration).connect().await.unwrap();
    let open = async |table: &str| warehouse.dataset(&StreamSpec::new(table)).await.unwrap();
    let rows = open("rows").await.columns(["number"]).unwrap();
    let count = async |splits: &[Split]| {
        let mut count = 0;
        for split in splits {
            let batches: Vec<_> = warehouse.read_split(split).await.unwrap().try_collect().await.unwrap();
            count += batches.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>();
        }
        count
    };
    assert_eq!(numbers(rows.clone().read_parallel(3).await.unwrap()).await.len(), 100_000);
    // The places of rows are hidden columns, which are not granted.
    let splits = rows.splits(3).await.unwrap();
    assert_eq!((splits.is_one_snapshot(), splits.is_repeatable(), splits.splits().len()), (true, true, 1));
    let cut = open("cut").await.columns(["number"]).unwrap().splits(3).await.unwrap();
    // What comes later is in no part, and nobody empties or replaces what is held.
    schema.run("insert into rows values (-1, 'x'); set lock_timeout = '200ms'").await;
    for table in ["rows", "cut_1"] {
        schema.client.batch_execute(&format!("truncate {table}")).await.unwrap_err();
    }
    assert_eq!(count(splits.splits()).await, 100_000);
    assert_eq!(count(cut.splits()).await, 2);
    drop((splits, cut));
    let error = open("rows").await.columns(["number", "hidden"]).unwrap().splits(3).await.unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
    schema.run("drop owned by some_columns_reader; drop role some_columns_reader").await;
}

/// With a write-ahead log writers go on, and connections see states of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parts_without_a_common_state_say_so_and_are_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "pragma journal_mode = wal; create table accounts (id integer primary key, amount integer);
             insert into accounts with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select i, 1 from n",
        )
        .unwrap();
    let warehouse = destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap();
    let accounts =
        warehouse.dataset(&StreamSpec::new("accounts")).await.unwrap().columns(["amount"]).unwrap();
    let splits = accounts.splits(4).await.unwrap();
    assert_eq!((splits.splits().len(), splits.is_one_snapshot()), (4, false));
    // One part is one state, but not the same when it is read again.
    let one = accounts.splits(1).await.unwrap();
    assert_eq!((one.splits().len(), one.is_one_snapshot(), one.is_repeatable()), (1, true, false));

    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let writer = std::thread::spawn(move || {
        let mut moves = 0;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            // One amount wanders from the first accounts to the last and back: the sum is always the same.
            let (from, to) = if moves % 2 == 0 { (1, 20_000) } else { (20_000, 1) };
            connection
                .execute_batch(&format!(
                    "begin; update accounts set amount = amount - 7 where id = {from};
                     update accounts set amount = amount + 7 where id = {to}; commit"
                ))
                .unwrap();
            moves += 1;
        }
        moves
    });
    for _ in 0..60 {
        let batches = accounts.read_parallel(4).await.unwrap();
        let batches: Vec<_> = batches.try_collect().await.unwrap();
        let sum: i64 = batches
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
            .sum();
        assert_eq!(sum, 20_000);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(writer.join().unwrap() > 10);

    // A rollback journal keeps writers out while the parts are read.
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("pragma journal_mode = delete").unwrap();
    assert!(accounts.splits(4).await.unwrap().is_one_snapshot());
}
