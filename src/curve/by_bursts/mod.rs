//! The engines fed with bursts: what happens within a burst is known from its list of pages, or
//! from its bytes, many at a time. One file per engine; the plain twin of each, by single
//! references, is the file of the same name one folder up, and tests hold them equal.
//!
//! A burst has at most K distinct pages. So between two references of a page in one burst there
//! are at most K - 1 others, and at most as many references as the burst is long: with K frames
//! of LRU, or with a window as long as the burst, the second hits whatever the first did. What is
//! left to look at are the first references of each page in each burst.
//!
//! Knows nothing of how bursts come about, which sizes are wanted, and files.

mod gaps;
mod intervals;
mod lanes;
mod lru;

pub use intervals::intervals;
pub use lanes::{clock, fifo};
pub use lru::lru;
