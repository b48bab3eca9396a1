//! Starts a sync, exactly once, and tells how it goes: `cargo run -p airbyte-cloud --example sync -- "Shop to warehouse"`, in
//! an environment as `airbyte sandbox --seed demo` prints it.

#![allow(clippy::print_stdout, reason = "an example prints")]

use airbyte_cloud::{Client, IfRunning, Update};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).ok_or("usage: sync CONNECTION")?;
    let client = Client::from_env()?;
    let found = client.default_workspace()?.connections().name(&name).await?;
    let connection = found.first().ok_or_else(|| format!("there is no connection {name}"))?;

    let result = client.connection(connection.connection_id).sync().if_running(IfRunning::Attach).await?;
    let verb = if result.attached() { "is running" } else { "was started" };
    println!("job {} {verb}", result.job_id());

    let job = result
        .wait()
        .on_update(|update| {
            if let Update::InProgress(progress) = update {
                println!("{:?}: {} rows", progress.status(), progress.records_synced.unwrap_or_default());
            }
        })
        .await?;
    println!("{} rows in {:?}", job.records_synced.unwrap_or_default(), job.duration);
    Ok(())
}
