//! Long reads of BigQuery, by its emulator: broken connections, dropped streams.

use airbyte_sql_read::{ErrorKind, Filter, StreamSpec};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::{StreamExt, TryStreamExt};
use serde_json::json;

use crate::bigquery_emulator::{Listener, Place, Proxy, is_skipped};

const ROWS: i64 = 600_000;

/// A table of which each stream takes several messages.
fn long(dataset: &str) -> Place {
    let place = Place::new(dataset);
    place.run(&format!(
        "create table {{d}}.long as
         select n as id, concat('user ', cast(n as string)) as name, mod(n, 3) as third
         from unnest(generate_array(1, {ROWS})) as n"
    ));
    place
}

/// How many ids there are, and their sum: each has come once if both are right.
async fn ids(dataset: &airbyte_sql_read::Dataset) -> airbyte_sql_read::Result<(i64, i64)> {
    let mut batches = dataset.batches().await?;
    let (mut rows, mut sum) = (0, 0);
    while let Some(batch) = batches.try_next().await? {
        let ids = batch["id"].as_primitive::<Int64Type>();
        rows += i64::try_from(ids.len()).unwrap();
        sum += ids.values().iter().sum::<i64>();
    }
    Ok((rows, sum))
}

#[tokio::test]
async fn rows_behind_a_cut_connection_come_once() {
    if is_skipped() {
        return;
    }
    let place = long("cut");
    let whole = (ROWS, ROWS * (ROWS + 1) / 2);
    // In the middle of a message, and so late that whole messages came before.
    for bytes in [200_000, 3_000_000, 5_000_000] {
        let proxy = Proxy::cutting(3, bytes).await;
        let warehouse = place.through(&proxy).connect().await.unwrap();
        let dataset = warehouse.dataset(&StreamSpec::new("long")).await.unwrap();
        assert_eq!(ids(&dataset).await.unwrap(), whole, "cut after {bytes} bytes");
        assert_eq!(proxy.cuts(), 3, "cut after {bytes} bytes");
        let third = dataset.filter(Filter::equal("third", 0)).unwrap();
        assert_eq!(ids(&third).await.unwrap().0, ROWS / 3);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_for_ever_is_an_error_and_no_end() {
    if is_skipped() {
        return;
    }
    let place = long("broken");
    let proxy = Proxy::cutting(usize::MAX, 100_000).await;
    let warehouse = place.through(&proxy).connect().await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("long")).await.unwrap();
    let error = ids(&dataset).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenConnection, "{error}");
    assert!(error.is_retryable());
    assert!(proxy.cuts() > 3, "it was tried again");
}

#[tokio::test]
async fn a_dropped_stream_stops_the_rows() {
    if is_skipped() {
        return;
    }
    let place = long("dropped");
    let proxy = Proxy::cutting(0, 0).await;
    let warehouse = place.through(&proxy).connect().await.unwrap();
    let dataset = warehouse.dataset(&StreamSpec::new("long")).await.unwrap();
    ids(&dataset).await.unwrap();
    let whole = proxy.settled().await;
    let mut batches = dataset.batches().await.unwrap();
    assert!(batches.next().await.unwrap().unwrap().num_rows() > 0);
    drop(batches);
    let rest = proxy.settled().await - whole;
    assert!(rest < whole * 3 / 4, "{rest} of {whole} bytes came although nobody took them");
    let few = dataset.limit(10);
    let before = proxy.passed();
    assert_eq!(ids(&few).await.unwrap().0, 10);
    assert!(proxy.settled().await - before < whole * 3 / 4, "a limit fetches less than everything");
}

#[tokio::test]
async fn nobody_at_the_address_is_an_error_that_says_so() {
    if is_skipped() {
        return;
    }
    let place = Place::new("nobody");
    let mut configuration = place.configuration();
    configuration["endpoint"] = "http://127.0.0.1:9".into();
    let half = crate::support::destination("bigquery", &configuration);
    // The rows' address is the environment's here.
    let error = half.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
}

