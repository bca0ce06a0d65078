//! `.pbt`, the stored form of a dense trace: written as a stream in bounded memory, unpacked block by
//! block.
//!
//! It keeps the trace *unresolved* (process, page, kind), so that the choices of a run stay open.
//! Knows nothing of policies and machines.
//!
//! # Layout, version 1.2
//!
//! All integers are little-endian.
//!
//! ```text
//! header    16 bytes   magic 89 50 42 54 0d 0a 1a 0a, u16 major, u16 minor, u32 zero
//! block     any number, see below; references in order
//! footer    one block without references
//! trailer   24 bytes   u64 offset of the footer, u64 xxh3 of these eight bytes and the header,
//!                      magic "PBTEND\r\n"
//!
//! block     u32 magic "PBLK" (the footer: "PEND"), u32 references, u32 columns,
//!           u32 bytes of all that follows the block's header,
//!           then for each column 24 bytes: u16 tag, u8 codec (0 as it is, 1 zstd), u8 zero,
//!           u32 zero, u32 bytes unpacked, u32 bytes stored, u64 xxh3 of the stored bytes;
//!           u64 xxh3 of everything from the magic on; then the stored bytes of the columns
//! ```
//!
//! A reader skips columns whose tag it does not know: new columns raise the minor version only.
//!
//! | tag | in | content |
//! |---|---|---|
//! | 1 | block | burst lengths, u16 each (see [`encode`](super::bursts::encode)) |
//! | 2 | block | distinct pages per burst, u8 each |
//! | 3 | block | the bursts' pages in order of first reference, u32 each |
//! | 4 | block | one byte per reference: place in the burst's list × 4 + kind |
//! | 5 | block | references by distance within their burst, 1 to 64, then rewrites by the largest distance since, u32 each (see [`reuse_distances`](super::bursts::reuse_distances)); since 1.2, as the next four; all five are left out where bursts are short |
//! | 6 | block | for each listed page the largest distance up to and including its first write (of all its references if the burst does not write it), u8 each; then the largest after its last write |
//! | 7 | block | for each listed page the offset of its first reference from the burst's start, u16 |
//! | 8 | block | likewise the offset of its last reference, u16 |
//! | 9 | block | likewise 1 if the burst writes it, else 0, u8 |
//! | 10–15 | block | reserved: smaller bursts |
//! | 32 | footer | JSON: name, format, kind, addressing, page size, counts, digest |
//! | 33 | footer | process ids, u32 each, in order of first reference or event |
//! | 34 | footer | for each page its process, u32 each; left out with a single process |
//! | 35 | footer | for each page its number, as the u64 difference from the page before it |
//! | 36 | footer | for each block its offset in the file (u64) and its references (u64) |
//! | 37 | footer | events, a line of text each, in order; left out without events; since 1.1 |
//! | 38–47 | footer | reserved: resolved forms |
//!
//! A line of the events is `POSITION PID EVENT`: the number of references before it (decimal, never
//! less than in the line before), the process id, and the event as in the plain format; LF ends it.
//! Processes that occur only in events, children of forks too, are among the process ids. A reader
//! refuses a file with an event, or a word of one, that it does not know: no event may be skipped.
//! So a file is read by every program that knows its events, whichever version wrote it.
//!
//! # What is believed
//!
//! Nothing that a count depends on. The digest binds columns 1 to 4 and the pages and events of the footer;
//! every other column and count is held against the references ([`lists`], [`verify`]). Before that, what
//! the file says may take at most 64 MiB and 64 times its size ([`budget`]).
//!
//! A column of the footer may be split over several with the same tag, to be joined in order. A
//! block never begins with a continuation, so that blocks can be unpacked on their own.

mod budget;
mod events;
mod lists;
mod pack;
mod parts;
mod read;
mod verify;
mod write;

pub use read::Store;
pub use verify::Verifier;
pub use write::{Summary, Writer};

use super::model::access::{Addressing, TraceKind};
use super::model::digest;
use super::model::refs::Meta;
use crate::units::{PageSize, plain_name};
use serde::{Deserialize, Serialize};

/// What the user can do about a file that is damaged.
pub(in crate::trace) const DAMAGED: &str =
    "the file is damaged; copy it again, or convert the original again";

/// The first bytes of every `.pbt`. A transfer as text breaks them.
pub const MAGIC: [u8; 8] = *b"\x89PBT\r\n\x1a\n";
const END_MAGIC: [u8; 8] = *b"PBTEND\r\n";
const MAJOR: u16 = 1;
const MINOR: u16 = 2;
/// The version of the layout that is written, as `MAJOR.MINOR`.
pub const VERSION: &str = "1.2";
const _: () = assert!(
    matches!(VERSION.as_bytes(), [major, b'.', minor]
        if *major - b'0' == MAJOR as u8 && *minor - b'0' == MINOR as u8),
    "VERSION is MAJOR.MINOR"
);
const HEADER_BYTES: usize = 16;
const TRAILER_BYTES: usize = 24;

