//! Filters in the warehouse find what DataFusion finds by itself.

use std::sync::Arc;

use airbyte_datafusion::AirbyteTable;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::prelude::{SessionContext, col, lit};
use datafusion::scalar::ScalarValue;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::expressions::{Pool, condition};
use crate::support::{File, Schema, dataset, lines, session_with, table};

/// A table both ways: read from the warehouse for each question, and all of its rows in memory.
struct Both {
    table: AirbyteTable,
    pushed: SessionContext,
    local: SessionContext,
}

impl Both {
    async fn new(table: AirbyteTable) -> Self {
        let pushed = session_with(table.clone());
        let all = pushed.table("t").await.unwrap().collect().await.unwrap();
        let local = SessionContext::new();
        local.register_table("t", Arc::new(MemTable::try_new(table.schema(), vec![all]).unwrap())).unwrap();
        Self { table, pushed, local }
    }

    /// The ids of the rows that fit, in both ways.
    async fn ids(&self, condition: &Expr) -> [Vec<i64>; 2] {
        [ids(&self.pushed, condition).await, ids(&self.local, condition).await]
    }

    fn support(&self, condition: &Expr) -> TableProviderFilterPushDown {
        self.table.supports_filters_pushdown(&[condition]).unwrap().remove(0)
    }

    /// Compares both for many conditions; tells for how many the warehouse was asked.
    fn compare(&self, runtime: &Runtime, pools: &[Pool]) -> [usize; 3] {
        let asked = std::cell::RefCell::new([0; 3]);
        // Each case plans two queries and asks a database; more of them on request.
        let told = std::env::var_os("PROPTEST_CASES").is_some();
        let cases = if told { Config::default().cases } else { 100 };
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        runner
            .run(&condition(pools), |condition| {
                let [pushed, local] = runtime.block_on(self.ids(&condition));
                assert_eq!(pushed, local, "{condition}: {:?}", self.support(&condition));
                asked.borrow_mut()[match self.support(&condition) {
                    TableProviderFilterPushDown::Exact => 0,
                    TableProviderFilterPushDown::Inexact => 1,
                    TableProviderFilterPushDown::Unsupported => 2,
                }] += 1;
                Ok(())
            })
            .unwrap();
        asked.into_inner()
    }
}

async fn ids(context: &SessionContext, condition: &Expr) -> Vec<i64> {
    let found = context.table("t").await.unwrap().filter(condition.clone()).unwrap();
    let found = found.select(vec![col("id")]).unwrap().collect().await.unwrap();
    let mut ids: Vec<i64> = found
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    ids.sort_unstable();
    ids
}

fn micros(value: i64, zone: Option<&str>) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(value), zone.map(Into::into))
}

const FLOATS: [f64; 12] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    0.1,
    -2.5,
    1e300,
    5e-324,
    3.0,
    0.300_000_000_000_000_04,
    9_007_199_254_740_993.0,
];

const TEXTS: [&str; 14] = ["", "a", "A", "b", "B", "a ", "ä", "Z", "é", "é", "_", "10", "9", "o'brien\\%"];

