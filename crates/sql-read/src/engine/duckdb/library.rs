//! Where DuckDB's library is.

use std::path::{Path, PathBuf};

use adbc_driver_manager::ManagedDriver;

use crate::engine::adbc::load;
use crate::error::{Error, ErrorKind, Result};

/// The function that makes the library a driver.
const ENTRYPOINT: &str = "duckdb_adbc_init";
/// Where installers put it, if the system's loader does not look there.
const FOLDERS: [&str; 4] = ["/usr/local/lib", "/opt/homebrew/lib", "/opt/duckdb", "/opt/duckdb/lib"];

/// The library of this machine: the one that `AIRBYTE_LIBDUCKDB` names, else the first in the usual places.
pub(super) fn driver() -> Result<ManagedDriver> {
    if let Some(named) = crate::secret::libduckdb() {
        return load(&named.to_string_lossy(), Some(ENTRYPOINT)).map_err(|error| {
            Error::new(
                ErrorKind::Connect,
                format!(
                    "AIRBYTE_LIBDUCKDB names {}, which cannot be loaded: {}",
                    named.display(),
                    error.message
                ),
            )
            .with_hint("it is the path of the file itself, for this system and processor")
        });
    }
    #[cfg(feature = "duckdb-linked")]
    {
        super::linked::driver()
    }
    #[cfg(not(feature = "duckdb-linked"))]
    {
        let places = places(std::env::current_exe().ok().as_deref());
        let loaded = places.iter().find_map(|place| load(place, Some(ENTRYPOINT)).ok());
        loaded.ok_or_else(|| {
            Error::new(ErrorKind::Connect, "DuckDB's library (libduckdb) is not on this machine").with_hint(
                "set AIRBYTE_LIBDUCKDB to its path; it comes with DuckDB's releases (libduckdb), with Homebrew's duckdb and \
                 with the npm package @duckdb/node-bindings-<system>-<processor>. Or build with the feature \
                 `duckdb-bundled`, which needs none",
            )
        })
    }
}

/// The loader's own places first, then the program's folder, then those of installers.
#[cfg_attr(feature = "duckdb-linked", allow(dead_code, reason = "the library is linked in"))]
fn places(program: Option<&Path>) -> Vec<String> {
    let file = format!("{}duckdb{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let beside = program.and_then(Path::parent).map(Path::to_owned);
    let folders = beside.into_iter().chain(FOLDERS.map(PathBuf::from));
    let files = folders.map(|folder| folder.join(&file)).filter(|path| path.is_file());
    std::iter::once(file.clone()).chain(files.map(|path| path.to_string_lossy().into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_beside_the_program_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = format!("{}duckdb{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        std::fs::write(folder.path().join(&file), "").unwrap();
        let places = places(Some(&folder.path().join("program")));
        assert_eq!(places[..2], [file.clone(), folder.path().join(&file).to_string_lossy().into_owned()]);
    }
}
