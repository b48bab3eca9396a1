//! The whole loop with real parts: the real binary, a sandbox process, SQLite and a real PostgreSQL.

mod exact_rows;
mod faults;
mod first_loop;
mod rows;
