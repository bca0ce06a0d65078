//! Everything that is counted, against something that did not count it: oracles, textbooks,
//! published figures, laws, and the ways to one number beside each other. One program, so that the
//! oracles are compiled once.

// A test crate has no readers of its documentation.
#![allow(missing_docs)]

mod curves;
mod determinism;
mod differential;
mod explain;
mod kernel;
mod oracle;
mod properties;
mod published;
mod segments;
mod segments_oracle;
mod support;
mod textbook;
mod whole;
