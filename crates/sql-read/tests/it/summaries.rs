//! Rows by groups, in the database.

use airbyte_sql_read::{Aggregate, ErrorKind, Filter};
use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use futures::TryStreamExt;

use crate::support::Schema;

fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            lines.push(values.join("|"));
        }
    }
    lines.sort();
    lines
}

#[tokio::test]
async fn rows_are_counted_compared_and_added_up_by_groups() {
    let schema = Schema::new("summaries").await;
    schema
        .run(
            "create table sales (country text, amount numeric(8, 2), pieces int, day date, score float8);
             insert into sales values
                 ('AT', 1.50, 2, '2026-01-01', 1), ('AT', 2.25, null, '2026-01-03', 'NaN'),
                 ('at', 10, 1, '2026-01-02', 2), (null, null, null, null, 3), ('DE', -4, 7, '2025-12-31', 0)",
        )
        .await;
    let sales = schema.dataset("sales").await;
    let summary = sales
        .summary(
            ["country"],
            [
                ("country", Aggregate::Key("country".into())),
                ("rows", Aggregate::Rows),
                ("told", Aggregate::NotNull("pieces".into())),
                ("total", Aggregate::Sum("amount".into())),
                ("pieces", Aggregate::Sum("pieces".into())),
                ("first", Aggregate::Min("day".into())),
                ("last", Aggregate::Max("day".into())),
            ],
        )
        .unwrap();
    assert_eq!(summary.schema().field(3).data_type(), &DataType::Decimal128(18, 2));
    let rows: Vec<RecordBatch> = summary.batches().await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows[0].schema(), summary.schema());
    assert_eq!(
        lines(&rows),
        [
            "AT|2|1|3.75|2|2026-01-01|2026-01-03",
            "DE|1|1|-4.00|7|2025-12-31|2025-12-31",
            "NULL|1|0|NULL|NULL|NULL|NULL",
            "at|1|1|10.00|1|2026-01-02|2026-01-02",
        ]
    );
    let few = sales.clone().filter(Filter::greater("amount", 5)).unwrap();
    let none: [&str; 0] = [];
    let all = few.summary(none, [("n", Aggregate::Rows), ("most", Aggregate::Max("amount".into()))]).unwrap();
    let splits = all.splits().await.unwrap();
    assert_eq!(splits.splits().len(), 1);
    let warehouse = schema.destination().connect().await.unwrap();
    let rows: Vec<RecordBatch> =
        warehouse.read_split(&splits.splits()[0]).await.unwrap().try_collect().await.unwrap();
    assert_eq!(lines(&rows), ["1|10.00"]);

    for (by, value) in [
        (vec!["score"], Aggregate::Rows),
        (vec![], Aggregate::Max("score".into())),
        (vec![], Aggregate::Sum("score".into())),
        (vec![], Aggregate::Min("country".into())),
    ] {
        let refused = sales.summary(by.clone(), [("value", value.clone())]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{by:?} {value:?}");
    }
    let limited = sales.clone().limit(3).summary(none, [("n", Aggregate::Rows)]).unwrap_err();
    assert_eq!(limited.kind(), ErrorKind::Unsupported);
    let unknown = sales.summary(["nothing"], [("n", Aggregate::Rows)]).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::InvalidInput);
    let no_key = sales.summary(["day"], [("c", Aggregate::Key("country".into()))]).unwrap_err();
    assert_eq!(no_key.kind(), ErrorKind::InvalidInput);
}

/// Texts that a collation takes for equal are different ones, and a sum that does not fit is no other number.
#[tokio::test]
async fn groups_are_those_of_arrow_and_sums_do_not_go_around() {
    let schema = Schema::new("summaries_exact").await;
    schema
        .run(
            "create collation if not exists no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             create table words (word text collate no_case, n bigint);
             insert into words values ('a', 9223372036854775807), ('A', 1), ('a', 0)",
        )
        .await;
    let words = schema.dataset("words").await;
    let values = [("word", Aggregate::Key("word".into())), ("n", Aggregate::Rows)];
    let summary = words.summary(["word"], values).unwrap();
    let rows: Vec<RecordBatch> = summary.batches().await.unwrap().try_collect().await.unwrap();
    assert_eq!(lines(&rows), ["A|1", "a|2"]);
    let none: [&str; 0] = [];
    let sum = words.summary(none, [("n", Aggregate::Sum("n".into()))]).unwrap();
    let error = match sum.batches().await {
        Ok(rows) => rows.try_collect::<Vec<_>>().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::Query, "{error}");
}

#[tokio::test]
async fn an_unfinished_refresh_is_told_of() {
    let schema = Schema::new("summaries_refresh").await;
    schema
        .run(
            "create table users (id int, _airbyte_generation_id bigint);
             insert into users select i, case when i < 5 then 1 else 2 end from generate_series(1, 10) as i",
        )
        .await;
    let none: [&str; 0] = [];
    let summary = schema.dataset("users").await.summary(none, [("n", Aggregate::Rows)]).unwrap();
    let batches = summary.batches().await.unwrap();
    let refreshes = batches.refreshes();
    let rows: Vec<RecordBatch> = batches.try_collect().await.unwrap();
    assert_eq!(lines(&rows), ["10"]);
    assert_eq!(refreshes.generations(), Some(1..=2));
    assert!(refreshes.warning().is_some());
}
