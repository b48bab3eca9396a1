//! Writing the profile file: only its owner can read it, and what others wrote into it stays as it is.

use std::io::Write;
use std::path::{Path, PathBuf};

use airbyte_cloud::{SecretString, default_profile_file};
use secrecy::ExposeSecret;
use toml_edit::{DocumentMut, Item, Table, value};

use crate::error::{Failure, Kind};

/// What a login stores.
pub(crate) struct Login {
    pub(crate) api_url: Option<String>,
    pub(crate) config_api_url: Option<String>,
    pub(crate) client_id: Option<String>,
    /// The application's secret, or a bearer token where there is no client id.
    pub(crate) secret: SecretString,
    pub(crate) workspace_id: Option<String>,
    pub(crate) allow_insecure_http: bool,
    pub(crate) network: Network,
}

/// How the server is reached.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) root_certificates: Option<String>,
    pub(crate) client_certificate: Option<String>,
    pub(crate) client_key: Option<String>,
    /// It may hold a password.
    pub(crate) proxy: Option<SecretString>,
}

/// Where the profiles are.
pub(crate) fn path() -> Result<PathBuf, Failure> {
    default_profile_file().ok_or_else(|| {
        Failure::usage("there is no home folder to keep profiles in")
            .with_hint("set AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET in the environment instead")
    })
}

/// Puts a login in the place of a profile.
pub(crate) fn store(file: &Path, profile: &str, login: &Login) -> Result<(), Failure> {
    let mut document = read(file)?;
    let mut table = match document.remove(profile) {
        Some(Item::Table(table)) => table,
        _ => Table::new(),
    };
    let (secret, network) = (login.secret.expose_secret(), &login.network);
    let (client_secret, bearer_token) = match login.client_id {
        Some(_) => (Some(secret), None),
        None => (None, Some(secret)),
    };
    for (key, text) in [
        ("api_url", login.api_url.as_deref()),
        ("config_api_url", login.config_api_url.as_deref()),
        ("client_id", login.client_id.as_deref()),
        ("client_secret", client_secret),
        ("bearer_token", bearer_token),
        ("workspace_id", login.workspace_id.as_deref()),
        ("root_certificates", network.root_certificates.as_deref()),
        ("client_certificate", network.client_certificate.as_deref()),
        ("client_key", network.client_key.as_deref()),
        ("proxy", network.proxy.as_ref().map(ExposeSecret::expose_secret)),
    ] {
        match text {
            Some(text) => table[key] = value(text),
            None => drop(table.remove(key)),
        }
    }
    table.remove("no_auth");
    if login.allow_insecure_http {
        table["allow_insecure_http"] = value(true);
    } else {
        table.remove("allow_insecure_http");
    }
    document.insert(profile, Item::Table(table));
    write(file, &document)
}

/// Takes a profile away; tells whether it was there.
pub(crate) fn remove(file: &Path, profile: &str) -> Result<bool, Failure> {
    let mut document = read(file)?;
    let was_there = document.remove(profile).is_some();
    if was_there {
        write(file, &document)?;
    }
    Ok(was_there)
}

/// Whether a profile is there.
pub(crate) fn has(file: &Path, profile: &str) -> Result<bool, Failure> {
    Ok(read(file)?.contains_key(profile))
}

fn read(file: &Path) -> Result<DocumentMut, Failure> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(file, "read", &error)),
    };
    // The parser's own text quotes the line, which may hold a secret.
    text.parse().map_err(|error: toml_edit::TomlError| {
        let line =
            error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Failure::usage(format!("{} is not valid, line {line}", file.display()))
            .with_hint("it holds one table per profile, such as [default]")
    })
}

/// Writes the file whole or not at all.
fn write(file: &Path, document: &DocumentMut) -> Result<(), Failure> {
    // A link stays one.
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = create_folder(folder).and_then(|()| {
        // Such files are readable by their owner only.
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(document.to_string().as_bytes())?;
        new.as_file().sync_all()?;
        new.persist(&file).map_err(|error| error.error)?;
        Ok(())
    });
    written.map_err(|error| failed(&file, "written", &error))
}

fn create_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn failed(file: &Path, what: &str, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Io, format!("the profile file {} cannot be {what}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(client_id: Option<&str>) -> Login {
        Login {
            api_url: None,
            config_api_url: None,
            client_id: client_id.map(str::to_owned),
            secret: "hunter2".into(),
            workspace_id: None,
            allow_insecure_http: false,
            network: Network::default(),
        }
    }

    #[test]
    fn what_others_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("profiles.toml");
        store(&file, "default", &login(Some("id"))).unwrap();
        let theirs = "# mine\n[staging]\nbearer_token = 'b' # for now\n";
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{theirs}\n{text}")).unwrap();
        store(&file, "default", &login(None)).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(theirs), "{text}");
        assert!(text.contains("bearer_token = \"hunter2\"") && !text.contains("client_id"), "{text}");
        assert!(remove(&file, "default").unwrap() && !remove(&file, "default").unwrap());
        assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), theirs.trim());
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a").join("profiles.toml");
        store(&file, "default", &login(Some("id"))).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn a_faulty_file_is_left_alone_and_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("profiles.toml");
        std::fs::write(&file, "[default]\nclient_secret = hunter2\n").unwrap();
        let failure = store(&file, "default", &login(None)).unwrap_err();
        assert!(failure.message.contains("line 2") && !failure.message.contains("hunter2"), "{failure:?}");
        assert!(std::fs::read_to_string(&file).unwrap().contains("= hunter2"));
    }
}
