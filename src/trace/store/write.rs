//! Writing a `.pbt`: references go in, full blocks go out compressed (see `pack`). Memory is a few
//! blocks, the events and the dictionary, however long the trace is.

use super::budget::{Budget, event_bytes, footer_bytes};
use super::pack::{ColumnWriter, PackPool, PackedBlock};
use super::{events, *};
use crate::trace::model::digest::Digest;
use crate::trace::model::event::EventAt;
use crate::trace::model::refs::{CONTINUES, Dictionary, KindCode, Ref, References};
use crate::trace::model::sink::Sink;
use std::io::{self, Write};

/// Counts of a written file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Number of references.
    pub refs: u64,
    /// Number of distinct pages.
    pub distinct: u64,
    /// Number of bursts of at most 64 pages. Few references per burst mean poor locality.
    pub bursts: u64,
    /// Digest of the references and events.
    pub digest: u128,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// [`Writer::push_all`] updates the digest once this many references are pending, while they are in
/// the cache.
const DIGEST_AT_ONCE: usize = 2048;

/// Writes a trace to any output that takes bytes in order; nothing is patched afterwards.
pub struct Writer<W: Write> {
    out: W,
    offset: u64,
    level: i32,
    pool: PackPool,
    /// The references of the block that is not full.
    block: References,
    /// Kept to the end: only then all processes have their ids.
    events: Vec<EventAt>,
    digest: Digest,
    /// How many references of `block` are in the digest.
    digested: usize,
    index: Vec<BlockEntry>,
    counts: Counts,
    /// The first failure of a `Sink` method, none of which can return one.
    failed: Option<io::Error>,
}

impl<W: Write> Sink for Writer<W> {
    /// Takes the next references. [`Writer::finish`] returns a failure.
    fn references(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        if self.failed.is_none() {
            self.failed = self.push_all(refs, kinds).err();
        }
    }

    fn event(&mut self, event: EventAt) {
        Writer::event(self, event);
    }

    fn wants_more(&self) -> bool {
        self.failed.is_none()
    }
}

impl<W: Write> Writer<W> {
    /// Begins a file. `level` is zstd's, 1 (fast) to 19 (small).
    pub fn new(out: W, level: i32) -> io::Result<Writer<W>> {
        Writer::with_threads(out, level, PackPool::threads())
    }

    /// Like [`Writer::new`], with at most `threads` threads beside the calling one, which packs the
    /// blocks alone if there are none. Their number does not change the bytes.
    pub fn with_threads(out: W, level: i32, threads: usize) -> io::Result<Writer<W>> {
        let mut writer = Writer {
            out,
            offset: 0,
            level,
            pool: PackPool::new(level, threads)?,
            block: References::default(),
            events: Vec::new(),
            digest: Digest::default(),
            digested: 0,
            index: Vec::new(),
            counts: Counts::default(),
            failed: None,
        };
        writer.put(&header())?;
        Ok(writer)
    }

    /// Takes the next references. `refs` and `kinds` have the same length. Pieces of any size make
    /// the same file.
    pub fn push_all(&mut self, mut refs: &[Ref], mut kinds: &[KindCode]) -> io::Result<()> {
        while !kinds.is_empty() {
            let mut take = BLOCK_REFS.saturating_sub(self.block.len());
            if take == 0 {
                // A block begins with the first reference of an access, so that a long access may
                // overfill the block before it a little.
                take = kinds.iter().take_while(|&k| k & CONTINUES != 0).count();
                if take == 0 {
                    self.flush_block()?;
                    continue;
                }
            }
            let take = take.min(kinds.len());
            self.block.extend(&refs[..take], &kinds[..take]);
            if self.block.len() - self.digested >= DIGEST_AT_ONCE {
                self.digest();
            }
            (refs, kinds) = (&refs[take..], &kinds[take..]);
        }
        Ok(())
    }

    /// Takes an event that follows the references pushed so far.
    pub fn event(&mut self, event: EventAt) {
        self.digest.event(&event);
        self.events.push(event);
    }

    /// Updates the digest with the references of the block that are not in it yet.
    fn digest(&mut self) {
        let References { refs, kinds } = &self.block;
        self.digest
            .update(&refs[self.digested..], &kinds[self.digested..]);
        self.digested = refs.len();
    }

