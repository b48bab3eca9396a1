//! What sources and destinations have in common.

use airbyte_cloud::{
    CheckResult, Client, ConnectionInfo, Create, DefinitionId, DeleteRequest, Destination, DestinationInfo,
    Source, SourceInfo, Workspace, WorkspaceId,
};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::Failure;
use crate::names;
use crate::output::Shown;

/// A source or a destination.
pub(crate) trait Connector: Sized {
    type Info: Shown;
    const NOUN: &'static str;
    /// The member of a configuration that names the connector.
    const TYPE: &'static str;

    async fn find(context: &Context, client: &Client, given: &str) -> Result<Self, Failure>;
    async fn list(
        workspace: &Workspace,
        name: Option<String>,
        limit: Option<usize>,
    ) -> Result<Vec<Self::Info>, Failure>;
    fn creation(workspace: &Workspace, new: NewConnector) -> Create<Self>;
    async fn check_creation(creation: &Create<Self>) -> Result<(), Failure>;
    async fn create(creation: Create<Self>) -> Result<Self, Failure>;
    fn id(&self) -> String;
    fn id_and_name(info: &Self::Info) -> (String, String);
    fn name_and_workspace(info: &Self::Info) -> (String, WorkspaceId);
    fn configuration(info: &Self::Info) -> &Value;
    fn is_used_by(&self, connection: &ConnectionInfo) -> bool;
    async fn info(&self) -> Result<Self::Info, Failure>;
    async fn rename(&self, name: String) -> Result<Self::Info, Failure>;
    async fn update(&self, configuration: &Value) -> Result<Self::Info, Failure>;
    async fn replace(&self, configuration: &Value) -> Result<Self::Info, Failure>;
    async fn check(&self) -> Result<CheckResult, Failure>;
    fn deletion(&self, safe_mode: bool) -> DeleteRequest;
    async fn url(&self) -> Result<Option<String>, Failure>;
}

/// What is needed to create one.
pub(crate) struct NewConnector {
    pub(crate) name: String,
    pub(crate) configuration: Map<String, Value>,
    pub(crate) definition: Option<DefinitionId>,
    pub(crate) allow_same_name: bool,
}

/// A macro, because the two types of the client have the same methods and no trait.
macro_rules! connector {
    ($handle:ident, $info:ident, $noun:ident, $nouns:ident, $type:literal, $id:ident, $create:ident) => {
        impl Connector for $handle {
            type Info = $info;
            const NOUN: &'static str = stringify!($noun);
            const TYPE: &'static str = $type;

            async fn find(context: &Context, client: &Client, given: &str) -> Result<Self, Failure> {
                names::$noun(context, client, given).await
            }

            async fn list(
                workspace: &Workspace,
                name: Option<String>,
                limit: Option<usize>,
            ) -> Result<Vec<$info>, Failure> {
                let mut list = workspace.$nouns();
                if let Some(name) = name {
                    list = list.name(name);
                }
                if let Some(limit) = limit {
                    list = list.limit(limit);
                }
                Ok(list.await?)
            }

            fn creation(workspace: &Workspace, new: NewConnector) -> Create<Self> {
                let mut create = workspace.$create(new.name, new.configuration);
                if let Some(definition) = new.definition {
                    create = create.definition(definition);
                }
                if new.allow_same_name {
                    create = create.allow_same_name();
                }
                create
            }

            async fn check_creation(creation: &Create<Self>) -> Result<(), Failure> {
                Ok(creation.check().await?)
            }

            async fn create(creation: Create<Self>) -> Result<Self, Failure> {
                Ok(creation.await?)
            }

            fn id(&self) -> String {
                $handle::id(self).to_string()
            }

            fn id_and_name(info: &$info) -> (String, String) {
                (info.$id.to_string(), info.name.clone())
            }

            fn name_and_workspace(info: &$info) -> (String, WorkspaceId) {
                (info.name.clone(), info.workspace_id)
            }

            fn configuration(info: &$info) -> &Value {
                &info.configuration
            }

            fn is_used_by(&self, connection: &ConnectionInfo) -> bool {
                connection.$id == $handle::id(self)
            }

            async fn info(&self) -> Result<$info, Failure> {
                Ok($handle::info(self).await?)
            }

            async fn rename(&self, name: String) -> Result<$info, Failure> {
                Ok($handle::rename(self, name).await?)
            }

            async fn update(&self, configuration: &Value) -> Result<$info, Failure> {
                Ok($handle::update_configuration(self, configuration).await?)
            }

            async fn replace(&self, configuration: &Value) -> Result<$info, Failure> {
                Ok($handle::replace_configuration(self, configuration).await?)
            }

            async fn check(&self) -> Result<CheckResult, Failure> {
                Ok($handle::check(self).await?)
            }

            fn deletion(&self, safe_mode: bool) -> DeleteRequest {
                $handle::delete(self).safe_mode(safe_mode)
            }

            async fn url(&self) -> Result<Option<String>, Failure> {
                Ok($handle::url(self).await?)
            }
        }
    };
}

connector!(Source, SourceInfo, source, sources, "sourceType", source_id, create_source);
connector!(
    Destination,
    DestinationInfo,
    destination,
    destinations,
    "destinationType",
    destination_id,
    create_destination
);
