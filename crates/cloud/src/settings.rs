//! What a client works with, and where each value came from.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use crate::ids::{OrganizationId, WorkspaceId};

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

impl Origin {
    /// How strong it is: what comes from a higher layer wins.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Explicit => 3,
            Self::Environment(_) => 2,
            Self::Profile { .. } => 1,
            Self::Inferred | Self::Default => 0,
        }
    }
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
    pub(crate) fn new(value: T, origin: Origin) -> Self {
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
    /// The file with certificate authorities that are trusted besides those of the system.
    pub root_certificates: Option<Setting<PathBuf>>,
    /// The file with the certificate that is shown to servers which want one.
    pub client_certificate: Option<Setting<PathBuf>>,
    /// The proxy that connections go through, where the environment's usual ones do not say it; without its credentials.
    pub proxy: Option<Setting<String>>,
    /// What the user should know, in sentences: a profile file that others can read, a variable that is
    /// ignored. Nothing is printed by this crate.
    pub warnings: Vec<String>,
}
