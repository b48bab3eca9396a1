#![allow(clippy::needless_pass_by_value, reason = "literals read better without a borrow")]

mod checked_in;
mod defects;
mod injected;
mod places;
mod refused;
mod rules;
mod schema_rules;
