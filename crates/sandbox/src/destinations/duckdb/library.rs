//! DuckDB's library, loaded when it is first needed and kept.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use adbc_core::options::AdbcVersion;
use adbc_driver_manager::ManagedDriver;

use crate::destinations::DestinationError;

const ENTRYPOINT: &[u8] = b"duckdb_adbc_init";
/// Where installers put it, if the system's loader does not look there.
const FOLDERS: [&str; 3] = ["/usr/local/lib", "/opt/homebrew/lib", "/opt/duckdb"];

static LOADED: LazyLock<Mutex<HashMap<PathBuf, ManagedDriver>>> = LazyLock::new(Mutex::default);

/// The library at this path; without one, the first in the usual places.
pub(super) fn driver(named: Option<&Path>) -> Result<ManagedDriver, DestinationError> {
    if let Some(path) = named {
        return load(path).map_err(|problem| {
            DestinationError::config(format!(
                "DuckDB's library {} cannot be loaded: {problem}",
                path.display()
            ))
        });
    }
    let file = format!("{}duckdb{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let places = FOLDERS.iter().map(|folder| Path::new(folder).join(&file)).filter(|path| path.is_file());
    std::iter::once(PathBuf::from(&file)).chain(places).find_map(|place| load(&place).ok()).ok_or_else(|| {
        DestinationError::config(
            "DuckDB's library (libduckdb) is not on this machine: set AIRBYTE_LIBDUCKDB, `airbyte sandbox --libduckdb` or \
             `SandboxBuilder::libduckdb` to its path",
        )
    })
}

fn load(path: &Path) -> Result<ManagedDriver, String> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(driver) = loaded.get(path) {
        return Ok(driver.clone());
    }
    let driver = ManagedDriver::load_dynamic_from_filename(path, Some(ENTRYPOINT), AdbcVersion::V110)
        .map_err(|error| error.message)?;
    loaded.insert(path.to_owned(), driver.clone());
    Ok(driver)
}
