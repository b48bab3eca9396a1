//! What is opened, and with which settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adbc_core::options::OptionValue;
use tempfile::TempDir;

use super::library;
use crate::destination::Destination;
use crate::destination_kind::DestinationKind;
use crate::engine::adbc::{Session, database, failed, options};
use crate::engine::local_file;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::local_root;

/// What a read may keep in memory, unless `adbc.options` says otherwise. DuckDB's own default is most of the machine's.
/// What does not fit, such as a large order, goes to the disk.
const MEMORY_LIMIT: &str = "48MB";
/// Each thread needs some of that.
const THREADS: usize = 4;
/// Settings that belong to this crate: what is read, and that it is only read.
const OURS: [&str; 8] = [
    "path",
    "uri",
    "access_mode",
    "temp_directory",
    "enable_external_access",
    "lock_configuration",
    "motherduck_token",
    "arrow_lossless_conversion",
];

/// A file, or a database of MotherDuck.
pub(super) struct Place {
    kind: DestinationKind,
    target: Target,
    /// Settings of DuckDB that the destination file gives.
    settings: Vec<(String, OptionValue)>,
    hidden: Arc<[String]>,
    has_unused_token: bool,
}

enum Target {
    File(PathBuf),
    /// `md:database?...`
    MotherDuck {
        address: String,
        token: String,
    },
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Place {
    pub(super) fn of(destination: &Destination) -> Result<Self> {
        let kind = destination.kind();
        let text = |name: &str| {
            destination.field(name).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty())
        };
        let asked = match text("destination_path") {
            Some(path) => path,
            None if kind == DestinationKind::MotherDuck => "md:",
            None => destination.required_text("destination_path")?,
        };
        let settings = options(destination.driver())?;
        if let Some((name, _)) =
            settings.iter().find(|(name, _)| OURS.contains(&name.to_ascii_lowercase().as_str()))
        {
            return Err(Error::invalid(format!("`adbc.options` cannot set `{name}` of DuckDB")));
        }
        let database = ["md:", "motherduck:"].iter().find_map(|scheme| asked.strip_prefix(scheme));
        let (target, hidden) = match database {
            None => (Target::File(local_file::find(Path::new(asked), &local_root())), Vec::new()),
            Some(database) => {
                let (address, own_token) = mother_duck(database);
                let token = text("motherduck_api_key").map(str::to_owned).or(own_token).ok_or_else(|| {
                    Error::new(ErrorKind::MissingSecret, "MotherDuck is read with a token, and there is none").with_hint(format!(
                        "set `motherduck_api_key`, or AIRBYTE_SECRET_{}_MOTHERDUCK_API_KEY with the mask in its place; a \
                         read-scaling token is enough",
                        kind.name().to_ascii_uppercase()
                    ))
                })?;
                (Target::MotherDuck { address, token: token.clone() }, vec![token])
            }
        };
        let has_unused_token = matches!(target, Target::File(_)) && text("motherduck_api_key").is_some();
        Ok(Self { kind, target, settings, hidden: hidden.into(), has_unused_token })
    }

    /// Whether there is something to open. The connector makes the file with the first sync: until then there are no
    /// tables.
    pub(super) fn is_there(&self) -> bool {
        match &self.target {
            Target::File(path) => path.exists(),
            Target::MotherDuck { .. } => true,
        }
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match &self.target {
            Target::File(path) => Some(path),
            Target::MotherDuck { .. } => None,
        }
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        match &self.target {
            Target::File(path) if !path.exists() => vec![format!(
                "there is no DuckDB file {}: either nothing has been synced yet, or the path is on the Airbyte server's \
                 machine; then set AIRBYTE_LOCAL_ROOT to the folder that the server calls /local",
                path.display()
            )],
            Target::File(_) if self.has_unused_token => {
                vec!["`motherduck_api_key` has no effect: the destination is a file".to_owned()]
            }
            Target::File(_) => Vec::new(),
            Target::MotherDuck { .. } => vec![
                "MotherDuck has no read-only sessions: only statements that read are sent, and a read-scaling token makes \
                 sure of it"
                    .to_owned(),
            ],
        }
    }

