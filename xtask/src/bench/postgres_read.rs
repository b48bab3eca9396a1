//! One stream of a PostgreSQL destination, written to a file, beside `psql` throwing the same bytes away.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::release;
use super::run::{Contender, in_turn};
use crate::postgres::Cluster;
use crate::step;

/// Rows of the table that is read.
const ROWS: u64 = 1_000_000;

/// A table in the shape of the PostgreSQL destination: its four columns, then seven of a stream.
const TABLE: &str = "\
    create table public.users as
    select gen_random_uuid()::varchar as _airbyte_raw_id,
           timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second' as _airbyte_extracted_at,
           '{\"sync_id\": 1, \"changes\": []}'::jsonb as _airbyte_meta,
           1::bigint as _airbyte_generation_id,
           n::bigint as id,
           ('user ' || n)::varchar as name,
           ('user' || n || '@example.com')::varchar as email,
           (n * 1.000000001)::numeric(38, 9) as balance,
           n % 2 = 0 as active,
           timestamptz '2020-01-01 00:00:00+00' + n * interval '7 minutes' as created_at,
           jsonb_build_object('street', n || ' Main Street', 'city', 'Springfield') as address
    from generate_series(1, :rows) as n";

/// Measures and gives the section of the page.
pub fn measure() -> Result<String> {
    let cluster = Cluster::start()?;
    let folder = tempfile::tempdir()?;
    eprintln!("making a table of {ROWS} rows");
    fill(&cluster)?;
    let url = url::Url::parse(&cluster.url())?;
    let destination = folder.path().join("destination.json");
    let configuration = serde_json::json!({
        "destinationType": "postgres",
        "configuration": {
            "host": "127.0.0.1", "port": url.port(), "database": "postgres", "schema": "public",
            "username": "postgres", "password": url.password(), "ssl_mode": {"mode": "disable"}
        }
    });
    std::fs::write(&destination, configuration.to_string())?;
    let export = |format: &str| {
        let mut command = Command::new(release("airbyte"));
        command.args(["dataset", "export", "users", "--quiet", "--format", format, "--destination"]);
        command.arg(&destination).arg("-o").arg(folder.path().join(format!("users.{format}")));
        command
    };
    let mut psql = cluster.psql();
    psql.args(["-c", "copy (select * from public.users) to stdout (format binary)"]);
    let contender = |name: &str, command| Contender { name: name.to_owned(), command, prints: None };
    let measured = in_turn(vec![
        contender("`psql`, binary COPY to /dev/null", psql),
        contender("`airbyte dataset export --format arrow`", export("arrow")),
        contender("`airbyte dataset export --format parquet` (zstd)", export("parquet")),
    ])?;
    let mut text = format!(
        "\n## PostgreSQL: {ROWS} rows x 11 columns, one stream\n\n\
         | command | seconds, min / median / max | rows a second | peak memory, MB | time beside psql |\n\
         |---|---|---|---|---|\n"
    );
    let [_, base, _] = measured[0].seconds();
    for one in &measured {
        let [least, median, most] = one.seconds();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = ROWS as f64 / median;
        writeln!(
            text,
            "| {} | {least:.2} / {median:.2} / {most:.2} | {rate:.0} | {:.0} | {:.2} |",
            one.name,
            one.peak_megabytes(),
            median / base
        )?;
    }
    Ok(text)
}

fn fill(cluster: &Cluster) -> Result<()> {
    let mut psql = cluster.psql();
    let table = TABLE.replace(":rows", &ROWS.to_string());
    psql.args(["-c", &table, "-c", "vacuum analyze public.users", "-c", "checkpoint"]);
    step::run(psql.stdout(Stdio::null()))
}
