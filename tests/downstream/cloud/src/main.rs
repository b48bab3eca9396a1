//! Syncs the connections of a workspace that are named on the command line, and says what each moved.

use airbyte_cloud::{Client, IfRunning, JobStatus, Result, Workspace};

/// Syncs one connection by its name and waits for it; returns the line to print.
async fn sync(workspace: &Workspace, name: &str) -> Result<String> {
    let found = workspace.connections().name(name).await?;
    let Some(info) = found.first() else { return Ok(format!("{name}: there is no such connection")) };
    let connection = workspace.client().connection(info.connection_id);
    let started = connection.sync().if_running(IfRunning::Attach).await?;
    let job = started.wait().await?;
    let rows = job.records_synced.unwrap_or_default();
    Ok(match job.status {
        JobStatus::Succeeded => format!("{name}: {rows} rows"),
        status => format!("{name}: {status:?}, see job {}", job.job_id),
    })
}

#[tokio::main]
async fn main() -> Result<()> {
    let workspace = Client::from_env()?.default_workspace()?;
    for name in std::env::args().skip(1) {
        println!("{}", sync(&workspace, &name).await?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_tells_rows_and_names_that_are_wrong() {
        let sandbox = airbyte_sandbox::Sandbox::start().await.unwrap();
        let ready = sandbox.ready();
        let client = Client::builder()
            .ignore_environment()
            .api_root(&ready.public_api_root)
            .client_credentials(&ready.client_id, ready.client_secret.clone().into())
            .build()
            .unwrap();
        let workspace = client.workspace(ready.workspace_id.parse().unwrap());
        let line = sync(&workspace, "Faker to SQLite").await.unwrap();
        assert!(line.starts_with("Faker to SQLite: ") && line.ends_with(" rows"), "{line}");
        assert_eq!(sync(&workspace, "Other").await.unwrap(), "Other: there is no such connection");
    }
}
