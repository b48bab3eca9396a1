//! Datasets of a connection, found through Airbyte's API.

mod mappers;
mod settings;
#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::dataset::Dataset;
use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::Freshness;
use crate::locate::Located;
use crate::secret::SecretResolver;
use crate::stream_spec::{Claims, StreamSpec};
use crate::warehouse::Warehouse;

use self::mappers::Mappers;
use self::settings::Placement;

/// What a connection has put into its destination.
#[async_trait]
pub trait ConnectionExt {
    /// The destination, with masked secrets from `secrets`.
    ///
    /// # Errors
    /// `Api` if Airbyte refuses, and those of [`Destination::from_json`] and [`Destination::with_secrets`].
    async fn destination(&self, secrets: &dyn SecretResolver) -> Result<Destination>;

    /// Looks the destination and the streams up and connects to the database, read-only. Masked secrets come from
    /// `secrets`.
    ///
    /// Records that the connector keeps as JSON are read as typed columns where the Config API can be reached: it
    /// alone tells the streams' schemas.
    ///
    /// # Errors
    /// `Api` if Airbyte refuses, and those of [`Destination::with_secrets`] and [`Destination::connect`].
    async fn datasets(&self, secrets: &dyn SecretResolver) -> Result<ConnectionDatasets>;

    /// The data of one stream.
    ///
    /// # Errors
    /// Those of [`ConnectionExt::datasets`] and [`ConnectionDatasets::dataset`].
    async fn dataset(&self, stream: &str, secrets: &dyn SecretResolver) -> Result<Dataset> {
        self.datasets(secrets).await?.dataset(stream, None).await
    }

    /// The destination's database, connected to, for reads and queries side by side.
    ///
    /// # Errors
    /// Those of [`ConnectionExt::destination`] and [`Destination::connect`].
    async fn open(&self, secrets: &dyn SecretResolver) -> Result<Warehouse> {
        self.destination(secrets).await?.connect().await
    }
}

/// What a sync has left in its destination: the data as it is now, under the names of the settings that the connection
/// had when the job began, where the server tells them; else under those of the present ones, and
/// [`ConnectionDatasets::warnings`] says so.
#[async_trait]
pub trait SyncResultExt {
    /// The destination, with masked secrets from `secrets`.
    ///
    /// # Errors
    /// Those of [`ConnectionExt::destination`].
    async fn destination(&self, secrets: &dyn SecretResolver) -> Result<Destination>;

    /// Like [`ConnectionExt::datasets`] of the sync's connection.
    ///
    /// # Errors
    /// Those of [`ConnectionExt::datasets`].
    async fn datasets(&self, secrets: &dyn SecretResolver) -> Result<ConnectionDatasets>;

    /// The data of one stream.
    ///
    /// # Errors
    /// Those of [`ConnectionExt::dataset`].
    async fn dataset(&self, stream: &str, secrets: &dyn SecretResolver) -> Result<Dataset> {
        self.datasets(secrets).await?.dataset(stream, None).await
    }

    /// The destination's database, connected to, for reads and queries side by side.
    ///
    /// # Errors
    /// Those of [`ConnectionExt::open`].
    async fn open(&self, secrets: &dyn SecretResolver) -> Result<Warehouse> {
        self.destination(secrets).await?.connect().await
    }
}

/// The streams of a connection, with the warehouse that holds them.
#[derive(Clone, Debug)]
pub struct ConnectionDatasets {
    connection: airbyte_cloud::Connection,
    destination: Destination,
    warehouse: Warehouse,
    streams: Vec<StreamSpec>,
    warnings: Vec<String>,
}

