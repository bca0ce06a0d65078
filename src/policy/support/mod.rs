//! Data structures that policies share: lists, queues, heaps, orders of use and ordered bit sets.
//! No policy logic.

pub mod bit_set;
pub mod classes;
pub mod ghosts;
pub mod lazy_heap;
pub mod least_first;
pub mod leaving;
pub mod lists;
pub mod lru_log;
pub mod queue;
pub mod rings;
