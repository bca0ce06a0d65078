//! Data structures that policies share: queues, orders of use and ordered bit sets. No policy
//! logic.

pub mod bits;
pub mod queue;
pub mod recency;