impl ConnectionDatasets {
    /// The streams that the connection syncs.
    pub fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    /// The destination's database.
    pub fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// The destination.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// What may be otherwise than it looks: settings that have changed since the job began, and what of the
    /// destination's configuration has no effect here.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.iter().chain(self.warehouse.warnings()).cloned().collect()
    }

    /// Whether what is in a stream's table is whole: by the connection's newest job, and by what the rows say about
    /// the job and the refresh that they are from.
    ///
    /// # Errors
    /// Those of [`ConnectionDatasets::dataset`] and [`Dataset::batches`], and `Api` if Airbyte refuses.
    pub async fn freshness(&self, name: &str, namespace: Option<&str>) -> Result<Freshness> {
        let newest = self.connection.jobs().limit(1).await?.into_iter().next();
        let dataset = self.dataset(name, namespace).await?;
        let Some(job) = newest else { return dataset.freshness().await };
        if !job.status.is_final() {
            return Ok(Freshness::InProgress);
        }
        if !job.status.is_success() {
            // Rows of a job that failed can be there, whatever the sync mode.
            return Ok(match dataset.newest_job().await? {
                Some(newest) if newest != job.job_id.get() => dataset.freshness().await?,
                _ => Freshness::Partial,
            });
        }
        dataset.freshness().await
    }

    /// The data of every stream that has a table.
    ///
    /// # Errors
    /// Those of [`ConnectionDatasets::dataset`]; a stream without a table is none.
    pub async fn datasets(&self) -> Result<Vec<Dataset>> {
        let mut datasets = Vec::with_capacity(self.streams.len());
        for stream in &self.streams {
            match self.warehouse.dataset(stream).await {
                Ok(dataset) => datasets.push(dataset),
                Err(error) if error.kind() == ErrorKind::StreamNotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(datasets)
    }

    /// Where each stream's table is, or would be.
    ///
    /// # Errors
    /// Those of [`Warehouse::locate`].
    pub async fn locate(&self) -> Result<Vec<(StreamSpec, Located)>> {
        let mut located = Vec::with_capacity(self.streams.len());
        for stream in &self.streams {
            located.push((stream.clone(), self.warehouse.locate(stream).await?));
        }
        Ok(located)
    }

    /// The data of the stream with this name. Where several namespaces have one, `namespace` tells which.
    ///
    /// # Errors
    /// `StreamNotFound` if the connection does not sync it, or if its table is not there; `InvalidInput` if several
    /// streams have the name.
    pub async fn dataset(&self, name: &str, namespace: Option<&str>) -> Result<Dataset> {
        self.warehouse.dataset(self.stream(name, namespace)?).await
    }

    fn stream(&self, name: &str, namespace: Option<&str>) -> Result<&StreamSpec> {
        let named: Vec<&StreamSpec> = self
            .streams
            .iter()
            .filter(|stream| {
                stream.name == name && (namespace.is_none() || stream.namespace.as_deref() == namespace)
            })
            .collect();
        match named.as_slice() {
            [only] => Ok(only),
            [] => {
                let names: Vec<_> = self.streams.iter().map(StreamSpec::name).collect();
                let message = match namespace {
                    None => format!("the connection syncs no stream `{name}`"),
                    Some(namespace) => {
                        format!("the connection syncs no stream `{name}` of the namespace `{namespace}`")
                    }
                };
                Err(Error::new(ErrorKind::StreamNotFound, message)
                    .with_hint(format!("its streams are {}", names.join(", "))))
            }
            several => {
                let namespaces: Vec<_> =
                    several.iter().map(|stream| stream.namespace.as_deref().unwrap_or("(none)")).collect();
                Err(Error::invalid(format!("the connection syncs several streams `{name}`"))
                    .with_hint(format!("name the namespace: {}", namespaces.join(", "))))
            }
        }
    }
}

#[async_trait]
impl ConnectionExt for airbyte_cloud::Connection {
    async fn destination(&self, secrets: &dyn SecretResolver) -> Result<Destination> {
        destination(self, &self.info().await?, secrets).await
    }

    async fn datasets(&self, secrets: &dyn SecretResolver) -> Result<ConnectionDatasets> {
        datasets(self, None, secrets).await
    }
}

#[async_trait]
impl SyncResultExt for airbyte_cloud::SyncResult {
    async fn destination(&self, secrets: &dyn SecretResolver) -> Result<Destination> {
        ConnectionExt::destination(&self.connection(), secrets).await
    }

    async fn datasets(&self, secrets: &dyn SecretResolver) -> Result<ConnectionDatasets> {
        datasets(&self.connection(), Some(self.started_at()), secrets).await
    }
}

async fn destination(
    connection: &airbyte_cloud::Connection,
    info: &airbyte_cloud::ConnectionInfo,
    secrets: &dyn SecretResolver,
) -> Result<Destination> {
    let destination = connection.client().destination(info.destination_id).info().await?;
    Destination::from_json(&json!({
        "destinationType": destination.destination_type,
        "definitionId": destination.definition_id,
        "configuration": destination.configuration,
    }))?
    .with_secrets(secrets)
}

/// The datasets by the settings of a time, or by those of now.
async fn datasets(
    connection: &airbyte_cloud::Connection,
    time: Option<DateTime<Utc>>,
    secrets: &dyn SecretResolver,
) -> Result<ConnectionDatasets> {
    let info = connection.info().await?;
    let destination = destination(connection, &info, secrets).await?;
    let mut placement = Placement::of(&info);
    let warnings = match time {
        Some(time) => settings::as_of(connection, &mut placement, time).await,
        None => Vec::new(),
    };
    let shapes = shapes(connection).await;
    let warehouse = destination.connect().await?;
    let mut streams: Vec<_> = info.streams.iter().map(|stream| spec(&placement, stream, &shapes)).collect();
    warehouse.tell_apart(&mut streams);
    Ok(ConnectionDatasets { connection: connection.clone(), destination, warehouse, streams, warnings })
}

fn spec(placement: &Placement, stream: &airbyte_cloud::StreamInfo, shapes: &[Shape]) -> StreamSpec {
    let shape = shapes.iter().find(|known| known.name == stream.name && known.namespace == stream.namespace);
    let mappers = shape.and_then(|shape| shape.mappers.as_ref());
    let arriving = |field: &String| mappers.map_or_else(|| field.clone(), |mappers| mappers.name(field));
    StreamSpec {
        name: stream.name.clone(),
        namespace: stream.namespace.clone(),
        prefix: placement.prefix.clone(),
        namespace_definition: placement.definition,
        namespace_format: placement.format.clone(),
        json_schema: shape.and_then(|shape| Some(shape.mappers.as_ref()?.schema(shape.json_schema.clone()))),
        primary_key: top_level(&stream.primary_key).iter().map(arriving).collect(),
        cursor: match stream.cursor_field.as_slice() {
            [field] => mappers.map_or_else(|| Some(field.clone()), |mappers| mappers.cursor(field)),
            _ => None,
        },
        overwrites: stream.sync_mode.as_ref().map(|mode| mode.as_str().contains("overwrite")),
        name_is_taken: false,
        claimed: Claims::default(),
    }
}

/// The fields of a key, if none of them is inside of another.
fn top_level(key: &[Vec<String>]) -> Vec<String> {
    let fields: Option<Vec<String>> = key
        .iter()
        .map(|path| match path.as_slice() {
            [field] => Some(field.clone()),
            _ => None,
        })
        .collect();
    fields.unwrap_or_default()
}

/// What the records of a stream look like.
struct Shape {
    name: String,
    namespace: Option<String>,
    /// As the source gives them.
    json_schema: Value,
    /// What becomes of them on their way; `None` where that is not known.
    mappers: Option<Mappers>,
}

/// The streams' JSON schemas and mappers (`webBackendGetConnection`); none where the Config API cannot be asked.
async fn shapes(connection: &airbyte_cloud::Connection) -> Vec<Shape> {
    let request = airbyte_cloud::ApiRequest::post("/web_backend/connections/get")
        .config_api()
        .body(json!({"connectionId": connection.id(), "withRefreshedCatalog": false}));
    let answer = match connection.client().request(request).await {
        Ok(answer) => answer.body,
        Err(error) => {
            tracing::debug!(%error, "the streams' schemas are not known, so records kept as JSON stay JSON");
            return Vec::new();
        }
    };
    let streams = answer.pointer("/syncCatalog/streams").and_then(Value::as_array);
    streams
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let stream = entry.get("stream")?;
            let text = |name: &str| stream.get(name).and_then(Value::as_str).map(str::to_owned);
            let mappers = entry.pointer("/config/mappers").and_then(Value::as_array);
            Some(Shape {
                name: text("name")?,
                namespace: text("namespace").filter(|namespace| !namespace.is_empty()),
                json_schema: stream.get("jsonSchema")?.clone(),
                mappers: Mappers::new(mappers.map_or(&[], Vec::as_slice)),
            })
        })
        .collect()
}

impl From<airbyte_cloud::Error> for Error {
    fn from(error: airbyte_cloud::Error) -> Self {
        let hint = error.hint().map(std::borrow::Cow::into_owned);
        let mapped = Self::new(ErrorKind::Api, error.to_string()).with_source(error);
        match hint {
            Some(hint) => mapped.with_hint(hint),
            None => mapped,
        }
    }
}
