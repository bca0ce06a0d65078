//! Reading a `.pbt`: what its parts mean. No number in the file is used as a length or an index before
//! it is checked: any bytes give a trace or an error.

use super::lists::StoredLists;
use super::parts::{block_index, corrupt, footer_span, read_block};
use super::{events, *};
use crate::trace::bursts::encode;
use crate::trace::bursts::{self, Bursts};
use crate::trace::codec::mmap::Bytes;
use crate::trace::model::error::TraceError;
use crate::trace::model::event::EventAt;
use crate::trace::model::refs::{Dictionary, KindCode, PageKey, Ref, References};
use crate::trace::model::tile::Tile;
use rayon::prelude::*;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An opened `.pbt`: metadata, dictionary and events of the trace, and its blocks, still packed.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    bytes: Bytes,
    /// Metadata.
    pub meta: Meta,
    /// Processes and pages by dense id.
    pub dictionary: Arc<Dictionary>,
    /// Events of address spaces, in order.
    pub events: Vec<EventAt>,
    /// References by kind: ifetch, read, write.
    pub by_kind: [u64; 3],
    /// Number of bursts of at most 64 pages.
    pub bursts: u64,
    /// Digest of the references and events.
    pub digest: u128,
    blocks: Vec<BlockEntry>,
}

