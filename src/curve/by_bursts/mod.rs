//! Engines that read bursts: a burst's list of pages, or its bytes many at a time, instead of single
//! references. One file per engine. The plain twin of each, by single references, is the file of the
//! same name one folder up; tests hold them equal.
//!
//! A burst has at most K distinct pages. So between two references of a page in one burst there are
//! at most K - 1 other pages, and fewer references than the burst is long. With K frames of LRU, or
//! with a window as long as the burst, the second reference hits whatever the first did. Only the
//! first reference of each page in each burst is left to look at.
//!
//! Knows nothing of how bursts are encoded, which sizes are wanted, and files.

mod gaps;
mod intervals;
mod lanes;
mod lru;

pub use intervals::intervals;
pub use lanes::{clock, fifo};
pub use lru::lru;
