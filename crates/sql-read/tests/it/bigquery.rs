//! BigQuery, by its emulator: values, filters, names, views.

use airbyte_sql_read::{ErrorKind, Filter, Order, StreamSpec};
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::bigquery_emulator::{Place, is_skipped};
use crate::edge_values::{self, Difference, assert_same, same};
use crate::support::{destination, shown};

/// The columns of the table of edge values, in the types that the connector gives them.
fn edge_columns() -> Vec<(&'static str, Value)> {
    [
        ("id", "INT64"),
        ("boolean", "BOOL"),
        ("integer", "INT64"),
        ("number", "NUMERIC"),
        ("float", "FLOAT64"),
        ("string", "STRING"),
        ("date", "DATE"),
        ("time_without_timezone", "TIME"),
        ("timestamp_without_timezone", "DATETIME"),
        ("timestamp_with_timezone", "TIMESTAMP"),
        ("json", "JSON"),
    ]
    .map(|(name, of)| (name, json!(of)))
    .into()
}

fn edges(dataset: &str) -> Place {
    let place = Place::new(dataset);
    place.table("edges", &edge_columns());
    let written = edge_values::table();
    let rows: Vec<Value> = (0..edge_values::ROWS)
        .map(|row| {
            let schema = written.schema();
            let cells = schema.fields().iter().filter_map(|field| {
                let text = edge_values::text(&written, field.name(), row)?;
                let cell = match field.name().as_str() {
                    "boolean" => json!(text == "true"),
                    "float" => json!(text.parse::<f64>().unwrap()),
                    _ => json!(text),
                };
                Some((field.name().clone(), cell))
            });
            Value::Object(cells.collect())
        })
        .collect();
    place.insert("edges", &rows);
    place
}

/// Where the emulator, and not the service, is inexact.
const OF_THE_EMULATOR: &[Difference] = &[];

#[tokio::test]
async fn a_session_gives_the_edge_values() {
    if is_skipped() {
        return;
    }
    let edges = edges("edges_session").stream("edges").await;
    assert_same(&edges.head(1_000).await.unwrap(), OF_THE_EMULATOR);
    let json = edges.schema().field_with_name("json").unwrap().clone();
    assert_eq!(json.metadata()["ARROW:extension:name"], "arrow.json");
    assert_eq!(json.metadata()["bigquery:type"], "JSON");
}

#[tokio::test]
async fn pages_of_a_query_give_the_edge_values() {
    if is_skipped() {
        return;
    }
    // An order takes a query, and the emulator keeps results where no session can read them.
    let edges = edges("edges_pages").stream("edges").await.order_by("id", Order::Descending).unwrap();
    let batch = edges.batch_rows(300).batches().await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(batch.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [300, 300, 300, 100]);
    let all = concat_batches(&batch[0].schema(), &batch).unwrap();
    assert_same(&all, OF_THE_EMULATOR);
    let ids = shown(&all, "id");
    assert_eq!((ids[0].as_str(), ids[999].as_str()), ("999", "0"));
}

#[tokio::test]
async fn texts_of_columns_say_the_same() {
    if is_skipped() {
        return;
    }
    let edges = edges("edges_text").stream("edges").await;
    let text = edges.text_columns(["integer", "number", "json", "date"]).unwrap();
    let batch = text.head(1_000).await.unwrap();
    let schema = batch.schema();
    assert!(
        ["integer", "number"].iter().all(|name| {
            schema.field_with_name(name).unwrap().data_type() == &arrow_schema::DataType::Utf8
        })
    );
    assert_same(&batch, OF_THE_EMULATOR);
    assert!(same(
        "integer",
        Some("-9223372036854775808"),
        shown(&batch, "integer").iter().map(String::as_str).min_by_key(|n| n.parse::<i128>().unwrap_or(0))
    ));
}

/// A few rows of what the connector makes of nested and binary values, and of what others make.
fn various(dataset: &str) -> Place {
    let place = Place::new(dataset);
    place.run(
        "create table {d}.various as
         select 1 as id, [1, 2, 3] as list, struct(1 as a, 'x' as b) as pair, from_base64('AP8=') as bytes,
                cast('nan' as float64) as odd, [struct('k' as key, [1] as value)] as entries
         union all
         select 2, [], null, null, cast('-inf' as float64), []",
    );
    place
}