#[tokio::test]
async fn parts_are_the_rows_once_and_read_by_others() {
    if is_skipped() {
        return;
    }
    let place = long("parts");
    let dataset = place.stream("long").await;
    let third = dataset.clone().filter(Filter::equal("third", 0)).unwrap();
    for (dataset, rows, late) in [(dataset.clone(), ROWS, 1), (third, ROWS / 3, 0)] {
        let splits = dataset.splits(3).await.unwrap();
        assert_eq!(splits.splits().len(), 3);
        assert!(splits.is_one_snapshot());
        let sent: Vec<String> =
            splits.splits().iter().map(|split| serde_json::to_string(split).unwrap()).collect();
        drop(splits);
        // Rows that come later are not in the session.
        place.run(&format!("insert into {{d}}.long values (0, 'late', {late})"));
        let mut all = 0;
        for split in sent {
            let elsewhere = place.warehouse().await;
            let split = serde_json::from_str(&split).unwrap();
            let batches: Vec<_> = elsewhere.read_split(&split).await.unwrap().try_collect().await.unwrap();
            let part: usize = batches.iter().map(arrow_array::RecordBatch::num_rows).sum();
            assert!(part > 0);
            all += i64::try_from(part).unwrap();
        }
        assert_eq!(all, rows);
    }
    let ordered = dataset.clone().order_by("id", airbyte_sql_read::Order::Descending).unwrap().limit(2);
    let splits = ordered.splits(3).await.unwrap();
    assert_eq!(splits.splits().len(), 1);
    // A part stays what it was, however often it is read and whatever comes.
    place.run("insert into {d}.long values (999999999, 'later', 0)");
    for _ in 0..2 {
        let only = place.warehouse().await.read_split(&splits.splits()[0]).await.unwrap();
        let only = only.try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(crate::support::shown(&only[0], "id"), [ROWS.to_string(), (ROWS - 1).to_string()]);
    }
    // Without a table that a session could read, the result of a query is the one part.
    let texts = dataset.text_columns(["id"]).unwrap().filter(Filter::at_most("id", 20_000)).unwrap();
    let splits = texts.splits(3).await.unwrap();
    assert_eq!(splits.splits().len(), 1);
    let pages = place.warehouse().await.read_split(&splits.splits()[0]).await.unwrap();
    let rows: usize =
        pages.try_collect::<Vec<_>>().await.unwrap().iter().map(arrow_array::RecordBatch::num_rows).sum();
    // With the two that came late.
    assert_eq!(rows, 20_002);
}

#[tokio::test]
async fn statements_that_read_give_rows_and_others_are_refused() {
    if is_skipped() {
        return;
    }
    let place = long("statements");
    let warehouse = place.warehouse().await;
    // Bare names are in the destination's dataset.
    let query =
        warehouse.query("select third, count(*) as rows from long group by third order by third").unwrap();
    let batch = query.collect().await.unwrap();
    assert_eq!(crate::support::shown(&batch, "third"), ["0", "1", "2"]);
    assert_eq!(crate::support::shown(&batch, "rows"), ["200000", "200000", "200000"]);
    let many = warehouse
        .query("select id from long where id <= 20000 order by id")
        .unwrap()
        .batch_rows(700)
        .batches()
        .await
        .unwrap();
    let many: Vec<_> = many.try_collect().await.unwrap();
    assert_eq!(many.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), 20_000);
    assert!(many.iter().all(|batch| batch.num_rows() <= 700));
    for writing in ["drop table long", "select 1; select 2", "create table x as select 1", "call x()"] {
        assert_eq!(warehouse.query(writing).err().unwrap().kind(), ErrorKind::InvalidInput, "{writing}");
    }
    let wrong = warehouse.query("select nothing from long").unwrap().collect().await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Query);
    assert!(wrong.to_string().contains("nothing"), "{wrong}");
}

/// Nothing but reads is asked of the catalogue and of the jobs, whichever way is taken. What goes by gRPC goes to a
/// service that can do nothing else.
#[tokio::test]
async fn only_reads_are_asked_for() {
    if is_skipped() {
        return;
    }
    let place = Place::new("only_reads");
    let columns = ["n", "id", "_airbyte_generation_id"].map(|name| (name, json!("INTEGER")));
    place.table("rows", &[columns.as_slice(), &[("name", json!("STRING"))]].concat());
    let row = |n: i64| json!({"n": n % 100, "id": n, "name": n.to_string(), "_airbyte_generation_id": 7});
    place.insert("rows", &(0..200).map(row).collect::<Vec<_>>());
    let listener = Listener::start().await;
    let destination = place.heard_by(&listener);
    let connect = async || destination.connect().await.unwrap();
    crate::only_reads::read_in_every_way(connect, &StreamSpec::new("rows"), 200).await;
    let heard = listener.heard();
    assert!(heard.len() > 30, "{heard:?}");
    for request in heard.iter().filter(|request| request.method != "GET") {
        assert_eq!(request.method, "POST", "{request:?}");
        if request.path.starts_with("jobs/") && request.path.ends_with("/cancel") {
            continue;
        }
        assert_eq!(request.path, "jobs", "{request:?}");
        let query = &request.body["configuration"]["query"];
        let is_read = query["query"].as_str().is_some_and(|sql| sql.starts_with("select "));
        // A table to put the result into would be written.
        assert!(is_read && query.get("destinationTable").is_none(), "{request:?}");
    }
}

#[tokio::test]
async fn what_a_query_would_read_is_told_without_reading_it() {
    if is_skipped() {
        return;
    }
    let place = Place::new("estimates");
    place.table("rows", &[("n", json!("INTEGER"))]);
    place.insert("rows", &(0..100).map(|n| json!({"n": n})).collect::<Vec<_>>());
    let listener = Listener::start().await;
    let warehouse = place.heard_by(&listener).connect().await.unwrap();
    let estimate = warehouse.query("select n from estimates.rows").unwrap().estimate().await.unwrap();
    // How many there are is the emulator's own guess.
    assert!(estimate.bytes.is_some(), "{estimate:?}");
    let error = warehouse.query("select nothing from nowhere").unwrap().estimate().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query, "{error}");
    let heard = listener.heard();
    let jobs: Vec<_> = heard.iter().filter(|request| request.path == "jobs").collect();
    assert_eq!(jobs.len(), 2);
    assert!(jobs.iter().all(|job| job.body["configuration"]["dryRun"] == true), "{jobs:?}");
}
