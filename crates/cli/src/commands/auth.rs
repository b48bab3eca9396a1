//! Credentials: stored, looked at, forgotten.

use std::path::{Path, PathBuf};

use airbyte_cloud::env::Variable;
use airbyte_cloud::{
    AuthMethod, CLOUD_API_ROOT, Client, ClientBuilder, DEFAULT_PROFILE, SecretString, Setting, Settings,
    WorkspaceInfo,
};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::change::{DryRun, Plan};
use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::output::Table;
use crate::profile_file::{self, Login, Network};
use crate::{environment, input, names, prompt};

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Store credentials in the profile file, after the server has taken them
    ///
    /// What is missing is asked for; what is secret is not shown while it is typed. The file can be read by its owner
    /// only. An application's id and secret are made in the web application: Settings, Applications.
    ///
    /// Example: airbyte auth login
    ///
    /// Example: airbyte auth login --profile staging --api-root https://airbyte.example.com/api/public/v1
    ///
    /// Example: airbyte auth login --client-id 0f1e2d3c --secret-stdin < secret.txt
    ///
    /// Example: airbyte auth login --api-root https://airbyte.internal/api/public/v1 --root-certificates ca.pem
    Login(LoginArgs),
    /// Which settings are in use, where each comes from, and whether the server takes them
    ///
    /// Example: airbyte auth status
    Status {
        /// Do not ask the server
        #[arg(long)]
        offline: bool,
    },
    /// Take a profile out of the profile file
    ///
    /// Example: airbyte auth logout --profile staging
    Logout {
        #[command(flatten)]
        dry: DryRun,
    },
}

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// The application's client id
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Use a ready-made bearer token in place of an application
    #[arg(long, conflicts_with = "client_id")]
    token: bool,
    /// Read the client secret, or the token, from standard input
    #[arg(long)]
    secret_stdin: bool,
    #[command(flatten)]
    network: NetworkArgs,
}

/// How the server is reached, to be stored with the credentials.
#[derive(Args, Debug)]
struct NetworkArgs {
    /// Trust the certificate authorities in this file, too (PEM)
    #[arg(long, value_name = "FILE", env = "AIRBYTE_ROOT_CERTIFICATES", hide_env = true)]
    root_certificates: Option<PathBuf>,
    /// Show the certificate in this file to a server that wants one (PEM)
    #[arg(long, value_name = "FILE", env = "AIRBYTE_CLIENT_CERTIFICATE", hide_env = true)]
    client_certificate: Option<PathBuf>,
    /// The key of that certificate [default: in the same file]
    #[arg(
        long,
        value_name = "FILE",
        env = "AIRBYTE_CLIENT_KEY",
        hide_env = true,
        requires = "client_certificate"
    )]
    client_key: Option<PathBuf>,
    /// Go through this proxy: http://HOST:PORT. One with a password is better given in AIRBYTE_PROXY
    #[arg(long, value_name = "URL", env = "AIRBYTE_PROXY", hide_env = true)]
    proxy: Option<Hidden>,
}

/// An address that may hold a password.
#[derive(Clone)]
struct Hidden(SecretString);

impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

impl NetworkArgs {
    fn apply(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
        let read = |file: &Path| {
            std::fs::read(file)
                .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))
        };
        if let Some(file) = &self.root_certificates {
            builder = builder.root_certificate(read(file)?);
        }
        if let Some(file) = &self.client_certificate {
            let key = read(self.client_key.as_deref().unwrap_or(file))?;
            let key = SecretString::from(String::from_utf8_lossy(&key).into_owned());
            builder = builder.client_certificate(read(file)?, key);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.0.clone());
        }
        Ok(builder)
    }

    /// For the profile file, whose reader may be in another folder.
    fn stored(self) -> Result<Network, Failure> {
        let path = |file: Option<PathBuf>| {
            file.map(|file| std::path::absolute(file).map(|file| file.display().to_string())).transpose()
        };
        Ok(Network {
            root_certificates: path(self.root_certificates)?,
            client_certificate: path(self.client_certificate)?,
            client_key: path(self.client_key)?,
            proxy: self.proxy.map(|proxy| proxy.0),
        })
    }
}

/// What was stored, as scripts see it.
#[derive(Serialize)]
struct LoginObject {
    profile: String,
    file: String,
    api_root: String,
    workspace_id: Option<String>,
    workspace: Option<String>,
}

