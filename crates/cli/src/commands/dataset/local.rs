//! SQL over several connections and destinations, run by DataFusion in this process.

use std::sync::Arc;

use airbyte_datafusion::{
    AggregatesInWarehouse, AirbyteCatalog, AirbyteScan, TopRowsInWarehouse, reader_error,
};
use airbyte_sql_read::{Batches, Refreshes};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::DFParser;
use futures::TryStreamExt;

use super::query::{Place, Settings};
use super::target::Rows;
use crate::context::Context;
use crate::error::Failure;

/// The rows of a statement that reads these catalogs. Whatever makes no sense is refused before a row is read.
pub(super) async fn rows(
    places: &[(String, Place)],
    sql: &str,
    settings: &Settings,
    context: &Context,
) -> Result<Rows, Failure> {
    // Looked at before anything is connected to.
    let statements = DFParser::parse_sql(sql).map_err(reader_error)?;
    if statements.len() != 1 {
        return Err(Failure::usage(format!("one statement is run at a time, not {}", statements.len())));
    }
    let session = session(places, settings, context).await?;
    context.output().note(&format!("(run here, over {})", names(places)));
    let only_reads =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let mut told = Vec::new();
    let read = async {
        let frame = session.sql_with_options(sql, only_reads).await.map_err(reader_error)?;
        let task = Arc::new(frame.task_ctx());
        // Some warehouses count or even run their part of the statement here.
        let plan = frame.create_physical_plan().await.map_err(reader_error)?;
        refreshes(&plan, &mut told);
        let stream = execute_stream(plan, task).map_err(reader_error)?;
        Ok(Batches::of(stream.schema(), stream.map_err(reader_error)))
    };
    let batches = match settings.timeout {
        None => read.await?,
        Some(timeout) => Batches::within(timeout, read).await?,
    };
    Ok(Rows::Begun { of: None, batches, told })
}

/// A session that knows the catalogs. Names without a catalog are of the first one, and without a schema of its own.
async fn session(
    places: &[(String, Place)],
    settings: &Settings,
    context: &Context,
) -> Result<SessionContext, Failure> {
    let mut catalogs: Vec<(&str, AirbyteCatalog)> = Vec::new();
    let mut home = None;
    for (name, place) in places {
        if catalogs.iter().any(|(other, _)| other == name) {
            return Err(Failure::usage(format!("two catalogs are called `{name}`")));
        }
        let (catalog, schema) = match place {
            Place::Connection(connection) => {
                let datasets = super::of_connection(connection, context).await?;
                let catalog = AirbyteCatalog::of_connection(&datasets).await;
                (catalog.map_err(reader_error)?, datasets.warehouse().schema_name().to_owned())
            }
            Place::File(file) => {
                let warehouse = super::of_file(file, context).await?;
                let catalog = AirbyteCatalog::of_destination(&warehouse, &[]).await;
                (catalog.map_err(reader_error)?, warehouse.schema_name().to_owned())
            }
        };
        home.get_or_insert_with(|| (name.as_str(), catalog.home(&schema)));
        catalogs.push((name, catalog));
    }
    let mut config = SessionConfig::new().with_information_schema(true);
    if let Some((catalog, schema)) = home {
        config = config
            .with_default_catalog_and_schema(catalog, schema)
            .with_create_default_catalog_and_schema(false);
    }
    if let Some(parallel) = settings.parallel {
        config = config.with_target_partitions(usize::from(parallel));
    }
    let memory = usize::try_from(settings.memory.as_u64()).unwrap_or(usize::MAX);
    let runtime =
        RuntimeEnvBuilder::new().with_memory_limit(memory, 1.0).build_arc().map_err(reader_error)?;
    let session = SessionContext::new_with_config_rt(config, runtime);
    session.add_optimizer_rule(Arc::new(AggregatesInWarehouse));
    session.add_optimizer_rule(Arc::new(TopRowsInWarehouse));
    for (name, catalog) in catalogs {
        session.register_catalog(name, Arc::new(catalog));
    }
    Ok(session)
}

fn names(places: &[(String, Place)]) -> String {
    let names: Vec<&str> = places.iter().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}

/// Who tells of the refreshes that the plan's tables hold rows of.
fn refreshes(plan: &Arc<dyn ExecutionPlan>, told: &mut Vec<Refreshes>) {
    told.extend(plan.downcast_ref::<AirbyteScan>().map(AirbyteScan::refreshes));
    plan.children().into_iter().for_each(|child| refreshes(child, told));
}