#[tokio::test]
async fn nested_values_are_the_same_by_session_and_by_query() {
    if is_skipped() {
        return;
    }
    let place = various("various");
    let stream = place.stream("various").await;
    let ordered = stream.clone().order_by("id", Order::Ascending).unwrap();
    let (direct, queried) = (stream.head(9).await.unwrap(), ordered.head(9).await.unwrap());
    assert_eq!(shown(&queried, "list"), ["[1, 2, 3]", "[]"]);
    assert_eq!(shown(&queried, "pair"), ["{a: 1, b: x}", "NULL"]);
    assert_eq!(shown(&queried, "bytes"), ["00ff", "NULL"]);
    assert_eq!(shown(&queried, "odd"), ["NaN", "-inf"]);
    assert_eq!(shown(&queried, "entries"), ["[{key: k, value: [1]}]", "[]"]);
    for field in direct.schema().fields() {
        let mut one = shown(&direct, field.name());
        if shown(&direct, "id")[0] == "2" {
            one.reverse();
        }
        assert_eq!(one, shown(&queried, field.name()), "{}", field.name());
    }
    let texts = place.stream("various").await.text_columns(["list", "pair", "bytes"]).unwrap();
    let texts = texts.filter(Filter::equal("id", 1)).unwrap().head(9).await.unwrap();
    assert_eq!(shown(&texts, "list"), ["[1,2,3]"]);
    assert_eq!(shown(&texts, "bytes"), ["AP8="]);
}

#[tokio::test]
async fn filters_reach_the_rows() {
    if is_skipped() {
        return;
    }
    let place = Place::new("filters");
    place.table(
        "rows",
        &[
            ("n", json!("INT64")),
            ("s", json!("STRING")),
            ("d", json!("DATE")),
            ("at", json!("TIMESTAMP")),
            ("num", json!("NUMERIC")),
            ("flag", json!("BOOL")),
        ],
    );
    place.insert(
        "rows",
        &[
            json!({"n": 1, "s": "it's", "d": "2024-02-29", "at": "2024-02-29T12:00:00Z", "num": "1.5", "flag": true}),
            json!({"n": 2, "s": "back\\slash", "d": "1970-01-01", "at": "1970-01-01T00:00:00Z", "num": "-0.000000001", "flag": false}),
            json!({"n": 3}),
        ],
    );
    let rows = place.stream("rows").await;
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let noon = day.and_hms_opt(12, 0, 0).unwrap().and_utc();
    let cases = [
        (Filter::equal("s", "it's"), vec!["1"]),
        (Filter::equal("s", "back\\slash"), vec!["2"]),
        (Filter::equal("s", "' or 1 = 1 or s = '"), vec![]),
        (Filter::at_least("n", 2), vec!["2", "3"]),
        (Filter::equal("d", day), vec!["1"]),
        (Filter::at_least("at", noon), vec!["1"]),
        (Filter::less("at", noon), vec!["2"]),
        (Filter::greater("at", day), vec!["1"]),
        // The emulator's numerics have three decimals where they are cast.
        (Filter::less("num", "-0"), vec!["2"]),
        (Filter::equal("num", "1.500"), vec!["1"]),
        (Filter::equal("flag", true), vec!["1"]),
        (Filter::is_null("s"), vec!["3"]),
        (Filter::is_not_null("s").and(Filter::Not(Box::new(Filter::equal("n", 1)))), vec!["2"]),
        (Filter::equal("n", 1).or(Filter::equal("n", 3)), vec!["1", "3"]),
        (Filter::Any(vec![]), vec![]),
    ];
    for (filter, expected) in cases {
        let found = rows.clone().filter(filter.clone()).unwrap();
        let mut ids = shown(&found.head(9).await.unwrap(), "n");
        ids.sort();
        assert_eq!(ids, expected, "{filter:?}");
        assert_eq!(found.count().await.unwrap(), expected.len() as u64, "{filter:?}");
        let ordered = found.order_by("n", Order::Ascending).unwrap();
        assert_eq!(shown(&ordered.head(9).await.unwrap(), "n"), expected, "{filter:?}, by a query");
    }
    assert_eq!(rows.clone().columns(["s", "n"]).unwrap().head(2).await.unwrap().num_rows(), 2);
    let schema = rows.clone().columns(["s", "n"]).unwrap().head(1).await.unwrap().schema();
    assert_eq!(schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["s", "n"]);
    assert_eq!(rows.clone().head(0).await.unwrap().num_rows(), 0);
    assert_eq!(rows.limit(2).count().await.unwrap(), 2);
}