pub(crate) async fn run(command: AuthCommand, context: &Context) -> Result<u8, Failure> {
    match command {
        AuthCommand::Login(args) => login(args, context).await,
        AuthCommand::Status { offline } => status(offline, context).await,
        AuthCommand::Logout { dry } => {
            let (file, profile) = (profile_file::path()?, profile(context));
            if !profile_file::has(&file, &profile)? {
                return Err(Failure::new(
                    Kind::NotFound,
                    format!("there is no profile `{profile}` in {}", file.display()),
                ));
            }
            let plan =
                Plan::new("remove", "profile").name(&profile).effect(format!("from {}", file.display()));
            if context.goes_on(dry, &plan)? {
                profile_file::remove(&file, &profile)?;
                let object = serde_json::json!({ "profile": profile, "file": file.display().to_string() });
                context
                    .output()
                    .object(&object, || format!("removed profile {profile} from {}", file.display()))?;
            }
            Ok(exit::OK)
        }
    }
}

/// The profile that is meant: the one that other commands use.
fn profile(context: &Context) -> String {
    let given = context.global().profile.clone().or_else(|| environment::setting(Variable::Profile));
    given.unwrap_or_else(|| DEFAULT_PROFILE.to_owned())
}

async fn login(args: LoginArgs, context: &Context) -> Result<u8, Failure> {
    let (file, profile) = (profile_file::path()?, profile(context));
    let asks = prompt::is_possible() && !context.output().is_for_programs();
    let global = context.global();
    // The secret goes to this server, so it is the one that other commands would use.
    let api_root = match global.api_root.clone().or_else(|| environment::setting(Variable::ApiRoot)) {
        Some(root) => root,
        None if asks => prompt::text("API root", Some(CLOUD_API_ROOT))?,
        None => CLOUD_API_ROOT.to_owned(),
    };
    let config_api_root =
        global.config_api_root.clone().or_else(|| environment::setting(Variable::ConfigApiRoot));
    let missing = |what: &str, how: &str| {
        Failure::usage(format!("{what} is missing, and nobody is there to be asked"))
            .with_hint(how.to_owned())
    };
    let client_id = match (args.token, args.client_id) {
        (true, _) => None,
        (false, Some(id)) => Some(id),
        (false, None) if asks => Some(prompt::text("Client id", None)?),
        (false, None) => {
            return Err(missing("the client id", "add --client-id ID, or --token for a bearer token"));
        }
    };
    let what = if client_id.is_some() { "client secret" } else { "bearer token" };
    let secret = if args.secret_stdin {
        input::read("-")?.trim().to_owned()
    } else if asks {
        prompt::secret(&format!("The {what} (it is not shown)"))?
    } else {
        return Err(missing(&format!("the {what}"), "add --secret-stdin and give it on standard input"));
    };
    if secret.is_empty() {
        return Err(Failure::usage(format!("the {what} is empty")));
    }
    let secret = SecretString::from(secret);
    let mut builder =
        Client::builder().ignore_environment().api_root(&api_root).user_agent(crate::context::USER_AGENT);
    builder = match &client_id {
        Some(id) => builder.client_credentials(id, secret.clone()),
        None => builder.bearer_token(secret.clone()),
    };
    if let Some(root) = &config_api_root {
        builder = builder.config_api_root(root);
    }
    if global.allow_insecure_http {
        builder = builder.allow_insecure_http();
    }
    let client = args.network.apply(builder)?.build()?;
    let working = context.output().working("asking the server");
    let workspaces = client.workspaces().await;
    working.finish_and_clear();
    let workspace = choose_workspace(&client, &workspaces?, asks, context).await?;
    let login = Login {
        api_url: (api_root != CLOUD_API_ROOT).then_some(api_root.clone()),
        config_api_url: config_api_root,
        client_id,
        secret,
        workspace_id: workspace.as_ref().map(|workspace| workspace.workspace_id.to_string()),
        allow_insecure_http: global.allow_insecure_http,
        network: args.network.stored()?,
    };
    profile_file::store(&file, &profile, &login)?;
    let object = LoginObject {
        profile,
        file: file.display().to_string(),
        api_root,
        workspace_id: login.workspace_id,
        workspace: workspace.map(|workspace| workspace.name),
    };
    context.output().object(&object, || {
        let mut fields = vec![
            ("profile", object.profile.clone()),
            ("file", object.file.clone()),
            ("api root", object.api_root.clone()),
        ];
        fields.extend(object.workspace.clone().map(|name| ("workspace", name)));
        Table::of_fields(&fields)
    })?;
    Ok(exit::OK)
}

/// The workspace to keep in the profile, if it is clear or somebody says.
async fn choose_workspace(
    client: &Client,
    all: &[WorkspaceInfo],
    asks: bool,
    context: &Context,
) -> Result<Option<WorkspaceInfo>, Failure> {
    if let Some(given) = &context.global().workspace {
        return Ok(Some(names::workspace(client, given).await?.info().await?));
    }
    match all {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        several if asks => {
            let none = "none: I will name it each time".to_owned();
            let mut choices: Vec<String> =
                several.iter().map(|one| format!("{}  {}", one.name, one.workspace_id)).collect();
            choices.push(none);
            let chosen = prompt::select("The workspace to work in", &choices)?;
            Ok(several.get(chosen).cloned())
        }
        _ => Ok(None),
    }
}

