//! From the references of a block to the block as it stands in the file: bursts, compressed
//! columns, checksums. Blocks do not depend on each other, so that long traces are packed by
//! threads, whose results come back in order and are the same bytes.
//!
//! Knows nothing of what lies around a block: offsets, the index, digests.

use super::*;
use crate::trace::burst::{Bursts, Encoder};
use crate::trace::bursts;
use crate::trace::dense::{KindCode, Ref, count_continuations, count_kinds};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// References on the way into a block, or a packed block on its way into the file. Its memory is
/// used again.
#[derive(Default)]
pub(super) struct Block {
    pub refs: Vec<Ref>,
    pub kinds: Vec<KindCode>,
    /// Packed: the block as it stands in the file.
    pub bytes: Vec<u8>,
    /// Packed: its bursts, and its references by kind and by being continuations.
    pub bursts: u64,
    pub by_kind: [u64; 3],
    pub continuations: u64,
}

impl Block {
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.refs.clear();
        self.kinds.clear();
        self.bytes.clear();
    }
}

/// Packs one block after the other.
pub(super) struct Packer {
    encoder: Encoder,
    bursts: Bursts,
    columns: Columns,
    lengths: Vec<u8>,
    pages: Vec<u8>,
    raw: Vec<u8>,
    lists: lists::Lists,
}

impl Packer {
    /// `level` is zstd's.
    pub fn new(level: i32) -> io::Result<Packer> {
        Ok(Packer {
            encoder: Encoder::default(),
            bursts: Bursts::default(),
            columns: Columns::new(level)?,
            lengths: Vec::new(),
            pages: Vec::new(),
            raw: Vec::new(),
            lists: lists::Lists::default(),
        })
    }

    /// Works out everything about a block from its references.
    pub fn pack(&mut self, block: &mut Block) -> io::Result<()> {
        self.bursts.clear();
        self.encoder
            .push_all(&block.refs, &block.kinds, &mut self.bursts);
        self.encoder.close(&mut self.bursts);
        let bursts = &self.bursts;
        self.lengths.clear();
        let lengths = bursts.lengths.iter().flat_map(|n| n.to_le_bytes());
        self.lengths.extend(lengths);
        self.pages.clear();
        let pages = bursts.pages.iter().flat_map(|p| p.to_le_bytes());
        self.pages.extend(pages);
        let refs = block.refs.len();
        let mut columns = vec![
            (TAG_LENGTHS, &self.lengths[..]),
            (TAG_COUNTS, &bursts.counts[..]),
            (TAG_PAGES, &self.pages[..]),
            (TAG_RAW, &bursts.raw[..]),
        ];
        // Of short bursts the lists would take more than the references.
        let local = bursts::worth_while(bursts.lengths.len() as u64, refs as u64);
        if local {
            self.lists = lists::of(bursts, &mut self.raw).map_err(io::Error::other)?;
            columns.extend(
                LIST_TAGS
                    .into_iter()
                    .zip(self.lists.iter().map(|list| &list[..])),
            );
        }
        block.bytes.clear();
        block.bursts = bursts.lengths.len() as u64;
        block.by_kind = count_kinds(&block.kinds);
        block.continuations = count_continuations(&block.kinds);
        self.columns
            .put(BLOCK_MAGIC, refs as u32, &columns, &mut block.bytes)
    }
}

/// Compresses columns.
pub(super) struct Columns {
    zstd: zstd::bulk::Compressor<'static>,
}

impl Columns {
    /// `level` is zstd's.
    pub fn new(level: i32) -> io::Result<Columns> {
        let zstd = zstd::bulk::Compressor::new(level)?;
        Ok(Columns { zstd })
    }

