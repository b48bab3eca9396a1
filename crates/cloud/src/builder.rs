//! Setting up a client.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::call::CallPath;
use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::env::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{OrganizationId, WorkspaceId};
use crate::layers::{self, Explicit};
use crate::poller::PollingPolicy;
use crate::retry::RetryPolicy;
use crate::tls::{self, Place};
use crate::web_links;

/// The time limit of one attempt of an ordinary call.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sets up a [`Client`]; made by [`Client::builder`].
///
/// What is not given here is taken from the environment ([`mod@env`](crate::env)), and what is not there
/// either from the profile file. [`ignore_environment`](Self::ignore_environment) turns both off.
#[must_use]
pub struct ClientBuilder {
    explicit: Explicit,
    environment: Environment,
    user_agent: Option<String>,
    timeout: Duration,
    retry: RetryPolicy,
    polling: PollingPolicy,
    clock: Arc<dyn Clock>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            explicit: Explicit::default(),
            environment: Environment::process(),
            user_agent: None,
            timeout: DEFAULT_TIMEOUT,
            retry: RetryPolicy::default(),
            polling: PollingPolicy::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("api_root", &self.explicit.api_root)
            .field("profile", &self.explicit.profile)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("polling", &self.polling)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// The root of the public API: `https://airbyte.example.com/api/public/v1` for a self-managed
    /// installation. The default is Airbyte Cloud's.
    pub fn api_root(mut self, root: impl Into<String>) -> Self {
        self.explicit.api_root = Some(root.into());
        self
    }

    /// The root of the Config API, where it cannot be inferred from [`api_root`](Self::api_root): it can
    /// for Airbyte Cloud, and for roots that end in `/api/public/v1`.
    pub fn config_api_root(mut self, root: impl Into<String>) -> Self {
        self.explicit.config_api_root = Some(root.into());
        self
    }

    /// Authorises calls with an application's client id and secret. Tokens are obtained and renewed as
    /// needed.
    pub fn client_credentials(mut self, id: impl Into<String>, secret: SecretString) -> Self {
        self.explicit.client_credentials = Some((id.into(), secret));
        self
    }

    /// Authorises calls with a ready-made token. It cannot be renewed, and lives for minutes.
    pub fn bearer_token(mut self, token: SecretString) -> Self {
        self.explicit.bearer_token = Some(token);
        self
    }

    /// Sends no credentials, for installations with authentication switched off.
    pub fn no_auth(mut self) -> Self {
        self.explicit.no_auth = true;
        self
    }

    /// The workspace that [`Client::default_workspace`] gives.
    pub fn workspace_id(mut self, id: WorkspaceId) -> Self {
        self.explicit.workspace_id = Some(id);
        self
    }

    /// The organization to work on unless told otherwise.
    pub fn organization_id(mut self, id: OrganizationId) -> Self {
        self.explicit.organization_id = Some(id);
        self
    }

    /// The profile of the profile file to use; it must exist.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.explicit.profile = Some(name.into());
        self
    }

    /// The profile file to use in place of the usual one; it must exist.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.explicit.config_file = Some(path.into());
        self
    }

    /// Takes nothing from the environment or the usual profile file.
    pub fn ignore_environment(mut self) -> Self {
        self.environment = Environment::empty();
        self.explicit.ignore_profiles = true;
        self
    }

    /// Lets credentials travel over plain HTTP. Only for networks in which nobody listens; without it,
    /// plain HTTP is refused except to this machine itself.
    pub fn allow_insecure_http(mut self) -> Self {
        self.explicit.allow_insecure_http = true;
        self
    }

    /// Trusts this certificate authority, in PEM form, besides those of the system: for installations with a
    /// private one. Can be given several times.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.explicit.root_certificates.push(pem.into());
        self
    }

    /// Shows this certificate to servers that want one (mutual TLS): the certificate and those that lead to its
    /// authority, and its key, both in PEM form. The key must not be encrypted.
    pub fn client_certificate(mut self, chain_pem: impl Into<Vec<u8>>, key_pem: SecretString) -> Self {
        self.explicit.client_certificate = Some((chain_pem.into(), key_pem));
        self
    }

    /// Goes through this proxy, such as `http://USER:PASSWORD@HOST:PORT`, in place of that of the environment. It is
    /// asked to connect (`CONNECT`), so that what is encrypted stays so. Plain connections within this machine
    /// go through none.
    pub fn proxy(mut self, address: SecretString) -> Self {
        self.explicit.proxy = Some(address);
        self
    }

    /// The name of the program, put before this crate's own in the `User-Agent` header.
    pub fn user_agent(mut self, product: impl Into<String>) -> Self {
        self.user_agent = Some(product.into());
        self
    }

    /// The time limit of one attempt of a call, 30 seconds unless set. Starting a job has its own, since
    /// the server takes up to minutes for it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How stubborn calls are.
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How jobs are watched.
    pub fn polling_policy(mut self, policy: PollingPolicy) -> Self {
        self.polling = policy;
        self
    }

    /// The time source of pauses and deadlines; for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Puts the settings together and makes the client. Sends nothing.
    ///
    /// Fails when settings are missing, contradict each other, or cannot work: the error names them.
    pub fn build(self) -> Result<Client> {
        if self.timeout.is_zero() {
            return Err(Error::new(ErrorKind::InvalidInput, "the time limit of a call is zero"));
        }
        let resolved = layers::resolve(&self.explicit, &self.environment)?;
        let own = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        let user_agent = self.user_agent.map_or_else(|| own.to_owned(), |product| format!("{product} {own}"));
        let roots: Vec<_> = std::iter::once(&resolved.settings.api_root)
            .chain(&resolved.settings.config_api_root)
            .map(|root| &root.value)
            .collect();
        let place = if !roots.iter().all(|root| web_links::is_loopback(root)) {
            Place::Elsewhere
        } else if roots.iter().all(|root| root.scheme() == "https") {
            Place::Here
        } else {
            Place::HerePlain
        };
        let path = CallPath {
            http: tls::http_client(&user_agent, place, resolved.network)?,
            public_root: resolved.settings.api_root.value.clone(),
            config_root: resolved.settings.config_api_root.as_ref().map(|root| root.value.clone()),
            auth: resolved.auth,
            retry: self.retry,
            timeout: self.timeout,
            clock: self.clock,
        };
        Ok(Client::new(path, resolved.settings, self.polling))
    }
}
