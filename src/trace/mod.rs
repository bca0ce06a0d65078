//! Traces in: accesses and events, codecs, formats, the dense trace and its store.
//!
//! ```text
//! file ─codec, zip─▶ bytes ─format─▶ accesses, events ─assembler─────▶ dense references
//!                                        │ trim, export                  │ store (.pbt)
//!                                        ▼                               ▼
//!                               another format                 bursts: for replays
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`model::source`] | opening a named file; loading, coarsening |
//! | [`model::convert`], [`model::trace_name`] | writing a `.pbt`; names of traces |
//! | [`codec`] | THE table of codecs; zip members as a stream; compression of written files; files that must not change while they are read; threads that decompress and parse long traces ahead |
//! | [`mod@format`] | THE table of formats, read and written |
//! | [`model::access`], [`model::event`] | one access; one event of an address space |
//! | [`model::error`] | why a trace cannot be read, and where |
//! | [`model::selection`], [`model::sample`], [`model::shown`] | which accesses are taken; which pages a sample takes; what the pages of each process show |
//! | [`model::refs`], [`model::tile`] | packed references, kinds, the dictionary; a stretch of a trace |
//! | [`model::densify`], [`model::assembler`] | dense ids of pages; references of accesses |
//! | [`model::stream`], [`model::sink`], [`model::collector`] | the order of references and events; where they go; memory as such a place |
//! | [`model::dense`], [`model::digest`] | the dense trace; its digest |
//! | [`bursts`] | encoded blocks of bursts; the bursts of a trace; LRU distances inside them |
//! | [`store`] | the `.pbt` format, written and read |
//! | [`model::export`] | the part of a trace that is taken, written in another format |
//! | [`model::interleave`] | several traces merged into one |
//! | [`model::reference_string`], [`model::reuse`] | a trace from a string of pages; reuse intervals |
//! | [`generate`] | THE table of generators |
//!
//! Threads of their own decompress, parse and pack long traces. Deliberately absent: policies,
//! machines, results.

pub mod bursts;
pub mod codec;
pub mod format;
pub mod generate;
pub mod model;
pub mod store;

pub use self::model::error::TraceError;
pub use self::model::source::{LoadOptions, load};
