//! Creating sources and destinations.

use airbyte_cloud::{ApiRequest, Workspace};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{Connector, side::NewConnector};
use crate::change::{DryRun, Plan};
use crate::context::Context;
use crate::error::{Failure, exit};
use crate::{input, names, references};

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// Its name
    name: String,
    /// The connector's short name, such as postgres or faker
    #[arg(long = "type", value_name = "CONNECTOR")]
    connector: Option<String>,
    /// The connector by its definition: custom ones have no short name
    #[arg(long, value_name = "ID")]
    definition: Option<String>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// Create it even if another one has the name
    #[arg(long)]
    allow_same_name: bool,
    /// Let the connector try its configuration afterwards
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    dry: DryRun,
}

/// A configuration, or a part of one.
#[derive(Args, Debug)]
pub(crate) struct ConfigurationArgs {
    /// The configuration: a YAML or JSON file, or - for standard input
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// A text of the configuration; dots in the key lead into objects
    #[arg(short = 'f', long = "field", value_name = "KEY=VALUE")]
    texts: Vec<String>,
    /// A JSON value of the configuration: a number, true, null, a list, an object
    #[arg(short = 'F', long = "json-field", value_name = "KEY=JSON")]
    values: Vec<String>,
}

/// The configuration that was given, with what it refers to.
pub(crate) fn configuration(args: &ConfigurationArgs) -> Result<Map<String, Value>, Failure> {
    let mut configuration = match &args.config {
        None => Map::new(),
        Some(file) => match input::read_yaml(file)? {
            Value::Object(members) => members,
            _ => return Err(Failure::usage(format!("the configuration in {file} is no object"))),
        },
    };
    for text in &args.texts {
        let (key, text) = input::pair(text)?;
        input::set(&mut configuration, key, json!(text))?;
    }
    for text in &args.values {
        let (key, value) = input::json_pair(text)?;
        input::set(&mut configuration, key, value)?;
    }
    match references::resolve(&Value::Object(configuration))? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

pub(crate) async fn run<C: Connector>(args: CreateArgs, context: &Context) -> Result<u8, Failure> {
    let mut configuration = configuration(&args.configuration)?;
    if let Some(connector) = args.connector {
        configuration.insert(C::TYPE.to_owned(), json!(connector));
    }
    let definition = args.definition.map(|id| id.parse()).transpose()?;
    let Some(connector) = configuration
        .get(C::TYPE)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .or_else(|| definition.map(|id: airbyte_cloud::DefinitionId| id.to_string()))
    else {
        return Err(super::no_connector(C::NOUN));
    };
    let client = context.client()?;
    let workspace = context.workspace(&client).await?;
    // Values are not shown: only the server knows which are secret.
    let plan = Plan::new("create", C::NOUN)
        .name(&args.name)
        .effect(format!("connector: {connector}"))
        .effect(format!("workspace: {}", workspace.id()))
        .effect(format!("configuration: {}", input::paths(&configuration).join(", ")));
    let new =
        NewConnector { name: args.name, configuration, definition, allow_same_name: args.allow_same_name };
    let creation = C::creation(&workspace, new);
    if args.dry.dry_run {
        C::check_creation(&creation).await?;
    }
    if !context.goes_on(args.dry, &plan)? {
        return Ok(exit::OK);
    }
    let connector = match C::create(creation).await {
        Ok(connector) => connector,
        Err(failure) => return Err(with_suggestion::<C>(failure, &connector, &workspace).await),
    };
    let info = connector.info().await.map_err(|error| Failure::created(C::NOUN, &connector.id(), error))?;
    let shown = context.output().show(&info);
    if args.check {
        connector.check().await?.into_result()?;
        context.output().note("the check succeeded");
    }
    shown.map(|()| exit::OK)
}

/// Why it was refused, and where the server has no such connector, the one that may be meant.
async fn with_suggestion<C: Connector>(failure: Failure, connector: &str, workspace: &Workspace) -> Failure {
    if failure.hint.is_some() || !matches!(failure.exit_code(), exit::USAGE | exit::NOT_FOUND) {
        return failure;
    }
    let path = format!("/workspaces/{}/definitions/{}s", workspace.id(), C::NOUN);
    let Ok(answer) = workspace.client().request(ApiRequest::get(path)).await else {
        return failure;
    };
    // Connectors are known by their short names, and listed by their images: `airbyte/source-postgres`.
    let prefix = format!("{}-", C::NOUN);
    let images = answer.body["data"].as_array().into_iter().flatten();
    let short_name = |one: &'_ Value| -> Option<String> {
        let image = one["dockerRepository"].as_str()?;
        Some(image.rsplit('/').next()?.strip_prefix(&prefix)?.to_owned())
    };
    let known: Vec<String> = images.filter_map(short_name).collect();
    // An image may be a variant: `postgres-strict-encrypt`.
    if known.iter().any(|name| name.starts_with(connector)) {
        return failure;
    }
    let alike = names::suggestions(&connector.to_lowercase(), known.iter().map(String::as_str));
    if alike.is_empty() {
        return failure;
    }
    failure.with_hint(format!("did you mean {}?", alike.join(" or ")))
}
