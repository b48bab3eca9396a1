//! Questions about two tables, put to DataFusion, to a cluster and to the database itself.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::postgres_read::script;
use super::run::{Contender, Measured, high_water_mark, in_turn};
use crate::postgres::{Cluster, free_port};
use crate::step::{self, target, workspace_root};

const SCALE: &str = "1";

/// The questions, and what each needs of the tables.
const QUERIES: [(&str, &[&str]); 5] = [
    ("1", &["lineitem=l_returnflag,l_linestatus,l_quantity,l_extendedprice,l_discount,l_tax,l_shipdate"]),
    (
        "4",
        &["orders=o_orderkey,o_orderpriority,o_orderdate", "lineitem=l_orderkey,l_commitdate,l_receiptdate"],
    ),
    ("6", &["lineitem=l_extendedprice,l_discount,l_shipdate,l_quantity"]),
    (
        "12",
        &[
            "orders=o_orderkey,o_orderpriority",
            "lineitem=l_orderkey,l_shipmode,l_shipdate,l_commitdate,l_receiptdate",
        ],
    ),
    ("18", &["orders=o_orderkey,o_orderdate,o_totalprice", "lineitem=l_orderkey,l_quantity"]),
];

/// What is measured, besides the example.
pub const PROGRAMS: [&str; 2] = ["airbyte-executor", "airbyte-scheduler"];

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let folder = tempfile::tempdir()?;
    let database = Cluster::start()?;
    eprintln!("making orders and items at scale {SCALE}");
    step::run(Command::new(program("examples/tpch")).args(["load", &database.url(), SCALE]))?;
    let url = url::Url::parse(&database.url())?;
    let file = destination(&url, folder.path())?;
    let executors = Executors::start(&file, &url, folder.path())?;
    let python = std::path::absolute(crate::python::environment("datafusion")?)?;

    let mut text = include_str!("scale.md").to_owned();
    text += "\n| question | who | seconds, min / median / max | MB read | peak memory, MB | beside the database |\n|---|---|---|---|---|---|\n";
    for (number, columns) in QUERIES {
        let sql = workspace_root().join(format!("crates/ballista/tpch/q{number}.sql"));
        let answer = answer(&database, &sql)?;
        let own = folder.path().join(format!("q{number}.answer"));
        std::fs::write(&own, format!("{answer}\n"))?;
        let ask = |parts: &str, cluster: Option<&str>| {
            let mut command = Command::new(program("examples/tpch"));
            command.arg("ask").arg(&file).args([number, parts]).args(cluster).stderr(Stdio::null());
            with_password(&mut command, &url);
            command
        };
        let bytes = bytes_read(&mut ask("2", None))?;
        let mut peer = script(&python, "with_datafusion.py")?;
        peer.arg(url.as_str().replace("postgres://", "postgresql://")).arg(&sql).arg(&own).args(columns);
        let said = said(&mut peer)?;
        let of_peer = format!("DataFusion 55.0.0 for Python over connectorx 0.4.6 ({said})");
        let measured = in_turn(vec![
            Contender::new("the database (`psql`)", psql(&database, &sql)?, Some(answer.clone())),
            Contender::new("DataFusion here, 1 part", ask("1", None), Some(answer.clone())),
            Contender::new("DataFusion here, 2 parts", ask("2", None), Some(answer.clone())),
            Contender::new("cluster of 2 executors", ask("4", Some(&executors.address)), Some(answer)),
            Contender::peer(of_peer, peer, Some(said)),
        ])?;
        rows_of(&mut text, number, &measured, bytes)?;
    }
    let peaks = executors.peaks()?;
    write!(text, "\nThe peak memory of the cluster is that of the client; ")?;
    let each: Vec<String> = peaks.iter().map(|(name, peak)| format!("{name} {} MB", peak / 1024)).collect();
    writeln!(text, "the processes of the cluster had, after all questions: {}.", each.join(", "))?;
    Ok(text)
}

