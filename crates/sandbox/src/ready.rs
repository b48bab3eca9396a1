//! What a client needs to reach a running sandbox.

use std::fmt::Write as _;

use serde::Serialize;

/// Where a running sandbox is, and how to get in.
///
/// `Debug` does not show the secret; [`Serialize`] does, because the readiness line is how a client learns it.
#[derive(Clone, Serialize)]
pub struct Ready {
    /// Root of the public API, `http://127.0.0.1:PORT/api/public/v1`.
    pub public_api_root: String,
    /// Root of the Config API, `http://127.0.0.1:PORT/api/v1`.
    pub config_api_root: String,
    /// Client id of the application that every sandbox has.
    pub client_id: String,
    /// Client secret of that application; it is valid in this sandbox only.
    pub client_secret: String,
    /// Id of the workspace that every sandbox has.
    pub workspace_id: String,
    /// Id of the organization that owns the workspace.
    pub organization_id: String,
    /// The folder that `/local` stands for in paths of embedded databases.
    #[serde(skip)]
    pub(crate) local_root: String,
}

impl Ready {
    /// Where its pages for a browser begin, `http://127.0.0.1:PORT/`.
    pub fn pages(&self) -> String {
        format!("{}/", self.public_api_root.trim_end_matches("/api/public/v1"))
    }

    /// The same as lines for a shell: `export NAME=VALUE`.
    pub fn exports(&self) -> String {
        let variables = [
            ("AIRBYTE_API_URL", &self.public_api_root),
            ("AIRBYTE_CONFIG_API_URL", &self.config_api_root),
            ("AIRBYTE_CLIENT_ID", &self.client_id),
            ("AIRBYTE_CLIENT_SECRET", &self.client_secret),
            ("AIRBYTE_WORKSPACE_ID", &self.workspace_id),
            ("AIRBYTE_ORGANIZATION_ID", &self.organization_id),
            ("AIRBYTE_LOCAL_ROOT", &self.local_root),
        ];
        let mut lines = String::new();
        for (name, value) in variables {
            // Writing to a text cannot fail.
            let _ = writeln!(lines, "export {name}='{}'", value.replace('\'', r"'\''"));
        }
        lines
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready")
            .field("public_api_root", &self.public_api_root)
            .field("workspace_id", &self.workspace_id)
            .finish_non_exhaustive()
    }
}
