//! The first rows that the warehouse tells are those that DataFusion finds.

use std::sync::Arc;

use airbyte_datafusion::{AirbyteTable, TopRowsInWarehouse};
use airbyte_sql_read::Order;
use datafusion::prelude::SessionContext;

use crate::support::{File, Schema, dataset, lines, plan, session_with, table};

/// Values with ties and NULLs in every column but the first.
const VALUES: &str = "
    create table measured (id bigint not null, small smallint, pieces int, large bigint, amount numeric(12, 3), day date,
        at timestamptz, local timestamp, clock time, paid boolean, key uuid, name text, score float8, padded char(4));
    insert into measured select i, nullif(i * 7 % 50, 3), nullif(i * 31 % 400 - 200, 0), nullif((i * 7919) % 1000, 5) - 500,
        case when i % 11 = 0 then null else (i * 37 % 2000 - 1000) / 8.0 end, nullif(date '1999-12-01' + i % 90, '2000-01-01'),
        timestamptz '1969-12-30 00:00+00' + i % 300 * interval '37 minutes',
        case when i % 13 <> 0 then timestamp '2000-01-01' - i % 70 * interval '1 day 1 microsecond' end,
        case when i % 5 <> 0 then time '00:00' + i % 86 * interval '1001 seconds' end,
        case i % 3 when 0 then true when 1 then false end,
        case when i % 17 <> 0 then md5((i % 90)::text)::uuid end, (array['b', 'A', 'ä', null, 'a', 'B'])[i % 6 + 1],
        case i % 4 when 0 then 'NaN' when 1 then -0.0 when 2 then i end, 'p' || i % 4
        from generate_series(1, 3000) as i;
    analyze measured";

/// With the rule, and without it.
fn both(table: AirbyteTable) -> [SessionContext; 2] {
    let with = session_with(table.clone());
    with.add_optimizer_rule(Arc::new(TopRowsInWarehouse));
    [with, session_with(table)]
}

async fn is_there(context: &SessionContext, query: &str) -> bool {
    let shown = plan(context, query).await;
    let physical = &shown[shown.find("physical_plan").unwrap()..];
    physical.contains("order=[") && !physical.contains("SortExec")
}

#[tokio::test]
async fn the_first_rows_of_every_order_are_those_of_datafusion() {
    let schema = Schema::new("top_rows").await;
    schema.run(VALUES).await;
    let [with, without] = both(table(&schema.warehouse().await, "measured").await);
    for column in ["small", "pieces", "large", "amount", "day", "at", "local", "clock", "paid", "key"] {
        for order in ["asc", "desc"] {
            for limit in [1, 40, 2_900, 5_000] {
                let query =
                    format!("select {column} from t where id > 20 order by {column} {order} limit {limit}");
                assert!(is_there(&with, &query).await, "{query}: {}", plan(&with, &query).await);
                assert_eq!(lines(&with, &query).await, lines(&without, &query).await, "{query}");
            }
        }
    }
    for query in [
        "select * from t order by paid, small desc, id limit 500",
        "select a.n + 1, a.day from (select id as n, day, pieces from t where pieces < 100) a order by a.day desc, a.n limit 30",
        "select id from t order by id nulls first limit 7",
        "select id from t order by day, id limit 20 offset 95",
        "select count(*), sum(s.id) from (select id from t order by large, id limit 33) s",
        "select (select id from t where id > 20 order by id limit 1) as a,
            (select id from t where id > 2000 order by id limit 1) as b",
        "select id from ((select id from t order by id limit 5) union all (select id from t order by id desc limit 5)) u
            order by id",
        "select u.id, v.id from (select id, large from t order by id limit 10) u join t v on u.large = v.large order by v.id, u.id",
    ] {
        let shown = plan(&with, query).await;
        assert!(shown.contains("order=["), "{query}: {shown}");
        assert_eq!(lines(&with, query).await, lines(&without, query).await, "{query}");
    }
}

#[tokio::test]
async fn orders_that_would_not_be_the_same_are_made_here() {
    let schema = Schema::new("top_rows_here").await;
    schema.run(VALUES).await;
    let warehouse = schema.warehouse().await;
    let [with, without] = both(table(&warehouse, "measured").await);
    for query in [
        "select name from t order by name limit 100",
        "select score from t order by score limit 100",
        "select score from t order by score desc limit 100",
        "select padded from t order by padded limit 100",
        "select day from t order by day nulls first limit 100",
        "select day from t order by day desc nulls last limit 100",
        "select id from t order by -id limit 100",
        "select id from t where name like 'a%' order by id limit 100",
        "select id from t where score > 0 order by id limit 100",
        "select id from t order by id",
        "select id from (select id from t order by id limit 100) s order by id desc limit 10",
    ] {
        assert!(!is_there(&with, query).await || query.contains("from (select"), "{query}");
        assert_eq!(lines(&with, query).await, lines(&without, query).await, "{query}");
    }
    let limited = AirbyteTable::new(&warehouse, dataset(&warehouse, "measured").await.limit(5));
    let [with, _] = both(limited);
    let query = "select id from t order by id desc limit 5";
    assert!(!is_there(&with, query).await);
    assert_eq!(lines(&with, query).await.len(), 5);
}

#[tokio::test]
async fn a_dataset_that_is_ordered_is_not_sorted_again() {
    let schema = Schema::new("ordered").await;
    schema.run(VALUES).await;
    let warehouse = schema.warehouse().await;
    let ordered = dataset(&warehouse, "measured").await;
    let ordered =
        ordered.order_by("day", Order::Descending).unwrap().order_by("name", Order::Ascending).unwrap();
    let context = session_with(AirbyteTable::new(&warehouse, ordered));
    let sorted = "select day, id from t order by day desc";
    assert!(is_there(&context, sorted).await, "{}", plan(&context, sorted).await);
    let days = lines(&context, "select day from t order by day desc").await;
    let without = session_with(table(&warehouse, "measured").await);
    assert_eq!(days, lines(&without, "select day from t order by day desc").await);
    // As far as Arrow has the order, and of what is read.
    for query in [
        "select * from t order by day desc, name",
        "select id from t order by day",
        "select name from t order by name",
    ] {
        assert!(!is_there(&context, query).await, "{query}");
    }
}

#[tokio::test]
async fn null_goes_where_the_database_puts_it() {
    let file = File::new(
        "create table t2 (id integer, name text); insert into t2 values (3, 'a'), (null, 'b'), (1, 'c'), (2, 'd')",
    );
    let [with, without] = both(table(&file.warehouse().await, "t2").await);
    for (query, there) in [
        ("select id from t order by id nulls first limit 2", true),
        ("select id from t order by id limit 3", false),
        ("select id from t order by id desc nulls last limit 4", true),
        ("select id from t order by id desc limit 2", false),
        ("select name from t order by name limit 2", false),
    ] {
        assert_eq!(is_there(&with, query).await, there, "{query}: {}", plan(&with, query).await);
        assert_eq!(lines(&with, query).await, lines(&without, query).await, "{query}");
    }
}
