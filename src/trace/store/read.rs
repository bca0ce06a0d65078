//! Reading a `.pbt`. Nothing in the file is believed before its checksum holds, and no number in
//! it is used as a length or an index before it is checked: any bytes give a trace or an error.

use super::write::trailer_checksum;
use super::{events, *};
use crate::trace::burst;
use crate::trace::bursts::{self, Bursts};
use crate::trace::dense::{Dictionary, KindCode, PageKey, Ref, Trace};
use crate::trace::error::{Position, TraceError};
use crate::trace::event::EventAt;
use crate::trace::map::Bytes;
use rayon::prelude::*;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// An opened `.pbt`: what is known of the trace, its dictionary, and blocks to be unpacked.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    bytes: Bytes,
    /// What is known of the trace.
    pub meta: Meta,
    /// What the ids mean.
    pub dictionary: Dictionary,
    /// What happens to address spaces, in order.
    pub events: Vec<EventAt>,
    /// References by kind: ifetch, read, write.
    pub by_kind: [u64; 3],
    /// Bursts of at most 64 pages.
    pub bursts: u64,
    /// The digest of the stream of references.
    pub digest: u128,
    blocks: Vec<(u64, u64)>,
}

/// The columns that a reader of this version needs; others are of later minor versions.
const BLOCK_TAGS: [u16; 4] = [TAG_LENGTHS, TAG_COUNTS, TAG_PAGES, TAG_RAW];
/// The same without the references.
const ENCODED_TAGS: [u16; 3] = [TAG_LENGTHS, TAG_COUNTS, TAG_PAGES];
const FOOTER_TAGS: [u16; 6] = [
    TAG_META,
    TAG_PIDS,
    TAG_PROCESSES,
    TAG_NUMBERS,
    TAG_INDEX,
    TAG_EVENTS,
];

/// A column: its tag and its unpacked bytes.
type Column = (u16, Vec<u8>);

impl Store {
    /// Maps a file.
    pub fn open(path: &Path) -> Result<Store, TraceError> {
        let mut file = File::open(path).map_err(|e| TraceError::io(path, "cannot open", e))?;
        let bytes = Bytes::map(&mut file).map_err(|e| TraceError::io(path, "cannot read", e))?;
        Store::parse(path, bytes)
    }

