//! Replacement policies: their traits, the protocol, and THE table.
//!
//! A policy sees frames and chooses victims. The machine owns residency, dirty bits and every
//! counter, so a policy cannot get a count wrong. Deliberately absent: counters, files, TLBs,
//! costs.
//!
//! A new policy is one file, which implements [`Policy`] (the algorithm), [`Explain`] (the words of
//! `pagebench explain`) and [`PolicyType`] (its entry of the table), and one entry in `table.rs`.

mod any;
mod choice;
pub mod explain;
mod frames;
mod future;
mod local;
pub mod params;
mod prelude;
mod protocol;
pub mod select;
mod spec;
pub mod support;
mod table;

mod aging;
mod arc;
mod car;
mod clock;
mod clock_pro;
mod dws;
mod esc;
mod fifo;
mod freebsd;
mod gclock;
mod lfu;
mod linux;
mod lirs;
mod lrfu;
mod lru;
mod lru_k;
mod mglru;
mod mq;
mod mru;
mod nru;
mod opt;
mod opt_wb;
mod pff;
mod random;
mod s3_fifo;
mod sieve;
mod slru;
mod sws;
mod two_q;
mod two_q_simple;
mod vmin;
mod w_tinylfu;
mod witness;
mod ws;
mod wsclock;

pub use any::AnyPolicy;
pub use choice::{PolicyChoice, PolicyPattern};
pub use explain::{Departure, Evicted, FrameOrder, Leaves, Seen};
pub use frames::Frames;
pub use future::Future;
pub use params::{Param, ParamError, Params};
pub use protocol::{EventCount, Explain, Policy, PolicyType, Setup, Touch, VictimRequest};
pub use spec::{Bursts, CurveKind, Family, PolicyId, Repeats, Sees, Space, Spec};
pub use table::{OPTIMUM, TABLE, Visitor, dispatch};
pub use ws::WorkingSet;

#[cfg(test)]
mod tests;
