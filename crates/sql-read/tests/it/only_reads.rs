//! What servers hear of every way of reading: nothing but reads. PostgreSQL's own log is asked, for the reader of
//! Redshift as well; what the services hear is seen by a proxy and a double, beside their other tests.

use airbyte_sql_read::{Filter, Format, Order, Split, StreamSpec, Warehouse, write_to};
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::support::{Schema, destination};

/// Reads a stream of a number `n`, a key `id` and a text `name` in all ways that there are, and once fails.
pub(crate) async fn read_in_every_way(
    connect: impl AsyncFn() -> Warehouse,
    stream: &StreamSpec,
    rows: usize,
) {
    let warehouse = connect().await;
    assert!(warehouse.locate(stream).await.unwrap().exists);
    warehouse.dataset(&StreamSpec::new("nowhere")).await.unwrap_err();
    let all = warehouse.dataset(stream).await.unwrap();
    let total = u64::try_from(rows).unwrap();
    assert_eq!(all.count().await.unwrap(), total);
    assert_eq!(all.clone().limit(3).tally().await.unwrap().rows, 3);
    assert_eq!(all.head(2 * total).await.unwrap().num_rows(), rows);
    all.generations().await.unwrap();
    all.freshness().await.unwrap();
    drop(all.batches().await.unwrap());
    assert_eq!(all.rows::<Value>().await.unwrap().try_collect::<Vec<_>>().await.unwrap().len(), rows);
    assert_eq!(all.documents().stream().await.unwrap().try_collect::<Vec<_>>().await.unwrap().len(), rows);
    let chosen = all.clone().filter(Filter::at_least("n", 1).and(Filter::is_not_null("name"))).unwrap();
    let chosen = chosen.order_by("n", Order::Descending).unwrap().text_columns(["n"]).unwrap();
    assert_eq!(chosen.without_deleted_rows().limit(3).head(9).await.unwrap().num_rows(), 3);
    let latest = all.clone().latest(["n"], Some("id")).unwrap();
    assert_eq!(latest.count().await.unwrap(), latest.head(2 * total).await.unwrap().num_rows() as u64);

    let folder = tempfile::tempdir().unwrap();
    assert_eq!(all.export(folder.path().join("a.csv"), Format::Csv).await.unwrap().rows, total);
    assert_eq!(all.export_folder(folder.path().join("a"), Format::Parquet).await.unwrap().rows, total);
    assert_eq!(all.write(&mut Vec::new(), Format::JsonLines).await.unwrap().rows, total);
    assert_eq!(write_to(&all, Vec::new(), Format::Arrow).await.unwrap().rows, total);

    let parallel: Vec<_> = all.read_parallel(3).await.unwrap().try_collect().await.unwrap();
    assert_eq!(parallel.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), rows);
    let splits = all.splits(3).await.unwrap();
    let mut found = 0;
    for split in splits.splits() {
        // As another process would.
        let split: Split = serde_json::from_str(&serde_json::to_string(split).unwrap()).unwrap();
        let batches = connect().await.read_split(&split).await.unwrap();
        found += batches.map_ok(|batch| batch.num_rows()).try_fold(0, async |a, b| Ok(a + b)).await.unwrap();
    }
    assert_eq!(found, rows);
    drop(splits);

    let sql = format!("select * from {}", all.sql_table_name());
    let query = warehouse.query(&sql).unwrap();
    assert_eq!(query.collect().await.unwrap().num_rows(), rows);
    drop(query.batches().await.unwrap());
    assert_eq!(query.rows::<Value>().await.unwrap().try_collect::<Vec<_>>().await.unwrap().len(), rows);
    assert_eq!(query.export(folder.path().join("b.csv"), Format::Csv).await.unwrap().rows, total);
    assert_eq!(query.export_folder(folder.path().join("b"), Format::Csv).await.unwrap().rows, total);
    assert_eq!(query.write(&mut Vec::new(), Format::Csv).await.unwrap(), total);
    warehouse.query("select nothing from nowhere").unwrap().collect().await.unwrap_err();
    for writing in ["delete from rows", "create table copied as select 1", "select 1; drop table rows"] {
        if let Ok(query) = warehouse.query(writing) {
            query.collect().await.unwrap_err();
        }
    }
}

