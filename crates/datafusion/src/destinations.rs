//! Destinations by name, for whoever reads what others have planned.

use std::collections::BTreeMap;
use std::sync::Arc;

use airbyte_sql_read::{Destination, Warehouse};
use async_trait::async_trait;
use datafusion::common::config_err;
use datafusion::error::Result;
use tokio::sync::OnceCell;

use crate::error::from_reader;
use crate::warehouses::Warehouses;

/// Destinations by the names that plans know them by, each with credentials of this process. One is connected to when it is
/// first read, and once; if that fails, the next read tries again.
#[derive(Debug, Default)]
pub struct Destinations {
    named: BTreeMap<Arc<str>, Named>,
}

#[derive(Debug)]
struct Named {
    destination: Destination,
    warehouse: OnceCell<Warehouse>,
}

impl Destinations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// This one as well, with its secrets filled in. A second one of a name takes the place of the first.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, destination: Destination) -> Self {
        self.named.insert(name.into(), Named { destination, warehouse: OnceCell::new() });
        self
    }

    /// The names, in the order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(AsRef::as_ref)
    }
}

#[async_trait]
impl Warehouses for Destinations {
    async fn warehouse(&self, name: &str) -> Result<Warehouse> {
        let Some(named) = self.named.get(name) else {
            let known: Vec<&str> = self.names().collect();
            return config_err!(
                "no destination is known by the name `{name}` here, which reads {}",
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            );
        };
        let connect = || async { named.destination.connect().await.map_err(from_reader) };
        named.warehouse.get_or_try_init(connect).await.cloned()
    }
}
