//! Where a client's settings come from: what the caller gave, then the environment, then a profile.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::auth::Auth;
use crate::env::{Environment, Variable};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{OrganizationId, WorkspaceId};
use crate::profile::{self, LoadedProfile};
use crate::web_links;

/// Where a setting's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The program gave it.
    Explicit,
    /// This environment variable.
    Environment(&'static str),
    /// A profile of the profile file.
    Profile {
        /// The file.
        file: PathBuf,
        /// The profile's name.
        name: String,
    },
    /// It follows from another setting.
    Inferred,
    /// Nothing gave it, so the default holds.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit => f.write_str("given explicitly"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Profile { file, name } => write!(f, "profile `{name}` of {}", file.display()),
            Self::Inferred => f.write_str("inferred"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

/// How a client identifies itself. Secrets are not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMethod {
    /// An application's client id and secret.
    ClientCredentials {
        /// The client id.
        client_id: String,
    },
    /// A ready-made bearer token.
    BearerToken,
    /// No credentials.
    None,
}

/// What a client works with, each value with its origin. Holds no secrets, so it can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The root of the public API, without a slash at its end.
    pub api_root: Setting<Url>,
    /// The root of the Config API, where it is known.
    pub config_api_root: Option<Setting<Url>>,
    /// How calls are authorised.
    pub auth: Setting<AuthMethod>,
    /// The workspace to work on unless told otherwise.
    pub workspace_id: Option<Setting<WorkspaceId>>,
    /// The organization to work on unless told otherwise.
    pub organization_id: Option<Setting<OrganizationId>>,
    /// The profile in use.
    pub profile: Option<Setting<String>>,
    /// What the user should know, in sentences: a profile file that others can read, a variable that is
    /// ignored. Nothing is printed by this crate.
    pub warnings: Vec<String>,
}

/// What the caller of [`ClientBuilder`](crate::ClientBuilder) gave.
#[derive(Clone, Default)]
pub(crate) struct Explicit {
    pub(crate) api_root: Option<String>,
    pub(crate) config_api_root: Option<String>,
    pub(crate) client_credentials: Option<(String, SecretString)>,
    pub(crate) bearer_token: Option<SecretString>,
    pub(crate) no_auth: bool,
    pub(crate) workspace_id: Option<WorkspaceId>,
    pub(crate) organization_id: Option<OrganizationId>,
    pub(crate) profile: Option<String>,
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) ignore_profiles: bool,
    pub(crate) allow_insecure_http: bool,
}

/// Settings put together, and what to authorise with.
pub(crate) struct Resolved {
    pub(crate) settings: Settings,
    pub(crate) auth: Auth,
}

/// Puts the settings together and refuses what cannot work.
pub(crate) fn resolve(explicit: &Explicit, environment: &Environment) -> Result<Resolved> {
    let profile_name = match &explicit.profile {
        Some(name) => Some(Setting::new(name.clone(), Origin::Explicit)),
        None => Variable::Profile
            .read(environment)
            .map(|(name, value)| Setting::new(value, Origin::Environment(name))),
    };
    let loaded = if explicit.ignore_profiles && explicit.profile.is_none() && explicit.config_file.is_none() {
        LoadedProfile::default()
    } else {
        profile::load(explicit.config_file.as_deref(), profile_name.as_ref().map(|name| name.value.as_str()))?
    };
    let layers = Layers { environment, loaded: &loaded };
    let mut warnings = loaded.warnings.clone();

    let api_root = layers.root(Variable::ApiRoot, explicit.api_root.as_deref(), "api_root")?;
    let api_root = match api_root {
        Some((root, name)) => {
            web_links::check_public_root(&root.value, &name)?;
            root
        }
        None => {
            Setting::new(web_links::parse_root(web_links::CLOUD_API_ROOT, "the default")?, Origin::Default)
        }
    };
    let config_api_root =
        match layers.root(Variable::ConfigApiRoot, explicit.config_api_root.as_deref(), "config_api_root")? {
            Some((root, _)) => Some(root),
            None => {
                web_links::infer_config_root(&api_root.value).map(|root| Setting::new(root, Origin::Inferred))
            }
        };
    let (method, auth) = layers.auth(explicit, &mut warnings)?;
    let insecure_allowed = explicit.allow_insecure_http || loaded.profile.allow_insecure_http;
    if method.value != AuthMethod::None && !insecure_allowed {
        for root in std::iter::once(&api_root).chain(&config_api_root) {
            refuse_plain_http(root)?;
        }
    }
    let workspace_id = layers.parsed(Variable::WorkspaceId, explicit.workspace_id)?;
    let organization_id = layers.parsed(Variable::OrganizationId, explicit.organization_id)?;
    let profile = loaded
        .origin
        .as_ref()
        .map(|(_, name)| profile_name.clone().unwrap_or_else(|| Setting::new(name.clone(), Origin::Default)));
    let settings = Settings {
        api_root,
        config_api_root,
        auth: method,
        workspace_id,
        organization_id,
        profile,
        warnings,
    };
    Ok(Resolved { settings, auth })
}

