//! The profile file: named sets of settings in the user's configuration folder.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};

/// The profile that is used when none is named.
pub const DEFAULT_PROFILE: &str = "default";

/// What the file should be like.
const FORM: &str = "it holds one table per profile, such as [default], with client_id and client_secret";

/// Where the profile file is unless told otherwise: `airbyte/profiles.toml` in the user's configuration
/// folder (`~/.config` on Linux). `None` when there is no home folder.
///
/// It has one table per profile, named as [`ClientBuilder::profile`](crate::ClientBuilder::profile) or
/// `AIRBYTE_PROFILE` name it:
///
/// ```toml
/// [default]
/// client_id = "..."
/// client_secret = "..."
/// workspace_id = "0b6f3c52-9a7e-4c55-8f0e-3c8f6a1d2e47"
///
/// [staging]
/// api_url = "https://airbyte.staging.example.com/api/public/v1"
/// bearer_token = "..."
/// ```
///
/// The other fields are `organization_id`, `config_api_url`, `no_auth = true` for installations with
/// authentication switched off, `allow_insecure_http = true` for plain HTTP in a network you trust, and how the
/// server is reached: `root_certificates`, `client_certificate` and `client_key` name files in PEM form, relative
/// to the folder of the profile file, and `proxy` is an address.
pub fn default_profile_file() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|base| base.config_dir().join("airbyte").join("profiles.toml"))
}

/// One profile: the environment variables' names in lower case, without their prefix.
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) bearer_token: Option<String>,
    pub(crate) workspace_id: Option<String>,
    pub(crate) organization_id: Option<String>,
    pub(crate) api_url: Option<String>,
    pub(crate) config_api_url: Option<String>,
    pub(crate) root_certificates: Option<String>,
    pub(crate) client_certificate: Option<String>,
    pub(crate) client_key: Option<String>,
    pub(crate) proxy: Option<String>,
    /// For installations with authentication switched off.
    #[serde(default)]
    pub(crate) no_auth: bool,
    /// For installations that are reached over plain HTTP, in a private network.
    #[serde(default)]
    pub(crate) allow_insecure_http: bool,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("api_url", &self.api_url).finish_non_exhaustive()
    }
}

/// A profile as it was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadedProfile {
    pub(crate) profile: Profile,
    /// The file and the profile's name in it; `None` if there was nothing to load.
    pub(crate) origin: Option<(PathBuf, String)>,
    pub(crate) warnings: Vec<String>,
}

/// Loads a profile.
///
/// A file or profile that was asked for by name must exist; the default ones may be missing.
pub(crate) fn load(file: Option<&Path>, name: Option<&str>) -> Result<LoadedProfile> {
    let Some(path) = file.map(Path::to_path_buf).or_else(default_profile_file) else {
        return match name {
            None => Ok(LoadedProfile::default()),
            Some(name) => Err(Error::new(
                ErrorKind::Configuration,
                format!("profile `{name}` cannot be loaded: there is no home folder to look in"),
            )),
        };
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() && name.is_none() => {
            return Ok(LoadedProfile::default());
        }
        Err(error) => {
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData => FORM,
                _ => "see that it is a file, and that you may read it",
            };
            let message = format!("the profile file {} cannot be read", path.display());
            return Err(Error::new(ErrorKind::Configuration, message).with_hint(hint).with_source(error));
        }
    };
    let mut profiles = parse(&text, &path)?;
    let wanted = name.unwrap_or(DEFAULT_PROFILE);
    let Some(profile) = profiles.remove(wanted) else {
        if name.is_none() {
            return Ok(LoadedProfile::default());
        }
        let names: Vec<_> = profiles.into_keys().collect();
        let there =
            if names.is_empty() { "it is empty".to_owned() } else { format!("it has {}", names.join(", ")) };
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("there is no profile `{wanted}` in {}", path.display()),
        )
        .with_hint(there));
    };
    let warnings = warnings(&path, &profile);
    Ok(LoadedProfile { profile, origin: Some((path, wanted.to_owned())), warnings })
}

pub(crate) fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, Profile>> {
    toml::from_str(text).map_err(|error| {
        // The parser's own text quotes the line, which may hold a secret.
        let line =
            error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        // So does its message where a value is of the wrong type.
        let said = match error.message().split_once(", expected ") {
            Some((what, wanted)) if what.starts_with("invalid ") => format!("it should be {wanted}"),
            _ => error.message().to_owned(),
        };
        Error::new(ErrorKind::Configuration, format!("{} is not valid, line {line}: {said}", path.display()))
            .with_hint(FORM)
    })
}

#[cfg(unix)]
fn warnings(path: &Path, profile: &Profile) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt;
    // A proxy's address may hold a password.
    let secrets = [&profile.client_secret, &profile.bearer_token, &profile.proxy];
    let secret = secrets.iter().any(|secret| secret.is_some());
    let open = std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0);
    if secret && open {
        vec![format!("others can read the secrets in {0}: run `chmod 600 {0}`", path.display())]
    } else {
        Vec::new()
    }
}

#[cfg(not(unix))]
fn warnings(_path: &Path, _profile: &Profile) -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profiles.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    const TWO: &str =
        "[default]\nclient_id = 'a'\nclient_secret = 'hunter2'\n[staging]\nbearer_token = 'b'\n";

    #[test]
    fn profiles_are_found_by_name() {
        let (_folder, path) = file(TWO);
        assert_eq!(load(Some(&path), None).unwrap().profile.client_id.as_deref(), Some("a"));
        let staging = load(Some(&path), Some("staging")).unwrap();
        assert_eq!(staging.profile.bearer_token.as_deref(), Some("b"));
        assert_eq!(staging.origin, Some((path, "staging".to_owned())));
    }

    #[test]
    fn a_named_profile_must_exist() {
        let (folder, path) = file(TWO);
        let error = load(Some(&path), Some("production")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.hint().unwrap().contains("default, staging"), "{error:?}");
        let missing = folder.path().join("other.toml");
        assert!(load(Some(&missing), None).unwrap_err().to_string().contains("other.toml"));
    }

    #[test]
    fn a_faulty_file_is_told_by_line_without_its_secrets() {
        let (_folder, path) = file("[default]\nclient_secret = 'hunter2'\nclient_sekret = 'hunter2'\n");
        let error = load(Some(&path), None).unwrap_err();
        assert!(error.to_string().contains("client_sekret"), "{error}");
        assert!(error.to_string().contains("line 3"), "{error}");
        let (_folder, path) = file("[default]\nclient_secret = hunter2\n");
        let error = load(Some(&path), None).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_warned_of() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path) = file(TWO);
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert_eq!(load(Some(&path), None).unwrap().warnings.len(), 1);
        mode(0o600);
        assert!(load(Some(&path), None).unwrap().warnings.is_empty());
    }

    #[test]
    fn secrets_are_not_shown() {
        let (_folder, path) = file(TWO);
        assert!(!format!("{:?}", load(Some(&path), None).unwrap()).contains("hunter2"));
    }
}
