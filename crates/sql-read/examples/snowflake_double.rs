//! The double of Snowflake that the tests use, as a program for measurements: it hands statements to an emulator, and
//! results out in parts.
//! `cargo run -p airbyte-sql-read --features snowflake --example snowflake_double -- http://127.0.0.1:PORT ROWS_OF_A_PART`

#![allow(clippy::print_stdout, reason = "an example prints")]
#![allow(clippy::unwrap_used, dead_code, reason = "shared with the tests, which use all of it")]

#[path = "../tests/it/snowflake/double.rs"]
mod double;
#[path = "../tests/it/snowflake/double_results.rs"]
mod double_results;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [emulator, part_rows] = arguments.as_slice() else {
        return Err("usage: snowflake_double EMULATOR_URL ROWS_OF_A_PART".into());
    };
    let behaviour = double::Behaviour {
        part_rows: part_rows.parse()?,
        remembering: true,
        ..double::Behaviour::default()
    };
    let double = double::Double::start(emulator, behaviour).await;
    println!("{}", double.url());
    tokio::signal::ctrl_c().await?;
    Ok(())
}