    /// Opens it, read-only. Blocks.
    pub(super) fn open(&self) -> Result<Session> {
        let driver = library::driver()?;
        let spill = TempDir::with_prefix("airbyte-duckdb-").map_err(|error| {
            Error::new(ErrorKind::Io, "there is no folder for DuckDB's temporary files").with_source(error)
        })?;
        let database = database(&driver, self.all_settings(spill.path()))
            .map_err(|error| self.not_opened(&error.message))?;
        let mut session =
            Session::new(&database, self.hidden.clone()).map_err(|error| failed(&error, &self.hidden))?;
        session.spill = Some(spill);
        // Zones need an extension, which most builds have inside; without it DuckDB knows no zone but UTC.
        if let Err(error) = session.set("set global TimeZone = 'UTC'") {
            tracing::debug!(%error, "this DuckDB knows no time zones");
        }
        if matches!(self.target, Target::File(_)) {
            session.set("set lock_configuration = true")?;
        }
        Ok(session)
    }

    fn all_settings(&self, spill: &Path) -> Vec<(String, OptionValue)> {
        let mut settings: Vec<(String, OptionValue)> = Vec::new();
        let mut set = |name: &str, value: &str| settings.push((name.to_owned(), value.into()));
        set("autoinstall_known_extensions", "false");
        set("memory_limit", MEMORY_LIMIT);
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS));
        set("threads", &threads.to_string());
        set("temp_directory", &spill.to_string_lossy());
        match &self.target {
            Target::File(path) => {
                set("path", &path.to_string_lossy());
                set("access_mode", "READ_ONLY");
                // A query could write files otherwise, or read some that are not the destination's.
                set("enable_external_access", "false");
            }
            Target::MotherDuck { address, token } => {
                set("path", address);
                set("motherduck_token", token);
            }
        }
        // The later one counts.
        settings.extend(self.settings.iter().cloned());
        settings
    }

    /// DuckDB's reason, and what to do about it.
    fn not_opened(&self, said: &str) -> Error {
        let reason = failed(
            &adbc_core::error::Error::with_message_and_status(said, adbc_core::error::Status::Internal),
            &self.hidden,
        );
        let name = match &self.target {
            Target::File(path) => path.display().to_string(),
            Target::MotherDuck { address, .. } => address.clone(),
        };
        let error =
            |message: String, hint: &'static str| Error::new(ErrorKind::Connect, message).with_hint(hint);
        if said.contains("Could not set lock") || said.contains("Conflicting lock") {
            return error(
                format!("{name} is being written by another process: {reason}"),
                "a DuckDB file has one writer, which shuts out all others; read again when the sync is over",
            );
        }
        if said.contains("newer version of DuckDB") || said.contains("we can only read version") {
            return error(
                format!(
                    "{name} was written by another version of DuckDB than the library can read: {reason}"
                ),
                "a library reads the files of its own and of older versions; use a newer libduckdb (AIRBYTE_LIBDUCKDB)",
            );
        }
        if matches!(self.target, Target::MotherDuck { .. }) && said.contains("Extension") {
            return error(
                format!("DuckDB's extension for MotherDuck is not installed: {reason}"),
                "install it once, with a DuckDB of the library's version: `duckdb -c \"install motherduck\"`. Nothing is \
                 downloaded by itself",
            );
        }
        Error::new(ErrorKind::Connect, format!("{name} cannot be opened: {reason}"))
    }
}

