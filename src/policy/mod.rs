//! Replacement policies: their traits, the protocol, and THE table.
//!
//! A policy sees frames and chooses victims. The machine owns residency, dirty bits and every
//! counter, so a policy cannot get a count wrong. Deliberately absent: counters, files, TLBs,
//! costs.
//!
//! A new policy is one file, which implements [`Policy`] (the algorithm), [`Explain`] (the words of
//! `pagebench explain`) and [`PolicyType`] (its entry of the table), and one entry in `table.rs`.

mod algorithms;
mod choice;
pub mod choice_list;
mod dynamic;
mod frames;
mod future;
mod local;
mod param_values;
pub mod params;
mod prelude;
mod protocol;
pub mod reasons;
mod spec;
pub mod support;
mod table;

mod witness;

pub use self::dynamic::AnyPolicy;
pub use self::reasons::{Departure, Evicted, FrameOrder, Leaves, Seen};
pub use choice::{PolicyChoice, PolicyPattern};
pub use frames::Frames;
pub use future::Future;
pub use param_values::Params;
pub use params::{Param, ParamError};
pub use protocol::{
    EventCount, Explain, PageAccess, Policy, PolicyType, Setup, VictimRequest, Windows,
};
pub use spec::{CurveKind, Family, HitDelivery, HitSensitivity, MemoryBy, PolicyId, Sees, Spec};
pub use table::{OPTIMUM, TABLE, Visitor, dispatch};

#[cfg(test)]
mod tests;
