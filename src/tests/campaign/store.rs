//! `.pbt` files: changed as bytes, and changed in their columns with all checksums made right again, so
//! that what lies behind the checksums is reached. Written from the layout in `trace::store`.

use super::mutate::{self, Rng, at, one, percent};
use super::runner::Subject;
use pagebench::internals::curve;
use pagebench::internals::trace::bursts::K_MAX;
use pagebench::internals::trace::model::access::{Addressing, TraceKind};
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::trace::model::refs::{
    CONTINUES, Dictionary, Meta, PageKey, References, pack,
};
use pagebench::internals::trace::store::{Store, Writer};
use pagebench::internals::trace::{LoadOptions, load};
use pagebench::internals::units::PageSize;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

const HEADER: usize = 16;
const TRAILER: usize = 24;
const TAG_META: u16 = 32;
const TAG_INDEX: u16 = 36;

/// A trace as the writer takes it.
fn stored(
    meta: &Meta,
    dictionary: &Dictionary,
    refs: &[(u32, u8)],
    text: Option<&Path>,
) -> Vec<u8> {
    let mut writer = Writer::with_threads(Vec::new(), 3, 0).expect("a writer");
    let packed: Vec<_> = refs
        .iter()
        .map(|&(page, kind)| pack(page, kind & 3 == 2))
        .collect();
    let kinds: Vec<u8> = refs.iter().map(|&(_, kind)| kind).collect();
    match text {
        None => {
            writer.push_all(&packed, &kinds).expect("room");
            writer.finish(meta, dictionary).expect("room").0
        }
        Some(text) => {
            let trace = load(text, &LoadOptions::default()).expect("a sample");
            for event in trace.events.iter().filter(|event| event.position == 0) {
                writer.event(event.clone());
            }
            for (position, (r, kind)) in (1..).zip(trace.refs().iter().zip(trace.kinds())) {
                writer.push_all(&[*r], &[*kind]).expect("room");
                for event in trace
                    .events
                    .iter()
                    .filter(|event| event.position == position)
                {
                    writer.event(event.clone());
                }
            }
            writer
                .finish(&trace.meta, &trace.dictionary)
                .expect("room")
                .0
        }
    }
}

/// Small files of each sort: far-flung pages, one process and several, local ones with lists, ids,
/// events, nothing.
fn samples() -> Vec<Vec<u8>> {
    let mut random = Rng::new(1);
    let meta = |addressing| Meta {
        name: "t".into(),
        format: "plain".into(),
        kind: TraceKind::Full,
        addressing,
        page_size: PageSize::DEFAULT,
        skipped: 3,
    };
    let mut all = Vec::new();
    for (length, pages, processes) in [
        (0, 0, 0),
        (60, 40, 1),
        (300, 90, 2),
        (700, 5, 1),
        (900, 8, 3),
    ] {
        let refs: Vec<(u32, u8)> = (0..length)
            .map(|i: u32| {
                let page = if i < pages {
                    i
                } else {
                    at(&mut random, pages as usize) as u32
                };
                (page, random.below(3) as u8)
            })
            .collect();
        // Accesses over two pages of one process.
        let mut joined = refs.clone();
        if processes == 1 {
            for pair in 1..joined.len() {
                if pair % 9 == 4 && joined[pair - 1].1 & CONTINUES == 0 {
                    joined[pair].1 = joined[pair - 1].1 | CONTINUES;
                }
            }
        }
        let key = |i: u32| PageKey {
            process: i % processes,
            number: u64::from(i) * 977,
        };
        let dictionary = Dictionary {
            pids: (0..processes).map(|i| 5 + 4 * i).collect(),
            pages: (0..pages).map(key).collect(),
        };
        let addressing = match length {
            60 => Addressing::Ids,
            _ => Addressing::Bytes,
        };
        all.push(stored(&meta(addressing), &dictionary, &joined, None));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let family = root.join("src/tests/data/family.trace");
    all.push(stored(
        &meta(Addressing::Bytes),
        &Dictionary::default(),
        &[],
        Some(&family),
    ));
    all
}

/// What a file gives, read in one way: the faults of LRU at every size, or nothing if it is refused.
type Curve = Option<Vec<u64>>;

fn curve_of(trace: &Trace) -> Vec<u64> {
    match trace.as_bursts() {
        Some(bursts) => {
            let columns = bursts.of(K_MAX).columns;
            let within = Some(bursts.within());
            curve::by_bursts::lru(columns, within, trace.distinct()).faults
        }
        None => curve::lru(trace.refs(), trace.distinct()).faults,
    }
}

/// A file in which to put the bytes, in memory where the system has such a place.
pub fn scratch() -> tempfile::NamedTempFile {
    let folder = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.suffix(".trace");
    match folder.is_dir() {
        true => builder.tempfile_in(folder),
        false => builder.tempfile(),
    }
    .expect("a scratch file")
}

/// Replaces the content of a scratch file.
pub fn refill(file: &mut tempfile::NamedTempFile, bytes: &[u8]) {
    let file = file.as_file_mut();
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(bytes))
        .expect("the scratch file");
}

