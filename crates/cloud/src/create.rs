//! Creating sources and destinations.

use std::future::IntoFuture;
use std::marker::PhantomData;

use futures::future::BoxFuture;
use http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::actor::{self, Side};
use crate::call::Operation;
use crate::client::Client;
use crate::created;
use crate::destination::{Destination, DestinationInfo};
use crate::draft::Draft;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{DefinitionId, WorkspaceId};
use crate::list::{Listed, WorkspaceFilter};
use crate::request::Api;
use crate::source::{Source, SourceInfo};
use crate::workspace::Workspace;

/// The longest time that a creation may take: the server may start the connector for it.
const TIMEOUT: std::time::Duration = std::time::Duration::from_mins(2);

/// Destinations that the server's own table of names lacks, by the names that people use.
const UNNAMED_DESTINATIONS: [(&str, &str); 1] = [("dev-null", "a7bcc9d8-13b3-4e49-b80d-d020b90045e3")];

/// Creates a source or destination; made by [`Workspace::create_source`] and
/// [`Workspace::create_destination`], run by `.await`.
///
/// The configuration is the connector's, with the connector named in it by `sourceType` (`destinationType`)
/// unless a [definition](Self::definition) is given. The server checks it against the connector's
/// specification, and does not try it: [`Source::check`] does.
///
/// Names need not be unique on the server. Here a name that is taken is refused, unless
/// [`allow_same_name`](Self::allow_same_name) is said. If the answer is lost, the new object is looked for by
/// its name; where that can not tell it from others, the error says that it may have been created.
#[derive(Clone)]
#[must_use = "nothing is created until it is awaited"]
pub struct Create<T> {
    client: Client,
    workspace: WorkspaceId,
    side: Side,
    name: String,
    configuration: Result<Map<String, Value>>,
    definition: Option<DefinitionId>,
    unique: bool,
    random_suffix: bool,
    draft: bool,
    made: PhantomData<fn() -> T>,
}

/// Creates a source; see [`Create`].
pub type CreateSource = Create<Source>;

/// Creates a destination; see [`Create`].
pub type CreateDestination = Create<Destination>;

impl<T> Create<T> {
    fn new(workspace: &Workspace, side: Side, name: String, configuration: impl Serialize) -> Self {
        Self {
            client: workspace.client().clone(),
            workspace: workspace.id(),
            side,
            name,
            configuration: actor::members(configuration),
            definition: None,
            unique: true,
            random_suffix: false,
            draft: false,
            made: PhantomData,
        }
    }

    /// The connector, by its definition: for custom connectors, and those that the server has no name for.
    pub fn definition(mut self, definition: DefinitionId) -> Self {
        self.definition = Some(definition);
        self
    }

    /// Creates it even if another one has the name.
    pub fn allow_same_name(mut self) -> Self {
        self.unique = false;
        self
    }

    /// Puts something random after the name, so that it is unique.
    pub fn random_suffix(mut self) -> Self {
        self.random_suffix = true;
        self
    }

    /// Creates it without its secrets, to be completed in the web application: a draft (Config API operations
    /// `createSource`, `createDestination`; Airbyte Cloud only). Needs a [definition](Self::definition); a
    /// configuration that holds a secret is refused.
    pub fn without_credentials(mut self) -> Self {
        self.draft = true;
        self
    }

    /// The id of the new object.
    async fn create<I: Listed<Filter = WorkspaceFilter>>(mut self) -> Result<Uuid> {
        let configuration = self.prepared::<I>().await?;
        let error = match self.send(&configuration).await {
            Ok(id) => return Ok(id),
            Err(error) => error,
        };
        if !error.is_ambiguous() {
            return Err(error);
        }
        let what = format!("{} `{}`", self.side.word(), self.name);
        if !self.unique && !self.random_suffix {
            return Err(error.perhaps_created(&what));
        }
        created::find(&self.client, &what, error, || self.same_name::<I>()).await
    }

    /// Refuses what can be seen to be wrong without creating anything, and puts name and configuration into
    /// their final form.
    async fn prepared<I: Listed<Filter = WorkspaceFilter>>(&mut self) -> Result<Map<String, Value>> {
        let configuration = self.checked()?;
        if self.random_suffix {
            let random = Uuid::new_v4().simple().to_string();
            self.name = format!("{} (ID: {})", self.name, &random[..9]);
        } else if self.unique {
            self.refuse_taken_name::<I>().await?;
        }
        if self.draft {
            self.as_draft(&configuration).check(&self.client).await?;
        }
        Ok(configuration)
    }