    fn flush_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.digest();
        self.digested = 0;
        let block = std::mem::take(&mut self.block);
        self.with_pool(|pool, write| pool.submit(block, write))
            .map(|empty| self.block = empty)
    }

    /// Calls `act` with the pool and with a function that writes and counts a packed block.
    fn with_pool<T>(
        &mut self,
        act: impl FnOnce(&mut PackPool, &mut dyn FnMut(&PackedBlock) -> io::Result<()>) -> io::Result<T>,
    ) -> io::Result<T> {
        act(&mut self.pool, &mut |block| {
            self.index.push(BlockEntry {
                offset: self.offset,
                refs: block.counts.by_kind.iter().sum(),
            });
            self.counts.add(&block.counts);
            self.out.write_all(&block.bytes)?;
            self.offset += block.bytes.len() as u64;
            Ok(())
        })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Ends the file: writes dictionary, metadata, events and the index of blocks. Returns the output
    /// and the counts. Errors also for an earlier failure of a `Sink` method.
    pub fn finish(mut self, meta: &Meta, dictionary: &Dictionary) -> io::Result<(W, Summary)> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.flush_block()?;
        self.with_pool(|pool, write| pool.finish(write))?;
        let digest = std::mem::take(&mut self.digest).finish(meta, dictionary);
        let json = MetaJson::new(meta, &self.counts, digest);
        let footer = self.offset;
        self.put_footer(&json, dictionary)?;
        self.put_trailer(footer)?;
        self.out.flush()?;
        let summary = Summary {
            refs: json.refs,
            distinct: dictionary.pages.len() as u64,
            bursts: json.bursts,
            digest,
            bytes: self.offset,
        };
        Ok((self.out, summary))
    }

    fn put_footer(&mut self, json: &MetaJson, dictionary: &Dictionary) -> io::Result<()> {
        let Dictionary { pids, pages } = dictionary;
        let pids_column = pids.iter().flat_map(|pid| pid.to_le_bytes());
        let mut columns = vec![
            (TAG_META, serde_json::to_vec(json)?),
            (TAG_PIDS, pids_column.collect()),
        ];
        if pids.len() > 1 {
            let processes = pages.iter().flat_map(|page| page.process.to_le_bytes());
            columns.push((TAG_PROCESSES, processes.collect()));
        }
        let index = self
            .index
            .iter()
            .flat_map(|block| [block.offset, block.refs]);
        columns.push((TAG_NUMBERS, deltas(dictionary)));
        columns.push((TAG_INDEX, index.flat_map(u64::to_le_bytes).collect()));
        columns.push((TAG_EVENTS, events::encode(&self.events, dictionary)));
        // An empty column has no piece and is left out.
        let pieces = columns.iter().flat_map(|(tag, column)| {
            let pieces = column.chunks(COLUMN_BYTES_MAX);
            pieces.map(|piece| (*tag, piece))
        });
        let pieces: Vec<(u16, &[u8])> = pieces.collect();
        let mut bytes = Vec::new();
        let mut writer = ColumnWriter::new(self.level)?;
        writer.put(FOOTER_MAGIC, 0, &pieces, true, &mut bytes)?;
        if !self.is_readable(&columns, bytes.len()) {
            bytes.clear();
            writer.put(FOOTER_MAGIC, 0, &pieces, false, &mut bytes)?;
        }
        self.put(&bytes)
    }

    /// Returns whether a reader will take these columns of the footer from a file whose footer has
    /// `footer` bytes: if events repeat themselves, they may be compressed too well.
    fn is_readable(&self, columns: &[(u16, Vec<u8>)], footer: usize) -> bool {
        let mut budget = Budget::of(self.offset + footer as u64 + TRAILER_BYTES as u64);
        columns.iter().all(|(tag, bytes)| {
            let events = if *tag == TAG_EVENTS {
                event_bytes(bytes)
            } else {
                0
            };
            let takes = footer_bytes(*tag, bytes.len() as u64) + events;
            budget.take(takes, "the footer").is_ok()
        })
    }

    fn put_trailer(&mut self, footer: u64) -> io::Result<()> {
        let mut trailer = footer.to_le_bytes().to_vec();
        trailer.extend_from_slice(&trailer_checksum(footer, &header()).to_le_bytes());
        trailer.extend_from_slice(&END_MAGIC);
        self.put(&trailer)
    }
}

/// Returns the first bytes of the file.
fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..10].copy_from_slice(&MAJOR.to_le_bytes());
    header[10..12].copy_from_slice(&MINOR.to_le_bytes());
    header
}

/// Returns the checksum of the trailer: it covers the bytes that no block's checksum covers.
pub(super) fn trailer_checksum(footer: u64, header: &[u8]) -> u64 {
    checksum(&[&footer.to_le_bytes()[..], header].concat())
}

/// Returns the page numbers as differences. Neighbours in order of first reference are often
/// neighbours in memory, so that these pack well.
fn deltas(dictionary: &Dictionary) -> Vec<u8> {
    let mut before = 0u64;
    let mut bytes = Vec::with_capacity(dictionary.pages.len() * 8);
    for key in &dictionary.pages {
        bytes.extend_from_slice(&key.number.wrapping_sub(before).to_le_bytes());
        before = key.number;
    }
    bytes
}
