//! Groups that the warehouse makes are those that DataFusion makes.

use std::sync::Arc;

use airbyte_datafusion::AggregatesInWarehouse;
use datafusion::prelude::SessionContext;

use crate::support::{File, Schema, lines, plan, session_with, table};

const SALES: &str = "
    create table sales (id bigint, country text, kind varchar(9), amount numeric(10, 2), pieces int, small smallint,
        day date, at timestamptz, paid boolean, score float8, padded char(4));
    insert into sales select i, (array['AT', 'at', 'DE', null, 'Zürich', ''])[i % 6 + 1], 'k' || i % 3,
        case when i % 7 = 0 then null else (i % 1000 - 300) / 4.0 end, nullif(i % 11, 0), i % 5,
        date '2026-01-01' + i % 40, timestamptz '2026-01-01 00:00+00' + i * interval '1 hour', i % 2 = 0,
        case when i % 9 = 0 then 'NaN' else i / 3.0 end, 'p' || i % 4
        from generate_series(1, 5000) as i;
    analyze sales";

/// With the rule, and without it.
async fn both(schema: &Schema) -> [SessionContext; 2] {
    let sales = table(&schema.warehouse().await, "sales").await;
    let with = session_with(sales.clone());
    with.add_optimizer_rule(Arc::new(AggregatesInWarehouse));
    [with, session_with(sales)]
}

fn is_there(plan: &str) -> bool {
    plan.contains("airbyte_groups") && !plan.contains("AggregateExec")
}

#[tokio::test]
async fn groups_of_the_warehouse_are_those_of_datafusion() {
    let schema = Schema::new("aggregates").await;
    schema.run(SALES).await;
    let [with, without] = both(&schema).await;
    for query in [
        "select country, count(*) from t group by country",
        "select country, kind, count(pieces), sum(pieces), min(day), max(at) from t group by country, kind",
        "select sum(amount), min(amount), max(amount), count(amount) from t",
        "select paid, sum(small), sum(id) from t where id > 100 and country is not null group by paid",
        "select day, sum(amount) as total from t where pieces < 5 group by day having sum(amount) > 500",
        "select s.country, s.n from (select country, count(*) as n from t group by country) s where s.n > 10",
        "select a.country, b.n from t a join (select country, count(*) as n from t group by country) b
            on a.country = b.country where a.id < 20",
        "select count(*) from (select country, count(*) from t group by country)",
        "select sum(amount) from t where id > 999999",
        "select country, count(*) from t where id > 999999 group by country",
        "select country from t group by country",
        "select count(*) as n, max(id) - min(id) as span from t",
        "select country, sum(amount) / count(amount) from t group by country",
        "select (select count(*) from t where id > 100) as a, (select count(*) from t where id > 4000) as b",
        "select (select count(*) from t) as a, (select count(pieces) from t) as b",
    ] {
        let shown = plan(&with, query).await;
        assert!(shown.contains("airbyte_groups"), "{query}: {shown}");
        let (mut there, mut here) = (lines(&with, query).await, lines(&without, query).await);
        there.sort();
        here.sort();
        assert_eq!(there, here, "{query}");
    }
}

#[tokio::test]
async fn what_would_not_be_the_same_is_done_here() {
    let schema = Schema::new("aggregates_here").await;
    schema.run(SALES).await;
    let [with, without] = both(&schema).await;
    for query in [
        "select score, count(*) from t group by score",
        "select sum(score), max(score) from t",
        "select min(country) from t",
        "select padded, count(*) from t group by padded",
        "select count(distinct country) from t",
        "select country, count(*) filter (where paid) from t group by country",
        "select country, avg(amount) from t group by country",
        "select upper(country), count(*) from t group by upper(country)",
        "select country, count(*) from t where country like 'A%' group by country",
        "select country, count(*) from t group by rollup(country)",
        "select count(id), sum(id) from (select id from t order by id limit 10)",
    ] {
        let shown = plan(&with, query).await;
        assert!(!is_there(&shown), "{query}: {shown}");
        let (mut there, mut here) = (lines(&with, query).await, lines(&without, query).await);
        there.sort();
        here.sort();
        assert_eq!(there, here, "{query}");
    }
    let file = File::new("create table t2 (id integer, name text); insert into t2 values (1, 'a'), (2, 'a')");
    let context = session_with(table(&file.warehouse().await, "t2").await);
    context.add_optimizer_rule(Arc::new(AggregatesInWarehouse));
    assert_eq!(lines(&context, "select name, sum(id) from t group by name").await, ["a|3"]);
}
