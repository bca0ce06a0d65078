//! Writing a `.pbt`: references go in, full blocks go out compressed (see `pack`). Memory is a few
//! blocks, the events and the dictionary, however long the trace is.

use super::pack::{Block, Columns, Packing};
use super::{events, *};
use crate::trace::dense::{CONTINUES, Dictionary, KindCode, Ref};
use crate::trace::digest::{self, Digest};
use crate::trace::event::EventAt;
use crate::trace::select::Sink;
use std::io::{self, Write};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// References.
    pub refs: u64,
    /// Distinct pages.
    pub distinct: u64,
    /// Bursts of at most 64 pages. Few references per burst mean poor locality.
    pub bursts: u64,
    /// The digest of the stream of references.
    pub digest: u128,
    /// Bytes of the file.
    pub bytes: u64,
}

/// So many references go into the digest at once, if they come so: fewer are not worth a call.
const DIGEST_AT_ONCE: usize = 2048;

/// Writes a trace to any sink that takes bytes in order; nothing is patched afterwards.
pub struct Writer<W: Write> {
    out: W,
    offset: u64,
    level: i32,
    packing: Packing,
    /// The references of the block that is not full.
    block: Block,
    /// Kept to the end: only then all processes have their ids.
    events: Vec<EventAt>,
    digest: Digest,
    /// How many references of the block the digest has.
    digested: usize,
    index: Vec<(u64, u64)>,
    by_kind: [u64; 3],
    continuations: u64,
    bursts: u64,
    /// What failed first where it could not be told at once; see [`Sink`].
    failed: Option<io::Error>,
}

