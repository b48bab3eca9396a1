//! Ctrl-C while a database works for the command.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use airbyte_tests::{airbyte, postgres_url};
use serde_json::json;

/// How many sessions run this statement.
async fn running(server: &tokio_postgres::Client) -> i64 {
    let query = "select count(*) from pg_stat_activity
                 where state = 'active' and query like '%for_ever_and_a_day%' and pid <> pg_backend_pid()";
    server.query_one(query, &[]).await.unwrap().get(0)
}

/// It would go on for as long as nobody tells it, and where it is paid for by the second, cost.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_what_the_database_does_as_well() {
    let url = url::Url::parse(&postgres_url()).unwrap();
    let (server, connection) = tokio_postgres::connect(url.as_str(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pg.json");
    let configuration = json!({
        "host": "127.0.0.1", "port": url.port(), "database": "postgres", "schema": "public", "username": "postgres",
        "password": url.password(), "ssl_mode": {"mode": "disable"},
    });
    let destination = json!({"destinationType": "postgres", "configuration": configuration});
    std::fs::write(&file, destination.to_string()).unwrap();

    let mut query = airbyte();
    query.args(["dataset", "query", "--destination"]).arg(&file);
    let mut process = query
        .arg("select pg_sleep(600)::text as for_ever_and_a_day")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while running(&server).await == 0 {
        assert!(begun.elapsed() < Duration::from_mins(1), "the query does not begin");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pressed = Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(pressed.success());
    let code = tokio::task::spawn_blocking(move || process.wait().unwrap().code()).await.unwrap();
    assert_eq!(code, Some(130));
    let ended = Instant::now();
    while running(&server).await > 0 {
        assert!(ended.elapsed() < Duration::from_secs(10), "the query goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