    /// Appends a block of these columns to `out`.
    pub fn put(
        &mut self,
        magic: [u8; 4],
        refs: u32,
        columns: &[(u16, &[u8])],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut stored: Vec<Option<Vec<u8>>> = Vec::with_capacity(columns.len());
        for (_, raw) in columns {
            let packed = self.zstd.compress(raw)?;
            // Bytes that do not shrink are kept as they are.
            stored.push((packed.len() < raw.len()).then_some(packed));
        }
        let bytes_of = |at: usize| stored[at].as_deref().unwrap_or(columns[at].1);
        let payload: usize = (0..columns.len()).map(|at| bytes_of(at).len()).sum();
        let follows = columns.len() * COLUMN_HEADER_BYTES + 8 + payload;
        let follows = u32::try_from(follows).map_err(|_| {
            io::Error::other("the dictionary is over 4 GiB; choose a larger page size")
        })?;
        let start = out.len();
        out.extend_from_slice(&magic);
        out.extend_from_slice(&refs.to_le_bytes());
        out.extend_from_slice(&(columns.len() as u32).to_le_bytes());
        out.extend_from_slice(&follows.to_le_bytes());
        for (at, (tag, raw)) in columns.iter().enumerate() {
            let codec = match stored[at] {
                Some(_) => CODEC_ZSTD,
                None => CODEC_NONE,
            };
            let bytes = bytes_of(at);
            out.extend_from_slice(&tag.to_le_bytes());
            out.extend_from_slice(&[codec, 0, 0, 0, 0, 0]);
            out.extend_from_slice(&(raw.len() as u32).to_le_bytes());
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(&checksum(bytes).to_le_bytes());
        }
        let sum = checksum(&out[start..]);
        out.extend_from_slice(&sum.to_le_bytes());
        (0..columns.len()).for_each(|at| out.extend_from_slice(bytes_of(at)));
        Ok(())
    }
}

/// The most threads that pack: each holds some 15 MB.
const THREADS_MAX: usize = 4;

/// Blocks that a thread may have besides the one in its hands.
const WAITING: usize = 1;

/// Packs blocks in order: the first here, later ones by threads.
pub(super) struct Packing {
    level: i32,
    here: Packer,
    threads: Vec<Thread>,
    most: usize,
    /// Blocks given to threads, and blocks got back from them; block `n` is with thread `n`
    /// modulo their number.
    given: usize,
    got: usize,
    /// Blocks whose memory can be used again.
    spare: Vec<Block>,
    begun: bool,
}

/// One thread that packs.
struct Thread {
    jobs: SyncSender<Block>,
    done: Receiver<io::Result<Block>>,
}

impl Packing {
    /// With at most so many threads; none are started before the second block.
    pub fn new(level: i32, most: usize) -> io::Result<Packing> {
        Ok(Packing {
            level,
            here: Packer::new(level)?,
            threads: Vec::new(),
            most,
            given: 0,
            got: 0,
            spare: Vec::new(),
            begun: false,
        })
    }

    /// As many threads as this machine has cores besides the caller's.
    pub fn threads() -> usize {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        (cores - 1).min(THREADS_MAX)
    }

    /// Gives the next block away and an empty one back. Calls `write` with blocks that are packed
    /// by now, in order.
    pub fn give(
        &mut self,
        mut block: Block,
        write: &mut dyn FnMut(&Block) -> io::Result<()>,
    ) -> io::Result<Block> {
        if !self.begun || self.most == 0 {
            self.begun = true;
            self.here.pack(&mut block)?;
            write(&block)?;
            block.clear();
            return Ok(block);
        }
        self.start_threads();
        if self.threads.is_empty() {
            self.most = 0;
            return self.give(block, write);
        }
        while self.given - self.got >= self.threads.len() * (WAITING + 1) {
            self.take_one(write)?;
        }
        let thread = &self.threads[self.given % self.threads.len()];
        thread.jobs.send(block).map_err(|_| gone())?;
        self.given += 1;
        Ok(self.spare.pop().unwrap_or_default())
    }

    /// Waits for all blocks given.
    pub fn finish(&mut self, write: &mut dyn FnMut(&Block) -> io::Result<()>) -> io::Result<()> {
        while self.got < self.given {
            self.take_one(write)?;
        }
        Ok(())
    }

    /// Waits for the next block in order.
    fn take_one(&mut self, write: &mut dyn FnMut(&Block) -> io::Result<()>) -> io::Result<()> {
        let thread = &self.threads[self.got % self.threads.len()];
        let mut block = thread.done.recv().map_err(|_| gone())??;
        self.got += 1;
        write(&block)?;
        block.clear();
        self.spare.push(block);
        Ok(())
    }

    /// Starts the threads once; fewer, or none, where there can be no more.
    fn start_threads(&mut self) {
        while self.given == 0 && self.threads.len() < self.most {
            let Ok(mut packer) = Packer::new(self.level) else {
                break;
            };
            let (jobs, to_do) = sync_channel::<Block>(WAITING);
            let (to_user, done) = sync_channel(WAITING + 1);
            let body = move || {
                for mut block in to_do {
                    let packed = packer.pack(&mut block).map(|()| block);
                    if to_user.send(packed).is_err() {
                        return;
                    }
                }
            };
            let started = thread::Builder::new().name("pack".into()).spawn(body);
            if started.is_err() {
                break;
            }
            self.threads.push(Thread { jobs, done });
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("a thread that packs the trace has ended")
}
