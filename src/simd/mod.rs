//! Loops over raw bytes in the vector instructions of the machine at hand, chosen at run time.
//! Each says nothing, or less, where the machine has none; its plain twin stands with its caller
//! or beside it, and a test holds the two equal.
//!
//! Knows nothing of traces: bytes in, numbers out.

#![expect(
    unsafe_code,
    reason = "gathers read through pointers, and functions for instructions that not every machine has are called after asking"
)]

pub mod lines;
