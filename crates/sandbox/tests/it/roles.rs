//! Who may do what: a user of each role against each operation, and what each of them sees.

mod config;
mod lists;
mod needs;
mod public;
mod tokens;
mod world;
