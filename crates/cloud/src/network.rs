//! How the server is reached: whom to trust, what certificate to show, which proxy to ask.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::env::Variable;
use crate::error::{Error, ErrorKind, Result};
use crate::layers::{Explicit, Layers};
use crate::settings::{Origin, Setting};
use crate::web_links;

/// What the HTTP client is set up with.
#[derive(Default)]
pub(crate) struct Network {
    /// Certificate authorities that are trusted besides those of the system.
    pub(crate) roots: Vec<CertificateDer<'static>>,
    pub(crate) identity: Option<Identity>,
    pub(crate) proxy: Option<Proxy>,
}

/// The certificate that is shown to servers which want one.
pub(crate) struct Identity {
    /// The certificate, then those that lead to its authority.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// The proxy that connections go through.
pub(crate) struct Proxy {
    /// Without credentials, so that no error can show them.
    pub(crate) url: Url,
    pub(crate) credentials: Option<(String, SecretString)>,
}

/// What of it can be shown, and where it came from.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) root_certificates: Option<Setting<PathBuf>>,
    pub(crate) client_certificate: Option<Setting<PathBuf>>,
    pub(crate) proxy: Option<Setting<String>>,
}

/// Reads what the settings name. As everywhere, the highest layer that says something counts.
pub(crate) fn resolve(
    explicit: &Explicit,
    layers: &Layers<'_>,
    warnings: &mut Vec<String>,
) -> Result<(Network, Shown)> {
    let (mut network, mut shown) = (Network::default(), Shown::default());
    if explicit.root_certificates.is_empty() {
        if let Some(file) = named(layers, Variable::RootCertificates) {
            network.roots = certificates(&read(&file, "root certificates")?, "a root certificate")?;
            shown.root_certificates = Some(file);
        }
    } else {
        for pem in &explicit.root_certificates {
            network.roots.extend(certificates(pem, "a root certificate")?);
        }
    }
    if let Some((chain, key)) = &explicit.client_certificate {
        network.identity = Some(identity(chain, key.expose_secret().as_bytes())?);
    } else if let Some(file) = named(layers, Variable::ClientCertificate) {
        let chain = read(&file, "client certificate")?;
        // One file may hold both.
        network.identity = Some(if let Some(key) = named(layers, Variable::ClientKey) {
            warn_if_open(&key.value, warnings);
            identity(&chain, &read(&key, "key of the client certificate")?)?
        } else {
            warn_if_open(&file.value, warnings);
            identity(&chain, &chain)?
        });
        shown.client_certificate = Some(file);
    }
    let proxy = match &explicit.proxy {
        Some(proxy) => Some(Setting::new(proxy.clone(), Origin::Explicit)),
        None => layers
            .lower(Variable::Proxy)
            .map(|setting| Setting::new(SecretString::from(setting.value), setting.origin)),
    };
    if let Some(setting) = proxy {
        let proxy = Proxy::parse(setting.value.expose_secret())?;
        shown.proxy = Some(Setting::new(web_links::display(&proxy.url), setting.origin));
        network.proxy = Some(proxy);
    }
    Ok((network, shown))
}

/// The file that a setting names; in a profile its path is relative to the folder of the profile file.
fn named(layers: &Layers<'_>, variable: Variable) -> Option<Setting<PathBuf>> {
    let setting = layers.lower(variable)?;
    let folder = match &setting.origin {
        Origin::Profile { file, .. } => file.parent(),
        _ => None,
    };
    let path = folder.unwrap_or(Path::new("")).join(&setting.value);
    Some(Setting::new(path, setting.origin))
}

fn read(file: &Setting<PathBuf>, what: &str) -> Result<Vec<u8>> {
    std::fs::read(&file.value).map_err(|error| {
        Error::new(
            ErrorKind::Configuration,
            format!("the {what} in {} ({}) cannot be read", file.value.display(), file.origin),
        )
        .with_source(error)
    })
}

/// Certificates in PEM form; what else the text holds is left alone.
fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<std::result::Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::new(ErrorKind::Configuration, format!("{what} cannot be read"))
            .with_hint("it has to be in PEM form, beginning with -----BEGIN CERTIFICATE-----")),
    }
}

fn identity(chain: &[u8], key: &[u8]) -> Result<Identity> {
    let chain = certificates(chain, "the client certificate")?;
    // The reader's own error may quote the text, which is secret.
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        Error::new(ErrorKind::Configuration, "the key of the client certificate cannot be read").with_hint(
            "it has to be in PEM form and not encrypted, beginning with -----BEGIN PRIVATE KEY-----",
        )
    })?;
    Ok(Identity { chain, key })
}

impl Proxy {
    fn parse(text: &str) -> Result<Self> {
        // What is wrong with it is not said in the parser's words, nor is it quoted: it may hold a password.
        let wrong = |why: &str| {
            Error::new(ErrorKind::Configuration, format!("the address of the proxy {why}"))
                .with_hint("write it as http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT")
        };
        let mut url = Url::parse(text.trim()).map_err(|_| wrong("is not valid"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong("has to begin with http:// or https://"));
        }
        let decoded =
            |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let password = url.password().map(decoded).unwrap_or_default();
        let user = decoded(url.username());
        let credentials =
            (!user.is_empty() || !password.is_empty()).then(|| (user, SecretString::from(password)));
        let failed = |()| wrong("is not valid");
        url.set_username("").map_err(failed)?;
        url.set_password(None).map_err(failed)?;
        Ok(Self { url, credentials })
    }

    pub(crate) fn for_client(&self) -> Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.url.clone()).map_err(|source| {
            Error::new(ErrorKind::Configuration, "the proxy cannot be used").with_source(source)
        })?;
        Ok(match &self.credentials {
            Some((user, password)) => proxy.basic_auth(user, password.expose_secret()),
            None => proxy,
        })
    }
}

#[cfg(unix)]
fn warn_if_open(path: &Path, warnings: &mut Vec<String>) {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        warnings.push(format!("others can read the key in {0}: run `chmod 600 {0}`", path.display()));
    }
}

#[cfg(not(unix))]
fn warn_if_open(_path: &Path, _warnings: &mut Vec<String>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_proxy_is_taken_apart() {
        let proxy = Proxy::parse(" http://me:p%40ss@proxy.example:3128 ").unwrap();
        assert_eq!(proxy.url.as_str(), "http://proxy.example:3128/");
        let (user, password) = proxy.credentials.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("me", "p@ss"));
        assert!(Proxy::parse("https://proxy.example").unwrap().credentials.is_none());
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_not_quoted() {
        for text in
            ["", "proxy.example:3128", "socks5://me:hunter2@proxy", "http://me:hunter2@:80", "hunter2"]
        {
            let error = Proxy::parse(text).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_not_quoted() {
        const CERTIFICATE: &[u8] = include_bytes!("../tests/it/data/localhost.pem");
        for key in ["hunter2", "-----BEGIN PRIVATE KEY-----\nhunter2!\n-----END PRIVATE KEY-----\n"] {
            let error = identity(CERTIFICATE, key.as_bytes()).map(|_| ()).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_warned_of() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut warnings = Vec::new();
        warn_if_open(file.path(), &mut warnings);
        assert!(warnings.is_empty(), "{warnings:?}");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        warn_if_open(file.path(), &mut warnings);
        assert!(warnings[0].contains("chmod 600"), "{warnings:?}");
    }
}
