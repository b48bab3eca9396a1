//! The environment variables that hold connection settings.
//!
//! No other module of these crates reads them, and each setting has exactly one row here. A variable
//! that is set to the empty text counts as not set.
//!
//! | setting | variable | older name, still read |
//! |---|---|---|
//! | [`Variable::ClientId`] | `AIRBYTE_CLIENT_ID` | `AIRBYTE_CLOUD_CLIENT_ID` |
//! | [`Variable::ClientSecret`] | `AIRBYTE_CLIENT_SECRET` | `AIRBYTE_CLOUD_CLIENT_SECRET` |
//! | [`Variable::BearerToken`] | `AIRBYTE_BEARER_TOKEN` | `AIRBYTE_CLOUD_BEARER_TOKEN` |
//! | [`Variable::WorkspaceId`] | `AIRBYTE_WORKSPACE_ID` | `AIRBYTE_CLOUD_WORKSPACE_ID` |
//! | [`Variable::OrganizationId`] | `AIRBYTE_ORGANIZATION_ID` | `AIRBYTE_CLOUD_ORGANIZATION_ID` |
//! | [`Variable::ApiRoot`] | `AIRBYTE_API_URL` | `AIRBYTE_CLOUD_API_URL` |
//! | [`Variable::ConfigApiRoot`] | `AIRBYTE_CONFIG_API_URL` | `AIRBYTE_CLOUD_CONFIG_API_URL` |
//! | [`Variable::Profile`] | `AIRBYTE_PROFILE` | |
//! | [`Variable::RootCertificates`] | `AIRBYTE_ROOT_CERTIFICATES` | |
//! | [`Variable::ClientCertificate`] | `AIRBYTE_CLIENT_CERTIFICATE` | |
//! | [`Variable::ClientKey`] | `AIRBYTE_CLIENT_KEY` | |
//! | [`Variable::Proxy`] | `AIRBYTE_PROXY` | |
//!
//! Without `AIRBYTE_PROXY`, proxies are taken from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, as
//! everywhere; and `SSL_CERT_FILE` names certificates in place of the system's.

use std::fmt;

/// The application's client id.
pub const CLIENT_ID: &str = "AIRBYTE_CLIENT_ID";
/// The application's client secret.
pub const CLIENT_SECRET: &str = "AIRBYTE_CLIENT_SECRET";
/// A ready-made access token.
pub const BEARER_TOKEN: &str = "AIRBYTE_BEARER_TOKEN";
/// The workspace to work on.
pub const WORKSPACE_ID: &str = "AIRBYTE_WORKSPACE_ID";
/// The organization to work on.
pub const ORGANIZATION_ID: &str = "AIRBYTE_ORGANIZATION_ID";
/// The root of the public API.
pub const API_URL: &str = "AIRBYTE_API_URL";
/// The root of the Config API.
pub const CONFIG_API_URL: &str = "AIRBYTE_CONFIG_API_URL";
/// The profile to take from the profile file.
pub const PROFILE: &str = "AIRBYTE_PROFILE";
/// A file with certificate authorities to trust, in PEM form.
pub const ROOT_CERTIFICATES: &str = "AIRBYTE_ROOT_CERTIFICATES";
/// A file with the certificate to show to servers that want one, in PEM form.
pub const CLIENT_CERTIFICATE: &str = "AIRBYTE_CLIENT_CERTIFICATE";
/// A file with the key of that certificate, in PEM form.
pub const CLIENT_KEY: &str = "AIRBYTE_CLIENT_KEY";
/// The address of a proxy.
pub const PROXY: &str = "AIRBYTE_PROXY";

/// A setting that the environment can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Variable {
    /// The application's client id.
    ClientId,
    /// The application's client secret.
    ClientSecret,
    /// A ready-made access token, used as it is and never refreshed.
    BearerToken,
    /// The workspace that commands work on unless told otherwise.
    WorkspaceId,
    /// The organization that commands work on unless told otherwise.
    OrganizationId,
    /// The root of the public API, such as `https://airbyte.example.com/api/public/v1`.
    ApiRoot,
    /// The root of the Config API, where it cannot be inferred from the public one.
    ConfigApiRoot,
    /// The name of the profile to take from the profile file.
    Profile,
    /// A file with certificate authorities that are trusted besides those of the system.
    RootCertificates,
    /// A file with the certificate that is shown to servers which want one, and those that lead to its authority.
    ClientCertificate,
    /// A file with the key of that certificate, where it is not in the same file.
    ClientKey,
    /// The address of the proxy that connections go through, such as `http://USER:PASSWORD@HOST:PORT`.
    Proxy,
}

impl Variable {
    /// All of them, in the order of the table above.
    pub const ALL: [Self; 12] = [
        Self::ClientId,
        Self::ClientSecret,
        Self::BearerToken,
        Self::WorkspaceId,
        Self::OrganizationId,
        Self::ApiRoot,
        Self::ConfigApiRoot,
        Self::Profile,
        Self::RootCertificates,
        Self::ClientCertificate,
        Self::ClientKey,
        Self::Proxy,
    ];

    /// The variable's name.
    pub const fn name(self) -> &'static str {
        self.names()[0]
    }

    /// Every name that is read, the one that wins first.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::ClientId => &[CLIENT_ID, "AIRBYTE_CLOUD_CLIENT_ID"],
            Self::ClientSecret => &[CLIENT_SECRET, "AIRBYTE_CLOUD_CLIENT_SECRET"],
            Self::BearerToken => &[BEARER_TOKEN, "AIRBYTE_CLOUD_BEARER_TOKEN"],
            Self::WorkspaceId => &[WORKSPACE_ID, "AIRBYTE_CLOUD_WORKSPACE_ID"],
            Self::OrganizationId => &[ORGANIZATION_ID, "AIRBYTE_CLOUD_ORGANIZATION_ID"],
            Self::ApiRoot => &[API_URL, "AIRBYTE_CLOUD_API_URL"],
            Self::ConfigApiRoot => &[CONFIG_API_URL, "AIRBYTE_CLOUD_CONFIG_API_URL"],
            Self::Profile => &[PROFILE],
            Self::RootCertificates => &[ROOT_CERTIFICATES],
            Self::ClientCertificate => &[CLIENT_CERTIFICATE],
            Self::ClientKey => &[CLIENT_KEY],
            Self::Proxy => &[PROXY],
        }
    }

    /// The first of this setting's names that is set, and its value.
    pub(crate) fn read(self, environment: &Environment) -> Option<(&'static str, String)> {
        self.names().iter().find_map(|name| environment.get(name).map(|value| (*name, value)))
    }
}

/// A look-up of variables: the process's own, none at all, or a test's.
pub(crate) struct Environment(Box<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The variables of this process.
    pub(crate) fn process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// No variables.
    pub(crate) fn empty() -> Self {
        Self::new(|_| None)
    }

    /// Variables from a function.
    pub(crate) fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Box::new(read))
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment") // never its values: some are secret
    }
}