#[test]
#[expect(clippy::cast_possible_truncation, reason = "floats for a column of fewer digits")]
fn postgres_and_datafusion_find_the_same_rows() {
    let runtime = Runtime::new().unwrap();
    let (both, pools) = runtime.block_on(async {
        let schema = Schema::new("filters").await;
        // Collations that are neither the bytes' order nor their equality, next to those that are.
        schema
            .run(
                "create collation ignoring_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
                 create type mood as enum ('sad', 'a', 'happy');
                 create domain short as text;
                 create table t (
                     id bigint not null, b boolean, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision,
                     day date, at timestamp, atz timestamptz, clock time, amount numeric(12, 3), free numeric,
                     tx text, ci text collate ignoring_case, icu text collate \"en-x-icu\", vc varchar(20), ch char(4),
                     u uuid, m mood, s short, j jsonb
                 );
                 select setseed(0.42)",
            )
            .await;
        let texts = TEXTS.map(|text| format!("'{}'", text.replace('\'', "''"))).join(", ");
        let any = |values: &str| format!("(array[{values}])[1 + floor(random() * array_length(array[{values}], 1))::int]");
        schema
            .run(&format!(
                "insert into t select i, {b}, {i}::smallint, {i}, {i}::bigint * 3000000000, null, null, {day}, {at}, {atz},
                     {clock}, {amount}, {free}, {tx}, {tx}, {tx}, {tx}, left({tx}, 4), {u}, {m}, {tx}, {j}
                 from generate_series(1, 300) as i",
                b = any("true, false, null"),
                i = any("-5, 0, 1, 2, 32767, null"),
                day = any("date '2026-02-28', date '2026-03-01', date '1969-12-31', date '0044-01-01', null"),
                at = any("timestamp '2026-03-29 01:30', timestamp '2026-03-29 02:30:00.000001', timestamp '1969-12-31 23:59:59.999999', null"),
                atz = any("timestamptz '2026-03-29 01:30+00', timestamptz '2026-03-29 03:30+02', timestamptz '2026-10-25 02:30+01', timestamptz '2026-03-29 01:30:00.000001+00', null"),
                clock = any("time '00:00', time '23:59:59.999999', time '12:30', null"),
                amount = any("0.001, -0.001, 0, 12.5, 123456789.123, null"),
                free = any("0.001, 1, 1.0, 1.00, null"),
                tx = any(&format!("{texts}, null")),
                u = any("'00000000-0000-0000-0000-000000000000'::uuid, 'a0000000-0000-0000-0000-00000000000f'::uuid, 'ffffffff-0000-0000-0000-000000000000'::uuid, null"),
                m = any("'sad'::mood, 'a', 'happy', null"),
                j = any("'1'::jsonb, '\"a\"', '{\"a\": 1}', 'null', null"),
            ))
            .await;
        // By their bits, so that zeroes and NaN keep their signs.
        let floats: Vec<f64> = FLOATS.into_iter().chain([-f64::NAN]).collect();
        for (number, value) in (1_i64..=280).zip(floats.iter().cycle()) {
            let small = floats[usize::try_from(number).unwrap() * 7 % floats.len()] as f32;
            schema
                .client
                .execute("update t set f8 = $1, f4 = $2 where id = $3", &[value, &small, &number])
                .await
                .unwrap();
        }
        let texts = |column| Pool::new(column, TEXTS.into_iter().chain(["aa", "ZZ", "sad", "~", "a\0"]));
        let pools = vec![
            Pool::new("b", [true, false]),
            Pool::new("i2", [-5_i16, 0, 1, 32767]),
            Pool::new("i4", [-5, 0, 1, 32767, i32::MAX]),
            // Other types than the column's: DataFusion makes them alike.
            Pool { column: "i4", values: vec![ScalarValue::from(1_i64), ScalarValue::from(1.5), ScalarValue::from(i64::MAX)] },
            Pool::new("i8", [0_i64, 3_000_000_000, 3_000_000_001, i64::MIN]),
            Pool::new("f8", FLOATS.into_iter().chain([-f64::NAN])),
            Pool::new("f4", FLOATS.into_iter().chain([-f64::NAN]).map(|value| value as f32)),
            Pool::new("day", [20_512, 20_513, -1, -703_534, 20_454, i32::MAX].map(|days| ScalarValue::Date32(Some(days)))),
            Pool::new("at", [1_774_747_800_000_000, 1_774_751_400_000_001, -1, 0, i64::MAX].map(|at| micros(at, None))),
            Pool::new(
                "atz",
                [(1_774_747_800_000_000, "UTC"), (1_774_747_800_000_000, "+02:00"), (1_774_747_800_000_001, "UTC"), (1_792_891_800_000_000, "UTC")]
                    .map(|(at, zone)| micros(at, Some(zone))),
            ),
            Pool::new("clock", [0, 86_399_999_999, 86_400_000_000, 45_000_000_000].map(|at| ScalarValue::Time64Microsecond(Some(at)))),
            Pool::new("amount", [1, -1, 0, 12_500, 123_456_789_123].map(|digits| ScalarValue::Decimal128(Some(digits), 12, 3))),
            Pool::new("free", ["0.001", "1", "1.0", "1.000"]),
            texts("tx"),
            texts("ci"),
            texts("icu"),
            texts("vc"),
            Pool::new("ch", TEXTS.into_iter().chain(["a   ", "ä   ", "o'br"])),
            Pool::new("u", ["00000000-0000-0000-0000-000000000000", "a0000000-0000-0000-0000-00000000000f", "A0000000-0000-0000-0000-00000000000F", "no uuid", "b"]),
            Pool::new("m", ["sad", "happy", "none of them", "b"]),
            texts("s"),
            Pool::new("j", ["1", "\"a\"", "{\"a\": 1}", "null", "no json"]),
        ];
        (Both::new(table(&schema.warehouse().await, "t").await.parts(2)).await, pools)
    });

    // The rows hold what the conditions are about.
    let all = runtime.block_on(async { both.local.table("t").await.unwrap().collect().await.unwrap() });
    let f8 = all
        .iter()
        .flat_map(|batch| batch.column_by_name("f8").unwrap().as_primitive::<Float64Type>().iter().flatten());
    assert!(f8.clone().any(|value| value.is_nan() && value.is_sign_negative()));
    assert!(f8.clone().any(|value| value == 0.0 && value.is_sign_negative()));

    let [exact, inexact, unsupported] = both.compare(&runtime, &pools);
    assert!(
        exact > 10 && inexact > 10 && unsupported > 10,
        "{exact} exact, {inexact} inexact, {unsupported} unsupported"
    );
}

