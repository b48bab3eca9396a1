//! The reader of Redshift, against a PostgreSQL where nothing is read by COPY.
//!
//! What a real cluster does otherwise is not seen here: SUPER is `jsonb`, the catalogue is newer, backslashes in texts
//! mean what a setting of the role says.

use airbyte_sql_read::{Dataset, ErrorKind, Filter, Order, StreamSpec};
use futures::TryStreamExt;
use serde_json::json;

use crate::support::{Schema, destination, shown};

async fn dataset(schema: &Schema, stream: &str) -> Dataset {
    let warehouse = destination("redshift", &configuration(schema)).connect().await.unwrap();
    warehouse.dataset(&StreamSpec::new(stream)).await.unwrap()
}

fn configuration(schema: &Schema) -> serde_json::Value {
    schema.configuration_with(&json!({"ssl_mode": null, "ssl": false}))
}

#[tokio::test]
async fn values_keep_their_type_and_all_their_digits() {
    let schema = Schema::new("redshift_values").await;
    schema
        .run(
            r#"create table users (
                 "_airbyte_raw_id" varchar(36) not null, "_airbyte_extracted_at" timestamptz not null, "_airbyte_meta" jsonb,
                 "_airbyte_generation_id" bigint, flag boolean, small smallint, number integer, price decimal(38, 9),
                 share double precision, ratio real, name varchar(65535), day date, clock time, clock_there timetz,
                 moment timestamp, other jsonb);
               insert into users values
                 ('a', '2026-01-01 02:00:00+02', '{"sync_id": 1}', 1, true, -32768, 2147483647,
                  12345678901234567890123456789.987654321, 0.1, 0.1, E'it''s \\ a "text"\n', '0044-03-15 BC', '23:59:59.999999',
                  '12:34:56+05:30', '0001-12-31 23:59:59.5 BC', '{"a": [1.10, null]}'),
                 ('b', '1969-12-31 23:59:59.999999+00', null, null, false, null, null, -0.000000001, 'NaN', '-Infinity', '',
                  '9999-12-31', '00:00:00', null, '12026-01-01 00:00:00', 'null'),
                 ('c', '2026-01-01 00:00:00+00', null, null, null, null, null, null, null, null, null, null, null, null, null, null)"#,
        )
        .await;
    let ordered = dataset(&schema, "users").await.order_by("_airbyte_raw_id", Order::Ascending).unwrap();
    let batch = ordered.head(9).await.unwrap();
    let expected: &[(&str, &[&str])] = &[
        (
            "_airbyte_extracted_at",
            &["2026-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z"],
        ),
        ("_airbyte_meta", &[r#"{"sync_id": 1}"#, "NULL", "NULL"]),
        ("_airbyte_generation_id", &["1", "NULL", "NULL"]),
        ("flag", &["true", "false", "NULL"]),
        ("small", &["-32768", "NULL", "NULL"]),
        ("number", &["2147483647", "NULL", "NULL"]),
        ("price", &["12345678901234567890123456789.987654321", "-0.000000001", "NULL"]),
        ("share", &["0.1", "NaN", "NULL"]),
        ("ratio", &["0.1", "-inf", "NULL"]),
        ("name", &["it's \\ a \"text\"\n", "", "NULL"]),
        ("day", &["-0043-03-15", "9999-12-31", "NULL"]),
        ("clock", &["23:59:59.999999", "00:00:00", "NULL"]),
        ("clock_there", &["12:34:56+05:30", "NULL", "NULL"]),
        ("moment", &["0000-12-31T23:59:59.500", "+12026-01-01T00:00:00", "NULL"]),
        ("other", &[r#"{"a": [1.10, null]}"#, "null", "NULL"]),
    ];
    for (column, values) in expected {
        assert_eq!(shown(&batch, column), *values, "{column}");
    }
    // The same as what the reader of PostgreSQL gives, types included.
    let by_copy = schema
        .dataset("users")
        .await
        .order_by("_airbyte_raw_id", Order::Ascending)
        .unwrap()
        .head(9)
        .await
        .unwrap();
    for (one, other) in batch.schema().fields().iter().zip(by_copy.schema().fields()) {
        assert_eq!((one.name(), one.data_type()), (other.name(), other.data_type()));
    }
    assert_eq!(batch.columns(), by_copy.columns());
}

#[tokio::test]
async fn the_cluster_filters_orders_limits_and_counts() {
    let schema = Schema::new("redshift_pushed").await;
    let role = "redshift_old_texts";
    schema.run(&format!("drop role if exists {role}; create role {role} login superuser password 'p'")).await;
    // In texts of old servers a backslash means something.
    schema.run(&format!("alter role {role} set standard_conforming_strings = off; alter role {role} set backslash_quote = on")).await;
    schema
        .run(r"create table rows as select * from (values (1, 'a\b'), (2, 'c'''), (3, null)) as v (n, name)")
        .await;
    for user in ["postgres", role] {
        let mut configuration = configuration(&schema);
        if user == role {
            configuration["username"] = json!(role);
            configuration["password"] = json!("p");
        }
        let warehouse = destination("redshift", &configuration).connect().await.unwrap();
        let all = warehouse.dataset(&StreamSpec::new("rows")).await.unwrap();
        for (filter, found) in [
            (Filter::equal("name", r"a\b"), &["1"][..]),
            (Filter::equal("name", "c'"), &["2"]),
            (Filter::is_null("name"), &["3"]),
            (Filter::at_least("n", 2), &["2", "3"]),
        ] {
            let chosen = all.clone().filter(filter.clone()).unwrap().order_by("n", Order::Ascending).unwrap();
            assert_eq!(shown(&chosen.head(9).await.unwrap(), "n"), found, "{filter:?}");
            assert_eq!(chosen.count().await.unwrap(), found.len() as u64, "{filter:?}");
        }
        assert_eq!(all.limit(2).head(9).await.unwrap().num_rows(), 2);
    }
}

#[tokio::test]
async fn many_rows_come_in_batches_and_a_killed_session_is_an_error() {
    let schema = Schema::new("redshift_many").await;
    schema
        .run(
            "create table many as select n, repeat('x', 1000) as filler from generate_series(1, 100000) as n",
        )
        .await;
    let many = dataset(&schema, "many").await;
    let mut rows = 0;
    let mut batches = many.batches().await.unwrap();
    while let Some(batch) = batches.try_next().await.unwrap() {
        assert!(batch.num_rows() <= 8_192);
        rows += batch.num_rows();
    }
    assert_eq!(rows, 100_000);
    let mut batches = many.batches().await.unwrap();
    batches.try_next().await.unwrap().unwrap();
    let killed = schema
        .client
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select %redshift_many%' and pid <> pg_backend_pid()",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(killed, 1);
    let error = batches.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenConnection, "{error:?}");
    // A failure in the middle is one as well.
    schema
        .run("create view broken as select 1 / (n - 50000) as v from generate_series(1, 100000) as n")
        .await;
    let error =
        dataset(&schema, "broken").await.batches().await.unwrap().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Query, "{error:?}");
}

#[tokio::test]
async fn sessions_cannot_write() {
    let schema = Schema::new("redshift_writes").await;
    schema.run("create sequence s; create view writes as select nextval('s') as v").await;
    let error = dataset(&schema, "writes").await.head(1).await.expect_err("a sequence was advanced");
    assert!(error.to_string().contains("read-only"), "{error}");
    let error =
        dataset(&schema, "writes").await.filter(Filter::at_least("v", 0)).unwrap().count().await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
}

#[tokio::test]
async fn fields_inside_of_records_are_read_and_not_filtered_by_and_the_way_around_is_told() {
    let schema = Schema::new("redshift_raw").await;
    schema
        .run(
            r#"create table redshift_raw_raw__stream_users (_airbyte_raw_id varchar, _airbyte_extracted_at timestamptz,
                   _airbyte_loaded_at timestamptz, _airbyte_meta jsonb, _airbyte_data jsonb);
               insert into redshift_raw_raw__stream_users values ('x', now(), null, '{}', '{"My id": 1}')"#,
        )
        .await;
    let mut configuration = configuration(&schema);
    configuration["raw_data_schema"] = json!("redshift_raw");
    let warehouse = destination("redshift", &configuration).connect().await.unwrap();
    let stream = StreamSpec::new("users").json_schema(json!({"properties": {"My id": {"type": "integer"}}}));
    let users = warehouse.dataset(&stream).await.unwrap();
    assert_eq!(shown(&users.head(9).await.unwrap(), "My id"), ["1"]);
    let ordered = users.clone().order_by("My id", Order::Ascending).unwrap().head(1).await.unwrap_err();
    let filtered = users.filter(Filter::equal("My id", 1)).unwrap();
    for error in [ordered, filtered.head(1).await.unwrap_err(), filtered.count().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert!(error.hint().unwrap().contains(r#""_airbyte_data"."My id""#), "{error:?}");
    }
}