/// The address for DuckDB, and the token if it is in there. The address names the one database, and keeps DuckDB
/// away from this machine's files.
fn mother_duck(database: &str) -> (String, Option<String>) {
    let (database, query) = database.split_once('?').unwrap_or((database, ""));
    let pairs = || url::form_urlencoded::parse(query.as_bytes());
    let token = pairs().find(|(name, _)| name == "motherduck_token").map(|(_, value)| value.into_owned());
    let mut kept = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in
        pairs().filter(|(name, _)| !["motherduck_token", "saas_mode", "attach_mode"].contains(&name.as_ref()))
    {
        kept.append_pair(&name, &value);
    }
    kept.append_pair("saas_mode", "true");
    // A workspace has all databases; a connector without a name writes into the first one.
    let database = if database.is_empty() { "my_db" } else { database };
    kept.append_pair("attach_mode", "single");
    (format!("md:{database}?{}", kept.finish()), token)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn open(kind: &str, configuration: &serde_json::Value, options: &serde_json::Value) -> Result<Place> {
        let destination = Destination::from_json(
            &json!({"destinationType": kind, "configuration": configuration, "adbc": {"options": options}}),
        );
        Place::of(&destination.unwrap())
    }

    fn setting(place: &Place, name: &str) -> Vec<String> {
        let settings = place.all_settings(Path::new("/spill"));
        let of_name = settings.into_iter().filter(|(known, _)| known == name);
        of_name
            .map(|(_, value)| match value {
                OptionValue::String(text) => text,
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn mother_duck_is_reached_by_database_and_token() {
        let place = open(
            "motherduck",
            &json!({"destination_path": "md:sales", "motherduck_api_key": "tok"}),
            &json!({}),
        )
        .unwrap();
        assert_eq!(setting(&place, "path"), ["md:sales?saas_mode=true&attach_mode=single"]);
        assert_eq!(setting(&place, "motherduck_token"), ["tok"]);
        assert_eq!(setting(&place, "autoinstall_known_extensions"), ["false"]);
        assert!(setting(&place, "access_mode").is_empty());
        assert!(place.warnings()[0].contains("read-scaling"), "{:?}", place.warnings());
        assert!(!format!("{place:?}").contains("tok"));
        let said = place.not_opened("IO Error: tok Extension \"motherduck\" not found.");
        assert!(
            !format!("{said:?}").contains("tok ") && said.hint().unwrap().contains("install motherduck"),
            "{said:?}"
        );
    }

    #[test]
    fn a_token_in_the_address_does_not_stay_there() {
        let place = open(
            "duckdb",
            &json!({"destination_path": "md:?motherduck_token=t1&dbinstance_inactivity_ttl=0s"}),
            &json!({}),
        )
        .unwrap();
        assert_eq!(
            setting(&place, "path"),
            ["md:my_db?dbinstance_inactivity_ttl=0s&saas_mode=true&attach_mode=single"]
        );
        assert_eq!(setting(&place, "motherduck_token"), ["t1"]);
    }

    #[test]
    fn a_token_for_a_file_has_no_effect_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let configuration = json!({"destination_path": folder.path(), "motherduck_api_key": "tok"});
        let place = open("motherduck", &configuration, &json!({})).unwrap();
        assert_eq!(place.warnings().len(), 1);
        assert!(place.warnings()[0].contains("no effect"), "{:?}", place.warnings());
    }

    #[test]
    fn without_a_token_it_is_named() {
        let error = open("motherduck", &json!({}), &json!({})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingSecret);
        assert!(error.hint().unwrap().contains("AIRBYTE_SECRET_MOTHERDUCK_MOTHERDUCK_API_KEY"), "{error:?}");
    }

    #[test]
    fn settings_may_be_given_but_not_those_that_keep_it_read_only() {
        let path = json!({"destination_path": "/local/a.duckdb"});
        let place = open("duckdb", &path, &json!({"memory_limit": "1GB", "threads": 2})).unwrap();
        assert_eq!(setting(&place, "memory_limit").last().unwrap(), "1GB");
        assert_eq!(setting(&place, "access_mode"), ["READ_ONLY"]);
        for name in ["access_mode", "ACCESS_MODE", "enable_external_access"] {
            let error = open("duckdb", &path, &json!({name: "x"})).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
        }
    }
}