const BLOCK_MAGIC: [u8; 4] = *b"PBLK";
const FOOTER_MAGIC: [u8; 4] = *b"PEND";
const BLOCK_HEADER_BYTES: usize = 16;
const COLUMN_HEADER_BYTES: usize = 24;
/// Upper limit of the columns of a block; a larger number is a corrupt file.
const COLUMNS_MAX: usize = 100_000;

/// References of one block: the unit of unpacking and of work in parallel.
pub const BLOCK_REFS: usize = 1 << 20;
/// Upper limit of the references that a reader accepts in a block.
const BLOCK_REFS_MAX: u64 = 1 << 24;
/// Upper limit of the unpacked bytes of a column; longer footer columns are split.
const COLUMN_BYTES_MAX: usize = 1 << 27;

const TAG_LENGTHS: u16 = 1;
const TAG_COUNTS: u16 = 2;
const TAG_PAGES: u16 = 3;
const TAG_RAW: u16 = 4;
const TAG_WITHIN: u16 = 5;
const TAG_EDGES: u16 = 6;
const TAG_FIRST: u16 = 7;
const TAG_LAST: u16 = 8;
const TAG_WRITTEN: u16 = 9;
/// Columns that encode a block of references: bound by the digest. The lists of bursts may follow (see
/// [`List`](lists::List)). A reader skips every other tag.
const BLOCK_TAGS: [u16; 4] = [TAG_LENGTHS, TAG_COUNTS, TAG_PAGES, TAG_RAW];
const TAG_META: u16 = 32;
const TAG_PIDS: u16 = 33;
const TAG_PROCESSES: u16 = 34;
const TAG_NUMBERS: u16 = 35;
const TAG_INDEX: u16 = 36;
const TAG_EVENTS: u16 = 37;
/// Columns of the footer. The digest binds pages and events. Counts, and the sum of the index, are held
/// against the references (see [`Verifier`]). Names change no count.
const FOOTER_TAGS: [u16; 6] = [
    TAG_META,
    TAG_PIDS,
    TAG_PROCESSES,
    TAG_NUMBERS,
    TAG_INDEX,
    TAG_EVENTS,
];

const CODEC_NONE: u8 = 0;
const CODEC_ZSTD: u8 = 1;

/// An entry of the index: where a block is.
#[derive(Debug, Clone, Copy)]
struct BlockEntry {
    /// Offset of the block in the file, in bytes.
    offset: u64,
    /// Number of its references.
    refs: u64,
}

/// Counts of a block or of the whole trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// Bursts of at most 64 pages.
    bursts: u64,
    /// References by kind: ifetch, read, write.
    by_kind: [u64; 3],
    /// References that continue the access before them.
    continuations: u64,
}

impl Counts {
    /// Adds the counts of `block`.
    fn add(&mut self, block: &Counts) {
        self.bursts += block.bursts;
        self.continuations += block.continuations;
        for (sum, count) in self.by_kind.iter_mut().zip(block.by_kind) {
            *sum += count;
        }
    }
}

/// The JSON of the footer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct MetaJson {
    name: String,
    format: String,
    kind: TraceKind,
    addressing: Addressing,
    page_shift: u8,
    refs: u64,
    ifetches: u64,
    reads: u64,
    writes: u64,
    continuations: u64,
    bursts: u64,
    skipped: u64,
    digest: String,
    written_by: String,
}

impl MetaJson {
    fn new(meta: &Meta, counts: &Counts, digest: u128) -> MetaJson {
        let [ifetches, reads, writes] = counts.by_kind;
        MetaJson {
            name: meta.name.clone(),
            format: meta.format.clone(),
            kind: meta.kind,
            addressing: meta.addressing,
            page_shift: meta.page_size.shift(),
            refs: ifetches + reads + writes,
            ifetches,
            reads,
            writes,
            continuations: counts.continuations,
            bursts: counts.bursts,
            skipped: meta.skipped,
            digest: digest::show(digest),
            written_by: concat!("pagebench ", env!("CARGO_PKG_VERSION")).into(),
        }
    }

    /// Returns the counts.
    fn counts(&self) -> Counts {
        Counts {
            bursts: self.bursts,
            by_kind: [self.ifetches, self.reads, self.writes],
            continuations: self.continuations,
        }
    }

    /// Returns the metadata, its names made plain, or `None` if the page size is out of range.
    fn meta(&self) -> Option<Meta> {
        Some(Meta {
            name: plain_name(&self.name).into_owned(),
            format: plain_name(&self.format).into_owned(),
            kind: self.kind,
            addressing: self.addressing,
            page_size: PageSize::from_shift(self.page_shift)?,
            skipped: self.skipped,
        })
    }
}

/// Returns the checksum that every part of the file uses.
fn checksum(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod altered_tests;
#[cfg(test)]
mod tests;
