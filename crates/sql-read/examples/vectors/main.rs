//! Tells how many names of a file are found: `cargo xtask vectors FILE`.
//!
//! The file is an array of vectors, or one a line; `vector.rs` says what one is.

#![allow(clippy::print_stdout, reason = "an example prints")]

mod vector;

use std::process::ExitCode;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file] = arguments.as_slice() else {
        return Err("usage: vectors FILE".into());
    };
    let vectors = vector::read(&std::fs::read_to_string(file)?)?;
    let outcomes = vector::outcomes(&vectors)?;
    let missed: Vec<_> =
        vectors.iter().zip(&outcomes).filter(|(vector, outcome)| !outcome.is_right(vector)).collect();
    let first = outcomes.iter().filter(|outcome| outcome.place == Some(0)).count();
    for (vector, outcome) in &missed {
        println!("missed {vector}");
        for candidate in &outcome.candidates {
            println!("    but {}.{} ({:?})", candidate.schema, candidate.table, candidate.layout);
        }
    }
    println!("{} of {}", vectors.len() - missed.len(), vectors.len());
    println!("{first} of them are what is looked for first");
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
