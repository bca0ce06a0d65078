//! Models of memory beside paging, replayed on the same references: addresses that are places in memory
//! (`physical`), programs that are one segment (base and limit), and segments that come and go whole
//! (segmentation).
//!
//! Segments, their owners and their copies do not depend on the size of memory. So they are resolved
//! once ([`segmented`]), and every cell replays the resulting [`steps::Segmented`]: what happens to
//! segments, and which segments are referenced in which order.
//!
//! | module | owns |
//! |---|---|
//! | [`choices`] | the models and their options, with their names |
//! | [`holes`] | memory as a range of bytes: what is placed where, holes, placement |
//! | [`steps`] | what a replay of segments reads: steps and stretches of references |
//! | `parts` | the mappings of one process as parts of segments |
//! | `book` | the segments of all processes: who has which, what each holds |
//! | `changes` | what a change of mappings means for segments |
//! | `segmented` | one pass over a trace: references and changes in, steps out |
//! | [`counts`] | what a replay counts, and its laws |
//! | `units` | what leaves memory as a whole, and the policy that chooses it |
//! | `core` | segments in memory: loading, leaving, growing |
//! | `copies` | copies of what several programs have |
//! | `relief` | what is done when no hole is large enough |
//! | `idle` | which pages are still used |
//! | [`replay`] | a cell, from its first reference to its counts |
//! | [`story`] | what a replay did to memory, for people to read |
//! | [`physical`] | addresses that are places in memory |
//!
//! Knows nothing of files and of the command line.

mod book;
mod changes;
pub mod choices;
mod copies;
mod core;
pub mod counts;
pub mod holes;
mod idle;
mod parts;
pub mod physical;
mod relief;
pub mod replay;
pub mod segmented;
pub mod steps;
pub mod story;
pub mod units;

pub use self::core::Rules;
