//! API roots, and the addresses of the web application that belong to them.
//!
//! Airbyte Cloud keeps its two APIs and its web application on two hosts; a self-managed installation
//! has all three on one, told apart by the path.

use std::net::IpAddr;

use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result};
use crate::ids::{ConnectionId, WorkspaceId};

/// The root of Airbyte Cloud's public API.
pub const CLOUD_API_ROOT: &str = "https://api.airbyte.com/v1";
/// The root of Airbyte Cloud's Config API.
pub const CLOUD_CONFIG_API_ROOT: &str = "https://cloud.airbyte.com/api/v1";
const CLOUD_WEB_ROOT: &str = "https://cloud.airbyte.com";
const CLOUD_API_HOST: &str = "api.airbyte.com";
const CLOUD_WEB_HOST: &str = "cloud.airbyte.com";

/// Below the host of a self-managed installation.
const PUBLIC_PATH: &str = "/api/public/v1";
const CONFIG_PATH: &str = "/api/v1";

/// Reads an API root: an http(s) address without credentials, query or fragment, as little slashes as possible.
pub(crate) fn parse_root(text: &str, setting: &str) -> Result<Url> {
    let refuse = |why: &str, hint: String| {
        // The text itself is not shown: it may hold a password.
        Err(Error::new(ErrorKind::Configuration, format!("{setting} {why}")).with_hint(hint))
    };
    let example =
        format!("give an address such as https://airbyte.example.com{PUBLIC_PATH}, or {CLOUD_API_ROOT}");
    let Ok(mut url) = Url::parse(text.trim()) else {
        return refuse("is not an address", example);
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse("is not an http or https address", example);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            "has credentials in the address",
            "addresses end up in logs; give client credentials or a bearer token instead".to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("has a query or fragment", example);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Refuses public API roots that cannot work, naming the one that can.
pub(crate) fn check_public_root(root: &Url, setting: &str) -> Result<()> {
    if let Some(right) = likely_root(root) {
        let given = display(root);
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("{setting} `{given}` is not the public API"),
        )
        .with_hint(format!("the root is probably {right}")));
    }
    Ok(())
}

/// The root that was probably meant, if this one is a common mistake.
fn likely_root(root: &Url) -> Option<String> {
    match (root.host_str()?, root.path()) {
        (CLOUD_API_HOST, "/v1") => None,
        (CLOUD_API_HOST | CLOUD_WEB_HOST, _) => Some(CLOUD_API_ROOT.to_owned()),
        (_, "" | "/" | "/api" | CONFIG_PATH | "/api/public") => self_managed_root(root),
        _ => None,
    }
}

/// The usual public root on this root's host.
pub(crate) fn self_managed_root(root: &Url) -> Option<String> {
    let mut right = root.clone();
    right.set_path(PUBLIC_PATH);
    (right != *root).then(|| display(&right))
}

/// The Config API root that belongs to a public one, where there is a rule for it.
pub(crate) fn infer_config_root(public: &Url) -> Option<Url> {
    if public.host_str() == Some(CLOUD_API_HOST) {
        return Url::parse(CLOUD_CONFIG_API_ROOT).ok();
    }
    let mut root = public.clone();
    root.set_path(&format!("{}{CONFIG_PATH}", public.path().strip_suffix(PUBLIC_PATH)?));
    Some(root)
}

/// An address without a slash at its end.
pub(crate) fn display(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// Whether traffic to this address stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Makes addresses of the web application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebLinks {
    root: Option<String>,
}

impl WebLinks {
    /// The web application that belongs to a public API root. Behind a root of an unknown form the
    /// address is unknown, and no link is better than a wrong one.
    pub(crate) fn new(public: &Url) -> Self {
        let root = if public.host_str() == Some(CLOUD_API_HOST) {
            Some(CLOUD_WEB_ROOT.to_owned())
        } else {
            public.path().strip_suffix(PUBLIC_PATH).map(|prefix| {
                let mut web = public.clone();
                web.set_path(prefix);
                display(&web)
            })
        };
        Self { root }
    }

    pub(crate) fn workspace(&self, id: WorkspaceId) -> Option<String> {
        self.root.as_ref().map(|root| format!("{root}/workspaces/{id}"))
    }

