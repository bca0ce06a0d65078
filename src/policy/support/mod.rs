//! Data structures that policies share: index-linked lists, orders of use and ordered bit sets. No policy
//! logic.

pub mod bits;
pub mod list;
pub mod recency;
