//! Chaos: random schedules of faults over everything that this project promises to survive.
//!
//! A schedule is made of one number. What must hold in each: a sync that was asked for once is one job; every wait
//! ends; what is said about a job is what the server knows; a file that looks whole is; rows are neither short nor
//! doubled without an error.

mod actor;
mod api;
mod campaign;
mod faults;
mod files;
mod ledger;
mod proxy;
mod reads;

pub use campaign::{Broken, Campaign, Summary};

/// What is done wrongly on purpose, to see that it is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clumsiness {
    /// Nothing.
    #[default]
    None,
    /// A start that failed is sent again.
    RepeatsStarts,
    /// A read that breaks is taken for one that ends.
    SwallowsErrors,
    /// Exports are written under their names.
    WritesInPlace,
}

/// What happened in schedules, to see that enough did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Story {
    /// Faults that were switched on.
    pub faults: usize,
    /// Connections to which something happened.
    pub troubles: usize,
    /// Syncs that were asked for.
    pub syncs: usize,
    /// Jobs that the server has.
    pub jobs: usize,
    /// Waits that ended.
    pub waits: usize,
    /// Jobs that were to be cancelled.
    pub cancels: usize,
    /// Lists that were whole.
    pub lists: usize,
    /// Edits of connections.
    pub edits: usize,
    /// Reads and exports that were whole.
    pub reads: usize,
    /// Reads and exports that failed, and said so.
    pub failed_reads: usize,
}

impl Story {
    /// Adds what happened elsewhere.
    pub fn add(&mut self, other: Self) {
        self.faults += other.faults;
        self.troubles += other.troubles;
        self.syncs += other.syncs;
        self.jobs += other.jobs;
        self.waits += other.waits;
        self.cancels += other.cancels;
        self.lists += other.lists;
        self.edits += other.edits;
        self.reads += other.reads;
        self.failed_reads += other.failed_reads;
    }
}