const FOOTER_TAGS: [u16; 6] = [
    TAG_META,
    TAG_PIDS,
    TAG_PROCESSES,
    TAG_NUMBERS,
    TAG_INDEX,
    TAG_EVENTS,
];

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
        let span = footer_span(path, &bytes)?;
        let fail = |what: &str| corrupt(path, span.start, what);
        let (_, columns) = read_block(path, &bytes, span.clone(), FOOTER_MAGIC, &FOOTER_TAGS)?;
        let join = |tag: u16| -> Vec<u8> {
            columns
                .iter()
                .filter(|(t, _)| *t == tag)
                .flat_map(|(_, b)| b.iter().copied())
                .collect()
        };
        let json: MetaJson = serde_json::from_slice(&join(TAG_META))
            .map_err(|e| fail(&format!("the description is unreadable: {e}")))?;
        let meta = json
            .meta()
            .ok_or_else(|| fail("the description has an impossible page size"))?;
        let digest =
            u128::from_str_radix(&json.digest, 16).map_err(|_| fail("the digest is no number"))?;
        let dictionary =
            dictionary(&join(TAG_PIDS), &join(TAG_PROCESSES), &join(TAG_NUMBERS)).map_err(fail)?;
        let by_kind = [json.ifetches, json.reads, json.writes];
        let counted = by_kind.iter().try_fold(0u64, |sum, n| sum.checked_add(*n));
        let blocks = block_index(&join(TAG_INDEX), span.start as u64, json.refs)
            .filter(|_| counted == Some(json.refs))
            .ok_or_else(|| fail("the index of blocks is corrupt"))?;
        let events = events::decode(&join(TAG_EVENTS), &dictionary, meta.addressing, json.refs)
            .map_err(|what| fail(&what))?;
        let path = path.to_path_buf();
        Ok(Store {
            path,
            bytes,
            meta,
            dictionary: Arc::new(dictionary),
            events,
            by_kind,
            bursts: json.bursts,
            digest,
            blocks,
        })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of references.
    pub fn refs(&self) -> u64 {
        self.by_kind.iter().sum()
    }

    /// Returns the number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Returns the number of references of `block`.
    pub fn block_refs(&self, block: usize) -> u64 {
        self.blocks[block].refs
    }

    /// Unpacks `block` and appends its references to `into`.
    pub fn unpack(&self, block: usize, into: &mut References) -> Result<(), TraceError> {
        let (start, count) = (into.len(), self.blocks[block].refs as usize);
        into.refs.resize(start + count, 0);
        into.kinds.resize(start + count, 0);
        self.unpack_into(block, &mut into.refs[start..], &mut into.kinds[start..])
    }

    /// Unpacks all blocks, one at a time and in order. Calls `each` with the references of every
    /// block until it returns false.
    pub fn each_block<E: From<TraceError>>(
        &self,
        mut each: impl FnMut(Tile<'_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let (mut references, mut start) = (References::default(), 0);
        for block in 0..self.blocks() {
            references.clear();
            self.unpack(block, &mut references)?;
            let tile = Tile::of(&references, start);
            start = tile.end();
            if !each(tile)? {
                break;
            }
        }
        Ok(())
    }

    /// Unpacks `block` into slices of its length.
    fn unpack_into(
        &self,
        block: usize,
        refs: &mut [Ref],
        kinds: &mut [KindCode],
    ) -> Result<(), TraceError> {
        let (encoded, _) = self.columns(block, &BLOCK_TAGS)?;
        encoded
            .decode(self.dictionary.pages.len(), refs, kinds)
            .map_err(|what| self.corrupt(block, what))
    }

    /// Unpacks the columns `tags` of `block`. Returns the encoded block and its lists; columns that
    /// are absent or not in `tags` are empty.
    fn columns(
        &self,
        block: usize,
        tags: &[u16],
    ) -> Result<(encode::EncodedBlock, StoredLists), TraceError> {
        let BlockEntry { offset, refs } = self.blocks[block];
        let next = self.blocks.get(block + 1).map(|next| next.offset as usize);
        let end = next.unwrap_or(self.bytes.len() - TRAILER_BYTES);
        let span = offset as usize..end;
        let (stored, mut columns) = read_block(&self.path, &self.bytes, span, BLOCK_MAGIC, tags)?;
        let mut column = |tag: u16| {
            let found = columns.iter_mut().find(|(t, _)| *t == tag);
            found.map_or(Vec::new(), |(_, bytes)| std::mem::take(bytes))
        };
        let (lengths, pages) = (column(TAG_LENGTHS), column(TAG_PAGES));
        let (lengths, _) = lengths.as_chunks();
        let (pages, _) = pages.as_chunks();
        let encoded = encode::EncodedBlock {
            lengths: lengths.iter().map(|n| u16::from_le_bytes(*n)).collect(),
            counts: column(TAG_COUNTS),
            pages: pages.iter().map(|page| u32::from_le_bytes(*page)).collect(),
            raw: column(TAG_RAW),
        };
        let counted = match tags.contains(&TAG_RAW) {
            true => encoded.raw.len(),
            false => encoded.refs(),
        };
        if u64::from(stored) != refs || counted as u64 != refs {
            let what = "the block has another number of references than the index says";
            return Err(self.corrupt(block, what));
        }
        let lists = StoredLists {
            within: column(TAG_WITHIN),
            edges: column(TAG_EDGES),
            first: column(TAG_FIRST),
            last: column(TAG_LAST),
            written: column(TAG_WRITTEN),
        };
        Ok((encoded, lists))
    }

    /// Returns true if locality is so good that the references are kept as bursts in memory, where
    /// they then take less.
    pub fn is_local(&self) -> bool {
        bursts::worth_while(self.bursts, self.refs())
    }

    /// Returns an upper estimate of the memory that the references take in a replay, in bytes. One by
    /// one: 8 a reference. As bursts: 1 a reference and 20 a listed page (10 for its list, 10 for
    /// smaller bursts), counting 64 pages a burst.
    pub fn memory(&self) -> u64 {
        let listed = self.bursts.saturating_mul(bursts::K_MAX as u64);
        match self.is_local() {
            true => self.refs().saturating_add(listed.saturating_mul(20)),
            false => self.refs().saturating_mul(8),
        }
    }

    /// Errors if `digest`, that of what was loaded, is not the one in the file.
    pub(in crate::trace) fn check_digest(&self, digest: u128) -> Result<(), TraceError> {
        let what = "the digest does not match the references and events";
        match digest == self.digest {
            true => Ok(()),
            false => Err(corrupt(&self.path, 0, what)),
        }
    }

    /// Unpacks all blocks as bursts, in parallel.
    pub(in crate::trace) fn load_bursts(&self) -> Result<Bursts, TraceError> {
        let mut raw = vec![0; self.refs() as usize];
        let blocks = self.places(&mut raw).into_par_iter().enumerate();
        let blocks = blocks.map(|(block, (start, raw))| self.decode_block(block, start, raw));
        let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
        Ok(Bursts::join(0, self.refs(), raw, blocks))
    }

    /// Unpacks the lists of the bursts only, blocks in parallel. Returns `None` if the file has none.
    pub(in crate::trace) fn load_lists(&self) -> Result<Option<Bursts>, TraceError> {
        let starts = self.starts();
        let blocks = starts.into_par_iter().enumerate();
        let blocks = blocks.map(|(block, start)| self.decode_lists(block, start));
        let blocks = blocks.collect::<Result<Option<Vec<_>>, _>>()?;
        let join = |blocks| Bursts::join(0, self.refs(), Vec::new(), blocks);
        Ok(blocks.map(join))
    }

    /// Unpacks `block`, whose first reference has position `start`, as bursts.
    pub fn bursts_of(&self, block: usize, start: u64) -> Result<Bursts, TraceError> {
        let mut raw = vec![0; self.block_refs(block) as usize];
        let decoded = self.decode_block(block, start, &mut raw)?;
        let end = start + raw.len() as u64;
        Ok(Bursts::join(start, end, raw, vec![decoded]))
    }

    /// Decodes `block`, whose first reference has position `start`. Writes the bytes of its references
    /// to `raw`, which has its length.
    fn decode_block(
        &self,
        block: usize,
        start: u64,
        raw: &mut [u8],
    ) -> Result<bursts::Block, TraceError> {
        let fail = |what| self.corrupt(block, what);
        let distinct = self.dictionary.pages.len();
        let tags = [&BLOCK_TAGS[..], &LIST_TAGS].concat();
        let (encoded, lists) = self.columns(block, &tags)?;
        raw.copy_from_slice(&encoded.raw);
        let mut decoded = bursts::Block::decode(start, &encoded, distinct, raw).map_err(fail)?;
        if !lists.is_empty() {
            let (columns, within) = lists.decode(start, &encoded, distinct).map_err(fail)?;
            if columns != decoded.columns {
                return Err(fail("its lists are not those of its references"));
            }
            decoded.within = Some(within);
        }
        Ok(decoded)
    }

    /// Decodes the lists of `block`, whose first reference has position `start`. Returns `None` if it
    /// has none.
    fn decode_lists(&self, block: usize, start: u64) -> Result<Option<bursts::Block>, TraceError> {
        let fail = |what| self.corrupt(block, what);
        let distinct = self.dictionary.pages.len();
        let mut tags = [&BLOCK_TAGS[..], &LIST_TAGS].concat();
        tags.retain(|&tag| tag != TAG_RAW);
        let (encoded, lists) = self.columns(block, &tags)?;
        if lists.is_empty() {
            return Ok(None);
        }
        let (columns, within) = lists.decode(start, &encoded, distinct).map_err(fail)?;
        Ok(Some(bursts::Block {
            columns,
            continues: Vec::new(),
            within: Some(within),
        }))
    }

    /// Unpacks all blocks one by one, in parallel.
    pub(in crate::trace) fn load_references(&self) -> Result<References, TraceError> {
        let total = self.refs() as usize;
        let (mut refs, mut kinds) = (vec![0; total], vec![0; total]);
        let places = self.places(&mut refs).into_par_iter();
        places
            .zip(self.places(&mut kinds))
            .enumerate()
            .try_for_each(|(block, ((_, refs), (_, kinds)))| {
                self.unpack_into(block, refs, kinds)
            })?;
        Ok(References { refs, kinds })
    }

    /// Returns the position of the first reference of each block.
    fn starts(&self) -> Vec<u64> {
        let mut end = 0;
        let begin = |block: &BlockEntry| {
            end += block.refs;
            end - block.refs
        };
        self.blocks.iter().map(begin).collect()
    }

    /// Splits `all`, which has an element for each reference, by block. Returns the position of the
    /// first reference of each block and its part.
    fn places<'a, T>(&self, all: &'a mut [T]) -> Vec<(u64, &'a mut [T])> {
        let mut left = all;
        let mut places = Vec::with_capacity(self.blocks.len());
        for (start, entry) in self.starts().into_iter().zip(&self.blocks) {
            let (block, rest) = left.split_at_mut(entry.refs as usize);
            places.push((start, block));
            left = rest;
        }
        places
    }

    /// Returns the error for a corrupt block.
    fn corrupt(&self, block: usize, what: &str) -> TraceError {
        corrupt(&self.path, self.blocks[block].offset as usize, what)
    }
}

fn dictionary(pids: &[u8], processes: &[u8], numbers: &[u8]) -> Result<Dictionary, &'static str> {
    let (pids, _) = pids.as_chunks();
    let pids: Vec<u32> = pids.iter().map(|pid| u32::from_le_bytes(*pid)).collect();
    let (numbers, _) = numbers.as_chunks();
    let count = numbers.len();
    if pids.len() > 1 && processes.len() != count * 4 || pids.is_empty() && count > 0 {
        return Err("the dictionary of pages is corrupt");
    }
    let mut number = 0u64;
    let mut pages = Vec::with_capacity(count);
    for (id, delta) in numbers.iter().enumerate() {
        number = number.wrapping_add(u64::from_le_bytes(*delta));
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
