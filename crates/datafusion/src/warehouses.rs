//! Warehouses by the names that plans know them by.

use std::fmt::Debug;
use std::sync::Arc;

use airbyte_sql_read::Warehouse;
use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result};

/// Whoever reads a scan that another process has planned: a plan names its destination, and each reader connects to the
/// destination of that name with credentials of its own.
#[async_trait]
pub trait Warehouses: Debug + Send + Sync {
    /// The destination of this name, connected to. It is asked for once a partition, so keep what is open.
    ///
    /// # Errors
    /// A `Configuration` or `External` error if there is none of this name, or it cannot be reached.
    async fn warehouse(&self, name: &str) -> Result<Warehouse>;
}

/// Where the rows of a scan come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A warehouse that is connected to, with the name that others know it by, if they do.
    Here(Warehouse, Option<Arc<str>>),
    /// One that is looked up when it is read.
    Named(Arc<str>, Arc<dyn Warehouses>),
}

impl Source {
    pub(crate) async fn warehouse(&self) -> Result<Warehouse> {
        match self {
            Self::Here(warehouse, _) => Ok(warehouse.clone()),
            Self::Named(name, warehouses) => warehouses.warehouse(name).await,
        }
    }

    /// The name that other processes look it up by.
    pub(crate) fn name(&self) -> Result<&str> {
        match self {
            Self::Here(_, Some(name)) | Self::Named(name, _) => Ok(name),
            Self::Here(_, None) => Err(DataFusionError::Plan(
                "the table has no name for its destination that other processes could know it by: \
                 say `AirbyteTable::known_as` or `AirbyteCatalog::known_as`"
                    .to_owned(),
            )),
        }
    }
}