fn rows_of(text: &mut String, number: &str, measured: &[Measured], bytes: f64) -> Result<()> {
    let first = measured[0].seconds()[1];
    for one in measured {
        let [least, median, most] = one.seconds();
        let read = match one.name.as_str() {
            name if name.starts_with("DataFusion here") || name.starts_with("cluster") => {
                format!("{:.0}", bytes / 1e6)
            }
            _ => "-".to_owned(),
        };
        writeln!(
            text,
            "| {number} | {} | {least:.2} / {median:.2} / {most:.2} | {read} | {:.0} | {:.2} |",
            one.name,
            one.peak_megabytes(),
            median / first
        )?;
    }
    Ok(())
}

/// Where the tables are, with the password masked as the API shows it.
fn destination(url: &url::Url, folder: &Path) -> Result<PathBuf> {
    let file = folder.join("tpch.json");
    let configuration = json!({
        "destinationType": "postgres",
        "configuration": {
            "host": "127.0.0.1", "port": url.port(), "database": "postgres", "schema": "tpch",
            "username": "postgres", "password": "**********", "ssl_mode": {"mode": "disable"}
        }
    });
    std::fs::write(&file, configuration.to_string())?;
    Ok(file)
}

fn with_password(command: &mut Command, url: &url::Url) {
    command.env("AIRBYTE_SECRET_POSTGRES_PASSWORD", url.password().unwrap_or_default());
}

fn psql(database: &Cluster, sql: &Path) -> Result<Command> {
    let query = std::fs::read_to_string(sql)?;
    let mut psql = database.psql();
    psql.args(["-A", "-t", "-c", &format!("set search_path = tpch; {query}")])
        .env("PGOPTIONS", "--client-min-messages=error");
    psql.arg("-q");
    Ok(psql)
}

fn answer(database: &Cluster, sql: &Path) -> Result<String> {
    let output = psql(database, sql)?.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the database does not answer");
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

/// What a program prints last.
fn said(program: &mut Command) -> Result<String> {
    let output = program.stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "no answer of the peer");
    let said = String::from_utf8(output.stdout)?;
    Ok(said.lines().last().context("the peer says nothing")?.to_owned())
}

/// Bytes of Arrow that an answer takes, which the example tells last.
fn bytes_read(ask: &mut Command) -> Result<f64> {
    let output = ask.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "no answer: {said}");
    let bytes: f64 =
        said.lines().last().and_then(|line| line.parse().ok()).context("the bytes are not told")?;
    ensure!(bytes > 0.0, "an answer came without bytes");
    Ok(bytes)
}

fn program(name: &str) -> PathBuf {
    target().join("library").join(name)
}

/// A scheduler and two executors, ended when they are dropped.
struct Executors {
    processes: Vec<(String, Child)>,
    address: String,
}

impl Executors {
    fn start(file: &Path, url: &url::Url, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut cluster = Self { processes: Vec::new(), address: format!("df://127.0.0.1:{port}") };
        let mut scheduler = Command::new(program("airbyte-scheduler"));
        scheduler.args(["--port", &port.to_string()]);
        cluster.add("scheduler", &mut scheduler, port, folder)?;
        for number in 1..=2 {
            let (port_of_rows, control) = (free_port()?, free_port()?);
            let mut executor = Command::new(program("airbyte-executor"));
            executor
                .args(["--scheduler", &format!("127.0.0.1:{port}"), "--port", &port_of_rows.to_string()])
                .args(["--control-port", &control.to_string(), "--parallel", "2", "--destination"])
                .arg(format!("pg={}", file.display()));
            with_password(&mut executor, url);
            cluster.add(&format!("executor {number}"), &mut executor, port_of_rows, folder)?;
        }
        Ok(cluster)
    }

    fn add(&mut self, name: &str, command: &mut Command, port: u16, folder: &Path) -> Result<()> {
        let log = std::fs::File::create(folder.join(name))?;
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        self.processes.push((name.to_owned(), process));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(begun.elapsed() < Duration::from_mins(1), "the {name} does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The most memory that each has had, in kilobytes.
    fn peaks(&self) -> Result<Vec<(String, u64)>> {
        let peak = |(name, process): &(String, Child)| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()))?;
            Ok((name.clone(), high_water_mark(&status).context("no high-water mark")?))
        };
        self.processes.iter().map(peak).collect()
    }
}

impl Drop for Executors {
    fn drop(&mut self) {
        for (_, process) in &mut self.processes {
            process.kill().ok();
            process.wait().ok();
        }
    }
}
