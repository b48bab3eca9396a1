//! What tables there are, by calls that cost nothing.

use std::time::Duration;

use google_cloud_bigquery_v2::client::TableService;
use google_cloud_gax::error::Error as Fault;
use google_cloud_gax::options::RequestOptionsBuilder as _;
use google_cloud_gax::paginator::ItemPaginator as _;
use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicyExt as _};

use super::connect::Clients;
use super::fault::{fault, is_forbidden, is_missing};
use super::types;
use crate::error::{Error, ErrorKind, Result};
use crate::locate::TableName;
use crate::scan::Column;

/// How long the first question may take.
const GREETING_LIMIT: Duration = Duration::from_secs(10);

/// The tables and views of these datasets. One that is not there may be spelt in another case; one that the account may
/// not look into, as that of raw tables often is, keeps nobody from the others.
pub(super) async fn tables(clients: &Clients, datasets: &[String]) -> Result<Vec<TableName>> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    let mut forbidden = None;
    for dataset in datasets {
        match of_dataset(clients, dataset).await {
            Ok(Some(tables)) => found.extend(tables),
            Ok(None) => missing.push(dataset),
            Err(error) => note(error, &mut forbidden)?,
        }
    }
    if !missing.is_empty() {
        let others = match dataset_names(clients).await {
            Ok(others) => others,
            Err(error) => {
                note(error, &mut forbidden)?;
                Vec::new()
            }
        };
        for other in others {
            let respelt = missing.iter().any(|wanted| wanted.eq_ignore_ascii_case(&other));
            if respelt && !datasets.contains(&other) {
                match of_dataset(clients, &other).await {
                    Ok(tables) => found.extend(tables.unwrap_or_default()),
                    Err(error) => note(error, &mut forbidden)?,
                }
            }
        }
    }
    match forbidden {
        Some(error) if found.is_empty() => Err(fault(error)),
        _ => Ok(found),
    }
}

/// Keeps the first error that says that something is forbidden; any other is one now.
fn note(error: Fault, forbidden: &mut Option<Fault>) -> Result<()> {
    if !is_forbidden(&error) {
        return Err(fault(error));
    }
    tracing::debug!(%error, "a dataset cannot be looked into");
    forbidden.get_or_insert(error);
    Ok(())
}

async fn of_dataset(clients: &Clients, dataset: &str) -> Result<Option<Vec<TableName>>, Fault> {
    let mut listed = list(&clients.tables, &clients.project, dataset).by_item();
    let mut tables = Vec::new();
    while let Some(table) = listed.next().await {
        match table {
            Ok(table) => tables.extend(
                table
                    .table_reference
                    .map(|reference| TableName { schema: reference.dataset_id, table: reference.table_id }),
            ),
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(tables))
}

fn list(
    tables: &TableService,
    project: &str,
    dataset: &str,
) -> google_cloud_bigquery_v2::builder::table_service::ListTables {
    tables.list_tables().set_project_id(project).set_dataset_id(dataset)
}

async fn dataset_names(clients: &Clients) -> Result<Vec<String>, Fault> {
    let mut listed = clients.datasets.list_datasets().set_project_id(&clients.project).by_item();
    let mut names = Vec::new();
    while let Some(dataset) = listed.next().await {
        names.extend(dataset?.dataset_reference.map(|reference| reference.dataset_id));
    }
    Ok(names)
}

/// Whether BigQuery answers and knows the account, told by the cheapest question there is. A dataset that is not there
/// is made by the first sync.
pub(super) async fn greet(clients: &Clients) -> Result<()> {
    let asked = list(&clients.tables, &clients.project, &clients.dataset)
        .set_max_results(1_u32)
        .with_attempt_timeout(GREETING_LIMIT)
        .with_retry_policy(Aip194Strict.with_time_limit(GREETING_LIMIT));
    match asked.send().await {
        Err(error) if !is_missing(&error) => Err(fault(error)),
        _ => Ok(()),
    }
}

/// A table as it is now.
pub(super) struct Table {
    pub columns: Vec<Column>,
    /// Whether its rows can be read without a query: views have none of their own.
    pub has_rows: bool,
}

pub(super) async fn table(clients: &Clients, name: &TableName) -> Result<Table> {
    let asked = clients
        .tables
        .get_table()
        .set_project_id(&clients.project)
        .set_dataset_id(&name.schema)
        .set_table_id(&name.table)
        .send()
        .await;
    let table = match asked {
        Ok(table) => table,
        Err(error) if is_missing(&error) => {
            return Err(Error::new(
                ErrorKind::StreamNotFound,
                format!("the table `{}.{}` has gone", name.schema, name.table),
            )
            .with_hint("a sync may be replacing it; try again")
            .with_source(error));
        }
        Err(error) => return Err(fault(error)),
    };
    let columns = table.schema.map(|schema| schema.fields).unwrap_or_default();
    Ok(Table {
        columns: columns.iter().map(types::column).collect(),
        has_rows: matches!(table.r#type.as_str(), "TABLE" | "SNAPSHOT"),
    })
}
