//! Parts of tables of any shape: together they are the table, each row exactly once.

use std::collections::BTreeSet;

use airbyte_sql_read::{Filter, Split, StreamSpec, Warehouse};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::TryStreamExt;
use proptest::collection::btree_set;
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Builder;

use crate::quoting::cases;
use crate::support::{Schema, destination};

/// The numbers in all parts, each read as another process would, and those of a read of all parts side by side.
async fn in_parts(
    warehouse: &Warehouse,
    parts: usize,
    least: Option<i64>,
) -> airbyte_sql_read::Result<[Vec<i64>; 2]> {
    let mut dataset = warehouse.dataset(&StreamSpec::new("t")).await?.batch_rows(7);
    if let Some(least) = least {
        dataset = dataset.filter(Filter::at_least("id", least))?;
    }
    let splits = dataset.splits(parts).await?;
    let mut each = Vec::new();
    for split in splits.splits() {
        let sent = serde_json::to_string(split).unwrap();
        let received: Split = serde_json::from_str(&sent).unwrap();
        each.extend(numbers(&warehouse.read_split(&received).await?.try_collect::<Vec<_>>().await?));
    }
    drop(splits);
    let mut beside = numbers(&dataset.read_parallel(parts).await?.try_collect::<Vec<_>>().await?);
    each.sort_unstable();
    beside.sort_unstable();
    Ok([each, beside])
}

fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch["id"].as_primitive::<Int64Type>().values().to_vec()).collect()
}

/// Numbers with wide gaps between them, those at the ends among them.
fn ids() -> impl Strategy<Value = BTreeSet<i64>> {
    let id = prop_oneof![
        8 => -50..50_i64,
        4 => 1_000_000..1_000_400_i64,
        2 => any::<i64>(),
        1 => prop::sample::select(vec![i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX]),
    ];
    btree_set(id, 0..120)
}

fn expected(ids: &BTreeSet<i64>, least: Option<i64>) -> Vec<i64> {
    ids.iter().copied().filter(|id| least.is_none_or(|least| *id >= least)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(64), ..ProptestConfig::default() })]

    #[test]
    fn of_a_file(
        ids in ids(),
        key in prop::sample::select(vec!["(id integer primary key)", "(id integer)", "(id integer primary key) without rowid"]),
        parts in prop_oneof![0..9_usize, Just(1_000)],
        least in prop::option::of(-60..60_i64),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.db");
        let mut file = rusqlite::Connection::open(&path).unwrap();
        file.execute_batch(&format!("create table t {key}")).unwrap();
        let writing = file.transaction().unwrap();
        for id in &ids {
            writing.execute("insert into t values (?)", [id]).unwrap();
        }
        writing.commit().unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let read = runtime.block_on(async {
            let warehouse = destination("sqlite", &json!({"destination_path": path})).connect().await?;
            in_parts(&warehouse, parts, least).await
        });
        let expected = expected(&ids, least);
        prop_assert_eq!(read.unwrap(), [expected.clone(), expected]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24), ..ProptestConfig::default() })]

    /// Pages are full, half full and empty, and rows have been moved from one to another.
    #[test]
    fn of_a_postgresql(
        rows in 0..600_i64,
        filler in 0..3_000_usize,
        deleted in 1..7_i64,
        moved in 1..7_i64,
        clean: bool,
        parts in 0..9_usize,
        least in prop::option::of(0..600_i64),
    ) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let ids: BTreeSet<i64> = (0..rows).filter(|id| id % deleted != 1).collect();
        let expected = expected(&ids, least);
        runtime.block_on(async {
            let schema = Schema::new("split_properties").await;
            schema
                .run(&format!(
                    "create table t (id bigint, filler text); alter table t alter filler set storage plain;
                     insert into t select n, repeat('x', {filler}) from generate_series(0::bigint, {rows} - 1) as n;
                     delete from t where id % {deleted} = 1; update t set filler = filler where id % {moved} = 0"
                ))
                .await;
            if clean {
                schema.run("vacuum analyze t").await;
            }
            let warehouse = schema.destination().connect().await.unwrap();
            let read = in_parts(&warehouse, parts, least).await.unwrap();
            prop_assert_eq!(read, [expected.clone(), expected]);
            Ok(())
        })?;
    }
}