#[test]
fn sqlite_and_datafusion_find_the_same_rows() {
    let runtime = Runtime::new().unwrap();
    let (_file, both) = runtime.block_on(async {
        let file = File::new(
            "create table t (id integer, i integer, f real, x text, n text collate nocase, loose numeric);
             insert into t
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 400)
             select i,
                 case i % 7 when 0 then null when 1 then -3 when 2 then 9007199254740993 else i % 7 end,
                 case i % 11 when 0 then null when 1 then 0.1 when 2 then -0.0 when 3 then 9e999 when 4 then 0.30000000000000004
                     when 5 then 12345678901234567.0 when 6 then 1e-300 when 7 then 0.1 + 0.2 else i / 7.0 end,
                 case i % 5 when 0 then null when 1 then 'a' when 2 then 'A' when 3 then 'a ' else '10' end,
                 case i % 3 when 0 then null when 1 then 'a' else 'A' end,
                 case i % 4 when 0 then null when 1 then 10 when 2 then '10.0' else 'x' end
             from n",
        );
        let both = Both::new(table(&file.warehouse().await, "t").await.parts(2)).await;
        (file, both)
    });
    let pools = [
        Pool::new("i", [-3_i64, 0, 3, 5, 9_007_199_254_740_993, i64::MAX]),
        Pool::new("f", FLOATS.into_iter().chain([1.0 / 7.0, 12_345_678_901_234_567.0, 1e-300])),
        Pool::new("x", ["a", "A", "a ", "10", "9", "b"]),
        Pool::new("n", ["a", "A", "b"]),
        Pool::new("loose", ["10", "10.0", "x", "1e1"]),
    ];
    let [exact, inexact, unsupported] = both.compare(&runtime, &pools);
    assert!(
        exact > 5 && inexact > 5 && unsupported > 5,
        "{exact} exact, {inexact} inexact, {unsupported} unsupported"
    );
}

/// PostgreSQL reads a text that is compared with one of these as a value of the type, and refuses what is none.
#[tokio::test]
async fn types_whose_names_begin_like_that_of_a_text_are_not_compared_as_texts() {
    let schema = Schema::new("like_texts").await;
    schema
        .run(
            "create type character_kind as enum ('dwarf', 'hobbit');
             create table t (id int, kind character_kind, tags varchar(20)[], short varchar(3));
             insert into t values (1, 'dwarf', '{x}', 'a'), (2, 'hobbit', '{x,y}', 'b')",
        )
        .await;
    let warehouse = schema.warehouse().await;
    let dataset = dataset(&warehouse, "t").await.text_columns(["tags"]).unwrap();
    let context = session_with(AirbyteTable::new(&warehouse, dataset));
    for (condition, ids) in [
        ("kind = 'elf'", [].as_slice()),
        ("kind = 'dwarf'", &["1"]),
        ("tags = 'x'", &[]),
        ("tags = '{x,y}'", &["2"]),
        ("short = 'b'", &["2"]),
    ] {
        let query = format!("select id from t where {condition}");
        assert_eq!(lines(&context, &query).await, ids, "{condition}");
    }
}

/// What is asked for where, so that nothing is given up unseen.
#[tokio::test]
async fn filters_that_matter_are_pushed_down() {
    use TableProviderFilterPushDown::{Exact, Inexact, Unsupported};
    let schema = Schema::new("pushed").await;
    schema
        .run(
            "create type pair as (one int, other int);
             create table t (id bigint, b boolean, day date, at timestamp, atz timestamptz, amount numeric(12, 3), tx text,
                 u uuid, f8 double precision, e int[], row_of pair)",
        )
        .await;
    let both = Both::new(table(&schema.warehouse().await, "t").await).await;
    let day = lit(ScalarValue::Date32(Some(20_512)));
    let uuid = lit("00000000-0000-0000-0000-000000000000");
    for (condition, wanted) in [
        (col("id").eq(lit(1_i64)), Exact),
        (lit(1_i64).lt(col("id")), Exact),
        (col("id").in_list(vec![lit(1_i64), lit(2_i64)], true), Exact),
        (col("b"), Exact),
        (!col("b"), Exact),
        (col("day").between(day.clone(), day.clone()), Exact),
        (col("at").lt(lit(micros(0, None))), Exact),
        (col("atz").gt_eq(lit(micros(0, Some("UTC")))), Exact),
        (col("amount").gt(lit(ScalarValue::Decimal128(Some(-5), 12, 3))), Exact),
        (col("u").eq(uuid.clone()), Exact),
        (col("tx").is_null(), Exact),
        (col("e").is_not_null(), Exact),
        (col("id").eq(lit(1_i64)).or(col("day").eq(day.clone())), Exact),
        (col("tx").eq(lit("a")), Inexact),
        (col("tx").in_list(vec![lit("a"), lit("b")], false), Inexact),
        (col("tx").eq(lit("a")).and(col("tx").gt(lit("a"))), Inexact),
        (col("f8").lt(lit(1.0)), Inexact),
        (!col("tx").eq(lit("a")), Unsupported),
        (col("tx").gt(lit("a")), Unsupported),
        (col("tx").eq(lit("a")).or(col("tx").gt(lit("a"))), Unsupported),
        (col("row_of").is_null(), Unsupported),
        (col("u").eq(lit("{00000000-0000-0000-0000-000000000000}")), Unsupported),
        (col("id").eq(lit(ScalarValue::Int64(None))), Unsupported),
    ] {
        assert_eq!(both.support(&condition), wanted, "{condition}");
    }
}
