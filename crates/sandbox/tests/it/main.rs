//! The sandbox over real HTTP, as a client that knows nothing of its insides sees it.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used)]

mod applications;
mod at_once;
mod auth;
mod browser;
mod builder_projects;
mod chromium;
mod config_actors;
mod config_conformance;
mod config_objects;
mod config_people;
mod conformance;
mod conformance_admin;
mod connections;
mod definitions;
#[cfg(feature = "duckdb")]
mod duckdb;
mod durability;
mod embedded;
mod errors;
mod faults;
mod files;
mod full_disk;
mod hostile;
mod jobs;
mod kill;
mod library;
mod lists;
mod mappers;
mod modes;
mod objects;
mod people;
mod postgres;
mod progress;
mod refreshes;
mod regions;
mod roles;
mod schedules;
mod schema_changes;
mod server_statuses;
mod specifications;
mod sqlite;
mod state;
mod support;
mod tags;
mod unfinished;
mod web;
mod wrong_types;