impl<W: Write> Sink for Writer<W> {
    /// A failure is told by [`Writer::finish`].
    #[inline]
    fn reference(&mut self, reference: Ref, kind: KindCode) {
        if self.failed.is_none() {
            self.failed = self.push(reference, kind).err();
        }
    }

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
        Writer::with_threads(out, level, Packing::threads())
    }

    /// Like [`Writer::new`], packed by at most so many threads; the bytes are the same.
    pub(super) fn with_threads(out: W, level: i32, threads: usize) -> io::Result<Writer<W>> {
        let mut writer = Writer {
            out,
            offset: 0,
            level,
            packing: Packing::new(level, threads)?,
            block: Block::default(),
            events: Vec::new(),
            digest: Digest::default(),
            digested: 0,
            index: Vec::new(),
            by_kind: [0; 3],
            continuations: 0,
            bursts: 0,
            failed: None,
        };
        writer.put(&header())?;
        Ok(writer)
    }

    /// Takes the next reference.
    #[inline]
    pub fn push(&mut self, reference: Ref, kind: KindCode) -> io::Result<()> {
        // A block begins with the first reference of an access, so a long access may overfill
        // the block before it a little.
        if self.block.refs.len() >= BLOCK_REFS && kind & CONTINUES == 0 {
            self.flush_block()?;
        }
        self.block.refs.push(reference);
        self.block.kinds.push(kind);
        Ok(())
    }

    /// Takes the next references, as many of the one as of the other: [`Writer::push`] at once.
    pub fn push_all(&mut self, mut refs: &[Ref], mut kinds: &[KindCode]) -> io::Result<()> {
        while !kinds.is_empty() {
            let mut take = BLOCK_REFS.saturating_sub(self.block.refs.len());
            if take == 0 {
                take = kinds.iter().take_while(|&k| k & CONTINUES != 0).count();
                if take == 0 {
                    self.flush_block()?;
                    continue;
                }
            }
            let take = take.min(kinds.len());
            self.block.refs.extend_from_slice(&refs[..take]);
            self.block.kinds.extend_from_slice(&kinds[..take]);
            // While they are in the cache.
            if self.block.refs.len() - self.digested >= DIGEST_AT_ONCE {
                self.digest();
            }
            (refs, kinds) = (&refs[take..], &kinds[take..]);
        }
        Ok(())
    }

    /// Takes an event, which stands behind the references pushed so far.
    pub fn event(&mut self, event: EventAt) {
        self.digest.event(&event);
        self.events.push(event);
    }

    /// Takes what the digest does not have of the block into it.
    fn digest(&mut self) {
        let (refs, kinds) = (&self.block.refs, &self.block.kinds);
        self.digest
            .update(&refs[self.digested..], &kinds[self.digested..]);
        self.digested = refs.len();
    }

    fn flush_block(&mut self) -> io::Result<()> {
        if self.block.refs.is_empty() {
            return Ok(());
        }
        self.digest();
        self.digested = 0;
        let block = std::mem::take(&mut self.block);
        self.with_packing(|packing, write| packing.give(block, write))
            .map(|empty| self.block = empty)
    }

    /// Lets `act` hand packed blocks over, which are written and counted.
    fn with_packing<T>(
        &mut self,
        act: impl FnOnce(&mut Packing, &mut dyn FnMut(&Block) -> io::Result<()>) -> io::Result<T>,
    ) -> io::Result<T> {
        act(&mut self.packing, &mut |block| {
            self.index.push((self.offset, block.refs.len() as u64));
            self.bursts += block.bursts;
            self.continuations += block.continuations;
            for (sum, n) in self.by_kind.iter_mut().zip(block.by_kind) {
                *sum += n;
            }
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

    /// Ends the file: the dictionary, what is known of the trace, and the index of blocks.
    /// Returns the sink and what was written.
    pub fn finish(mut self, meta: &Meta, dictionary: &Dictionary) -> io::Result<(W, Summary)> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.flush_block()?;
        self.with_packing(|packing, write| packing.finish(write))?;
        let digest = std::mem::take(&mut self.digest).finish(meta, dictionary);
        let json = MetaJson {
            name: meta.name.clone(),
            format: meta.format.clone(),
            kind: meta.kind.name().into(),
            addressing: if meta.addressing == Addressing::Ids {
                "ids"
            } else {
                "bytes"
            }
            .into(),
            page_shift: meta.page_size.shift(),
            refs: self.by_kind.iter().sum(),
            ifetches: self.by_kind[0],
            reads: self.by_kind[1],
            writes: self.by_kind[2],
            continuations: self.continuations,
            bursts: self.bursts,
            skipped: meta.skipped,
            digest: digest::show(digest),
            written_by: concat!("pagebench ", env!("CARGO_PKG_VERSION")).into(),
        };
        let mut columns = vec![(TAG_META, serde_json::to_vec(&json)?)];
        split(
            &mut columns,
            TAG_PIDS,
            dictionary
                .pids
                .iter()
                .flat_map(|p| p.to_le_bytes())
                .collect(),
        );
        if dictionary.pids.len() > 1 {
            let processes = dictionary
                .pages
                .iter()
                .flat_map(|p| p.process.to_le_bytes())
                .collect();
            split(&mut columns, TAG_PROCESSES, processes);
        }
        split(&mut columns, TAG_NUMBERS, deltas(dictionary));
        let index = self
            .index
            .iter()
            .flat_map(|(offset, refs)| [*offset, *refs]);
        split(
            &mut columns,
            TAG_INDEX,
            index.flat_map(u64::to_le_bytes).collect(),
        );
        let events = events::encode(&self.events, dictionary);
        split(&mut columns, TAG_EVENTS, events);
        let footer = self.offset;
        let columns: Vec<(u16, &[u8])> = columns.iter().map(|(t, b)| (*t, &b[..])).collect();
        let mut bytes = Vec::new();
        Columns::new(self.level)?.put(FOOTER_MAGIC, 0, &columns, &mut bytes)?;
        self.put(&bytes)?;
        let mut trailer = footer.to_le_bytes().to_vec();
        trailer.extend_from_slice(&trailer_checksum(footer, &header()).to_le_bytes());
        trailer.extend_from_slice(&END_MAGIC);
        self.put(&trailer)?;
        self.out.flush()?;
        let summary = Summary {
            refs: json.refs,
            distinct: dictionary.pages.len() as u64,
            bursts: self.bursts,
            digest,
            bytes: self.offset,
        };
        Ok((self.out, summary))
    }
}

/// The first bytes of the file.
fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..10].copy_from_slice(&MAJOR.to_le_bytes());
    header[10..12].copy_from_slice(&MINOR.to_le_bytes());
    header
}

/// The checksum in the trailer: it covers what no block's checksum does.
pub(super) fn trailer_checksum(footer: u64, header: &[u8]) -> u64 {
    checksum(&[&footer.to_le_bytes()[..], header].concat())
}

/// Neighbours in order of first reference are often neighbours in memory: differences pack well.
fn deltas(dictionary: &Dictionary) -> Vec<u8> {
    let mut before = 0u64;
    let mut bytes = Vec::with_capacity(dictionary.pages.len() * 8);
    for key in &dictionary.pages {
        bytes.extend_from_slice(&key.number.wrapping_sub(before).to_le_bytes());
        before = key.number;
    }
    bytes
}

fn split(columns: &mut Vec<(u16, Vec<u8>)>, tag: u16, bytes: Vec<u8>) {
    columns.extend(
        bytes
            .chunks(COLUMN_BYTES_MAX)
            .map(|piece| (tag, piece.to_vec())),
    );
}
