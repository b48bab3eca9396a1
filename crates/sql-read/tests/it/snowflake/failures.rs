//! What goes wrong on the way, and what the reader makes of it.

use std::collections::HashMap;
use std::time::Duration;

use airbyte_sql_read::{Error, ErrorKind};
use arrow_array::RecordBatch;
use futures::{StreamExt, TryStreamExt};

use super::double::Behaviour;
use super::{Lake, all, count_up, in_parts};
use crate::support::shown;
use crate::too_long;

/// All rows, in the order in which they come.
async fn ids(lake: &Lake) -> Result<Vec<String>, Error> {
    let batches: Vec<RecordBatch> = lake.dataset("numbers").await.batches().await?.try_collect().await?;
    Ok(batches.iter().flat_map(|batch| shown(batch, "ID")).collect())
}

async fn sorted_ids(lake: &Lake) -> Vec<String> {
    let mut ids = ids(lake).await.unwrap();
    ids.sort_by_key(|id| id.parse::<u64>().unwrap());
    ids
}

#[tokio::test]
async fn a_part_that_breaks_or_is_cut_is_fetched_again_and_no_row_comes_twice() {
    for (name, json) in [("cut_arrow", false), ("cut_json", true)] {
        let behaviour =
            Behaviour { json, broken: vec![1, 3], cut: HashMap::from([(2, 1), (4, 2)]), ..in_parts() };
        let Some(lake) = Lake::new(name, behaviour).await else { return };
        lake.numbers(4_010).await;
        assert_eq!(sorted_ids(&lake).await, count_up(4_010));
        // Four parts, two transfers that broke, three contents that were cut.
        assert_eq!(lake.double.fetches(), 9);
    }
}

#[tokio::test]
async fn a_part_that_stays_cut_is_an_error_and_not_the_end() {
    for behaviour in [
        Behaviour { cut: HashMap::from([(2, 99)]), ..in_parts() },
        Behaviour { short: vec![2], ..in_parts() },
        Behaviour { broken: vec![2; 99], ..in_parts() },
    ] {
        let Some(lake) = Lake::new("stays_cut", behaviour).await else { return };
        lake.numbers(4_010).await;
        let mut batches = lake.dataset("numbers").await.batches().await.unwrap();
        let mut rows = 0;
        let error = loop {
            match batches.next().await.expect("an error comes before the end") {
                Ok(batch) => rows += batch.num_rows(),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenConnection, "{error}");
        assert!(error.is_retryable());
        assert!((1_010..2_010).contains(&rows), "{rows}");
        assert!(batches.next().await.is_none());
    }
}

#[tokio::test]
async fn addresses_that_no_longer_open_are_asked_for_anew() {
    let Some(lake) = Lake::new("closed", Behaviour { store_closed: true, ..in_parts() }).await else {
        return;
    };
    lake.numbers(9_010).await;
    // They close after the answer has been given.
    let mut batches = lake.dataset("numbers").await.batch_rows(10).batches().await.unwrap();
    lake.double.behave(|now| now.store_closed = true);
    let mut ids: Vec<String> = Vec::new();
    while let Some(batch) = batches.try_next().await.unwrap() {
        ids.extend(shown(&batch, "ID"));
    }
    ids.sort_by_key(|id| id.parse::<u64>().unwrap());
    assert_eq!(ids, count_up(9_010));
}

#[tokio::test]
async fn a_session_that_expires_is_renewed_or_begun_anew() {
    for (name, master_expired) in [("renewed", false), ("begun_anew", true)] {
        let Some(lake) = Lake::new(name, in_parts()).await else { return };
        lake.numbers(2_000).await;
        let dataset = lake.dataset("numbers").await;
        lake.double.behave(|now| (now.expired, now.master_expired) = (true, master_expired));
        // Many at once, and one renewal is enough for all.
        let reads = futures::future::join_all((0..5).map(|_| all(&dataset))).await;
        assert!(reads.iter().all(|read| read.num_rows() == 2_000));
        assert_eq!(lake.double.seen("/session/token-request").len(), 1);
        let logins = lake.double.seen("/session/v1/login-request").len();
        assert_eq!(logins, if master_expired { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_long_query_is_waited_for() {
    let Some(lake) = Lake::new("long", Behaviour { running: 3, ..in_parts() }).await else { return };
    lake.numbers(1_500).await;
    let dataset = lake.dataset("numbers").await;
    lake.double.behave(|now| now.running = 4);
    assert_eq!(all(&dataset).await.num_rows(), 1_500);
}

/// A statement whose answer was lost is not executed twice: the service knows its id.
#[tokio::test]
async fn what_the_service_could_not_answer_is_asked_again_by_the_same_id() {
    let Some(lake) = Lake::new("unavailable", in_parts()).await else { return };
    lake.numbers(1_500).await;
    let dataset = lake.dataset("numbers").await;
    let before = lake.double.seen("/queries/v1/query-request").len();
    let executed = lake.double.executed();
    lake.double.behave(|now| now.unavailable = 2);
    assert_eq!(all(&dataset).await.num_rows(), 1_500);
    assert_eq!(lake.double.seen("/queries/v1/query-request").len() - before, 3);
    assert_eq!(lake.double.executed() - executed, 1);
}

#[tokio::test]
async fn a_read_that_nobody_waits_for_is_ended_at_the_service() {
    let Some(lake) = Lake::new("ended", in_parts()).await else { return };
    lake.numbers(10).await;
    let dataset = lake.dataset("numbers").await;
    lake.double.behave(|now| now.endless = true);
    let looked = async {
        while lake.double.looks() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        _ = dataset.batches() => panic!("the query does not end by itself"),
        () = looked => {}
    }
    let aborted = async {
        while lake.double.seen("/queries/v1/abort-request").is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), aborted).await.expect("the query is ended");
    let abort = &lake.double.seen("/queries/v1/abort-request")[0];
    assert!(abort["sqlText"].as_str().unwrap().starts_with("select"), "{abort}");
    assert!(abort["requestId"].is_string(), "{abort}");
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_given_up_and_ended_at_the_service() {
    let Some(lake) = Lake::new("too_long", in_parts()).await else { return };
    lake.numbers(10).await;
    let warehouse = lake.destination().connect().await.unwrap();
    let dataset = lake.dataset("numbers").await;
    let query = warehouse.query(r#"select "ID" from "PUBLIC"."NUMBERS""#).unwrap();
    lake.double.behave(|now| now.endless = true);
    too_long::is_given_up(&dataset, &query, "ID").await;
    too_long::ends("a query", async || lake.double.seen("/queries/v1/abort-request").len() == 10).await;
}

#[tokio::test]
async fn a_reader_that_stops_fetches_no_more() {
    let Some(lake) = Lake::new("stopped", in_parts()).await else { return };
    lake.numbers(60_010).await;
    let dataset = lake.dataset("numbers").await;
    let mut batches = dataset.batches().await.unwrap();
    batches.next().await.unwrap().unwrap();
    drop(batches);
    // While another one fetches all of them, the first one could have done so, too.
    assert_eq!(all(&dataset).await.num_rows(), 60_010);
    let fetched = lake.double.fetches() - 60;
    assert!(fetched < 15, "{fetched} of 60 parts");
}
