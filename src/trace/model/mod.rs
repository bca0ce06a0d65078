//! The trace itself: accesses, events, the dense trace, and what selects, samples, merges and writes it.

pub mod access;
pub mod assembler;
pub mod collector;
pub mod convert;
pub mod dense;
pub mod densify;
pub mod digest;
pub mod error;
pub mod event;
pub mod export;
pub mod interleave;
pub mod reference_string;
pub mod refs;
pub mod reuse;
pub mod sample;
pub mod selection;
pub mod shown;
pub mod sink;
pub mod source;
pub mod spill;
pub mod stream;
pub mod tile;
pub mod trace_name;
