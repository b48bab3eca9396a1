//! No plan, log or error holds a secret.

use crate::cluster::{Cluster, lines};
use crate::database::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_is_in_no_plan_log_or_error() {
    let database = Database::new(
        "secrets",
        "create table users as select i::bigint as id from generate_series(1, 9) as i",
    )
    .await;
    let cluster = Cluster::start(&database, 1);
    let context = cluster.session(&database).await;
    let mut said = Vec::new();
    said.extend(lines(&context, "select id from users where id > 3 order by id").await);
    let plan = context.sql("select id from users").await.unwrap().create_physical_plan().await.unwrap();
    said.push(format!("{plan:?}"));
    said.push(datafusion::physical_plan::displayable(plan.as_ref()).indent(true).to_string());
    // It holds a snapshot, which nobody can drop the table before.
    drop(plan);
    for failing in ["select id / (id - id) from users", "select cast(id || 'x' as int) from users"] {
        let error = context.sql(failing).await.unwrap().collect().await.unwrap_err();
        said.push(format!("{error} {error:?}"));
    }
    // A table that is gone when it is read, and a user that may not read it.
    let gone = context.sql("select id from users").await.unwrap();
    database.client.batch_execute("drop table users").await.unwrap();
    let error = gone.collect().await.unwrap_err();
    said.push(format!("{error} {error:?}"));
    said.push(cluster.logs());

    let said = said.join("\n");
    assert!(
        said.contains("ballista_secrets.users"),
        "the logs tell of the table: else this looks at nothing"
    );
    assert!(!said.contains(&database.password()), "the password shows");
}
