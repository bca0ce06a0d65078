//! Data structures that policies share: index-linked lists and ordered bit sets. No policy
//! logic.

pub mod bits;
pub mod list;
