//! The machine: frames, the state of every page, fault kinds, swap, TLBs and walks, costs.
//!
//! The machine counts. It does not know which policy runs, and it touches no file. Code outside the
//! machine that needs each fault (fault digests, tests) implements [`Listener`].

pub(crate) mod core;
pub mod hardware;
pub mod machine;
pub mod models;
pub mod tlb;
pub mod walkthrough;

pub use self::core::choices::{Choices, CowSource, FreeFrames, SwapIn};
pub use self::core::counters::{Counters, Outcome, TlbCounters};
pub use self::core::distribution::{ExpiryEvent, FaultEvent, FaultKind, Listener};
pub use self::machine::snapshot::{PageState, Snapshot, States};
pub use machine::{AccessedBitMode, Job, Replay, begin, run, run_as, run_with};
