//! A query over a destination by one scheduler and two executors, each a process of its own on this machine.
//!
//! ```console
//! $ cargo build -p airbyte-ballista --bins
//! $ cargo run -p airbyte-ballista --example two_executors -- pg.json \
//!     "select u.country, sum(o.amount) from users u join orders o on o.user_id = u.id group by u.country"
//! ```
//!
//! `pg.json` is a destination as `airbyte dataset --destination` takes it. Its masked password comes from
//! AIRBYTE_SECRET_POSTGRES_PASSWORD, here and in the executors, which inherit the environment.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use airbyte_ballista::remote;
use airbyte_datafusion::AirbyteCatalog;
use airbyte_sql_read::{Destination, EnvSecrets};
use anyhow::{Context, Result, bail, ensure};
use datafusion::prelude::SessionConfig;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, sql] = arguments.as_slice() else { bail!("say FILE.json and a statement") };

    let scheduler = free_port()?;
    let address = format!("127.0.0.1:{scheduler}");
    let mut processes = vec![start("airbyte-scheduler", &["--port", &scheduler.to_string()], scheduler)?];
    for _ in 0..2 {
        let (port, control) = (free_port()?, free_port()?);
        let arguments =
            ["--scheduler", &address, "--destination", &format!("shop={file}"), "--parallel", "2"];
        let ports = ["--port", &port.to_string(), "--control-port", &control.to_string()];
        processes.push(start("airbyte-executor", &[arguments.as_slice(), &ports].concat(), port)?);
    }

    let warehouse = Destination::from_file(file)?.with_secrets(&EnvSecrets)?.connect().await?;
    let catalog = AirbyteCatalog::of_destination(&warehouse, &[]).await?.known_as("shop");
    let schema = catalog.home(warehouse.schema_name());
    let config = SessionConfig::new()
        .with_target_partitions(4)
        .with_default_catalog_and_schema("shop", schema)
        .with_create_default_catalog_and_schema(false);
    let context = remote(&format!("df://{address}"), config)?;
    context.register_catalog("shop", Arc::new(catalog));
    context.sql(sql).await?.show().await?;
    Ok(())
}

/// A process that is ended with this one.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts a program of this crate and waits until it listens.
fn start(name: &str, arguments: &[&str], port: u16) -> Result<Ended> {
    let program = programs()?.join(name);
    let child = Command::new(&program).args(arguments).spawn();
    let mut process = Ended(child.with_context(|| format!("{} is not built", program.display()))?);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(process.0.try_wait()?.is_none(), "{name} has ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(process)
}

/// Where cargo puts programs: the folder above that of the examples.
fn programs() -> Result<PathBuf> {
    let example = std::env::current_exe()?;
    Ok(example.ancestors().nth(2).context("the example is in no folder of examples")?.to_owned())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
