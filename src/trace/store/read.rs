//! Reading a `.pbt`: what its parts mean. No number in the file is used as a length or an index before
//! it is checked: any bytes give a trace or an error.

use super::lists::{List, StoredLists};
use super::parts::{OTHER_NUMBER, Parts};
use super::verify::{Stated, Verifier};
use super::{events, *};
use crate::trace::bursts::encode;
use crate::trace::bursts::reuse_distances::Within;
use crate::trace::bursts::{self, Bursts};
use crate::trace::codec::positioned::Bytes;
use crate::trace::model::error::TraceError;
use crate::trace::model::event::EventAt;
use crate::trace::model::refs::{Dictionary, KindCode, PageKey, Ref, References};
use crate::trace::model::tile::Tile;
use crate::units::show_bytes;
use rayon::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// An opened `.pbt`: metadata, dictionary and events of the trace, and its blocks, still packed.
#[derive(Debug)]
pub struct Store {
    parts: Parts,
    /// Metadata.
    pub meta: Meta,
    /// Processes and pages by dense id.
    pub dictionary: Arc<Dictionary>,
    /// Events of address spaces, in order.
    pub events: Vec<EventAt>,
    /// Digest of the references and events, as the file states it.
    pub digest: u128,
    /// Counts, as the file states them.
    counts: Counts,
    blocks: Vec<BlockEntry>,
    /// Offset of the footer, which follows the last block.
    footer: u64,
    /// All references were read and are those that the file states.
    verified: AtomicBool,
    /// They are not, or the file changed.
    refuted: AtomicBool,
}

impl Store {
    /// Opens a regular file. Its blocks are read when they are unpacked.
    pub fn open(path: &Path) -> Result<Store, TraceError> {
        Store::parse(Parts::of(path, Bytes::open(path)?))
    }

