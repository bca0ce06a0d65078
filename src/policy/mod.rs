//! Replacement policies: their traits, the protocol, and THE table.
//!
//! A policy sees frames and chooses victims. The machine owns residency, dirty bits and every
//! counter, so a policy cannot get a count wrong. Deliberately absent: counters, files, TLBs,
//! costs.
//!
//! A policy is one file in `algorithms/`, which implements [`Policy`] (the algorithm), [`Explain`] (the words of
//! `pagebench explain`) and [`PolicyType`] (what it states about itself, and how it is set up). A
//! policy of the table has one entry in `table.rs`; a policy of another program is added to a
//! [`Registry`]. Both import [`prelude`].

mod algorithms;
pub(crate) mod choice;
pub(crate) mod choice_list;
mod dynamic;
mod frames;
mod future;
mod local;
mod param_values;
pub(crate) mod params;
pub mod prelude;
mod protocol;
mod reasons;
mod registry;
mod spec;
pub mod support;
pub(crate) mod table;
mod witness;

// What a policy of another program uses.
pub use self::frames::Frames;
pub use self::future::Future;
pub use self::param_values::Params;
pub use self::params::{MILLION, Param, ParamError, Unit};
pub use self::protocol::{
    EventCount, Explain, PageAccess, Policy, PolicyType, Setup, VictimRequest, Windows,
};
pub use self::reasons::{Evicted, FrameOrder, Seen, reference};
pub use self::registry::Registry;
pub use self::spec::{CurveKind, Family, HitDelivery, HitSensitivity, MemoryBy, Sees, Spec};
pub use crate::trace::model::refs::{NEVER, PageKey, Ref, page_of};
pub use crate::units::{EntryId, FrameId, PageId};

// What the rooms after this one use besides.
pub(crate) use self::choice::{PolicyChoice, PolicyPattern};
pub(crate) use self::dynamic::AnyPolicy;
pub(crate) use self::reasons::{Departure, Leaves};
pub(crate) use self::spec::PolicyId;
pub(crate) use self::table::{OPTIMUM, TABLE, Visitor, dispatch};

#[cfg(test)]
mod tests;