    /// Refuses what can be seen to be wrong without the server, and puts the configuration into its final form.
    fn checked(&mut self) -> Result<Map<String, Value>> {
        let configuration = self.configuration.clone()?;
        if self.name.trim().is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the name of a {} is empty", self.side.word()),
            ));
        }
        let member = self.side.pick("sourceType", "destinationType");
        let other = self.side.pick("destinationType", "sourceType");
        if configuration.contains_key(other) && !configuration.contains_key(member) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the configuration is not one of a {}: it has `{other}`", self.side.word()),
            ));
        }
        let named = configuration.get(member).and_then(Value::as_str);
        if self.definition.is_none() && self.side == Side::Destination {
            let known = UNNAMED_DESTINATIONS.iter().find(|(name, _)| named == Some(name));
            self.definition = known.map(|(_, id)| id.parse()).transpose()?;
        }
        if self.definition.is_none() && named.is_none() {
            return Err(Error::new(ErrorKind::InvalidInput, "the configuration does not name its connector")
                .with_hint(match self.side {
                    Side::Source => "put \"sourceType\": \"postgres\" (or whichever it is) into it, or give the definition",
                    Side::Destination => {
                        "put \"destinationType\": \"postgres\" (or whichever it is) into it, or give the definition"
                    }
                }));
        }
        actor::refuse_mask(
            &Value::Object(configuration.clone()),
            "configurations that were read have no secrets in them; put the secret itself there",
        )?;
        Ok(configuration)
    }

    async fn refuse_taken_name<I: Listed<Filter = WorkspaceFilter>>(&self) -> Result<()> {
        let taken = self.same_name::<I>().await?;
        let Some(id) = taken.first() else { return Ok(()) };
        let side = self.side.word();
        Err(Error::new(
            ErrorKind::Conflict,
            format!("the workspace has a {side} named `{}` already: {id}", self.name),
        )
        .with_hint("choose another name, or allow the same name"))
    }

    /// The ids of those that have the name.
    async fn same_name<I: Listed<Filter = WorkspaceFilter>>(&self) -> Result<Vec<Uuid>> {
        let workspace = self.client.workspace(self.workspace);
        let named: Vec<I> = workspace.list::<I>().name(&self.name).await?;
        Ok(named.iter().map(|item| Uuid::from_u128(item.key())).collect())
    }

    async fn send(&self, configuration: &Map<String, Value>) -> Result<Uuid> {
        let side = self.side;
        if self.draft {
            return self.as_draft(configuration).create(&self.client).await;
        }
        let mut body = json!({
            "name": self.name, "workspaceId": self.workspace, "configuration": configuration,
        });
        if let Some(definition) = self.definition {
            body["definitionId"] = json!(definition);
        }
        let operation = Operation::once(side.pick("createSource", "createDestination")).timeout(TIMEOUT);
        let path = side.pick("/sources", "/destinations");
        let answer: Value =
            self.client.exchange(operation, (Api::Public, Method::POST, path), Some(&body)).await?;
        id_of(&answer, side.pick("sourceId", "destinationId"))
    }

    fn as_draft<'a>(&'a self, configuration: &'a Map<String, Value>) -> Draft<'a> {
        Draft {
            workspace: self.workspace,
            side: self.side,
            name: &self.name,
            definition: self.definition,
            configuration,
        }
    }
}

impl CreateSource {
    /// Refuses what can be seen to be wrong without creating anything; `.await` of the request does the same
    /// before it creates. The connector's specification is looked at for drafts only.
    ///
    /// Errors: [`InvalidInput`](ErrorKind::InvalidInput) for a name or configuration that makes no sense,
    /// [`Conflict`](ErrorKind::Conflict) if the name is taken and has to be unique.
    pub async fn check(&self) -> Result<()> {
        self.clone().prepared::<SourceInfo>().await.map(drop)
    }
}

impl CreateDestination {
    /// Refuses what can be seen to be wrong without creating anything; `.await` of the request does the same
    /// before it creates. The connector's specification is looked at for drafts only.
    ///
    /// Errors: [`InvalidInput`](ErrorKind::InvalidInput) for a name or configuration that makes no sense,
    /// [`Conflict`](ErrorKind::Conflict) if the name is taken and has to be unique.
    pub async fn check(&self) -> Result<()> {
        self.clone().prepared::<DestinationInfo>().await.map(drop)
    }
}

/// The id in the answer to a creation. Without it, the object exists all the same.
pub(crate) fn id_of(answer: &Value, member: &str) -> Result<Uuid> {
    answer.get(member).and_then(Value::as_str).and_then(|id| id.parse().ok()).ok_or_else(|| {
        Error::new(ErrorKind::UnexpectedResponse, format!("the answer has no `{member}`"))
            .with_ambiguous(true)
    })
}

impl<T> std::fmt::Debug for Create<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the configuration: it has secrets.
        f.debug_struct("Create")
            .field("side", &self.side)
            .field("name", &self.name)
            .field("definition", &self.definition)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for CreateSource {
    type Output = Result<Source>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let client = self.client.clone();
            let id = self.create::<SourceInfo>().await?;
            Ok(client.source(id.into()))
        })
    }
}

impl IntoFuture for CreateDestination {
    type Output = Result<Destination>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let client = self.client.clone();
            let id = self.create::<DestinationInfo>().await?;
            Ok(client.destination(id.into()))
        })
    }
}

impl Workspace {
    /// Creates a source (operation `createSource`); `.await` it. See [`Create`].
    ///
    /// ```no_run
    /// # async fn example(workspace: airbyte_cloud::Workspace) -> airbyte_cloud::Result<()> {
    /// use serde_json::json;
    ///
    /// let configuration = json!({ "sourceType": "faker", "count": 1000 });
    /// let source = workspace.create_source("made-up users", configuration).await?;
    /// source.check().await?.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_source(&self, name: impl Into<String>, configuration: impl Serialize) -> CreateSource {
        Create::new(self, Side::Source, name.into(), configuration)
    }

    /// Creates a destination (operation `createDestination`); `.await` it. See [`Create`].
    pub fn create_destination(
        &self,
        name: impl Into<String>,
        configuration: impl Serialize,
    ) -> CreateDestination {
        Create::new(self, Side::Destination, name.into(), configuration)
    }
}
