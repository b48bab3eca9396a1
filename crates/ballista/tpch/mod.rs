//! Orders and their items in the shape of the TPC-H benchmark, and questions about them in its manner.

use std::fmt::Write as _;
use std::pin::pin;

use bytes::Bytes;
use futures::SinkExt;
use tokio_postgres::Client;
use tpchgen::generators::{LineItemGenerator, OrderGenerator};

/// Each question, by the number of the benchmark's query that it is like. All of them ask orders and items alone, so that each can
/// be answered from two tables.
pub(crate) const QUERIES: [(&str, &str); 5] = [
    ("1", include_str!("q1.sql")),
    ("4", include_str!("q4.sql")),
    ("6", include_str!("q6.sql")),
    ("12", include_str!("q12.sql")),
    ("18", include_str!("q18.sql")),
];

const TABLES: &str = "
    drop table if exists orders, lineitem;
    create table orders (
        o_orderkey bigint, o_custkey bigint, o_orderstatus text, o_totalprice numeric(15, 2), o_orderdate date,
        o_orderpriority text, o_clerk text, o_shippriority integer, o_comment text
    );
    create table lineitem (
        l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber integer, l_quantity numeric(15, 2),
        l_extendedprice numeric(15, 2), l_discount numeric(15, 2), l_tax numeric(15, 2), l_returnflag text,
        l_linestatus text, l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct text,
        l_shipmode text, l_comment text
    )";

/// Rows that are sent at a time.
const ROWS: usize = 2_000;

/// Makes both tables in the schema of this connection: 1,500,000 orders and about four times as many items, times `scale`.
pub(crate) async fn load(client: &Client, scale: f64) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(TABLES).await?;
    copy(client, "orders", OrderGenerator::new(scale, 1, 1).iter()).await?;
    copy(client, "lineitem", LineItemGenerator::new(scale, 1, 1).iter()).await?;
    client.batch_execute("vacuum analyze orders, lineitem").await
}

async fn copy(
    client: &Client,
    table: &str,
    rows: impl Iterator<Item = impl std::fmt::Display>,
) -> Result<(), tokio_postgres::Error> {
    let sink = client.copy_in::<_, Bytes>(&format!("copy {table} from stdin with (delimiter '|')")).await?;
    let mut sink = pin!(sink);
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut lines = String::new();
        for row in rows.by_ref().take(ROWS) {
            // Writing to a text cannot fail.
            let _ = write!(lines, "{row}");
            // The generator ends each line with a delimiter, which PostgreSQL takes for one more column.
            lines.pop();
            lines.push('\n');
        }
        sink.send(lines.into()).await?;
    }
    sink.finish().await?;
    Ok(())
}
