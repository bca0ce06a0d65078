//! `pagebench` replays memory-access traces through a virtual-memory model under
//! page-replacement policies and counts exactly.
//!
//! # As a library
//!
//! - A policy of your own, in every command: write it with [`policy::prelude`], add it to the
//!   [`Registry`], and call [`cli::main`].
//! - Counts in your own program: [`LoadedTrace::load`], then [`replay`] with a policy of your own,
//!   or [`replay_named`].
//!
//! `src/examples/own_policy.rs` and `src/examples/embed.rs` do so; [`guide::extend`] explains them.
//! Everything else here is for those who change the program itself.
//!
//! # The way of the data
//!
//! ```text
//! file or stdin ─codec─▶ bytes ─format─▶ accesses, events ─select─▶ Trace (dense ids)
//! running program ─record (valgrind)───▶ accesses, events ─┘         │ saved as .pbt, read by blocks
//!                                                                    ▼
//!                 space: which page object each reference is of, and whether it is legal
//!                                                                    ▼
//! command line, experiment.toml ─▶ Plan: cells in a stable order ─ Resolved (immutable)
//!                                                           ▼
//!                 sweep (threads): one statically dispatched replay per cell
//!                                                           ▼
//!                 vm::machine, generic over policy, sharing, TLBs and listeners
//!                                                           ▼
//!                 Outcome ─▶ Record ─▶ Row ─▶ results.csv ─▶ charts (drawn from rows read back)
//!                               │               └─▶ check (baseline against now) ─▶ exit code
//!                               └─ cells.jsonl, as cells finish: for runs that go on, and for merge
//! ```
//!
//! A cell is replayed by one of two engines. The fast one skips references that change nothing:
//! `trace::bursts` cuts the trace into stretches that touch few pages, `vm::machine::bursts` looks
//! only where something can change, and TLBs follow a log of first-level misses that is made once
//! (`vm::tlb::MissLog`). The plain engine visits every reference. Tests compare both, counter by
//! counter and event by event. A trace that does not fit into memory stays in its file, or goes into a
//! temporary one, and is replayed tile by tile (`vm::begin`).
//!
//! No layer imports a later one, in the order of the modules below; a test keeps it so.
//!
//! # Where things are
//!
//! | module | owns | does not know |
//! |---|---|---|
//! | `exit` | THE table of exit codes | what leads to them |
//! | [`guide`] | the chapters of the user's guide | anything else |
//! | `units` | page sizes, amounts of memory, ladders, words of messages, text as it is printed | anything else |
//! | `threads` | pools of as many threads as the system allows | what they do |
//! | `simd` | inner loops on wide registers, each with its portable twin | what the bytes mean |
//! | `trace` | records and events, codecs, THE table of formats, read and written, the dense trace, the `.pbt` store, THE table of generators | policies, machines |
//! | `record` | running programs as traces: valgrind's log, system calls, mappings | what a trace is used for |
//! | `space` | processes, mappings, legality, sharing, fork and copy-on-write: what a trace means | frames, policies |
//! | [`policy`] | the trait, its protocol, THE table; one file per policy | counters, files, TLBs |
//! | `vm` | the machine: frames, page states, faults, swap, TLBs and walks, THE tables of machines and layouts, costs; other models of memory: segments, places | which policy runs; files |
//! | `embed` | replays from another program: a loaded trace, options, counts | plans, reports |
//! | `curve` | exact one-pass engines: every size of LRU, OPT and the working set, 64 at a time of FIFO and Clock, by references and by bursts; sampling | plans, files |
//! | `sweep` | plan, cells, THE type of what names a cell, which of them come from curves, exclusions, parts for other machines, threads, miss streams | formats, charts |
//! | `report` | THE column table, CSV both ways, finished cells and the plan of a run's folder, the terminal table, charts; whole files, locks | traces |
//! | `check` | baselines, limits and verdicts, digests of faults, JUnit and its like | how counts came about |
//! | [`cli`] | the command line, one file per subcommand | algorithms |
//!
//! Only `cli` prints. Only `trace`, `record`, `report` and `cli` open files. `unsafe` stands only in
//! `simd`, next to portable twins.
//!
//! # Invariants
//!
//! - A policy never counts and never knows what is resident elsewhere: the machine counts, the
//!   policy chooses, everything else listens to fault events.
//! - Conservation laws (`vm::Outcome::assert_laws`) hold at the end of every replay, in release
//!   too.
//! - No output replaces an input: `cli::setup::paths` compares all files of a command before its work,
//!   and `report::whole_file` refuses what `report::inputs` lists.
//! - What a stored trace says beside its references is held against them before a count depends on it
//!   (`trace::store`). A trace that changes while it is read is an error (`trace::codec::watch`).
//! - The same trace, policy, parameters and seed give the same bytes of `results.csv` for any
//!   number of threads and on any machine. Times are in other files.

// Blank lines keep rustfmt from sorting: the order is that of the layers.
mod exit;
pub mod guide;
mod units;

mod threads;

mod simd;

mod trace;

mod record;

mod space;

pub mod policy;

mod vm;

mod embed;

mod curve;

mod sweep;

mod report;

mod check;

pub mod cli;

#[doc(hidden)]
pub mod internals;

pub use embed::{
    LoadedTrace, ReplayCounts, ReplayError, ReplayOptions, TraceOptions, replay, replay_named,
};
pub use policy::Registry;
