//! Data structures that policies share: lists, queues, orders of use and ordered bit sets. No policy
//! logic.

pub mod bits;
pub mod list;
pub mod lists;
pub mod queue;
pub mod recency;
