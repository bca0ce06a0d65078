//! The command line, as a demanding user meets it: what it prints, what it leaves on the disk, and
//! with which exit code it ends.

// A test crate has no readers of its documentation.
#![allow(missing_docs)]

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/cache.rs"]
mod cache;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/compare.rs"]
mod compare;
#[path = "cli/completions.rs"]
mod completions;
#[path = "cli/curve.rs"]
mod curve;
#[path = "cli/events.rs"]
mod events;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/filters.rs"]
mod filters;
#[path = "cli/harness.rs"]
mod harness;
#[path = "cli/help.rs"]
mod help;
#[cfg(target_os = "linux")]
#[path = "cli/long.rs"]
mod long;
#[path = "cli/record.rs"]
mod record;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/spaces.rs"]
mod spaces;
#[path = "cli/streams.rs"]
mod streams;
#[path = "cli/sweep.rs"]
mod sweep;
#[path = "cli/vm.rs"]
mod vm;
