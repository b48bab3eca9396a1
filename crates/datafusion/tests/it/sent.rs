//! Scans that another process reads.

use std::sync::Arc;

use airbyte_datafusion::{AirbyteScan, Warehouses};
use airbyte_sql_read::Warehouse;
use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::{ExecutionPlan, collect};

use crate::support::{Schema, session_with, shown, table};

/// One destination.
#[derive(Debug)]
struct Only(&'static str, Warehouse);

#[async_trait]
impl Warehouses for Only {
    async fn warehouse(&self, name: &str) -> Result<Warehouse> {
        if name == self.0 {
            return Ok(self.1.clone());
        }
        Err(DataFusionError::Configuration(format!("there is no destination `{name}`")))
    }
}

async fn plan(schema: &Schema, name: Option<&str>, query: &str) -> Arc<dyn ExecutionPlan> {
    let table = table(&schema.warehouse().await, "users").await.parts(3);
    let context = session_with(match name {
        Some(name) => table.known_as(name),
        None => table,
    });
    context.sql(query).await.unwrap().create_physical_plan().await.unwrap()
}

fn bytes(plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<u8>> {
    plan.downcast_ref::<AirbyteScan>().unwrap_or_else(|| panic!("{plan:?}")).to_bytes()
}

#[tokio::test]
async fn a_scan_is_read_elsewhere_and_holds_no_credentials() {
    let schema = Schema::new("sent").await;
    schema
        .run("create table users as select i as id, 'x' || i as name from generate_series(1, 5000) as i")
        .await;
    let plan = plan(&schema, Some("pg"), "select name from t where id > 4990").await;
    let bytes = bytes(&plan).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let secret = schema.configuration()["password"].as_str().unwrap().to_owned();
    assert!(!secret.is_empty() && !text.contains(&secret), "{text}");
    assert!(!text.contains("127.0.0.1") && !text.contains("password"), "{text}");

    // The rows are those of the time when it was planned.
    schema.run("insert into users values (5001, 'late'); delete from users where id = 4991").await;
    let warehouses = Arc::new(Only("pg", schema.warehouse().await));
    let scan = Arc::new(AirbyteScan::from_bytes(&bytes, warehouses).unwrap());
    assert_eq!(scan.properties().partitioning.partition_count(), 3);
    assert_eq!(scan.schema(), plan.schema());
    let context = session_with(table(&schema.warehouse().await, "users").await);
    let mut names = shown(&collect(scan, context.task_ctx()).await.unwrap());
    names.sort();
    assert_eq!(names[0], "x4991");
    assert_eq!(names.len(), 10);
}

#[tokio::test]
async fn what_cannot_be_sent_or_received_says_why() {
    let schema = Schema::new("sent_errors").await;
    schema.run("create table users (id int)").await;
    let nameless = bytes(&plan(&schema, None, "select id from t").await).unwrap_err();
    assert!(nameless.to_string().contains("known_as"), "{nameless}");

    let warehouses = Arc::new(Only("pg", schema.warehouse().await));
    let damaged = AirbyteScan::from_bytes(b"{\"destination\": 1}", warehouses.clone()).unwrap_err();
    assert!(damaged.to_string().contains("no scan of a dataset"), "{damaged}");

    let named = bytes(&plan(&schema, Some("other"), "select id from t").await).unwrap();
    let scan = Arc::new(AirbyteScan::from_bytes(&named, warehouses).unwrap());
    let context = session_with(table(&schema.warehouse().await, "users").await);
    let unknown = collect(scan, context.task_ctx()).await.unwrap_err();
    assert!(unknown.to_string().contains("there is no destination `other`"), "{unknown}");
}

/// Whoever reaches a cluster's ports can send it bytes: they are refused, or a scan that can be looked at.
#[tokio::test]
async fn damaged_bytes_are_refused_or_a_scan() {
    let schema = Schema::new("sent_damaged").await;
    schema.run("create table users as select i::bigint as id from generate_series(1, 10) as i").await;
    let whole = bytes(&plan(&schema, Some("pg"), "select id from t").await).unwrap();
    let warehouses = Arc::new(Only("pg", schema.warehouse().await));
    let (mut refused, mut taken) = (0, 0);
    let mut check = |bytes: &[u8]| match AirbyteScan::from_bytes(bytes, warehouses.clone()) {
        Ok(scan) => {
            let _ = (format!("{scan:?} {:?}", scan.properties()), scan.only(&[0, 7]).to_bytes());
            taken += 1;
        }
        Err(_) => refused += 1,
    };
    for at in 0..whole.len() {
        check(&whole[..at]);
        for byte in *b"9-\"[{,\0\xff" {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            check(&bytes);
            bytes.insert(at, whole[at]);
            check(&bytes);
        }
    }
    assert!(refused > 1_000 && taken > 100, "{refused} were refused, {taken} taken");
}
