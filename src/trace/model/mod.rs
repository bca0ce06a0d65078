//! The trace itself: accesses, events, the dense trace, and what selects, samples, merges and writes it.

pub mod access;
pub mod dense;
pub mod digest;
pub mod error;
pub mod event;
pub mod export;
pub mod interleave;
pub mod reference_string;
pub mod reuse;
pub mod sample;
pub mod select;
pub mod shown;
pub mod source;
pub mod stream;