    /// Reads a trace that is already in memory, as from standard input.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Store, TraceError> {
        Store::parse(Parts::of(path, Bytes::Owned(bytes)))
    }

    fn parse(parts: Parts) -> Result<Store, TraceError> {
        let span = parts.footer_span()?;
        let fail = |what: &str| parts.corrupt(span.start, what);
        let mut columns = parts.footer(span.clone())?;
        let mut join = |tag: u16| -> Vec<u8> {
            let mut pieces = columns.iter_mut().filter(|(t, _)| *t == tag);
            let first = pieces.next().map(|(_, bytes)| std::mem::take(bytes));
            pieces.fold(first.unwrap_or_default(), |mut all, (_, bytes)| {
                all.append(bytes);
                all
            })
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
        let counts = json.counts();
        let counted = counts
            .by_kind
            .iter()
            .try_fold(0u64, |sum, n| sum.checked_add(*n));
        let blocks = parts
            .block_index(&join(TAG_INDEX), span.start, json.refs)
            .filter(|_| counted == Some(json.refs))
            .ok_or_else(|| fail("the index of blocks is corrupt"))?;
        let events = events::decode(&join(TAG_EVENTS), &dictionary, meta.addressing, json.refs)
            .map_err(|what| fail(&what))?;
        Ok(Store {
            parts,
            meta,
            dictionary: Arc::new(dictionary),
            events,
            digest,
            counts,
            blocks,
            footer: span.start,
            verified: AtomicBool::new(false),
            refuted: AtomicBool::new(false),
        })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.parts.path
    }

    /// Returns the number of references.
    pub fn refs(&self) -> u64 {
        self.counts.by_kind.iter().sum()
    }

    /// Returns the references by kind: ifetch, read, write.
    pub fn by_kind(&self) -> [u64; 3] {
        self.counts.by_kind
    }

    /// Returns the number of bursts of at most 64 pages.
    pub fn bursts(&self) -> u64 {
        self.counts.bursts
    }

    /// Returns the number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Returns the number of references of `block`.
    pub fn block_refs(&self, block: usize) -> u64 {
        self.blocks[block].refs
    }

    /// Unpacks `block` and appends its references to `into`. Returns the number of its bursts.
    pub fn unpack(&self, block: usize, into: &mut References) -> Result<u64, TraceError> {
        let (start, count) = (into.len(), self.blocks[block].refs as usize);
        into.refs.resize(start + count, 0);
        into.kinds.resize(start + count, 0);
        self.unpack_into(block, &mut into.refs[start..], &mut into.kinds[start..])
    }

    /// Unpacks all blocks, one at a time and in order. Calls `each` with the references of every
    /// block until it returns false. Errors after the last block if the file states anything else than
    /// its references.
    pub fn each_block<E: From<TraceError>>(
        &self,
        mut each: impl FnMut(Tile<'_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let (mut references, mut start) = (References::default(), 0);
        let mut verifier = self.verifier();
        for block in 0..self.blocks() {
            references.clear();
            let bursts = self.unpack(block, &mut references)?;
            if let Some(verifier) = &mut verifier {
                verifier.references(&references.refs, &references.kinds);
                verifier.bursts(bursts);
            }
            let tile = Tile::of(&references, start);
            start = tile.end();
            if !each(tile)? {
                self.unchanged()?;
                return Ok(());
            }
        }
        Ok(self.verify(verifier)?)
    }

    /// Returns what takes all references to hold the file against them; `None` if that was done.
    pub fn verifier(&self) -> Option<Verifier> {
        let verified = self.verified.load(Ordering::Relaxed);
        (!verified).then(Verifier::default)
    }

    /// Holds what the file states against all its references, which `verifier` took.
    ///
    /// # Errors
    /// Errors if it states anything else, or if it changed since it was opened.
    pub fn verify(&self, verifier: Option<Verifier>) -> Result<(), TraceError> {
        self.unchanged()?;
        let Some(verifier) = verifier else {
            return Ok(());
        };
        let stated = Stated {
            meta: &self.meta,
            dictionary: &self.dictionary,
            events: &self.events,
            counts: self.counts,
            digest: self.digest,
        };
        verifier.finish(&stated).map_err(|what| self.refute(what))?;
        self.verified.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Errors if the file changed since it was opened.
    pub fn unchanged(&self) -> Result<(), TraceError> {
        let unchanged = self.parts.unchanged();
        self.refuted.fetch_or(unchanged.is_err(), Ordering::Relaxed);
        unchanged
    }

    /// Returns whether the file turned out to be damaged, or changed, after it was opened.
    pub fn is_refuted(&self) -> bool {
        self.refuted.load(Ordering::Relaxed)
    }

    /// Returns the error for a file that states something else than its references.
    fn refute(&self, what: &str) -> TraceError {
        self.refuted.store(true, Ordering::Relaxed);
        self.parts.corrupt(0, what)
    }

    /// Unpacks `block` into slices of its length. Returns the number of its bursts.
    fn unpack_into(
        &self,
        block: usize,
        refs: &mut [Ref],
        kinds: &mut [KindCode],
    ) -> Result<u64, TraceError> {
        let (encoded, _) = self.columns(block, &BLOCK_TAGS)?;
        encoded
            .decode(self.dictionary.pages.len(), refs, kinds)
            .map_err(|what| self.corrupt(block, what))?;
        Ok(encoded.lengths.len() as u64)
    }

    /// Unpacks the columns `tags` of `block`. Returns the encoded block and its lists; columns that
    /// are absent or not in `tags` are empty.
    fn columns(
        &self,
        block: usize,
        tags: &[u16],
    ) -> Result<(encode::EncodedBlock, StoredLists), TraceError> {
        let entry = &self.blocks[block];
        let next = self.blocks.get(block + 1);
        let end = next.map_or(self.footer, |next| next.offset);
        let read = self.parts.columns(entry, end, tags);
        let is_bad = read.as_ref().is_err_and(|error| !error.is_io());
        self.refuted.fetch_or(is_bad, Ordering::Relaxed);
        let mut columns = read?;
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
        if encoded.raw.len() as u64 != entry.refs {
            return Err(self.corrupt(block, OTHER_NUMBER));
        }
        Ok((encoded, StoredLists::read(|list| column(list.tag()))))
    }

    /// Returns true if locality is so good that the references are kept as bursts in memory, where
    /// they then take less.
    pub fn is_local(&self) -> bool {
        bursts::worth_while(self.bursts(), self.refs())
    }

    /// Returns an upper estimate of the memory that the references take in a replay, in bytes. One by
    /// one: 8 a reference. As bursts: 1 a reference and 20 a listed page (10 for its list, 10 for
    /// smaller bursts), counting 64 pages a burst.
    pub fn memory(&self) -> u64 {
        let listed = self.bursts().saturating_mul(bursts::K_MAX as u64);
        match self.is_local() {
            true => self.refs().saturating_add(listed.saturating_mul(20)),
            false => self.refs().saturating_mul(8),
        }
    }

    /// Unpacks all blocks as bursts, in parallel. Returns also the distances within them as the file states
    /// them, still to be compared; `None` if it lacks some.
    pub(in crate::trace) fn load_bursts(&self) -> Result<(Bursts, Option<Within>), TraceError> {
        let mut raw = self.for_each(|n| vec![0; n])?;
        let bursts = AtomicU64::new(0);
        let decode = |(block, (start, raw)): (usize, (u64, &mut [u8]))| {
            let decoded = self.decode_block(block, start, raw)?;
            // At once: the memory was estimated from the number that the file states.
            let number = decoded.0.columns.len() as u64;
            match bursts.fetch_add(number, Ordering::Relaxed) + number <= self.bursts() {
                true => Ok(decoded),
                false => Err(self.corrupt(block, "there are more bursts than the file states")),
            }
        };
        let blocks = self.places(&mut raw).into_par_iter().enumerate();
        let blocks = blocks.map(decode).collect::<Result<Vec<_>, _>>()?;
        let (blocks, stated): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
        let stated = stated
            .into_iter()
            .try_fold(Within::default(), |mut all, next| {
                all.append(next?);
                Some(all)
            });
        Ok((Bursts::join(0, self.refs(), raw, blocks), stated))
    }

    /// Returns an element for each reference, made by `zeros`, which leaves the memory untouched until the
    /// references are there. Errors if memory does not suffice.
    fn for_each<T>(&self, zeros: impl FnOnce(usize) -> Vec<T>) -> Result<Vec<T>, TraceError> {
        let refs = self.refs();
        let fail = || {
            let bytes = show_bytes(refs.saturating_mul(size_of::<T>() as u64));
            self.refute(&format!("{refs} references would take {bytes} of memory"))
        };
        let length = usize::try_from(refs).map_err(|_| fail())?;
        // Freed at once: an allocation that fails in `zeros` would end the process.
        let possible = Vec::<T>::new().try_reserve_exact(length);
        possible.map_err(|_| fail())?;
        Ok(zeros(length))
    }

    /// Unpacks `block`, whose first reference has position `start`, as bursts.
    pub fn bursts_of(&self, block: usize, start: u64) -> Result<Bursts, TraceError> {
        let mut raw = vec![0; self.block_refs(block) as usize];
        let (decoded, _) = self.decode_block(block, start, &mut raw)?;
        let end = start + raw.len() as u64;
        Ok(Bursts::join(start, end, raw, vec![decoded]))
    }

    /// Decodes `block`, whose first reference has position `start`. Writes the bytes of its references
    /// to `raw`, which has its length. Returns also the distances within its bursts that it states.
    fn decode_block(
        &self,
        block: usize,
        start: u64,
        raw: &mut [u8],
    ) -> Result<(bursts::Block, Option<Within>), TraceError> {
        let distinct = self.dictionary.pages.len();
        let tags = [&BLOCK_TAGS[..], &List::ALL.map(List::tag)].concat();
        let (encoded, lists) = self.columns(block, &tags)?;
        raw.copy_from_slice(&encoded.raw);
        let decoded = bursts::Block::decode(start, &encoded, distinct, raw);
        let decoded = decoded.map_err(|what| self.corrupt(block, what))?;
        let stated = lists.check(&decoded.columns);
        let stated = stated.map_err(|what| self.corrupt(block, &what))?;
        Ok((decoded, stated))
    }

    /// Unpacks all blocks one by one, in parallel. Returns also the number of bursts.
    pub(in crate::trace) fn load_references(&self) -> Result<(References, u64), TraceError> {
        let (mut refs, mut kinds) = (
            self.for_each(|n| vec![0; n])?,
            self.for_each(|n| vec![0; n])?,
        );
        let places = self.places(&mut refs).into_par_iter();
        let bursts = places
            .zip(self.places(&mut kinds))
            .enumerate()
            .map(|(block, ((_, refs), (_, kinds)))| self.unpack_into(block, refs, kinds))
            .try_reduce(|| 0, |a, b| Ok(a + b))?;
        Ok((References { refs, kinds }, bursts))
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
        self.refuted.store(true, Ordering::Relaxed);
        self.parts.corrupt(self.blocks[block].offset, what)
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
