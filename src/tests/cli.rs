//! The command line, as a demanding user meets it: what it prints, what it leaves on the disk, and
//! with which exit code it ends.

// A test crate has no readers of its documentation.
#![allow(missing_docs)]

#[path = "cli/asking.rs"]
mod asking;
#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/binary.rs"]
mod binary;
#[path = "cli/bounds.rs"]
mod bounds;
#[path = "cli/cache.rs"]
mod cache;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/choices.rs"]
mod choices;
#[path = "cli/columns.rs"]
mod columns;
#[path = "cli/compare.rs"]
mod compare;
#[path = "cli/completions.rs"]
mod completions;
#[path = "cli/convert.rs"]
mod convert;
#[path = "cli/counts.rs"]
mod counts;
#[path = "cli/curve.rs"]
mod curve;
#[path = "cli/early.rs"]
mod early;
#[path = "cli/events.rs"]
mod events;
#[path = "cli/experiment.rs"]
mod experiment;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/facts.rs"]
mod facts;
#[path = "cli/filters.rs"]
mod filters;
#[path = "cli/folders.rs"]
mod folders;
#[path = "cli/formats.rs"]
mod formats;
#[path = "cli/gate.rs"]
mod gate;
#[path = "cli/generate.rs"]
mod generate;
#[path = "cli/guide.rs"]
mod guide;
#[path = "cli/harness.rs"]
mod harness;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/identity.rs"]
mod identity;
#[path = "cli/init.rs"]
mod init;
#[path = "cli/library.rs"]
mod library;
#[path = "cli/limits.rs"]
mod limits;
#[cfg(target_os = "linux")]
#[path = "cli/long.rs"]
mod long;
#[path = "cli/merge.rs"]
mod merge;
#[path = "cli/misses.rs"]
mod misses;
#[path = "cli/models.rs"]
mod models;
#[path = "cli/moves.rs"]
mod moves;
#[path = "cli/numbers.rs"]
mod numbers;
#[path = "cli/outputs.rs"]
mod outputs;
#[path = "cli/page_cache.rs"]
mod page_cache;
#[path = "cli/plan.rs"]
mod plan;
#[path = "cli/plot.rs"]
mod plot;
#[path = "cli/quiet.rs"]
mod quiet;
#[path = "cli/quotas.rs"]
mod quotas;
#[path = "readme.rs"]
mod readme;
#[path = "cli/record.rs"]
mod record;
#[path = "cli/resume.rs"]
mod resume;
#[path = "cli/round_trip.rs"]
mod round_trip;
#[path = "cli/samples.rs"]
mod samples;
#[path = "cli/selections.rs"]
mod selections;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/spaces.rs"]
mod spaces;
#[path = "cli/streams.rs"]
mod streams;
#[path = "cli/strings.rs"]
mod strings;
#[path = "cli/sweep.rs"]
mod sweep;
#[path = "cli/system.rs"]
mod system;
#[path = "cli/text_formats.rs"]
mod text_formats;
#[path = "cli/tlb.rs"]
mod tlb;
#[path = "cli/traces_in.rs"]
mod traces_in;
#[path = "cli/verdicts.rs"]
mod verdicts;
#[path = "cli/verified.rs"]
mod verified;
#[path = "cli/vm.rs"]
mod vm;
