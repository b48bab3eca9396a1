//! Drivers: native libraries, loaded once and kept until the program ends.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use adbc_core::options::AdbcVersion;
use adbc_core::{LOAD_FLAG_DEFAULT, error};
use adbc_driver_manager::ManagedDriver;

type Key = (String, Option<String>);

/// A library is never unloaded: readers may outlive whatever opened them, and their code is in it.
static LOADED: LazyLock<Mutex<HashMap<Key, ManagedDriver>>> = LazyLock::new(Mutex::default);

/// The driver of this name: the path of a library or of a manifest, or the name of either in the usual places.
pub(crate) fn load(name: &str, entrypoint: Option<&str>) -> error::Result<ManagedDriver> {
    let key = (name.to_owned(), entrypoint.map(str::to_owned));
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(driver) = loaded.get(&key) {
        return Ok(driver.clone());
    }
    let driver = ManagedDriver::load_from_name(
        name,
        entrypoint.map(str::as_bytes),
        AdbcVersion::V110,
        LOAD_FLAG_DEFAULT,
        None,
    )
    .or_else(|error| {
        // Drivers of the first version of the interface refuse the second; they can read, and cannot be cancelled.
        let older = ManagedDriver::load_from_name(
            name,
            entrypoint.map(str::as_bytes),
            AdbcVersion::V100,
            LOAD_FLAG_DEFAULT,
            None,
        );
        older.map_err(|_| error)
    })?;
    loaded.insert(key, driver.clone());
    Ok(driver)
}
