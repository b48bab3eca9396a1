//! Sessions whose queries run on a cluster.

use std::sync::Arc;

use airbyte_datafusion::{AggregatesInWarehouse, TopRowsInWarehouse};
use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use ballista_core::planner::BallistaQueryPlanner;
use datafusion::common::config_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use url::Url;

use crate::codec::logical_codec;
use crate::planner::Planner;

/// The port of a scheduler, where none is named.
const PORT: u16 = 50050;

/// A session whose queries the scheduler at this address hands to its executors, `df://HOST[:50050]`. Datasets are planned
/// here: their tables need a name for their destination ([`AirbyteTable::known_as`](airbyte_datafusion::AirbyteTable::known_as)).
/// Groups that the warehouse makes exactly are made there ([`AggregatesInWarehouse`]), and so are the first rows of an order
/// ([`TopRowsInWarehouse`]).
///
/// Nothing is connected to before a query runs. Ballista's settings (`SessionConfigExt`) are kept; about as many parts of a
/// table are read side by side as `target_partitions` says, over all executors.
///
/// # Errors
/// `Configuration` if the address is none.
pub fn remote(scheduler: &str, config: SessionConfig) -> Result<SessionContext> {
    let address = Url::parse(scheduler)
        .map_err(|error| config_datafusion_err!("`{scheduler}` is no address of a scheduler: {error}"))?;
    let host = address
        .host()
        .ok_or_else(|| config_datafusion_err!("`{scheduler}` names no host: say df://HOST:{PORT}"))?;
    let address = format!("http://{host}:{}", address.port().unwrap_or(PORT));

    let config = config.upgrade_for_ballista();
    let ballista =
        BallistaQueryPlanner::with_extension(address.clone(), config.ballista_config(), logical_codec());
    let config = config.with_ballista_query_planner(Arc::new(Planner { ballista }));
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let context = SessionContext::new_with_state(state.upgrade_for_ballista(address)?);
    context.add_optimizer_rule(Arc::new(AggregatesInWarehouse));
    context.add_optimizer_rule(Arc::new(TopRowsInWarehouse));
    Ok(context)
}
