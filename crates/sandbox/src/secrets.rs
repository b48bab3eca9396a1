//! The secrets of configurations: how they are shown, and what a mask stands for that comes back.

use serde_json::Value;

use crate::app::App;
use crate::model::Actor;
use crate::{connectors, specification};

impl App {
    /// The configuration with each secret that it holds replaced by the mask; `None` if the actor is deleted.
    pub(crate) fn masked(&self, actor: &Actor) -> rusqlite::Result<Option<Value>> {
        let Some(mut shown) = actor.configuration.clone() else { return Ok(None) };
        if let Some(connector) = connectors::by_definition(actor.side, actor.definition_id) {
            return Ok(Some(connector.masked(&shown)));
        }
        match self.described(actor)? {
            Some(schema) => specification::mask(&schema, &mut shown),
            None => connectors::mask_by_names(&mut shown),
        }
        Ok(Some(shown))
    }

    /// Puts the stored secrets in the place of masks, as the server does when a configuration is replaced.
    pub(crate) fn unmask(&self, actor: &Actor, sent: &mut Value) -> rusqlite::Result<()> {
        let Some(stored) = &actor.configuration else { return Ok(()) };
        if let Some(connector) = connectors::by_definition(actor.side, actor.definition_id) {
            connector.unmask(sent, stored);
            return Ok(());
        }
        match self.described(actor)? {
            Some(schema) => specification::unmask(&schema, sent, stored),
            None => connectors::unmask_by_names(sent, stored),
        }
        Ok(())
    }

    /// The specification of a connector that a workspace has added, if it has one.
    fn described(&self, actor: &Actor) -> rusqlite::Result<Option<Value>> {
        let schema = self.specification(actor.side, actor.workspace_id, actor.definition_id)?;
        Ok(schema.filter(|schema| *schema != specification::unknown()))
    }
}
