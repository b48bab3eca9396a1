//! Files of embedded databases, by the paths that a server gives them.

use std::path::{Path, PathBuf};

/// The file itself if it is there; else the one below the local root, as the connectors map their paths.
pub(super) fn find(asked: &Path, local_root: &Path) -> PathBuf {
    if asked.exists() {
        return asked.to_owned();
    }
    let below = asked.strip_prefix("/local").or_else(|_| asked.strip_prefix("/")).unwrap_or(asked);
    local_root.join(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_or_looked_for_below_the_local_root() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("there.db");
        std::fs::write(&file, "").unwrap();
        let root = Path::new("/data/local");
        assert_eq!(find(&file, root), file);
        assert_eq!(find(Path::new("/local/a.db"), root), root.join("a.db"));
        assert_eq!(find(Path::new("a.db"), root), root.join("a.db"));
        assert_eq!(find(Path::new("/nowhere/a.db"), root), root.join("nowhere/a.db"));
    }
}
