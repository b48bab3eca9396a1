//! Splits come from somewhere else, so they may be damaged on the way, or made up: they are refused, or read as what they
//! say. Nothing panics, and nothing is read that is not of their schema.

use std::mem::discriminant;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

use airbyte_sql_read::{Filter, MetaColumns, Split, StreamSpec, Warehouse};
use futures::StreamExt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::splits::{File, asked_for};
use crate::support::Schema;

/// The threads of the runtimes here.
const THREADS: &str = "damaged-splits";

/// Panics on those threads: the read that one ends is told as broken, which would do for a cut connection.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Damaged splits that were read to some end: enough of them are still splits.
static READS: AtomicUsize = AtomicUsize::new(0);

fn runtime() -> Runtime {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() == Some(THREADS) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            before(info);
        }));
    });
    Builder::new_multi_thread().worker_threads(1).thread_name(THREADS).enable_all().build().unwrap()
}

/// What may stand in the place of anything.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        prop::sample::select(vec![i64::MIN, -1, 0, 1, 7, 255, i64::MAX]).prop_map(Value::from),
        Just(json!(u64::MAX)),
        Just(json!(1e300)),
        prop::sample::select(vec![
            "",
            "\0",
            "id",
            "number",
            "_rowid_",
            "Utf8",
            "Int64",
            "Null",
            "\"; drop table numbers; --",
            "postgres",
            "ä\u{202e}'",
        ])
        .prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{ "Column": "id" }])),
        Just(json!({ "Decimal128": [38, -128] })),
        Just(json!({ "Timestamp": ["Nanosecond", "No/Such_Zone"] })),
        Just(json!({ "FixedSizeBinary": -1 })),
        Just(json!({ "Dictionary": ["Int8", "Utf8"] })),
    ]
}

/// The places of a value and of all that is in it.
fn places(value: &Value) -> Vec<String> {
    let within: Vec<(String, &Value)> = match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        Value::Object(members) => {
            let name = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members.iter().map(|(member, value)| (name(member), value)).collect()
        }
        _ => Vec::new(),
    };
    let deeper = within
        .into_iter()
        .flat_map(|(name, value)| places(value).into_iter().map(move |place| format!("/{name}{place}")));
    std::iter::once(String::new()).chain(deeper).collect()
}

/// What is done to a split: in the place of one of its members comes something odd, or another member.
type Edits = Vec<(Index, Index, Option<Value>)>;

fn edits() -> impl Strategy<Value = Edits> {
    vec((any::<Index>(), any::<Index>(), prop::option::weighted(0.7, odd())), 1..4)
}

fn damaged(mut split: Value, edits: Edits) -> Value {
    for (at, from, odd) in edits {
        let places = places(&split);
        let new = odd.unwrap_or_else(|| split.pointer(at_of(&places, from)).cloned().unwrap_or_default());
        // Of another kind, it would mostly be no split any more.
        let fits =
            |place: &&String| split.pointer(place).is_some_and(|old| discriminant(old) == discriminant(&new));
        let fitting: Vec<String> = places.iter().filter(fits).cloned().collect();
        let chosen = if fitting.is_empty() { &places } else { &fitting };
        if let Some(place) = split.pointer_mut(at_of(chosen, at)) {
            *place = new;
        }
    }
    split
}

fn at_of(places: &[String], index: Index) -> &str {
    &places[index.index(places.len())]
}

/// Reads it as far as it goes.
async fn read(warehouse: &Warehouse, split: &Split) -> Result<(), TestCaseError> {
    let Ok(mut batches) = warehouse.read_split(split).await else { return Ok(()) };
    READS.fetch_add(1, Ordering::SeqCst);
    let mut rows = 0;
    while let Some(Ok(batch)) = batches.next().await {
        prop_assert_eq!(batch.schema(), split.schema());
        rows += batch.num_rows();
        prop_assert!(rows <= 200, "there are no {} rows", rows);
    }
    Ok(())
}

/// The parts of one read, kept for all cases.
fn check(parts: &(Runtime, Warehouse, Vec<Value>), which: Index, edits: Edits) -> Result<(), TestCaseError> {
    let (runtime, warehouse, known) = parts;
    let damaged = damaged(known[which.index(known.len())].clone(), edits);
    let Ok(split) = serde_json::from_value::<Split>(damaged.clone()) else { return Ok(()) };
    let before = PANICS.load(Ordering::SeqCst);
    let done =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(read(warehouse, &split))));
    let done = done.map_err(|_| TestCaseError::fail(format!("panicked over {damaged}")))?;
    prop_assert_eq!(PANICS.load(Ordering::SeqCst), before, "panicked over {}", damaged);
    done
}

fn proptest_config() -> ProptestConfig {
    // Most of the time is the databases'.
    ProptestConfig { cases: ProptestConfig::default().cases / 2, ..ProptestConfig::default() }
}

#[test]
fn of_a_file() {
    let runtime = runtime();
    let file = File::with(150);
    let (warehouse, known) = runtime.block_on(async {
        let warehouse = file.connect().await;
        let dataset = asked_for(&warehouse).await;
        let cut = dataset.splits(3).await.unwrap();
        let whole = dataset.limit(20).splits(1).await.unwrap();
        let known = cut.splits().iter().chain(whole.splits()).map(|split| json!(split)).collect();
        (warehouse, known)
    });
    let parts = Mutex::new((runtime, warehouse, known));
    proptest!(proptest_config(), |(which: Index, edits in edits())| {
        check(&parts.lock().unwrap(), which, edits)?;
    });
    assert!(READS.load(Ordering::SeqCst) > 10, "next to no split was one");
    assert_eq!(file.count(), 150, "what is read stays as it is");
}

#[test]
fn of_a_postgresql() {
    let runtime = runtime();
    // The plan holds the snapshot, so that parts can be read.
    let (schema, warehouse, known, plan) = runtime.block_on(async {
        let schema = Schema::new("damaged_splits").await;
        schema
            .run(
                "create table many as select n as id, 'text ' || n as name, n * 1.5 as amount, now() as at,
                     repeat('x', 500) as filler, array[n, n] as list from generate_series(1::bigint, 150) as n;
                 analyze many",
            )
            .await;
        let warehouse = schema.destination().connect().await.unwrap();
        let dataset = warehouse.dataset(&StreamSpec::new("many")).await.unwrap();
        let dataset = dataset.filter(Filter::at_least("id", 3)).unwrap();
        let dataset = dataset.meta_columns(MetaColumns::Drop).unwrap().rename("id", "number").unwrap();
        let plan = dataset.splits(3).await.unwrap();
        let known: Vec<Value> = plan.splits().iter().map(|split| json!(split)).collect();
        (schema, warehouse, known, plan)
    });
    let parts = Mutex::new((runtime, warehouse, known));
    proptest!(proptest_config(), |(which: Index, edits in edits())| {
        check(&parts.lock().unwrap(), which, edits)?;
    });
    let (runtime, ..) = parts.into_inner().unwrap();
    drop(plan);
    let rows = runtime.block_on(schema.client.query_one("select count(*) from many", &[])).unwrap();
    assert_eq!(rows.get::<_, i64>(0), 150, "what is read stays as it is");
}