    /// Reads a trace that is already in memory, as from standard input.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Store, TraceError> {
        Store::parse(path, Bytes::Owned(bytes))
    }

    fn parse(path: &Path, bytes: Bytes) -> Result<Store, TraceError> {
        let fail = |at: usize, what: &str| corrupt(path, at, what);
        if bytes.len() < HEADER_BYTES || bytes[..8] != MAGIC {
            return Err(fail(0, "this is no .pbt file"));
        }
        let major = u16::from_le_bytes([bytes[8], bytes[9]]);
        if major != MAJOR {
            return Err(TraceError::new(
                path,
                format!("version {major} of .pbt; this program reads version {MAJOR}"),
            )
            .help("convert the original again, or take the program that wrote it"));
        }
        let end = bytes.len();
        if end < HEADER_BYTES + TRAILER_BYTES || bytes[end - 8..] != END_MAGIC {
            return Err(fail(end, "the file is cut short: it has no end mark"));
        }
        let footer = u64_at(&bytes, end - TRAILER_BYTES);
        let sum = u64_at(&bytes, end - TRAILER_BYTES + 8);
        if sum != trailer_checksum(footer, &bytes[..HEADER_BYTES]) {
            return Err(fail(end - TRAILER_BYTES, "the end mark is corrupt"));
        }
        let span = footer.min(end as u64) as usize..end - TRAILER_BYTES;
        let (_, columns) = read_block(path, &bytes, span.clone(), FOOTER_MAGIC, &FOOTER_TAGS)?;
        let join = |tag: u16| -> Vec<u8> {
            columns
                .iter()
                .filter(|(t, _)| *t == tag)
                .flat_map(|(_, b)| b.iter().copied())
                .collect()
        };
        let json: MetaJson = serde_json::from_slice(&join(TAG_META))
            .map_err(|e| fail(span.start, &format!("the description is unreadable: {e}")))?;
        let meta = json
            .meta()
            .ok_or_else(|| fail(span.start, "the description has unknown values"))?;
        let digest = u128::from_str_radix(&json.digest, 16)
            .map_err(|_| fail(span.start, "the digest is no number"))?;
        let dictionary = dictionary(&join(TAG_PIDS), &join(TAG_PROCESSES), &join(TAG_NUMBERS))
            .map_err(|what| fail(span.start, what))?;
        let index = join(TAG_INDEX);
        let blocks: Vec<(u64, u64)> = index
            .chunks_exact(16)
            .map(|entry| (u64_at(entry, 0), u64_at(entry, 8)))
            .collect();
        let in_order = blocks.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let total = blocks
            .iter()
            .try_fold(0u64, |sum, (_, refs)| sum.checked_add(*refs));
        let inside = blocks.first().is_none_or(|b| b.0 >= HEADER_BYTES as u64)
            && blocks.last().is_none_or(|b| b.0 < footer)
            && blocks.iter().all(|b| b.1 <= BLOCK_REFS_MAX as u64);
        let by_kind = [json.ifetches, json.reads, json.writes];
        let counted = by_kind.iter().try_fold(0u64, |sum, n| sum.checked_add(*n));
        if !in_order || !inside || total != Some(json.refs) || counted != Some(json.refs) {
            return Err(fail(span.start, "the index of blocks is corrupt"));
        }
        let events = events::decode(&join(TAG_EVENTS), &dictionary, meta.addressing, json.refs)
            .map_err(|what| fail(span.start, &what))?;
        let path = path.to_path_buf();
        Ok(Store {
            path,
            bytes,
            meta,
            dictionary,
            events,
            by_kind,
            bursts: json.bursts,
            digest,
            blocks,
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of references.
    pub fn refs(&self) -> u64 {
        self.by_kind.iter().sum()
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The number of references of one block.
    pub fn block_refs(&self, block: usize) -> u64 {
        self.blocks[block].1
    }

    /// Unpacks one block, appending its references.
    pub fn unpack(
        &self,
        block: usize,
        refs: &mut Vec<Ref>,
        kinds: &mut Vec<KindCode>,
    ) -> Result<(), TraceError> {
        let (start, count) = (refs.len(), self.blocks[block].1 as usize);
        refs.resize(start + count, 0);
        kinds.resize(start + count, 0);
        self.unpack_into(block, &mut refs[start..], &mut kinds[start..])
    }

    /// Unpacks one block into slices of its length.
    fn unpack_into(
        &self,
        block: usize,
        refs: &mut [Ref],
        kinds: &mut [KindCode],
    ) -> Result<(), TraceError> {
        let encoded = self.encoded(block)?;
        let distinct = self.dictionary.pages.len();
        burst::decode_into(encoded.view(), distinct, refs, kinds)
            .map_err(|what| corrupt(&self.path, self.blocks[block].0 as usize, what))
    }

    /// One block as it was encoded.
    fn encoded(&self, block: usize) -> Result<burst::Bursts, TraceError> {
        Ok(self.columns(block, &BLOCK_TAGS)?.0)
    }

    /// Columns of one block: as it was encoded, and those of the tags that are not part of that,
    /// in their order; empty where there are none.
    fn columns(
        &self,
        block: usize,
        tags: &[u16],
    ) -> Result<(burst::Bursts, Vec<Vec<u8>>), TraceError> {
        let (offset, count) = self.blocks[block];
        let start = offset as usize;
        let end = self
            .blocks
            .get(block + 1)
            .map_or(self.bytes.len() - TRAILER_BYTES, |next| next.0 as usize);
        let (stored, mut columns) =
            read_block(&self.path, &self.bytes, start..end, BLOCK_MAGIC, tags)?;
        let mut column = |tag: u16| {
            let found = columns.iter_mut().find(|(t, _)| *t == tag);
            found.map_or(Vec::new(), |(_, bytes)| std::mem::take(bytes))
        };
        let encoded = burst::Bursts {
            lengths: column(TAG_LENGTHS)
                .chunks_exact(2)
                .map(|b| u16::from_le_bytes([b[0], b[1]]))
                .collect(),
            counts: column(TAG_COUNTS),
            pages: column(TAG_PAGES)
                .chunks_exact(4)
                .map(|b| u32_at(b, 0))
                .collect(),
            raw: column(TAG_RAW),
        };
        let refs = match tags.contains(&TAG_RAW) {
            true => encoded.raw.len() as u64,
            false => encoded.lengths.iter().map(|&n| u64::from(n)).sum(),
        };
        if u64::from(stored) != count || refs != count {
            let what = "the block has another number of references than the index says";
            return Err(corrupt(&self.path, start, what));
        }
        let more = tags.iter().filter(|tag| !BLOCK_TAGS.contains(tag));
        Ok((encoded, more.map(|&tag| column(tag)).collect()))
    }

    /// Whether the references are kept as bursts in memory: they take less there.
    pub fn is_local(&self) -> bool {
        bursts::worth_while(self.bursts, self.refs())
    }

    /// Memory that the references take in a replay, roughly and at most, in bytes: one by one five
    /// and what is worked out of them; as bursts one and ten for each listed page, and as much again
    /// for lists of smaller bursts.
    pub fn memory(&self) -> u64 {
        let listed = self.bursts.saturating_mul(bursts::K_MAX as u64);
        match self.is_local() {
            true => self.refs().saturating_add(listed.saturating_mul(20)),
            false => self.refs().saturating_mul(8),
        }
    }

    /// Takes everything into memory, blocks in parallel, and holds it against the digest.
    pub fn load(self) -> Result<Trace, TraceError> {
        let trace = match self.is_local() {
            true => {
                let bursts = self.load_bursts()?;
                Trace::of_bursts(self.meta, self.dictionary, bursts, None)
            }
            false => {
                let (refs, kinds) = self.load_references()?;
                Trace::new(self.meta, self.dictionary, refs, kinds, None)
            }
        };
        let trace = trace.with_events(self.events);
        if trace.digest() != self.digest {
            let what =
                "the references and events are not those of the digest that the file carries";
            return Err(corrupt(&self.path, 0, what));
        }
        Ok(trace)
    }

    fn load_bursts(&self) -> Result<Bursts, TraceError> {
        let mut raw = vec![0; self.refs() as usize];
        let blocks = self.places(&mut raw).into_par_iter().enumerate();
        let blocks = blocks.map(|(block, (start, raw))| self.block(block, start, Some(raw)));
        let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
        Ok(Bursts::join(0, self.refs(), raw, blocks))
    }

    /// Takes into memory what can be told without looking at single references: how often pages
    /// follow each other at which distance, but not which reference is of which page. Takes
    /// everything where that is not stored, or where locality is poor.
    pub fn load_lists(self) -> Result<Trace, TraceError> {
        if !self.is_local() || !self.events.is_empty() {
            return self.load();
        }
        let starts = self.starts();
        let blocks = starts.into_par_iter().enumerate();
        let blocks = blocks.map(|(block, start)| self.block(block, start, None));
        let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
        if blocks.iter().any(|block| block.within.is_none()) {
            return self.load();
        }
        let bursts = Bursts::join(0, self.refs(), Vec::new(), blocks);
        let digest = Some(self.digest);
        Ok(Trace::of_bursts(self.meta, self.dictionary, bursts, digest))
    }

    /// The bursts of one block, which begins at a position.
    pub fn bursts_of(&self, block: usize, start: u64) -> Result<Bursts, TraceError> {
        let mut raw = vec![0; self.block_refs(block) as usize];
        let decoded = self.block(block, start, Some(&mut raw))?;
        let end = start + raw.len() as u64;
        Ok(Bursts::join(start, end, raw, vec![decoded]))
    }

    /// What one block says, which begins at a position: its references, which are put into `raw`, or
    /// its lists only.
    fn block(
        &self,
        block: usize,
        start: u64,
        raw: Option<&mut [u8]>,
    ) -> Result<bursts::Block, TraceError> {
        let distinct = self.dictionary.pages.len();
        let fail = |what| corrupt(&self.path, self.blocks[block].0 as usize, what);
        let tags = match &raw {
            Some(_) => [&BLOCK_TAGS[..], &LIST_TAGS].concat(),
            None => [&ENCODED_TAGS[..], &LIST_TAGS].concat(),
        };
        let (encoded, lists) = self.columns(block, &tags)?;
        let stored = match lists.as_slice() {
            [within, edges, lists @ ..] if !within.is_empty() => {
                let refs = self.block_refs(block) as usize;
                let lists = lists::decode(start, encoded.view(), lists, distinct).map_err(fail)?;
                let within = [&within[..], edges];
                let within = lists::decode_within(within, encoded.pages.len(), refs);
                Some((lists, within.map_err(fail)?))
            }
            _ => None,
        };
        let mut block = match raw {
            Some(raw) => {
                raw.copy_from_slice(&encoded.raw);
                bursts::Block::decode(start, encoded.view(), distinct, raw).map_err(fail)?
            }
            None => bursts::Block::default(),
        };
        if let Some((lists, within)) = stored {
            if block.columns != lists && !encoded.raw.is_empty() {
                return Err(fail("its lists are not those of its references"));
            }
            (block.columns, block.within) = (lists, Some(within));
        }
        Ok(block)
    }

    fn load_references(&self) -> Result<(Vec<Ref>, Vec<KindCode>), TraceError> {
        let total = self.refs() as usize;
        let (mut refs, mut kinds) = (vec![0; total], vec![0; total]);
        let places = self.places(&mut refs).into_par_iter();
        places
            .zip(self.places(&mut kinds))
            .enumerate()
            .try_for_each(|(block, ((_, refs), (_, kinds)))| {
                self.unpack_into(block, refs, kinds)
            })?;
        Ok((refs, kinds))
    }

    /// The position at which each block begins.
    fn starts(&self) -> Vec<u64> {
        let mut end = 0;
        let begin = |&(_, count): &(u64, u64)| {
            end += count;
            end - count
        };
        self.blocks.iter().map(begin).collect()
    }

    /// Where each block begins, and its part of something that there is for each reference.
    fn places<'a, T>(&self, all: &'a mut [T]) -> Vec<(u64, &'a mut [T])> {
        let mut left = all;
        let mut places = Vec::with_capacity(self.blocks.len());
        for (start, &(_, count)) in self.starts().into_iter().zip(&self.blocks) {
            let (block, rest) = left.split_at_mut(count as usize);
            places.push((start, block));
            left = rest;
        }
        places
    }
}

fn corrupt(path: &Path, at: usize, what: &str) -> TraceError {
    TraceError::new(path, what)
        .at(Position::Byte(at as u64))
        .help("the file is damaged; copy it again, or convert the original again")
}

/// The references and the columns of the block in `span` of the file; only those
/// `wanted` are unpacked.
fn read_block(
    path: &Path,
    bytes: &[u8],
    span: Range<usize>,
    magic: [u8; 4],
    wanted: &[u16],
) -> Result<(u32, Vec<Column>), TraceError> {
    let fail = |what: &str| corrupt(path, span.start, what);
    let block = bytes
        .get(span.clone())
        .ok_or_else(|| fail("a block lies outside the file"))?;
    if block.len() < BLOCK_HEADER_BYTES + 8 || block[..4] != magic {
        return Err(fail("a block does not begin where it should"));
    }
    let (refs, columns) = (u32_at(block, 4), u32_at(block, 8) as usize);
    let head = BLOCK_HEADER_BYTES + columns.min(COLUMNS_MAX) * COLUMN_HEADER_BYTES;
    if columns > COLUMNS_MAX
        || block.len() < head + 8
        || u64_at(block, head) != checksum(&block[..head])
    {
        return Err(fail("the header of a block is corrupt"));
    }
    let mut found: Vec<Column> = Vec::new();
    // A reference takes at most eight bytes of all columns together: more is no trace, and would
    // only take memory.
    let mut room = if magic == BLOCK_MAGIC {
        refs as usize * 16 + 1024
    } else {
        usize::MAX
    };
    let mut rest = &block[head + 8..];
    for column in block[BLOCK_HEADER_BYTES..head].chunks_exact(COLUMN_HEADER_BYTES) {
        let tag = u16::from_le_bytes([column[0], column[1]]);
        let (raw, stored) = (u32_at(column, 8) as usize, u32_at(column, 12) as usize);
        let payload = rest
            .get(..stored)
            .ok_or_else(|| fail("a column is cut short"))?;
        rest = &rest[stored..];
        // What stands beside what is wanted is small, and held against its checksum all the same.
        let wanted = wanted.contains(&tag);
        if !wanted && tag == TAG_RAW {
            continue;
        }
        if wanted && raw > room {
            return Err(fail("a column is larger than its block can be"));
        }
        room -= if wanted { raw } else { 0 };
        if checksum(payload) != u64_at(column, 16) {
            return Err(fail("the checksum of a column does not hold"));
        }
        if !wanted {
            continue;
        }
        found.push((
            tag,
            unpack_column(column[2], payload, raw)
                .ok_or_else(|| fail("a column cannot be unpacked"))?,
        ));
    }
    Ok((refs, found))
}

fn unpack_column(codec: u8, payload: &[u8], raw: usize) -> Option<Vec<u8>> {
    let bytes = match codec {
        CODEC_NONE => payload.to_vec(),
        CODEC_ZSTD if raw <= COLUMN_BYTES_MAX => zstd::bulk::decompress(payload, raw).ok()?,
        _ => return None,
    };
    (bytes.len() == raw).then_some(bytes)
}

fn dictionary(pids: &[u8], processes: &[u8], numbers: &[u8]) -> Result<Dictionary, &'static str> {
    let pids: Vec<u32> = pids.chunks_exact(4).map(|b| u32_at(b, 0)).collect();
    let count = numbers.len() / 8;
    if pids.len() > 1 && processes.len() != count * 4 || pids.is_empty() && count > 0 {
        return Err("the dictionary of pages is corrupt");
    }
    let mut number = 0u64;
    let mut pages = Vec::with_capacity(count);
    for (id, delta) in numbers.chunks_exact(8).enumerate() {
        number = number.wrapping_add(u64_at(delta, 0));
        let process = if pids.len() > 1 {
            u32_at(processes, id * 4)
        } else {
            0
        };
        if process as usize >= pids.len() {
            return Err("the dictionary of pages names an unknown process");
        }
        pages.push(PageKey { process, number });
    }
    Ok(Dictionary { pids, pages })
}
