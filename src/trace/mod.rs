//! Traces in: accesses and events, codecs, formats, the dense trace and its store.
//!
//! ```text
//! file ─codec, zip─▶ bytes ─format─▶ accesses, events ─select, stream─▶ dense references
//!                                        │ export                        │ store (.pbt)
//!                                        ▼                               ▼
//!                               another format                       bursts: for replays
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`codec`] | THE table of codecs; zip members as a stream; files mapped or read ahead; compression of written files |
//! | [`mod@format`] | THE table of formats, read and written |
//! | [`model`] | the trace itself, a file each for the parts below |
//! | [`model::source`] | opening a named file; loading, converting, coarsening; names of traces |
//! | [`model::access`], [`model::event`] | one access; one event of an address space |
//! | [`model::error`] | why a trace cannot be read, and where |
//! | [`model::select`], [`model::stream`] | which accesses are taken; their order with events; dense references of them |
//! | [`model::sample`], [`model::shown`] | which pages a sample takes; what the pages of each process show |
//! | [`model::dense`], [`model::digest`] | the dense trace and its dictionary; its digest |
//! | [`model::export`] | the part of a trace that is taken, as accesses; writing it in another format |
//! | [`model::interleave`] | several traces merged into one |
//! | [`model::reference_string`], [`model::reuse`] | traces as textbooks write them; how often and how far apart pages are referenced |
//! | [`bursts`] | one encoded block of bursts; the bursts of a trace; LRU distances inside them |
//! | [`store`] | the `.pbt` format, written and read |
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