/// A setting and its origin, as scripts see it.
#[derive(Serialize)]
struct SettingObject {
    value: String,
    origin: String,
}

impl SettingObject {
    fn of<T: ToString>(setting: &Setting<T>) -> Self {
        Self { value: setting.value.to_string(), origin: setting.origin.to_string() }
    }

    fn of_file(setting: &Setting<PathBuf>) -> Self {
        Self { value: setting.value.display().to_string(), origin: setting.origin.to_string() }
    }
}

#[derive(Serialize)]
struct StatusObject {
    profile: Option<SettingObject>,
    profile_file: Option<String>,
    api_root: SettingObject,
    config_api_root: Option<SettingObject>,
    auth: SettingObject,
    workspace_id: Option<SettingObject>,
    organization_id: Option<SettingObject>,
    root_certificates: Option<SettingObject>,
    client_certificate: Option<SettingObject>,
    proxy: Option<SettingObject>,
    warnings: Vec<String>,
    /// Whether the server takes the credentials; null if it was not asked.
    accepted: Option<bool>,
    user: Option<String>,
}

async fn status(offline: bool, context: &Context) -> Result<u8, Failure> {
    let client = context.client()?;
    let mut object = StatusObject::new(client.settings());
    let refused = if offline {
        None
    } else {
        match client.workspaces().limit(1).await {
            Ok(_) => {
                object.accepted = Some(true);
                // Only the Config API tells, where it can be reached.
                object.user = client.current_user().await.ok().map(|user| user.email);
                None
            }
            Err(error) => {
                object.accepted = error.is_unauthorized().then_some(false);
                Some(Failure::from(error))
            }
        }
    };
    context.output().object(&object, || object.table())?;
    refused.map_or(Ok(exit::OK), Err)
}

impl StatusObject {
    fn new(settings: &Settings) -> Self {
        let auth = match &settings.auth.value {
            AuthMethod::ClientCredentials { client_id } => format!("application {client_id}"),
            AuthMethod::BearerToken => "bearer token".to_owned(),
            _ => "none".to_owned(),
        };
        Self {
            profile: settings.profile.as_ref().map(SettingObject::of),
            profile_file: airbyte_cloud::default_profile_file().map(|file| file.display().to_string()),
            api_root: SettingObject::of(&settings.api_root),
            config_api_root: settings.config_api_root.as_ref().map(SettingObject::of),
            auth: SettingObject { value: auth, origin: settings.auth.origin.to_string() },
            workspace_id: settings.workspace_id.as_ref().map(SettingObject::of),
            organization_id: settings.organization_id.as_ref().map(SettingObject::of),
            root_certificates: settings.root_certificates.as_ref().map(SettingObject::of_file),
            client_certificate: settings.client_certificate.as_ref().map(SettingObject::of_file),
            proxy: settings.proxy.as_ref().map(SettingObject::of),
            warnings: settings.warnings.clone(),
            accepted: None,
            user: None,
        }
    }

    fn table(&self) -> String {
        let accepted = match self.accepted {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known",
        };
        let settings = [
            ("profile", self.profile.as_ref()),
            ("api root", Some(&self.api_root)),
            ("config api root", self.config_api_root.as_ref()),
            ("credentials", Some(&self.auth)),
            ("workspace", self.workspace_id.as_ref()),
            ("organization", self.organization_id.as_ref()),
            ("root certificates", self.root_certificates.as_ref()),
            ("client certificate", self.client_certificate.as_ref()),
            ("proxy", self.proxy.as_ref()),
        ];
        let line = |(name, setting): (&'static str, Option<&SettingObject>)| {
            let setting = setting?;
            // Which profile it is stands above, and which file below.
            let origin = setting.origin.split(" of ").next().unwrap_or_default();
            let origin = if origin.starts_with("profile `") { "profile" } else { origin };
            Some((name, format!("{} ({origin})", setting.value)))
        };
        let settings: Vec<_> = settings.into_iter().filter_map(line).collect();
        let mut text = format!("{}\n\naccepted by the server: {accepted}", Table::of_fields(&settings));
        if let (Some(file), Some(_)) = (&self.profile_file, &self.profile) {
            text = format!("{text}\nprofile file: {file}");
        }
        if let Some(user) = &self.user {
            text = format!("{text}\nuser: {user}");
        }
        text
    }
}
