//! Traces in: records, codecs, formats, the dense trace and its store.
//!
//! ```text
//! file ─codec, zip─▶ bytes ─format─▶ accesses, events ─select, stream─▶ dense references
//!                                        │ trim, export                  │ store (.pbt)
//!                                        ▼                               ▼
//!                               another format                 bursts, within: for replays
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`source`] | opening a named file; loading, converting, coarsening; names of traces |
//! | [`codec`], `zip`, [`encode`] | THE table of codecs; zip members as a stream; compression of written files |
//! | `ahead` | threads that decompress and parse long traces ahead |
//! | `map` | the bytes of a file, mapped or read |
//! | [`mod@format`] | THE table of formats, read and written |
//! | [`record`], [`event`] | one access; one event of an address space |
//! | [`error`] | why a trace cannot be read, and where |
//! | [`select`], [`stream`] | which accesses are taken; their order with events; dense references of them |
//! | [`sample`], [`shown`] | which pages a sample takes; what the pages of each process show |
//! | [`dense`], [`digest`] | the dense trace and its dictionary; its digest |
//! | [`burst`], [`bursts`], [`within`] | one encoded block of bursts; the bursts of a trace; LRU distances inside them |
//! | [`store`] | the `.pbt` format, written and read |
//! | [`trim`], [`export`] | the part of a trace that is taken, as accesses; writing it in another format |
//! | [`interleave`] | several traces merged into one |
//! | [`mod@gen`] | THE table of generators |
//! | [`valgrind`] | recording a running program |
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
