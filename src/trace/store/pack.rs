//! From the references of a block to the block as it is stored in the file: bursts, compressed
//! columns, checksums. Blocks are independent, so threads pack those of long traces; their results
//! come back in order and are the same bytes.
//!
//! Knows nothing of offsets, the index and digests.

use super::lists::StoredLists;
use super::{
    BLOCK_MAGIC, CODEC_NONE, CODEC_ZSTD, COLUMN_HEADER_BYTES, Counts, TAG_COUNTS, TAG_LENGTHS,
    TAG_PAGES, TAG_RAW, checksum,
};
use crate::trace::bursts;
use crate::trace::bursts::encode::{BurstEncoder, EncodedBlock};
use crate::trace::model::refs::{References, count_continuations, count_kinds};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// A block as it is stored in the file.
#[derive(Default)]
pub(super) struct PackedBlock {
    pub bytes: Vec<u8>,
    pub counts: Counts,
}

/// Packs one block after the other.
pub(super) struct Packer {
    encoder: BurstEncoder,
    bursts: EncodedBlock,
    columns: ColumnWriter,
    lengths: Vec<u8>,
    pages: Vec<u8>,
    raw: Vec<u8>,
}

impl Packer {
    /// Returns a packer that compresses with zstd at `level`.
    pub fn new(level: i32) -> io::Result<Packer> {
        Ok(Packer {
            encoder: BurstEncoder::default(),
            bursts: EncodedBlock::default(),
            columns: ColumnWriter::new(level)?,
            lengths: Vec::new(),
            pages: Vec::new(),
            raw: Vec::new(),
        })
    }

    /// Packs `block` into `packed`, replacing what is there.
    pub fn pack(&mut self, block: &References, packed: &mut PackedBlock) -> io::Result<()> {
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
        // The lists of short bursts would take more than the references.
        let local = bursts::worth_while(bursts.lengths.len() as u64, refs as u64);
        let lists = match local {
            true => StoredLists::of(bursts, &mut self.raw).map_err(io::Error::other)?,
            false => StoredLists::default(),
        };
        if local {
            columns.extend(lists.columns());
        }
        packed.counts = Counts {
            bursts: bursts.lengths.len() as u64,
            by_kind: count_kinds(&block.kinds),
            continuations: count_continuations(&block.kinds),
        };
        packed.bytes.clear();
        self.columns
            .put(BLOCK_MAGIC, refs as u32, &columns, true, &mut packed.bytes)
    }
}

/// Compresses columns and puts them together to a block.
pub(super) struct ColumnWriter {
    zstd: zstd::bulk::Compressor<'static>,
}

impl ColumnWriter {
    /// Returns a writer that compresses with zstd at `level`.
    pub fn new(level: i32) -> io::Result<ColumnWriter> {
        let zstd = zstd::bulk::Compressor::new(level)?;
        Ok(ColumnWriter { zstd })
    }

    /// Appends a block of `columns` (tag and bytes of each) to `out`; `compress` says whether those that
    /// shrink are compressed.
    pub fn put(
        &mut self,
        magic: [u8; 4],
        refs: u32,
        columns: &[(u16, &[u8])],
        compress: bool,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut stored: Vec<Option<Vec<u8>>> = Vec::with_capacity(columns.len());
        for (_, raw) in columns {
            if !compress {
                stored.push(None);
                continue;
            }
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

/// Upper limit of the threads that pack: each takes about 15 MB.
const THREADS_MAX: usize = 4;

/// Blocks that may wait for a thread while it packs another one.
const WAITING: usize = 1;

/// A block on its way through a thread. Its memory is used again.
#[derive(Default)]
struct Work {
    references: References,
    packed: PackedBlock,
}

/// Packs blocks in order: the first on the calling thread, later ones on others.
pub(super) struct PackPool {
    level: i32,
    here: Packer,
    threads: Vec<Thread>,
    /// Upper limit of the threads.
    threads_max: usize,
    /// Blocks submitted, and blocks written. Thread `n` modulo the number of threads has block `n`.
    given: usize,
    got: usize,
    /// Work whose memory can be used again.
    spare: Vec<Work>,
}

/// A thread that packs.
struct Thread {
    jobs: SyncSender<Work>,
    done: Receiver<io::Result<Work>>,
}

impl PackPool {
    /// Returns a pool of at most `threads_max` threads. Starts none before the second block.
    pub fn new(level: i32, threads_max: usize) -> io::Result<PackPool> {
        Ok(PackPool {
            level,
            here: Packer::new(level)?,
            threads: Vec::new(),
            threads_max,
            given: 0,
            got: 0,
            spare: Vec::new(),
        })
    }

    /// Returns the number of threads to use: one less than the cores, at most [`THREADS_MAX`].
    pub fn threads() -> usize {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        (cores - 1).min(THREADS_MAX)
    }

    /// Queues `block` for packing and returns an empty one. Calls `write`, in order, for the blocks it
    /// has to wait for.
    pub fn submit(
        &mut self,
        block: References,
        write: &mut dyn FnMut(&PackedBlock) -> io::Result<()>,
    ) -> io::Result<References> {
        if self.given > 0 && self.threads.is_empty() {
            self.start_threads();
        }
        let mut work = self.spare.pop().unwrap_or_default();
        let empty = std::mem::replace(&mut work.references, block);
        self.given += 1;
        if self.threads.is_empty() {
            self.here.pack(&work.references, &mut work.packed)?;
            self.written(work, write)?;
            return Ok(empty);
        }
        while self.given - self.got > self.threads.len() * (WAITING + 1) {
            self.take_one(write)?;
        }
        let thread = &self.threads[(self.given - 1) % self.threads.len()];
        thread.jobs.send(work).map_err(|_| gone())?;
        Ok(empty)
    }

    /// Calls `write`, in order, for all blocks still queued.
    pub fn finish(
        &mut self,
        write: &mut dyn FnMut(&PackedBlock) -> io::Result<()>,
    ) -> io::Result<()> {
        while self.got < self.given {
            self.take_one(write)?;
        }
        Ok(())
    }

    /// Waits for the next block in order.
    fn take_one(
        &mut self,
        write: &mut dyn FnMut(&PackedBlock) -> io::Result<()>,
    ) -> io::Result<()> {
        let thread = &self.threads[self.got % self.threads.len()];
        let work = thread.done.recv().map_err(|_| gone())??;
        self.written(work, write)
    }

    /// Calls `write` for a packed block and keeps its memory.
    fn written(
        &mut self,
        mut work: Work,
        write: &mut dyn FnMut(&PackedBlock) -> io::Result<()>,
    ) -> io::Result<()> {
        self.got += 1;
        write(&work.packed)?;
        work.references.clear();
        self.spare.push(work);
        Ok(())
    }

    /// Starts the threads, as many as can be had. None can be had later if none can now.
    fn start_threads(&mut self) {
        for _ in 0..std::mem::take(&mut self.threads_max) {
            let Ok(mut packer) = Packer::new(self.level) else {
                break;
            };
            let (jobs, to_do) = sync_channel::<Work>(WAITING);
            let (to_user, done) = sync_channel(WAITING + 1);
            let body = move || {
                for mut work in to_do {
                    let packed = packer.pack(&work.references, &mut work.packed);
                    if to_user.send(packed.map(|()| work)).is_err() {
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
