//! A cluster gives the answers that the database gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cluster::{Cluster, lines};
use crate::database::Database;

const SHOP: &str = "
    create table users (id bigint primary key, name text, country text, joined date);
    insert into users select i, 'user ' || i, (array['AT', 'DE', null, 'FR'])[i % 4 + 1], date '2026-01-01' + i % 300
        from generate_series(1, 20000) as i;
    create table orders (id bigint primary key, user_id bigint, amount numeric(10, 2), at timestamptz);
    insert into orders select i, i * 7919 % 25000, (i % 1000) / 4.0, timestamptz '2026-01-01 00:00+00' + i * interval '1 minute'
        from generate_series(1, 100000) as i;
    analyze users; analyze orders";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_executors_answer_as_the_database_does() {
    let database = Database::new("answers", SHOP).await;
    let cluster = Cluster::start(&database, 2);
    let context = cluster.session(&database).await;
    for query in [
        "select count(*) from users",
        "select count(*), sum(id), min(name), max(joined) from users where country is not null",
        "select country, count(*), sum(amount) from orders join users on users.id = orders.user_id
         group by country order by country nulls last",
        "select u.name, o.amount from users u join orders o on o.user_id = u.id
         where o.id between 500 and 520 and u.country = 'DE' order by o.id",
        "select count(*) from orders where user_id not in (select id from users)",
        "select id from users order by id desc limit 3",
        "select (select max(amount) from orders) as most, count(*) from users where id > 19990",
        "select u.id from users u left join orders o on o.user_id = u.id and o.amount > 240
         where o.id is null order by u.id limit 5",
        // What looks alike but for its conditions, its order or its table is not read once for both.
        "select (select max(amount) from orders where id < 10) as a, (select max(amount) from orders where id < 700) as b",
        "select o.c as orders, u.c as users from (select count(*) as c from orders) o, (select count(*) as c from users) u",
        "select id from ((select id from users order by id limit 5)
            union all (select id from users order by id desc limit 5)) ends order by id",
        "select count(*) from (select country, count(*) from users group by country) groups",
        "select count(*) from users u, (select country from users group by country) groups where u.id < 10",
        "select 1 as one",
    ] {
        assert_eq!(lines(&context, query).await, database.lines(query).await, "{query}");
    }
    // Which rows come is not said; how many do is.
    for (query, count) in [
        ("select country, count(*) from users group by country limit 2", 2),
        ("select id from users limit 7", 7),
        ("select id from users where id > 10 limit 0", 0),
        ("select id, name from users limit 3 offset 19998", 2),
    ] {
        assert_eq!(lines(&context, query).await.len(), count, "{query}");
    }
    // Each part of each table is read once, by whichever executor.
    let plan = lines(&context, "select count(id), count(distinct id) from orders").await;
    assert_eq!(plan, ["100000|100000"]);
}

/// Each query sees one state, however many executors read it, while somebody writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_executors_see_one_state() {
    let database = Database::new(
        "state",
        "create table accounts (id bigint primary key, amount bigint, filler text);
         insert into accounts select i, 100, repeat('x', 500) from generate_series(1, 4000) as i",
    )
    .await;
    let cluster = Cluster::start(&database, 2);
    let context = cluster.session(&database).await;
    let writer = database.another().await;
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let done = done.clone();
        async move {
            let mut written = 0_u64;
            while !done.load(Ordering::Relaxed) {
                let (from, to) = (written * 7919 % 4000 + 1, written * 104_729 % 4000 + 1);
                let moved = format!(
                    "begin; update accounts set amount = amount - 1 where id = {from};
                     update accounts set amount = amount + 1 where id = {to}; commit"
                );
                writer.batch_execute(&moved).await.unwrap();
                written += 1;
            }
            written
        }
    });
    for _ in 0..20 {
        let query = "select count(*), count(distinct id), sum(amount) from accounts";
        assert_eq!(lines(&context, query).await, ["4000|4000|400000"]);
    }
    done.store(true, Ordering::Relaxed);
    assert!(writing.await.unwrap() > 20);
}
