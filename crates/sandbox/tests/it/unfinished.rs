//! What a PostgreSQL destination holds when a sync breaks in the middle of a stream.

use airbyte_sandbox::{Sandbox, Seed};
use serde_json::{Value, json};

use crate::postgres::Server;
use crate::support::Api;

/// Slow enough for a look between an attempt that moved nothing and the next one.
const SLOWER: f64 = 0.3;

impl Server {
    /// A connection of thirty users, in a sandbox that takes its time.
    async fn slower(mut self, sync_mode: &str) -> (Self, String) {
        self.api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(SLOWER)).await;
        let connection = self.users(sync_mode).await;
        (self, connection)
    }

    async fn users(&self, sync_mode: &str) -> String {
        let source = self.api.source(json!({"sourceType": "faker", "count": 30, "seed": 3})).await;
        let destination = self.api.destination(self.configuration()).await;
        let streams = json!([{"name": "users", "syncMode": sync_mode}]);
        self.api.connect(&source, &destination, streams).await
    }

    /// How many rows of each generation there are.
    async fn generations(&self, table: &str) -> Vec<(i64, i64)> {
        let query = format!(
            "select _airbyte_generation_id, count(*) from {}.\"{table}\" group by 1 order by 1",
            self.schema
        );
        let rows = self.client.query(&query, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// The table beside that of the users.
    async fn temporary(&self) -> Option<String> {
        self.tables().await.into_iter().find(|table| table != "users")
    }

    /// Puts one more user beside the table, as if an earlier attempt had read it.
    async fn leave_behind(&self, table: &str, generation: i64) {
        let statement = format!(
            "insert into {}.\"{table}\" (_airbyte_raw_id, _airbyte_extracted_at, _airbyte_meta, _airbyte_generation_id, id)
             values ('left', now(), '{{}}', {generation}, 999)",
            self.schema
        );
        self.client.batch_execute(&statement).await.unwrap();
    }
}

#[tokio::test]
async fn what_came_of_a_deduplicated_stream_is_merged_though_it_failed() {
    let Some(server) = Server::new().await else { return };
    let connection = server.users("incremental_deduped_history").await;
    server.api.fault("break-source=10").await;
    let failures = server.api.failing_sync(&connection).await;
    assert_eq!(
        (&failures[0]["failureOrigin"], &failures[0]["failureType"]),
        (&json!("source"), &json!("system_error"))
    );
    assert_eq!(server.generations("users").await, [(0, 10)]);
    assert_eq!(server.tables().await, ["users"], "nothing is left beside it");
    server.api.no_faults().await;
    assert_eq!(server.api.sync(&connection).await["rowsSynced"], 30);
    assert_eq!(server.generations("users").await, [(0, 30)]);
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_old_rows_and_the_next_attempt_takes_up_the_new_ones() {
    let Some(server) = Server::new().await else { return };
    let (server, connection) = server.slower("incremental_deduped_history").await;
    server.api.sync(&connection).await;
    server.api.fault("break-source=10,times=1").await;
    let body = json!({"connectionId": connection, "refreshMode": "Truncate"});
    let started = server.api.config("/connections/refresh", &body).await.expect(200);
    let job = started["job"]["id"].as_i64().unwrap();
    server.api.until(job, &["incomplete"]).await;
    let temporary = server.temporary().await.expect("the rows that came");
    assert_eq!(server.generations("users").await, [(0, 30)]);
    assert_eq!(server.generations(&temporary).await, [(1, 10)]);
    let committed = &server.api.attempts(job).await[0]["attempt"]["totalStats"]["recordsCommitted"];
    assert!([Value::Null, json!(0)].contains(committed), "{committed}");
    server.leave_behind(&temporary, 1).await;
    assert_eq!(server.api.finished(job).await["status"], "succeeded");
    assert_eq!(server.generations("users").await, [(1, 31)]);
    assert_eq!(server.tables().await, ["users"]);

    // A plain sync takes up what is left of any generation, as it keeps the rows of all.
    let rename = format!("create table {0}.\"{temporary}\" (like {0}.users)", server.schema);
    server.client.batch_execute(&rename).await.unwrap();
    server.leave_behind(&temporary, 0).await;
    server
        .client
        .batch_execute(&format!("delete from {}.users where id = 999", server.schema))
        .await
        .unwrap();
    server.api.sync(&connection).await;
    assert_eq!(server.generations("users").await, [(0, 1), (1, 30)]);
    assert_eq!(server.tables().await, ["users"]);
}

#[tokio::test]
async fn a_first_full_refresh_is_seen_while_it_grows_and_later_ones_only_when_they_are_whole() {
    let Some(server) = Server::new().await else { return };
    let (server, connection) = server.slower("full_refresh_overwrite").await;
    server.api.fault("break-source=10").await;
    let job = server.api.start_sync(&connection).await;
    // Each attempt is a generation of its own. The first one finds no table, each further one an older generation.
    server.api.until(job, &["incomplete"]).await;
    assert_eq!(server.generations("users").await, [(1, 10)]);
    server.api.no_faults().await;
    assert_eq!(server.api.finished(job).await["status"], "succeeded");
    let generations = server.generations("users").await;
    assert!(matches!(generations[..], [(2.., 30)]), "{generations:?}");
    assert_eq!(server.tables().await, ["users"]);

    server.api.fault("break-source=10,times=1").await;
    let job = server.api.start_sync(&connection).await;
    server.api.until(job, &["incomplete"]).await;
    assert_eq!(server.generations("users").await, generations);
    let temporary = server.temporary().await.expect("the rows that came");
    assert_eq!(server.generations(&temporary).await, [(generations[0].0 + 1, 10)]);
    server.leave_behind(&temporary, generations[0].0 + 1).await;
    assert_eq!(server.api.finished(job).await["status"], "succeeded");
    // What was left is of an older generation than the next attempt wants.
    assert_eq!(server.generations("users").await, [(generations[0].0 + 2, 30)]);
    assert_eq!(server.tables().await, ["users"]);
}

#[tokio::test]
async fn of_a_cancelled_sync_only_rows_that_can_be_seen_are_counted() {
    let Some(mut server) = Server::new().await else { return };
    let source = server.api.source(json!({"sourceType": "faker", "count": 20_000})).await;
    let destination = server.api.destination(server.configuration()).await;
    let streams = json!([{"name": "users", "syncMode": "full_refresh_overwrite"}]);
    let connection = server.api.connect(&source, &destination, streams).await;
    server.api.sync(&connection).await;
    // A table that is being read cannot be replaced, so the rows stay beside it.
    let reads = server.client.transaction().await.unwrap();
    reads.batch_execute(&format!("select 1 from {}.users limit 1", server.schema)).await.unwrap();
    let job = server.api.start_sync(&connection).await;
    let stats = async || {
        let attempts = server.api.attempts(job).await;
        attempts.first().map(|one| one["attempt"]["totalStats"].clone()).unwrap_or_default()
    };
    while stats().await["recordsEmitted"].as_i64().is_none_or(|records| records == 0) {
        tokio::task::yield_now().await;
    }
    server.api.delete(&format!("/jobs/{job}")).await.expect(200);
    let stats = stats().await;
    assert!(stats["recordsEmitted"].as_i64() > Some(0), "{stats}");
    assert!([Value::Null, json!(0)].contains(&stats["recordsCommitted"]), "{stats}");
    reads.rollback().await.unwrap();
}