/// Reads the bytes in every way there is: whole, and in the file.
fn every_way(bytes: &[u8], file: &mut tempfile::NamedTempFile) -> Result<(), String> {
    let path = Path::new("t.pbt");
    let Ok(store) = Store::from_bytes(path, bytes.to_vec()) else {
        return Ok(());
    };
    let _ = (store.memory(), store.is_local(), store.refs());
    let whole = Trace::load(store);
    // By references, whatever the file says of its bursts.
    let by_references = |trace: &Trace| curve::lru(trace.refs(), trace.distinct()).faults;
    let expected: Curve = whole.as_ref().ok().map(by_references);
    if let (Ok(trace), Some(expected)) = (&whole, &expected)
        && curve_of(trace) != *expected
    {
        return Err("the lists of a loaded file are not those of its references".into());
    }
    // A replay of a trace in its file reads blocks, one after the other.
    refill(file, bytes);
    let options = LoadOptions {
        mem_limit: Some(1),
        ..LoadOptions::default()
    };
    if let Ok(trace) = load(file.path(), &options) {
        let mut refs = Vec::new();
        let read = trace.tiles(|tile| {
            refs.extend_from_slice(tile.refs);
            if let Some(view) = tile.bursts {
                let (from, to) = (view.base as usize, view.end() as usize);
                let start = refs.len();
                refs.resize(start + to - from, 0);
                view.decode(from..to, &mut refs[start..], &mut vec![0; to - from]);
            }
            true
        });
        let streamed: Curve = read
            .ok()
            .map(|()| curve::lru(&refs, trace.distinct()).faults);
        match (&expected, &streamed) {
            (Some(a), Some(b)) if a != b => {
                return Err("a trace in its file gives other counts than in memory".into());
            }
            (None, Some(_)) if !is_of_lists(&whole) => {
                return Err("a trace in its file is believed where in memory it is refused".into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns whether a trace was refused for a column of its lists of bursts: a replay from the file reads none, and its
/// references have the digest.
fn is_of_lists<E: ToString>(whole: &Result<Trace, E>) -> bool {
    let what = whole.as_ref().err().map(ToString::to_string);
    what.is_some_and(|what| what.contains("column"))
}

/// Files changed byte by byte.
pub struct Bytes {
    samples: Vec<Vec<u8>>,
    file: tempfile::NamedTempFile,
}

impl Bytes {
    pub fn new() -> Bytes {
        Bytes {
            samples: samples(),
            file: scratch(),
        }
    }
}

impl Subject for Bytes {
    fn draw(&mut self, random: &mut Rng) -> Vec<u8> {
        let mut bytes = one(random, &self.samples).clone();
        let other = one(random, &self.samples);
        mutate::bytes(random, &mut bytes, other);
        bytes
    }

    fn attack(&mut self, bytes: &[u8], _: &mut Rng) -> Result<(), String> {
        every_way(bytes, &mut self.file)
    }
}

/// A column, unpacked.
#[derive(Clone)]
struct Column {
    tag: u16,
    bytes: Vec<u8>,
    /// Packed with zstd.
    packed: bool,
    /// Bytes unpacked as the header says, if that is a lie.
    claimed: Option<u32>,
}

/// A block in its parts.
#[derive(Clone)]
struct Block {
    magic: [u8; 4],
    refs: u32,
    columns: Vec<Column>,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Takes a good file apart.
fn apart(bytes: &[u8]) -> Vec<Block> {
    let (mut at, end) = (HEADER, bytes.len() - TRAILER);
    let mut blocks = Vec::new();
    while at < end {
        let count = u32_at(bytes, at + 8) as usize;
        let follows = u32_at(bytes, at + 12) as usize;
        let mut payload = at + 16 + count * 24 + 8;
        let column = |n: usize| {
            let header = &bytes[at + 16 + n * 24..][..24];
            let (raw, stored) = (u32_at(header, 8) as usize, u32_at(header, 12) as usize);
            let packed = header[2] == 1;
            let bytes = &bytes[payload..payload + stored];
            payload += stored;
            Column {
                tag: u16::from_le_bytes([header[0], header[1]]),
                bytes: match packed {
                    true => zstd::bulk::decompress(bytes, raw).expect("a good file"),
                    false => bytes.to_vec(),
                },
                packed,
                claimed: None,
            }
        };
        let columns = (0..count).map(column).collect();
        blocks.push(Block {
            magic: bytes[at..at + 4].try_into().expect("four bytes"),
            refs: u32_at(bytes, at + 4),
            columns,
        });
        at += 16 + follows;
    }
    blocks
}

/// Puts a file together, all checksums right. With `index`, the index of blocks is made right, too.
fn together(blocks: &[Block], index: bool) -> Vec<u8> {
    let mut out = b"\x89PBT\r\n\x1a\n\x01\0\x02\0\0\0\0\0".to_vec();
    let mut entries: Vec<u8> = Vec::new();
    let mut footer = out.len();
    for (n, block) in blocks.iter().enumerate() {
        let last = n + 1 == blocks.len();
        footer = out.len();
        let mut columns = block.columns.clone();
        match last {
            true if index => {
                for column in columns.iter_mut().filter(|column| column.tag == TAG_INDEX) {
                    column.bytes.clone_from(&entries);
                }
            }
            true => {}
            false => {
                entries.extend((out.len() as u64).to_le_bytes());
                entries.extend(u64::from(block.refs).to_le_bytes());
            }
        }
        put(&mut out, block, &columns);
    }
    let mut trailer = (footer as u64).to_le_bytes().to_vec();
    let sum = xxh3_64(&[&trailer[..], &out[..HEADER]].concat());
    trailer.extend(sum.to_le_bytes());
    trailer.extend(b"PBTEND\r\n");
    out.extend(trailer);
    out
}

fn put(out: &mut Vec<u8>, block: &Block, columns: &[Column]) {
    let payloads: Vec<Vec<u8>> = columns
        .iter()
        .map(|column| match column.packed {
            true => zstd::bulk::compress(&column.bytes, 1).expect("memory"),
            false => column.bytes.clone(),
        })
        .collect();
    let start = out.len();
    let all: usize = payloads.iter().map(Vec::len).sum();
    out.extend(block.magic);
    out.extend(block.refs.to_le_bytes());
    out.extend((columns.len() as u32).to_le_bytes());
    out.extend(((columns.len() * 24 + 8 + all) as u32).to_le_bytes());
    for (column, payload) in columns.iter().zip(&payloads) {
        let raw = column.claimed.unwrap_or(column.bytes.len() as u32);
        out.extend(column.tag.to_le_bytes());
        out.extend([u8::from(column.packed), 0, 0, 0, 0, 0]);
        out.extend(raw.to_le_bytes());
        out.extend((payload.len() as u32).to_le_bytes());
        out.extend(xxh3_64(payload).to_le_bytes());
    }
    let sum = xxh3_64(&out[start..]);
    out.extend(sum.to_le_bytes());
    payloads.iter().for_each(|payload| out.extend(payload));
}

/// Makes the digest in the description that of the references and events, if they can be read.
fn with_right_digest(blocks: &mut [Block], index: bool) -> Option<()> {
    let path = Path::new("t.pbt");
    let store = Store::from_bytes(path, together(blocks, index)).ok()?;
    let mut references = References::default();
    for block in 0..store.blocks() {
        // The number that the index states may be a lie; it is bounded by the reader.
        if store.block_refs(block) > 1 << 16 {
            return None;
        }
        store.unpack(block, &mut references).ok()?;
    }
    let said = format!("{:032x}", store.digest);
    let dictionary = Dictionary::clone(&store.dictionary);
    let trace = Trace::new(
        store.meta.clone(),
        dictionary,
        references.refs,
        references.kinds,
        None,
    );
    let right = format!("{:032x}", trace.with_events(store.events).digest());
    let footer = blocks.last_mut()?;
    let meta = footer
        .columns
        .iter_mut()
        .find(|column| column.tag == TAG_META)?;
    let text = String::from_utf8(meta.bytes.clone()).ok()?;
    meta.bytes = text.replace(&said, &right).into_bytes();
    Some(())
}

/// Files changed in their columns.
pub struct Repaired {
    samples: Vec<Vec<Block>>,
    file: tempfile::NamedTempFile,
}

impl Repaired {
    pub fn new() -> Repaired {
        let samples: Vec<Vec<u8>> = samples();
        for sample in &samples {
            // What is taken apart and put together is the same trace.
            let again = Store::from_bytes(Path::new("t.pbt"), together(&apart(sample), true));
            let digest = again
                .and_then(Trace::load)
                .expect("the same trace")
                .digest();
            let store = Store::from_bytes(Path::new("t.pbt"), sample.clone()).expect("a sample");
            assert_eq!(digest, store.digest);
        }
        Repaired {
            samples: samples.iter().map(|sample| apart(sample)).collect(),
            file: scratch(),
        }
    }

    /// Changes one thing of a block or of a column.
    fn change(&self, random: &mut Rng, blocks: &mut Vec<Block>) {
        let n = match percent(random, 40) {
            true => blocks.len() - 1,
            false => at(random, blocks.len()),
        };
        let sample = one(random, &self.samples);
        let other = one(random, sample).clone();
        match random.below(30) {
            0 => blocks[n].refs = mutate::odd_number(random) as u32,
            1 => blocks.insert(n, other),
            2 if blocks.len() > 1 => {
                blocks.remove(n);
            }
            3 => blocks[n].columns.extend(other.columns),
            _ => {}
        }
        let n = n.min(blocks.len() - 1);
        if blocks[n].columns.is_empty() {
            return;
        }
        let c = at(random, blocks[n].columns.len());
        let column = &mut blocks[n].columns[c];
        match random.below(24) {
            0 => {
                column.tag = *one(
                    random,
                    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 32, 33, 34, 35, 36, 37, 99],
                )
            }
            1 => column.claimed = Some(mutate::odd_number(random) as u32),
            2 => column.packed = !column.packed,
            3 => {
                blocks[n].columns.remove(c);
            }
            4 => {
                let copy = column.clone();
                blocks[n].columns.push(copy);
            }
            5 => {
                // Bytes that pack well: little on the disk, much in memory.
                let most = if percent(random, 3) { 16 } else { 10 };
                let many = 1 << (10 + random.below(most));
                let byte = column.bytes.first().copied().unwrap_or(0);
                column.bytes = vec![byte; many];
                column.packed = true;
            }
            6..12 if column.tag >= 32 => mutate::bytes(random, &mut column.bytes, &[]),
            _ => {
                // Small changes that stay plausible.
                for _ in 0..=random.below(3) {
                    if column.bytes.is_empty() {
                        break;
                    }
                    let place = at(random, column.bytes.len());
                    let byte = &mut column.bytes[place];
                    *byte = match random.below(4) {
                        0 => byte.wrapping_add(1),
                        1 => byte.wrapping_sub(1),
                        2 => *byte ^ (1 << random.below(8)),
                        _ => random.next_u64() as u8,
                    };
                }
                if percent(random, 10) {
                    let (a, b) = (
                        at(random, column.bytes.len()),
                        at(random, column.bytes.len()),
                    );
                    if !column.bytes.is_empty() {
                        column.bytes.swap(a, b);
                    }
                }
            }
        }
    }
}

impl Subject for Repaired {
    fn draw(&mut self, random: &mut Rng) -> Vec<u8> {
        let mut blocks = one(random, &self.samples).clone();
        for _ in 0..=random.below(3) {
            self.change(random, &mut blocks);
        }
        let index = percent(random, 80);
        if percent(random, 60) {
            let _ = with_right_digest(&mut blocks, index);
        }
        together(&blocks, index)
    }

    fn attack(&mut self, bytes: &[u8], _: &mut Rng) -> Result<(), String> {
        every_way(bytes, &mut self.file)
    }
}
