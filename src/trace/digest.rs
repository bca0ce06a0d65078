//! The digest of a trace: a hash of its logical stream of references. Two files with the same
//! references have the same digest, whatever their format, codec or block layout, so that a
//! re-encoded trace keeps its baseline; any other reference, order, kind or page size changes it.
//!
//! Process ids count by order of first reference only: they differ from recording to recording.

use super::dense::{Dictionary, KindCode, Meta, Ref};
use super::record::Addressing;
use xxhash_rust::xxh3::Xxh3;

/// Takes the references in pieces of any size; the pieces do not matter.
#[derive(Default)]
pub struct Digest {
    refs: Xxh3,
    kinds: Xxh3,
    count: u64,
    scratch: Vec<u8>,
}

impl Digest {
    /// Takes the next references.
    pub fn update(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        // Hashed as little-endian bytes, so that every machine agrees.
        for piece in refs.chunks(16 * 1024) {
            self.scratch.clear();
            self.scratch
                .extend(piece.iter().flat_map(|r| r.to_le_bytes()));
            self.refs.update(&self.scratch);
        }
        self.kinds.update(kinds);
        self.count += refs.len() as u64;
    }

    /// The digest of all references taken, for this page size and these pages.
    pub fn finish(self, meta: &Meta, dictionary: &Dictionary) -> u128 {
        let mut whole = Xxh3::new();
        whole.update(b"pagebench digest 1");
        whole.update(&[
            meta.page_size.shift(),
            u8::from(meta.addressing == Addressing::Ids),
        ]);
        whole.update(&self.count.to_le_bytes());
        whole.update(&self.refs.digest128().to_le_bytes());
        whole.update(&self.kinds.digest128().to_le_bytes());
        for key in &dictionary.pages {
            whole.update(&key.process.to_le_bytes());
            whole.update(&key.number.to_le_bytes());
        }
        whole.digest128()
    }
}

/// The digest as it stands in results: 32 hexadecimal digits.
pub fn show(digest: u128) -> String {
    format!("{digest:032x}")
}
