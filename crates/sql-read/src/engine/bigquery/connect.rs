//! Where BigQuery is, and who asks.

use std::fmt;

use google_cloud_auth::credentials::service_account::AccessSpecifier;
use google_cloud_auth::credentials::{
    Builder as DefaultCredentials, Credentials, anonymous, external_account, impersonated, service_account,
    user_account,
};
use google_cloud_bigquery::client::Read;
use google_cloud_bigquery_v2::client::{DatasetService, JobService, TableService};
use serde_json::Value;

use crate::destination::Destination;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::{bigquery_emulator, bigquery_maximum_bytes_billed};

/// What is asked for: BigQuery alone, not the whole of the account's cloud. A scope for reading alone exists and does
/// not let a read session begin.
const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";

/// Fields that have a meaning here, or only for who writes.
const KNOWN_FIELDS: &[&str] = &[
    "big_query_client_buffer_size_mb",
    "cdc_deletion_mode",
    "credentials_json",
    "dataset_id",
    "dataset_location",
    "destinationType",
    "disable_type_dedupe",
    "endpoint",
    "impersonate_service_account",
    "loading_method",
    "maximum_bytes_billed",
    "project_id",
    "raw_data_dataset",
    "storage_endpoint",
    "stream_configurations",
    "transformation_priority",
];

/// The clients of one destination. Cheap to clone.
#[derive(Clone)]
pub(super) struct Clients {
    pub project: String,
    /// The destination's own, in which a query's bare names are.
    pub dataset: String,
    /// Where jobs run; `None` leaves it to BigQuery, which looks at the tables of the query.
    pub location: Option<String>,
    /// What a query may cost at the most, in bytes.
    pub maximum_bytes: Option<i64>,
    pub datasets: DatasetService,
    pub tables: TableService,
    pub jobs: JobService,
    pub storage: Read,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("project", &self.project).finish_non_exhaustive()
    }
}

impl Clients {
    /// The clients, and what of the configuration has no effect. Nothing is sent yet.
    pub(super) async fn new(destination: &Destination) -> Result<(Self, Vec<String>)> {
        let project = destination.required_text("project_id")?.to_owned();
        let dataset = dataset_of(destination)?.to_owned();
        let location = text(destination, "dataset_location")?.map(str::to_owned);
        let (rest, grpc) = endpoints(destination)?;
        // The libraries leave the choice of cryptography to the program; if it has made none, it is this crate's.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else may have been faster, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let credentials = credentials(destination, rest.as_deref())?;
        macro_rules! client {
            ($client:ident, $endpoint:expr) => {{
                let mut builder = $client::builder().with_credentials(credentials.clone());
                if let Some(endpoint) = $endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                builder.build().await.map_err(|error| unusable(error))?
            }};
        }
        let clients = Self {
            location,
            maximum_bytes: maximum_bytes(destination)?,
            datasets: client!(DatasetService, &rest),
            tables: client!(TableService, &rest),
            jobs: client!(JobService, &rest),
            storage: client!(Read, &grpc),
            project,
            dataset,
        };
        Ok((clients, warnings(destination)))
    }
}

fn warnings(destination: &Destination) -> Vec<String> {
    let unknown = destination.field_names().filter(|name| !KNOWN_FIELDS.contains(name));
    unknown.map(|name| format!("the field `{name}` of the destination has no effect here")).collect()
}

/// The dataset of the destination, without its project.
fn dataset_of(destination: &Destination) -> Result<&str> {
    let given = destination.required_text("dataset_id")?;
    let project = destination.required_text("project_id")?;
    match given.split_once(':') {
        None => Ok(given),
        Some((its, dataset)) if its == project && !dataset.is_empty() => Ok(dataset),
        Some((its, _)) => Err(Error::invalid(format!(
            "`dataset_id` names the project `{its}`, and `project_id` is `{project}`"
        ))
        .with_hint("the connector writes to datasets of its own project alone; leave the project out of `dataset_id`")),
    }
}

fn maximum_bytes(destination: &Destination) -> Result<Option<i64>> {
    let configured = destination.field("maximum_bytes_billed").map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let Some(text) = configured.or_else(bigquery_maximum_bytes_billed) else { return Ok(None) };
    let bytes = text.parse().ok().filter(|bytes| *bytes > 0);
    let wrong = || {
        Error::invalid(format!("`maximum_bytes_billed` is `{text}`, which is no number of bytes above zero"))
    };
    bytes.ok_or_else(wrong).map(Some)
}

