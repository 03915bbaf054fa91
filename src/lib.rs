//! Finds out what makes a network of different clients disagree.
//!
//! The rooms in reading order; each may use only those above it in its list of `ARCHITECTURE.md`.

pub mod action;
pub mod eth2;
pub mod journal;
pub mod link;
pub mod text;

pub mod check;
pub mod client;
pub mod consensus;
pub mod fault;
pub mod genesis;
pub mod topology;

pub mod backend;
pub mod observe;
pub mod plan;
pub mod spec;

pub mod reference;
pub mod run;

pub mod cli;
pub mod report;
pub mod results;
