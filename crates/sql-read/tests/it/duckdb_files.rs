//! Files that DuckDB cannot read, or that are not there.

use airbyte_sql_read::{ErrorKind, StreamSpec};
use serde_json::json;

use crate::duckdb::{File, library};
use crate::support::destination;

#[tokio::test]
async fn a_missing_file_is_not_made() {
    let Some(_) = library() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.duckdb");
    let warehouse = destination("duckdb", &json!({"destination_path": path})).connect().await.unwrap();
    assert!(warehouse.warnings()[0].contains("AIRBYTE_LOCAL_ROOT"), "{:?}", warehouse.warnings());
    let error = warehouse.dataset(&StreamSpec::new("users")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamNotFound);
    assert!(!path.exists());
    std::fs::write(&path, "no database ".repeat(1000)).unwrap();
    let error = destination("duckdb", &json!({"destination_path": path})).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
}

/// What DuckDB writes at the beginning of a block of its file.
fn checksum(block: &[u8]) -> u64 {
    let words = block.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
    words.fold(5381, |sum, word| sum ^ word.wrapping_mul(0xbf58_476d_1ce4_e5b9))
}

#[tokio::test]
async fn a_file_of_a_newer_version_says_so() {
    let Some(file) = File::new("create table t (n int)") else { return };
    let mut bytes = std::fs::read(&file.path).unwrap();
    // Checksum, four letters, version.
    bytes[12..20].copy_from_slice(&1000_u64.to_le_bytes());
    let sum = checksum(&bytes[8..4096]);
    bytes[..8].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&file.path, bytes).unwrap();
    let error = destination("duckdb", &file.configuration()).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("another version") && error.to_string().contains("1000"), "{error}");
    assert!(error.hint().unwrap().contains("AIRBYTE_LIBDUCKDB"), "{error:?}");
}
