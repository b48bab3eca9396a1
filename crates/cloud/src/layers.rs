//! Settings put together from their layers: what the caller gave, then the environment, then a profile.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::auth::Auth;
use crate::credentials;
use crate::env::{Environment, Variable};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{OrganizationId, WorkspaceId};
use crate::network::{self, Network};
use crate::profile::{self, LoadedProfile};
use crate::settings::{AuthMethod, Origin, Setting, Settings};
use crate::web_links;

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
    pub(crate) root_certificates: Vec<Vec<u8>>,
    pub(crate) client_certificate: Option<(Vec<u8>, SecretString)>,
    pub(crate) proxy: Option<SecretString>,
}

/// Settings put together, what to authorise with, and how to reach the server.
pub(crate) struct Resolved {
    pub(crate) settings: Settings,
    pub(crate) auth: Auth,
    pub(crate) network: Network,
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
    let inferred = web_links::infer_config_root(&api_root.value);
    let given =
        layers.root(Variable::ConfigApiRoot, explicit.config_api_root.as_deref(), "config_api_root")?;
    let config_api_root = match (given, inferred) {
        // Two roots of different layers may be two installations, and the token of one is not for the other.
        (Some((root, _)), Some(inferred)) if root.origin.rank() < api_root.origin.rank() => {
            warnings
                .push(format!("the root of the Config API is inferred, not taken from the {}", root.origin));
            Some(Setting::new(inferred, Origin::Inferred))
        }
        (Some((root, _)), _) => Some(root),
        (None, inferred) => inferred.map(|root| Setting::new(root, Origin::Inferred)),
    };
    let (method, auth) = credentials::choose(explicit, &layers, &mut warnings)?;
    let insecure_allowed = explicit.allow_insecure_http || loaded.profile.allow_insecure_http;
    if method.value != AuthMethod::None && !insecure_allowed {
        for root in std::iter::once(&api_root).chain(&config_api_root) {
            refuse_plain_http(root)?;
        }
    }
    let (network, shown) = network::resolve(explicit, &layers, &mut warnings)?;
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
        root_certificates: shown.root_certificates,
        client_certificate: shown.client_certificate,
        proxy: shown.proxy,
        warnings,
    };
    Ok(Resolved { settings, auth, network })
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
    .with_hint(
        "use https, or, in a network you trust, allow_insecure_http (of the command: --allow-insecure-http)",
    ))
}

/// The two lower layers. The explicit one is typed already.
pub(crate) struct Layers<'a> {
    environment: &'a Environment,
    pub(crate) loaded: &'a LoadedProfile,
}