/// What the server's own log says that it was asked since it was so long.
async fn heard(schema: &Schema, since: i64) -> Vec<String> {
    let log = "select pg_read_file(current_setting('data_directory') || '/../server.log', $1, 100000000)";
    let log: String = schema.client.query_one(log, &[&since]).await.unwrap().get(0);
    // The further lines of a statement begin with a tab.
    let entries = log.replace("\n\t", " ");
    let heard = entries.lines().filter_map(|line| {
        let (kind, statement) = line.split_once("LOG:  ")?.1.split_once(": ")?;
        (kind == "statement" || kind.starts_with("execute")).then(|| statement.trim().to_owned())
    });
    heard.collect()
}

/// The log does not say who is heard, so that one is listened to after the other.
static LISTENING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// How long the server's log is.
async fn length(schema: &Schema) -> i64 {
    let length = "select size from pg_stat_file(current_setting('data_directory') || '/../server.log')";
    schema.client.query_one(length, &[]).await.unwrap().get(0)
}

/// A schema with rows, and a role whose statements the server writes down.
async fn audited(name: &str) -> Schema {
    let schema = Schema::new(name).await;
    schema
        .run(&format!(
            "drop role if exists auditor_{name}; create role auditor_{name} login superuser password 'p';
             alter role auditor_{name} set log_statement = 'all';
             create table rows as select n % 500 as n, n as id, n::text as name, 7 as _airbyte_generation_id
                                  from generate_series(1, 1000) as n"
        ))
        .await;
    schema
}

#[tokio::test]
async fn postgresql_hears_nothing_but_reads_and_of_redshift_no_copy() {
    let _alone = LISTENING.lock().await;
    let schema = audited("heard").await;
    let own = &[
        "begin isolation level",
        "select ",
        "with recursive ",
        "copy (select ",
        "lock table ",
        "set local transaction_timeout",
        "set local idle_in_transaction_session_timeout",
        "set transaction snapshot ",
        "commit",
    ][..];
    for (kind, allowed) in [("postgres", own), ("redshift", &["begin read only", "select ", "commit"])] {
        let since = length(&schema).await;
        let changes = json!({"username": "auditor_heard", "password": "p", "ssl_mode": {"mode": "disable"}});
        let destination = destination(kind, &schema.configuration_with(&changes));
        read_in_every_way(async || destination.connect().await.unwrap(), &StreamSpec::new("rows"), 1_000)
            .await;
        let heard = heard(&schema, since).await;
        assert!(heard.len() > 50, "{heard:?}");
        for statement in heard {
            assert!(allowed.iter().any(|begin| statement.starts_with(begin)), "{kind}: {statement}");
            assert!(!statement.to_lowercase().contains("into "), "{kind}: {statement}");
        }
    }
}

#[cfg(feature = "adbc")]
#[tokio::test]
async fn a_server_behind_a_driver_hears_nothing_but_reads() {
    let Some(driver) = crate::adbc::driver("AIRBYTE_TEST_ADBC_POSTGRESQL") else { return };
    let _alone = LISTENING.lock().await;
    let schema = audited("heard_by_driver").await;
    let since = length(&schema).await;
    let options = json!({"uri": Schema::url_with("auditor_heard_by_driver", "p")});
    let destination = json!({
        "destinationType": "postgres", "configuration": {"schema": schema.name},
        "adbc": {"driver": driver, "options": options},
    });
    let destination = airbyte_sql_read::Destination::from_json(&destination).unwrap();
    read_in_every_way(async || destination.connect().await.unwrap(), &StreamSpec::new("rows"), 1_000).await;
    let heard = heard(&schema, since).await;
    assert!(heard.len() > 50, "{heard:?}");
    // The driver has words of its own, and looks around in the catalogue.
    let allowed = ["select", "copy (select", "begin", "commit", "rollback", "set ", "show ", "with "];
    for statement in heard {
        let statement = statement.to_lowercase();
        assert!(allowed.iter().any(|begin| statement.starts_with(begin)), "{statement}");
        assert!(!statement.contains("into "), "{statement}");
    }
}
