//! Traces in: records, codecs, formats, the dense trace and its store.
//!
//! Bytes become accesses (`codec`, `format`), accesses become dense references (`select`), and
//! these stay in memory (`dense`) or in a `.pbt` file (`store`). Deliberately absent: policies,
//! machines, results.

pub mod codec;
pub mod dense;
pub mod digest;
pub mod error;
pub mod event;
pub mod format;
pub mod r#gen;
pub mod interleave;
mod map;
pub mod record;
pub mod select;
pub mod source;
pub mod store;

pub use error::TraceError;
pub use source::{LoadOptions, load};