impl Layers<'_> {
    pub(crate) fn in_environment(&self, variable: Variable) -> Option<Setting<String>> {
        variable.read(self.environment).map(|(name, value)| Setting::new(value, Origin::Environment(name)))
    }

    pub(crate) fn in_profile(&self, variable: Variable) -> Option<Setting<String>> {
        let profile = &self.loaded.profile;
        let value = match variable {
            Variable::ClientId => &profile.client_id,
            Variable::ClientSecret => &profile.client_secret,
            Variable::BearerToken => &profile.bearer_token,
            Variable::WorkspaceId => &profile.workspace_id,
            Variable::OrganizationId => &profile.organization_id,
            Variable::ApiRoot => &profile.api_url,
            Variable::ConfigApiRoot => &profile.config_api_url,
            Variable::RootCertificates => &profile.root_certificates,
            Variable::ClientCertificate => &profile.client_certificate,
            Variable::ClientKey => &profile.client_key,
            Variable::Proxy => &profile.proxy,
            Variable::Profile => return None,
        };
        let value = value.as_deref().map(str::trim).filter(|value| !value.is_empty())?;
        Some(Setting::new(value.to_owned(), self.profile_origin()))
    }

    pub(crate) fn profile_origin(&self) -> Origin {
        match &self.loaded.origin {
            Some((file, name)) => Origin::Profile { file: file.clone(), name: name.clone() },
            None => Origin::Default,
        }
    }

    pub(crate) fn lower(&self, variable: Variable) -> Option<Setting<String>> {
        self.in_environment(variable).or_else(|| self.in_profile(variable))
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVIRONMENT: &[(&str, &str)] = &[
        ("AIRBYTE_API_URL", "https://env.example/api/public/v1/"),
        ("AIRBYTE_CLIENT_ID", "id"),
        ("AIRBYTE_CLIENT_SECRET", "secret"),
    ];

    const WORKSPACE: &str = "0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e47";
    const ROOT: &str = "https://a.example/api/public/v1";

    fn environment(variables: &'static [(&'static str, &'static str)]) -> Environment {
        Environment::new(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    /// Settings without any file of this machine.
    fn alone() -> Explicit {
        Explicit { ignore_profiles: true, ..Explicit::default() }
    }

    fn settings(explicit: &Explicit, variables: &'static [(&'static str, &'static str)]) -> Result<Settings> {
        resolve(explicit, &environment(variables)).map(|resolved| resolved.settings)
    }

    fn profile(text: &str) -> (tempfile::TempDir, Explicit) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profiles.toml");
        std::fs::write(&path, text).unwrap();
        (folder, Explicit { config_file: Some(path), ..Explicit::default() })
    }

    fn message(result: Result<Settings>) -> (ErrorKind, String) {
        let error = result.unwrap_err();
        (error.kind(), format!("{error} | {}", error.hint().unwrap_or_default()))
    }

    #[test]
    fn the_program_beats_the_environment_and_that_beats_the_profile() {
        let (_folder, mut explicit) = profile(&format!(
            "[default]\nbearer_token = 'p'\napi_url = '{ROOT}'\nworkspace_id = '{WORKSPACE}'\n"
        ));
        let only_profile = settings(&explicit, &[]).unwrap();
        assert!(matches!(only_profile.api_root.origin, Origin::Profile { .. }), "{only_profile:?}");
        assert_eq!(only_profile.workspace_id.unwrap().value.to_string(), WORKSPACE);
        assert_eq!(only_profile.auth.value, AuthMethod::BearerToken);

        let both = settings(&explicit, ENVIRONMENT).unwrap();
        assert_eq!(both.api_root.value.as_str(), "https://env.example/api/public/v1");
        assert_eq!(both.api_root.origin, Origin::Environment("AIRBYTE_API_URL"));
        assert_eq!(both.auth.value, AuthMethod::ClientCredentials { client_id: "id".into() });
        assert_eq!(both.config_api_root.as_ref().unwrap().value.as_str(), "https://env.example/api/v1");
        assert_eq!(both.config_api_root.unwrap().origin, Origin::Inferred);

        explicit.api_root = Some("https://x.example/api/public/v1".into());
        explicit.bearer_token = Some("explicit".into());
        let all = settings(&explicit, ENVIRONMENT).unwrap();
        assert_eq!((all.api_root.origin, all.auth.origin), (Origin::Explicit, Origin::Explicit));
        assert_eq!(all.auth.value, AuthMethod::BearerToken);
    }

    #[test]
    fn a_config_root_of_a_lower_layer_does_not_go_with_another_installation() {
        let explicit = Explicit { api_root: Some(ROOT.into()), no_auth: true, ..alone() };
        let mixed =
            settings(&explicit, &[("AIRBYTE_CONFIG_API_URL", "https://other.example/api/v1")]).unwrap();
        assert_eq!(mixed.config_api_root.unwrap().value.as_str(), "https://a.example/api/v1");
        assert_eq!(mixed.warnings.len(), 1);
        let same_layer = settings(
            &Explicit { no_auth: true, ..alone() },
            &[("AIRBYTE_API_URL", ROOT), ("AIRBYTE_CONFIG_API_URL", "https://config.example/api/v1")],
        );
        assert_eq!(
            same_layer.unwrap().config_api_root.unwrap().value.as_str(),
            "https://config.example/api/v1"
        );
    }

    #[test]
    fn new_names_come_before_old_ones_and_empty_ones_do_not_count() {
        let of = |variables| settings(&alone(), variables).unwrap().auth;
        let old = of(&[
            ("AIRBYTE_CLOUD_CLIENT_ID", "old"),
            ("AIRBYTE_CLOUD_CLIENT_SECRET", "s"),
            ("AIRBYTE_CLIENT_ID", ""),
        ]);
        assert_eq!(old.value, AuthMethod::ClientCredentials { client_id: "old".into() });
        assert_eq!(old.origin, Origin::Environment("AIRBYTE_CLOUD_CLIENT_ID"));
        let new = of(&[
            ("AIRBYTE_CLOUD_CLIENT_ID", "old"),
            ("AIRBYTE_CLIENT_SECRET", "s"),
            ("AIRBYTE_CLIENT_ID", "new"),
        ]);
        assert_eq!(new.value, AuthMethod::ClientCredentials { client_id: "new".into() });
    }

    #[test]
    fn without_anything_it_is_cloud_and_the_error_says_what_to_set() {
        let (kind, text) = message(settings(&alone(), &[]));
        assert_eq!(kind, ErrorKind::MissingCredentials);
        for name in ["AIRBYTE_CLIENT_ID", "AIRBYTE_CLIENT_SECRET", "AIRBYTE_BEARER_TOKEN", "profiles.toml"] {
            assert!(text.contains(name), "{name}: {text}");
        }
        let cloud = settings(&alone(), &[("AIRBYTE_BEARER_TOKEN", "t")]).unwrap();
        assert_eq!(web_links::display(&cloud.api_root.value), web_links::CLOUD_API_ROOT);
        assert_eq!(
            web_links::display(&cloud.config_api_root.unwrap().value),
            web_links::CLOUD_CONFIG_API_ROOT
        );
    }

    #[test]
    fn contradictions_and_halves_name_both_settings() {
        let both = Explicit {
            bearer_token: Some("t".into()),
            client_credentials: Some(("id".into(), "s".into())),
            ..alone()
        };
        let (kind, text) = message(settings(&both, &[]));
        assert_eq!(kind, ErrorKind::Configuration);
        assert!(text.contains("client_credentials and bearer_token"), "{text}");

        let (kind, text) = message(settings(&alone(), &[("AIRBYTE_CLIENT_ID", "id")]));
        assert_eq!(kind, ErrorKind::MissingCredentials);
        assert!(text.contains("AIRBYTE_CLIENT_ID") && text.contains("AIRBYTE_CLIENT_SECRET"), "{text}");

        let (_folder, explicit) =
            profile("[default]\nclient_id = 'a'\nclient_secret = 'b'\nbearer_token = 'c'\n");
        let (_, text) = message(settings(&explicit, &[]));
        assert!(text.contains("client_id and bearer_token"), "{text}");

        let empty = Explicit { client_credentials: Some((String::new(), "s".into())), ..alone() };
        assert!(message(settings(&empty, &[])).1.contains("client id is empty"));
    }

    #[test]
    fn the_missing_half_may_stand_in_a_lower_layer() {
        let (_folder, explicit) = profile("[default]\nclient_id = 'a'\nclient_secret = 'b'\n");
        let mixed = settings(&explicit, &[("AIRBYTE_CLIENT_ID", "env")]).unwrap();
        assert_eq!(mixed.auth.value, AuthMethod::ClientCredentials { client_id: "env".into() });
    }

    #[test]
    fn a_token_of_the_environment_comes_first_with_a_warning() {
        let both = settings(
            &alone(),
            &[("AIRBYTE_BEARER_TOKEN", "t"), ("AIRBYTE_CLIENT_ID", "id"), ("AIRBYTE_CLIENT_SECRET", "s")],
        );
        let both = both.unwrap();
        assert_eq!(both.auth.value, AuthMethod::BearerToken);
        assert!(both.warnings[0].contains("AIRBYTE_BEARER_TOKEN"), "{:?}", both.warnings);
    }

    #[test]
    fn credentials_do_not_travel_in_the_open() {
        let explicit =
            |root: &str| Explicit { api_root: Some(root.into()), bearer_token: Some("t".into()), ..alone() };
        let open = explicit("http://10.0.0.1:8000/api/public/v1");
        assert!(message(settings(&open, &[])).1.contains("unencrypted"));
        settings(&Explicit { allow_insecure_http: true, ..open.clone() }, &[]).unwrap();
        settings(&Explicit { bearer_token: None, no_auth: true, ..open }, &[]).unwrap();
        settings(&explicit("http://localhost:8000/api/public/v1"), &[]).unwrap();
        let mut config = explicit(ROOT);
        config.config_api_root = Some("http://10.0.0.1/api/v1".into());
        assert!(message(settings(&config, &[])).1.contains("10.0.0.1"));
    }

    #[test]
    fn a_wrong_value_is_told_with_its_origin() {
        let (kind, text) =
            message(settings(&alone(), &[("AIRBYTE_BEARER_TOKEN", "t"), ("AIRBYTE_WORKSPACE_ID", "mine")]));
        assert_eq!(kind, ErrorKind::Configuration);
        assert!(text.contains("AIRBYTE_WORKSPACE_ID") && text.contains("mine"), "{text}");
        let (_, text) = message(settings(
            &alone(),
            &[("AIRBYTE_API_URL", "https://a.example"), ("AIRBYTE_BEARER_TOKEN", "t")],
        ));
        assert!(text.contains("AIRBYTE_API_URL") && text.contains(ROOT), "{text}");
    }

    #[test]
    fn the_profile_is_chosen_by_name() {
        let (_folder, mut explicit) = profile("[default]\nbearer_token = 'd'\n[own]\nno_auth = true\n");
        let own = settings(&explicit, &[("AIRBYTE_PROFILE", "own")]).unwrap();
        assert_eq!(own.auth.value, AuthMethod::None);
        assert_eq!(own.profile.unwrap().origin, Origin::Environment("AIRBYTE_PROFILE"));
        explicit.profile = Some("default".into());
        assert_eq!(
            settings(&explicit, &[("AIRBYTE_PROFILE", "own")]).unwrap().auth.value,
            AuthMethod::BearerToken
        );
    }
}