    pub(crate) fn connector(
        &self,
        workspace: WorkspaceId,
        kind: &str,
        id: impl std::fmt::Display,
    ) -> Option<String> {
        self.workspace(workspace).map(|workspace| format!("{workspace}/{kind}/{id}"))
    }

    pub(crate) fn connection(&self, workspace: WorkspaceId, id: ConnectionId) -> Option<String> {
        self.workspace(workspace).map(|workspace| format!("{workspace}/connections/{id}"))
    }

    pub(crate) fn builder_project(&self, workspace: WorkspaceId, project: &str) -> Option<String> {
        self.workspace(workspace).map(|workspace| format!("{workspace}/connector-builder/edit/{project}"))
    }

    /// The list of source connectors in the settings.
    pub(crate) fn source_settings(&self, workspace: WorkspaceId) -> Option<String> {
        self.workspace(workspace).map(|workspace| format!("{workspace}/settings/source"))
    }

    /// Where a connection's jobs are shown.
    pub(crate) fn timeline(&self, workspace: WorkspaceId, id: ConnectionId) -> Option<String> {
        self.connection(workspace, id).map(|connection| format!("{connection}/timeline"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Url {
        parse_root(text, "the root").unwrap()
    }

    #[test]
    fn slashes_at_the_end_do_not_matter() {
        for text in [
            "https://a.example/api/public/v1",
            "https://a.example/api/public/v1///",
            " https://a.example/api/public/v1/ ",
        ] {
            assert_eq!(display(&root(text)), "https://a.example/api/public/v1");
        }
    }

    #[test]
    fn what_is_no_root_is_refused_without_showing_it() {
        for text in [
            "",
            "airbyte.example.com",
            "ftp://a.example",
            "https://me:hunter2@a.example/x",
            "https://a.example/?q=hunter2",
        ] {
            let error = parse_root(text, "AIRBYTE_API_URL").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
            assert!(error.to_string().starts_with("AIRBYTE_API_URL "), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn wrong_roots_are_told_the_right_one() {
        for (wrong, right) in [
            ("https://a.example", "https://a.example/api/public/v1"),
            ("https://a.example/api/v1", "https://a.example/api/public/v1"),
            ("http://localhost:8000/api/public/", "http://localhost:8000/api/public/v1"),
            ("https://api.airbyte.com", CLOUD_API_ROOT),
            ("https://cloud.airbyte.com/api/v1", CLOUD_API_ROOT),
        ] {
            let error = check_public_root(&root(wrong), "the root").unwrap_err();
            assert!(error.hint().unwrap().contains(right), "{wrong}: {error:?}");
        }
        for fine in [CLOUD_API_ROOT, "https://a.example/api/public/v1", "https://proxy.example/airbyte/v1"] {
            check_public_root(&root(fine), "the root").unwrap();
        }
    }

    #[test]
    fn the_config_root_is_inferred() {
        let inferred = |text| infer_config_root(&root(text)).map(|url| display(&url));
        assert_eq!(inferred("https://a.example/api/public/v1").as_deref(), Some("https://a.example/api/v1"));
        assert_eq!(
            inferred("https://a.example/sub/api/public/v1/").as_deref(),
            Some("https://a.example/sub/api/v1")
        );
        assert_eq!(inferred(CLOUD_API_ROOT).as_deref(), Some(CLOUD_CONFIG_API_ROOT));
        assert_eq!(inferred("https://proxy.example/v1"), None);
    }

    #[test]
    fn web_links_are_right_for_each_installation() {
        let workspace: WorkspaceId = "0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e47".parse().unwrap();
        let link = |text| WebLinks::new(&root(text)).workspace(workspace);
        let cloud = format!("https://cloud.airbyte.com/workspaces/{workspace}");
        assert_eq!(link("https://api.airbyte.com/v1/"), Some(cloud));
        let own = format!("https://a.example:8443/sub/workspaces/{workspace}");
        assert_eq!(link("https://a.example:8443/sub/api/public/v1"), Some(own));
        assert_eq!(link("https://proxy.example/v1"), None);
    }

    #[test]
    fn loopback_is_recognised() {
        for text in
            ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:80/x", "http://a.localhost/x"]
        {
            assert!(is_loopback(&root(text)), "{text}");
        }
        for text in ["http://10.0.0.1/x", "http://localhost.example.com/x", "http://0.0.0.0/x"] {
            assert!(!is_loopback(&root(text)), "{text}");
        }
    }
}
