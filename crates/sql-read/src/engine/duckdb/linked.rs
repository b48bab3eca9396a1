//! DuckDB's library, linked in. The one file with `unsafe`: the function is declared here, since no crate does.

#![expect(unsafe_code, reason = "a foreign function is declared; it is called by the driver manager")]

use std::ffi::{c_int, c_void};
use std::sync::LazyLock;

use adbc_core::error;
use adbc_core::options::AdbcVersion;
use adbc_driver_manager::ManagedDriver;
use adbc_ffi::{FFI_AdbcDriverInitFunc, FFI_AdbcError};
// Brings the library along.
use libduckdb_sys as _;

use crate::error::{Error, ErrorKind, Result};

unsafe extern "C" {
    /// What ADBC asks of a driver: fills in the table of its functions.
    fn duckdb_adbc_init(version: c_int, driver: *mut c_void, error: *mut FFI_AdbcError) -> u8;
}

static DRIVER: LazyLock<error::Result<ManagedDriver>> = LazyLock::new(|| {
    let init: FFI_AdbcDriverInitFunc = duckdb_adbc_init;
    ManagedDriver::load_static(&init, AdbcVersion::V110)
});

/// The driver that is part of this program.
pub(super) fn driver() -> Result<ManagedDriver> {
    DRIVER
        .clone()
        .map_err(|error| Error::new(ErrorKind::Connect, format!("DuckDB cannot start: {}", error.message)))
}