#[tokio::test]
async fn raw_records_are_filtered_and_ordered_by_their_members() {
    if is_skipped() {
        return;
    }
    let place = Place::new("raw");
    place.table(
        "_airbyte_raw_users",
        &[
            ("_airbyte_ab_id", json!("STRING")),
            ("_airbyte_emitted_at", json!("TIMESTAMP")),
            ("_airbyte_data", json!("STRING")),
        ],
    );
    let record = |id: &str, data: Value| json!({"_airbyte_ab_id": id, "_airbyte_emitted_at": "2024-01-01T00:00:00Z", "_airbyte_data": data.to_string()});
    place.insert(
        "_airbyte_raw_users",
        &[
            record("a", json!({"n": 10, "s": "ten", "at": "2024-11-03T01:30:00-04:00"})),
            record("b", json!({"n": 9, "s": "nine", "at": "2024-11-03T01:10:00-05:00"})),
            record("c", json!({"n": null, "s": "none", "at": "some day"})),
        ],
    );
    let schema = json!({"type": "object", "properties": {
        "n": {"type": "integer"}, "s": {"type": "string"}, "at": {"type": "string", "format": "date-time"}
    }});
    let users = place.warehouse().await.dataset(&StreamSpec::new("users").json_schema(schema)).await.unwrap();
    let found = users.clone().filter(Filter::at_least("n", 10)).unwrap();
    assert_eq!(shown(&found.head(9).await.unwrap(), "s"), ["ten"]);
    // By their texts the first would be the last.
    let first = users.clone().columns(["s"]).unwrap().order_by("at", Order::Descending).unwrap();
    assert_eq!(shown(&first.head(1).await.unwrap(), "s"), ["nine"]);
    let ordered = users.filter(Filter::is_not_null("n")).unwrap().order_by("n", Order::Ascending).unwrap();
    // By their texts ten would come before nine.
    assert_eq!(shown(&ordered.head(9).await.unwrap(), "n"), ["9", "10"]);
}

#[tokio::test]
async fn views_are_read_by_a_query() {
    if is_skipped() {
        return;
    }
    let place = various("views");
    place.run("create view {d}.seen as select id, pair from {d}.various");
    let seen = place.stream("seen").await;
    assert_eq!(
        shown(&seen.clone().filter(Filter::equal("id", 2)).unwrap().head(9).await.unwrap(), "id"),
        ["2"]
    );
    assert_eq!(seen.count().await.unwrap(), 2);
}

#[tokio::test]
async fn the_dataset_may_name_its_project_and_no_other() {
    if is_skipped() {
        return;
    }
    let place = various("named");
    let mut configuration = place.configuration();
    configuration["dataset_id"] = json!("test:named");
    configuration["loading_method"] = json!({"method": "Standard"});
    configuration["colour"] = json!("blue");
    let warehouse = destination("bigquery", &configuration).connect().await.unwrap();
    assert_eq!(warehouse.dataset(&StreamSpec::new("various")).await.unwrap().count().await.unwrap(), 2);
    assert_eq!(warehouse.warnings(), ["the field `colour` of the destination has no effect here"]);
    configuration["dataset_id"] = json!("other:named");
    let error = destination("bigquery", &configuration).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("`other`"), "{error}");
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    if is_skipped() {
        return;
    }
    let place = various("missing");
    let warehouse = place.warehouse().await;
    let error = warehouse.dataset(&StreamSpec::new("variuos")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamNotFound);
    assert!(error.hint().unwrap().contains("missing.various"), "{:?}", error.hint());
    let various = warehouse.dataset(&StreamSpec::new("various")).await.unwrap();
    assert_eq!(
        various.clone().filter(Filter::is_null("nothing")).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    // BigQuery's own words arrive.
    let error = various.clone().filter(Filter::equal("pair", 1)).unwrap().count().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query, "{error}");
    place.run("drop table {d}.various");
    let error = various.batches().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::StreamNotFound, "{error}");
    place.run("create table {d}.various as select 'one' as id");
    let error = various.columns(["id"]).unwrap().batches().await.err().unwrap();
    assert!(error.to_string().contains("`id` of `various` has changed"), "{error}");
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_without_showing_it() {
    if is_skipped() {
        return;
    }
    let place = various("keys");
    for key in [
        json!("{\"type\": \"service_account\", \"private_key\": \"hunter2\"}"),
        json!("hunter2"),
        json!({"type": "hunter_account", "private_key": "hunter2"}),
        json!({"type": "service_account", "private_key": "hunter2", "private_key_id": "a", "client_email": "b", "project_id": "c"}),
        json!(["hunter2"]),
    ] {
        let mut configuration = place.configuration();
        configuration["credentials_json"] = key.clone();
        let error = destination("bigquery", &configuration).connect().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Connect), "{key}: {error}");
        let mut said = format!("{error} {:?} {error:?}", error.hint());
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            said.push_str(&cause.to_string());
            source = cause.source();
        }
        assert!(!said.contains("hunter2"), "{key}: {said}");
    }
}