/// Credentials never travel in the open, except within this machine.
fn refuse_plain_http(root: &Setting<Url>) -> Result<()> {
    if root.value.scheme() == "https" || web_links::is_loopback(&root.value) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!("credentials would be sent unencrypted to {}", web_links::display(&root.value)),
    )
    .with_hint("use https, or, in a network you trust, allow_insecure_http"))
}

/// The two lower layers. The explicit one is typed already.
struct Layers<'a> {
    environment: &'a Environment,
    loaded: &'a LoadedProfile,
}

impl Layers<'_> {
    fn from_environment(&self, variable: Variable) -> Option<Setting<String>> {
        variable.read(self.environment).map(|(name, value)| Setting::new(value, Origin::Environment(name)))
    }

    fn from_profile(&self, variable: Variable) -> Option<Setting<String>> {
        let profile = &self.loaded.profile;
        let value = match variable {
            Variable::ClientId => &profile.client_id,
            Variable::ClientSecret => &profile.client_secret,
            Variable::BearerToken => &profile.bearer_token,
            Variable::WorkspaceId => &profile.workspace_id,
            Variable::OrganizationId => &profile.organization_id,
            Variable::ApiRoot => &profile.api_url,
            Variable::ConfigApiRoot => &profile.config_api_url,
            Variable::Profile => return None,
        };
        let value = value.as_deref().map(str::trim).filter(|value| !value.is_empty())?;
        Some(Setting::new(value.to_owned(), self.profile_origin()))
    }

    fn profile_origin(&self) -> Origin {
        match &self.loaded.origin {
            Some((file, name)) => Origin::Profile { file: file.clone(), name: name.clone() },
            None => Origin::Default,
        }
    }

    fn lower(&self, variable: Variable) -> Option<Setting<String>> {
        self.from_environment(variable).or_else(|| self.from_profile(variable))
    }

    /// An API root, and the name to call it by in errors.
    fn root(
        &self,
        variable: Variable,
        explicit: Option<&str>,
        name: &str,
    ) -> Result<Option<(Setting<Url>, String)>> {
        let (setting, name) = match explicit {
            Some(text) => (Setting::new(text.to_owned(), Origin::Explicit), name.to_owned()),
            None => match self.lower(variable) {
                Some(setting) => {
                    let name = format!("the API root ({})", setting.origin);
                    (setting, name)
                }
                None => return Ok(None),
            },
        };
        let url = web_links::parse_root(&setting.value, &name)?;
        Ok(Some((Setting::new(url, setting.origin), name)))
    }

    fn parsed<T: std::str::FromStr<Err = Error>>(
        &self,
        variable: Variable,
        explicit: Option<T>,
    ) -> Result<Option<Setting<T>>> {
        if let Some(value) = explicit {
            return Ok(Some(Setting::new(value, Origin::Explicit)));
        }
        let Some(setting) = self.lower(variable) else { return Ok(None) };
        let value = setting.value.parse::<T>().map_err(|error| {
            error
                .clone()
                .with_kind(ErrorKind::Configuration)
                .with_message(format!("{error} ({})", setting.origin))
        })?;
        Ok(Some(Setting::new(value, setting.origin)))
    }

    /// The method of the highest layer that names any credential; a missing half of a pair is looked for
    /// below it.
    fn auth(&self, explicit: &Explicit, warnings: &mut Vec<String>) -> Result<(Setting<AuthMethod>, Auth)> {
        let given = [
            (explicit.client_credentials.is_some(), "client_credentials"),
            (explicit.bearer_token.is_some(), "bearer_token"),
            (explicit.no_auth, "no_auth"),
        ];
        let given: Vec<_> = given.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
        if given.len() > 1 {
            return Err(contradiction(given[0], given[1]));
        }
        if explicit.no_auth {
            return Ok((Setting::new(AuthMethod::None, Origin::Explicit), Auth::None));
        }
        if let Some(token) = &explicit.bearer_token {
            return bearer(token.clone(), Origin::Explicit);
        }
        if let Some((id, secret)) = &explicit.client_credentials {
            return client_credentials(id.clone(), secret.clone(), Origin::Explicit);
        }
        let env = |variable| self.from_environment(variable);
        let (id, secret, token) =
            (env(Variable::ClientId), env(Variable::ClientSecret), env(Variable::BearerToken));
        if let Some(token) = token {
            if id.is_some() || secret.is_some() {
                warnings.push(format!(
                    "the client credentials of the environment are ignored: {} comes first",
                    token.origin
                ));
            }
            return bearer(token.value.into(), token.origin);
        }
        let (profile_id, profile_secret) =
            (self.from_profile(Variable::ClientId), self.from_profile(Variable::ClientSecret));
        if id.is_some() || secret.is_some() {
            return self.pair(id.or(profile_id), secret.or(profile_secret));
        }
        let token = self.from_profile(Variable::BearerToken);
        let no_auth = self.loaded.profile.no_auth;
        let in_profile = [
            (profile_id.is_some() || profile_secret.is_some(), "client_id"),
            (token.is_some(), "bearer_token"),
            (no_auth, "no_auth"),
        ];
        let in_profile: Vec<_> =
            in_profile.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
        if in_profile.len() > 1 {
            return Err(contradiction(in_profile[0], in_profile[1]));
        }
        if no_auth {
            return Ok((Setting::new(AuthMethod::None, self.profile_origin()), Auth::None));
        }
        match token {
            Some(token) => bearer(token.value.into(), token.origin),
            None => self.pair(profile_id, profile_secret),
        }
    }

    fn pair(
        &self,
        id: Option<Setting<String>>,
        secret: Option<Setting<String>>,
    ) -> Result<(Setting<AuthMethod>, Auth)> {
        let half = |there: &Origin, there_name: &str, missing: Variable| {
            let missing_field = missing.name().trim_start_matches("AIRBYTE_").to_ascii_lowercase();
            Err(Error::new(
                ErrorKind::MissingCredentials,
                format!("the {there_name} is set ({there}) but the other half is not: {} or {missing_field} of a profile", missing.name()),
            )
            .with_hint("client id and client secret belong together"))
        };
        match (id, secret) {
            (Some(id), Some(secret)) => client_credentials(id.value, secret.value.into(), id.origin),
            (Some(id), None) => half(&id.origin, "client id", Variable::ClientSecret),
            (None, Some(secret)) => half(&secret.origin, "client secret", Variable::ClientId),
            (None, None) => Err(Error::new(ErrorKind::MissingCredentials, "no credentials were given")
                .with_hint(format!(
                    "set {} and {} (or {}), or write them to {}",
                    Variable::ClientId.name(),
                    Variable::ClientSecret.name(),
                    Variable::BearerToken.name(),
                    profile::default_profile_file()
                        .map_or_else(|| "a profile".to_owned(), |file| file.display().to_string()),
                ))),
        }
    }
}

fn contradiction(one: &str, other: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{one} and {other} are both given"))
        .with_hint("choose one way to authorise calls and leave the other out")
}

fn bearer(token: SecretString, origin: Origin) -> Result<(Setting<AuthMethod>, Auth)> {
    Ok((Setting::new(AuthMethod::BearerToken, origin), Auth::bearer(token)?))
}

fn client_credentials(
    id: String,
    secret: SecretString,
    origin: Origin,
) -> Result<(Setting<AuthMethod>, Auth)> {
    for (empty, name) in
        [(id.trim().is_empty(), "client id"), (secret.expose_secret().trim().is_empty(), "client secret")]
    {
        if empty {
            return Err(Error::new(ErrorKind::MissingCredentials, format!("the {name} is empty ({origin})"))
                .with_hint("client id and client secret belong together"));
        }
    }
    let method = AuthMethod::ClientCredentials { client_id: id.clone() };
    Ok((Setting::new(method, origin), Auth::client_credentials(id, secret)))
}
