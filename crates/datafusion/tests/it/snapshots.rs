//! One state in all parts, while somebody writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airbyte_datafusion::AirbyteTable;

use crate::support::{File, Schema, dataset, lines, session_with, table};

const ROUNDS: i64 = 100;
const ACCOUNTS: i64 = 2_000;
/// What all accounts hold together in every state.
const TOTAL: i64 = ACCOUNTS * 100;

/// The multiset of rows must be one that the table had at some time: as many accounts as there are, each once, and as much in
/// all as there is; and who changes two rows at once is seen with both changes or with none.
async fn check(table: AirbyteTable, parts: usize) {
    let context = session_with(table);
    let query =
        "select count(*) as rows, count(distinct id) as ids, sum(amount) as total, sum(paid) as paid from t";
    let found = lines(&context, query).await;
    assert_eq!(found, [format!("{ACCOUNTS}|{ACCOUNTS}|{TOTAL}|0")], "in {parts} parts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_a_table_that_is_written_to_are_one_state() {
    let schema = Schema::new("snapshots").await;
    // Rows of some hundred bytes, so that the table has pages enough for eight parts; updates move rows between them.
    schema
        .run(&format!(
            "create table accounts (id bigint primary key, amount bigint, paid bigint, filler text);
             insert into accounts select i, 100, 0, repeat('x', 300) from generate_series(1, {ACCOUNTS}) as i"
        ))
        .await;
    let writer = schema.another().await;
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let done = done.clone();
        async move {
            let mut written = 0_i64;
            while !done.load(Ordering::Relaxed) {
                let (from, to) = (written * 7919 % ACCOUNTS + 1, written * 104_729 % ACCOUNTS + 1);
                // Money moves, and an account is replaced: deleted and inserted, in one transaction.
                writer
                    .batch_execute(&format!(
                        "begin;
                         update accounts set amount = amount - 1, paid = paid + 1 where id = {from};
                         update accounts set amount = amount + 1, paid = paid - 1 where id = {to};
                         with gone as (delete from accounts where id = {from} returning *)
                             insert into accounts select * from gone;
                         commit"
                    ))
                    .await
                    .unwrap();
                written += 1;
            }
            written
        }
    });
    let accounts = table(&schema.warehouse().await, "accounts").await;
    for _ in 0..ROUNDS {
        for parts in [1, 2, 4, 8] {
            check(accounts.clone().parts(parts), parts).await;
        }
    }
    done.store(true, Ordering::Relaxed);
    let written = writing.await.unwrap();
    assert!(written > 100, "only {written} changes were made in the meantime");
}

/// Connections to a file with a write-ahead log share no state, so that it is read over a single one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_parts_could_not_be_one_state_is_one_part() {
    let file = File::new(&format!(
        "pragma journal_mode = wal;
         create table accounts (id integer primary key, amount integer, paid integer);
         insert into accounts
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {ACCOUNTS}) select i, 100, 0 from n"
    ));
    let warehouse = file.warehouse().await;
    let accounts = dataset(&warehouse, "accounts").await;
    let splits = accounts.splits(4).await.unwrap();
    assert!(
        splits.splits().len() > 1 && !splits.is_one_snapshot(),
        "else there is nothing to see here: {splits:?}"
    );
    let table = AirbyteTable::new(&warehouse, accounts).parts(4);
    let mut next = ACCOUNTS;
    for round in 0..ROUNDS {
        let context = session_with(table.clone());
        let query = "select count(*), count(distinct id), sum(amount), sum(paid) from t";
        let plan = context.sql(query).await.unwrap().create_physical_plan().await.unwrap();
        // Between the plan and the read: one goes, another comes, behind the last.
        next += 1;
        file.connection
            .execute_batch(&format!(
                "begin; delete from accounts where id = {}; insert into accounts values ({next}, 100, 0); commit",
                round + 1
            ))
            .unwrap();
        let found = datafusion::physical_plan::collect(plan, context.task_ctx()).await.unwrap();
        assert_eq!(crate::support::shown(&found), [format!("{ACCOUNTS}|{ACCOUNTS}|{TOTAL}|0")]);
    }
}
