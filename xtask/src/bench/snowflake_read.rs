//! One stream of a Snowflake destination, written to a file, beside Snowflake's own connector doing the same.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::program;
use super::run::{Contender, Measured, growth_of_memory, in_turn};
use crate::parts::snowflake::Emulator;
use crate::step::workspace_root;

/// Rows of the tables that are read.
const SIZES: [usize; 2] = [1_000_000, 5_000_000];
/// Rows of a part of a result: of about 16 MB, the least that the service can be asked for.
const PART_ROWS: usize = 64_000;
const DATABASE: &str = "BENCH";

/// A table in the shape of the Snowflake destination: its four columns, then eight of a stream.
const TABLE: &str = r#"
    create table "PUBLIC"."USERS_:rows" as
    select uuid_string() as "_AIRBYTE_RAW_ID",
           dateadd(second, n, '2026-01-01 00:00:00'::timestamp_ntz)::timestamp_tz as "_AIRBYTE_EXTRACTED_AT",
           parse_json('{"sync_id": 1, "changes": []}') as "_AIRBYTE_META",
           cast(1 as number(38, 0)) as "_AIRBYTE_GENERATION_ID",
           cast(n as number(38, 0)) as "ID",
           'user ' || n as "NAME",
           'user' || n || '@example.com' as "EMAIL",
           cast(n * 1.000000001 as number(38, 9)) as "BALANCE",
           n % 2 = 0 as "ACTIVE",
           dateadd(minute, n, '2020-01-01 00:00:00'::timestamp_ntz) as "CREATED_AT",
           parse_json('{"street": "' || n || ' Main Street", "city": "Springfield"}') as "ADDRESS",
           n / 7.0 as "SCORE"
    from (select row_number() over (order by seq8()) as n from table(generator(rowcount => :rows)))"#;

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let python = std::path::absolute(crate::python::environment("snowflake")?)?;
    let emulator = Emulator::start()?;
    let double = Double::start(&emulator.url())?;
    let folder = tempfile::tempdir()?;
    let mut text = include_str!("snowflake_read.md").to_owned();
    let mut measured = Vec::new();
    // All before the first is read: the double keeps results, the list of tables too.
    for rows in SIZES {
        eprintln!("making a table of {rows} rows");
        write(&emulator.url(), &TABLE.replace(":rows", &rows.to_string()))?;
    }
    for rows in SIZES {
        let (one, peers) = contenders(&double, &python, folder.path(), rows)?;
        // The peer comes to a stop in its own threads now and then, the more the longer it reads.
        let peers = if rows == SIZES[0] { peers } else { Vec::new() };
        let table = in_turn(one.into_iter().chain(peers).collect())?;
        text += &shown(&table, rows)?;
        measured.push(table);
    }
    Ok(text + &growth_of_memory(&measured[0], &measured[1], SIZES.map(|rows| rows as u64)))
}

/// Ours, and whom it is compared with.
fn contenders(
    double: &Double,
    python: &Path,
    folder: &Path,
    rows: usize,
) -> Result<(Vec<Contender>, Vec<Contender>)> {
    let url = url::Url::parse(&double.url)?;
    let destination = folder.join("destination.json");
    let configuration = json!({
        "destinationType": "snowflake",
        "configuration": {
            "host": double.url, "database": DATABASE, "schema": "PUBLIC", "username": "reader",
            "credentials": {"password": "none"}
        }
    });
    std::fs::write(&destination, configuration.to_string())?;
    let name = format!("USERS_{rows}");
    let mut ours = Command::new(program("pg_to_arrow"));
    ours.arg(&destination).arg(&name).arg(folder.join("ours.arrow"));
    let mut theirs = Command::new(python);
    theirs.arg(std::path::absolute(workspace_root().join("xtask/bench/with_snowflake_connector.py"))?);
    // Else it asks the network what cloud it runs in, and now and then waits for the answer for ever.
    theirs.env("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true");
    theirs.args(["127.0.0.1", &url.port().unwrap_or_default().to_string(), DATABASE, &name]);
    theirs.arg(folder.join("theirs.arrow"));
    let ours = Contender::new("`airbyte-sql-read`, to an Arrow file", ours, Some(format!("{rows} rows")));
    let theirs =
        Contender::peer("snowflake-connector-python 4.8.1, to an Arrow file", theirs, Some(rows.to_string()));
    Ok((vec![ours], vec![theirs]))
}

fn shown(measured: &[Measured], rows: usize) -> Result<String> {
    let mut text = format!(
        "\n### {rows} rows x 12 columns\n\n\
         | program | seconds, min / median / max | processor seconds | rows a second | peak memory, MB |\n\
         |---|---|---|---|---|\n"
    );
    for one in measured {
        let [least, median, most] = one.seconds();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = rows as f64 / median;
        writeln!(
            text,
            "| {} | {least:.2} / {median:.2} / {most:.2} | {:.2} | {rate:.0} | {:.0} |",
            one.name,
            one.cpu_seconds(),
            one.peak_megabytes(),
        )?;
    }
    Ok(text)
}

/// Executes a statement at the emulator.
fn write(emulator: &str, sql: &str) -> Result<()> {
    let ask = |path: &str, token: &str, body: Value| -> Result<Value> {
        let request = ureq::post(format!("{emulator}{path}"))
            .header("content-type", "application/json")
            .header("authorization", format!("Snowflake Token=\"{token}\""));
        let answer = request.send(body.to_string())?.body_mut().read_to_string()?;
        let answer: Value = serde_json::from_str(&answer)?;
        ensure!(answer["success"] == true, "the emulator refuses: {}", answer["message"]);
        Ok(answer)
    };
    let path = format!("/session/v1/login-request?databaseName={DATABASE}&schemaName=PUBLIC");
    let login = ask(&path, "", json!({"data": {"SESSION_PARAMETERS": {}}}))?;
    let token = login["data"]["token"].as_str().context("the emulator gives no token")?;
    ask("/queries/v1/query-request", token, json!({"sqlText": sql}))?;
    Ok(())
}

/// The double in a process of its own. Dropping it ends the process.
struct Double {
    process: Child,
    url: String,
}

impl Double {
    fn start(emulator: &str) -> Result<Self> {
        let mut process = Command::new(program("snowflake_double"))
            .args([emulator, &PART_ROWS.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        if let Some(stdout) = &mut process.stdout {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        // Made first, so that the process ends with it whatever it has said.
        let double = Self { process, url: url.trim().to_owned() };
        ensure!(double.url.starts_with("http"), "the double did not start");
        Ok(double)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
