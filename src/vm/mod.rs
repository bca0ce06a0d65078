//! The machine: frames, the state of every page, fault kinds, swap, TLBs and walks, costs.
//!
//! The machine counts. It does not know which policy runs, and it touches no file. Code outside the
//! machine that needs each fault (fault digests, tests) implements [`Listener`].

pub mod cost;
pub mod counters;
pub mod geometry;
pub mod layout;
pub mod listen;
pub mod machine;
pub mod presets;
pub mod residence;
pub mod swap;
pub mod tables;
pub mod tlb;
pub mod translate;
pub mod walk;

pub use counters::{Counters, Outcome, SwapFull, TlbCounters};
pub use listen::{ExpiryEvent, FaultEvent, FaultKind, Listener, Victim};
pub use machine::bursts::{choose as choose_bursts, choose_size as choose_burst_size};
pub use machine::observe::{PageState, Snapshot, States};
pub use machine::{Accessed, Job, Replay, begin, run, run_with};