/// Where the two interfaces are, if not where they usually are: those of the destination before those of the
/// environment.
fn endpoints(destination: &Destination) -> Result<(Option<String>, Option<String>)> {
    let configured = |name: &str| Ok::<_, Error>(text(destination, name)?.map(str::to_owned));
    let emulator = bigquery_emulator();
    let rest = configured("endpoint")?.or(emulator.rest.map(with_scheme));
    let storage = configured("storage_endpoint")?.or(emulator.storage.map(with_scheme));
    match (&rest, &storage) {
        // Tables of an emulator are not to be looked for in the real service, nor the other way round.
        (Some(_), None) => Err(Error::invalid("the address for catalogue and queries is set, the one for rows is not")
            .with_hint("set BIGQUERY_STORAGE_EMULATOR_HOST beside BIGQUERY_EMULATOR_HOST, or `storage_endpoint` beside `endpoint`")),
        (None, Some(_)) => Err(Error::invalid("the address for rows is set, the one for catalogue and queries is not")
            .with_hint("set BIGQUERY_EMULATOR_HOST beside BIGQUERY_STORAGE_EMULATOR_HOST, or `endpoint` beside `storage_endpoint`")),
        _ => Ok((rest, storage)),
    }
}

fn with_scheme(address: String) -> String {
    if address.contains("://") { address } else { format!("http://{address}") }
}

/// The credentials of the destination; else none where an emulator listens; else the ones of this machine, which are
/// nothing for an address without encryption.
fn credentials(destination: &Destination, rest: Option<&str>) -> Result<Credentials> {
    let emulated = bigquery_emulator().rest.is_some() || rest.is_some_and(|rest| rest.starts_with("http://"));
    let source = match key(destination)? {
        Some(key) => of_key(key)?,
        None if emulated => anonymous::Builder::new().build(),
        None => DefaultCredentials::default().build().map_err(unusable)?,
    };
    match text(destination, "impersonate_service_account")? {
        None => Ok(source),
        Some(account) => impersonated::Builder::from_source_credentials(source)
            .with_target_principal(account)
            .with_scopes([SCOPE])
            .build()
            .map_err(unusable),
    }
}

/// `credentials_json`: JSON in a text, or in older configurations the object itself.
fn key(destination: &Destination) -> Result<Option<Value>> {
    match destination.field("credentials_json") {
        None => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(Value::Object(key)) => Ok(Some(Value::Object(key))),
            // The parser's words would show what it read.
            Ok(_) | Err(_) => Err(Error::invalid("`credentials_json` of the destination is no JSON object")
                .with_hint("it is the whole content of the account's key file")),
        },
        Some(Value::Object(key)) => Ok(Some(Value::Object(key.clone()))),
        Some(_) => Err(Error::invalid("`credentials_json` of the destination is neither text nor object")),
    }
}

fn of_key(key: Value) -> Result<Credentials> {
    let kind = key.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "service_account" => service_account::Builder::new(key)
            .with_access_specifier(AccessSpecifier::from_scopes([SCOPE]))
            .build(),
        "impersonated_service_account" => impersonated::Builder::new(key).with_scopes([SCOPE]).build(),
        // These can ask for no more and no less than what they were made for.
        "authorized_user" => user_account::Builder::new(key).build(),
        "external_account" => external_account::Builder::new(key).build(),
        other => {
            return Err(Error::invalid(format!("`credentials_json` is of the type `{other}`, which is not known"))
                .with_hint(
                    "known are service_account, impersonated_service_account, authorized_user and external_account",
                ));
        }
    }
    .map_err(unusable)
}

/// What is wrong with credentials or an address. The libraries' words may quote what they read, and so are not shown.
fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    tracing::debug!(kind = std::any::type_name_of_val(&error), "BigQuery's client could not be made");
    Error::new(ErrorKind::Connect, "the credentials for BigQuery, or its address, cannot be used").with_hint(
        "check `credentials_json` of the destination; without it the application default credentials are used \
         (GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login`, or the machine's own account)",
    )
}

/// A text of the configuration; a blank one counts as none.
fn text<'a>(destination: &'a Destination, name: &str) -> Result<Option<&'a str>> {
    match destination.field(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.trim().is_empty())),
        Some(_) => Err(Error::invalid(format!("`{name}` of the destination is not a text"))),
    }
}
