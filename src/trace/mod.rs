//! Traces in: records, codecs, formats, the dense trace and its store.
//!
//! Bytes become accesses and events (`codec`, `format`), accesses become dense references
//! (`select`, `stream`), and these stay in memory (`dense`) or in a `.pbt` file (`store`). Other formats
//! are written from accesses (`trim`, `export`, `encode`). Of long
//! traces decompression, parsing (`ahead`) and packing (`store`) have threads of their own. Programs
//! that run are recorded through `valgrind`. Deliberately absent: policies, machines, results.

mod ahead;
pub mod burst;
pub mod bursts;
pub mod codec;
pub mod dense;
pub mod digest;
pub mod encode;
pub mod error;
pub mod event;
pub mod export;
pub mod format;
pub mod r#gen;
pub mod interleave;
mod map;
pub mod record;
pub mod reference_string;
pub mod reuse;
pub mod sample;
pub mod select;
pub mod shown;
pub mod source;
pub mod store;
pub mod stream;
pub mod trim;
pub mod valgrind;
pub mod within;
mod zip;

pub use error::TraceError;
pub use source::{LoadOptions, load};
