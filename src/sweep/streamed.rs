//! Cells of a trace that stays in its file because it is too long for memory. They are replayed side
//! by side, tile by tile, while other threads unpack the next tiles: by bursts where that is faster,
//! else by single references. Memory holds the cells and a few tiles, however long the trace.
//!
//! The first pass also holds what the file states against its references, as loading it would. No cell
//! has a result before that.

use super::burst_sizes::choose_burst_size;
use super::miss_stream::{MissStream, OpenMisses};
use super::plan::CellInputs;
use super::{CellResult, Engine, Plan, caught};
use crate::trace::TraceError;
use crate::trace::bursts::{Bursts, K_MAX};
use crate::trace::model::refs::References;
use crate::trace::model::tile::Tile;
use crate::trace::store::{Store, Verifier};
use crate::vm::{self, Listener, Replay};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Memory for the cells of one pass through the file: about this many bytes.
const CELLS_BYTES: usize = 512 << 20;
/// Memory of a cell: about `PAGE_BYTES` for each page, and `CELL_BYTES`.
const PAGE_BYTES: usize = 48;
const CELL_BYTES: usize = 1 << 20;
/// Memory of the miss stream of a cell: the block that is not full, and its compressed form.
const STREAM_BYTES: usize = 16 << 20;

/// The miss stream of a cell, if there is one, or why it could not begin.
type Stream<'t> = Option<Result<MissStream<'t>, String>>;

/// A cell being replayed: its index, its time so far, and its replay or error. `done` cells take no
/// further tiles.
struct Running<'t> {
    index: usize,
    wall: Duration,
    replay: Result<Replay<'t>, String>,
    done: bool,
}

/// An unpacked block in the forms that the cells take.
struct Unpacked {
    start: u64,
    end: u64,
    references: References,
    bursts: Option<Bursts>,
    /// Number of its bursts of at most [`K_MAX`] pages in the file.
    stored_bursts: u64,
}

impl Unpacked {
    /// Passes the references to `verifier`.
    fn verify(&self, verifier: &mut Verifier) {
        verifier.bursts(self.stored_bursts);
        match &self.bursts {
            Some(bursts) if self.references.is_empty() => {
                let references = bursts.decoded();
                verifier.references(&references.refs, &references.kinds);
            }
            _ => verifier.references(&self.references.refs, &self.references.kinds),
        }
    }
}

/// The forms in which the cells of a pass take references: one by one, and as bursts of at most
/// each of `burst_sizes` pages.
struct Forms {
    references: bool,
    burst_sizes: Vec<usize>,
}

impl Forms {
    fn of(cells: &[Running<'_>]) -> Forms {
        let replays = || cells.iter().filter_map(|cell| cell.replay.as_ref().ok());
        let mut burst_sizes: Vec<usize> = replays().filter_map(|r| r.burst_size()).collect();
        burst_sizes.sort_unstable();
        burst_sizes.dedup();
        Forms {
            references: replays().any(|replay| replay.burst_size().is_none()),
            burst_sizes,
        }
    }

    /// Unpacks block `block`, whose first reference is at position `start`.
    fn unpack(&self, store: &Store, block: usize, start: u64) -> Result<Unpacked, TraceError> {
        let mut tile = Unpacked {
            start,
            end: start + store.block_refs(block),
            references: References::default(),
            bursts: None,
            stored_bursts: 0,
        };
        // Cells that all failed at once take no form; the file is verified all the same.
        if self.references || self.burst_sizes.is_empty() {
            tile.stored_bursts = store.unpack(block, &mut tile.references)?;
        }
        if !self.burst_sizes.is_empty() {
            let bursts = store.bursts_of(block, start)?;
            tile.stored_bursts = bursts.of(K_MAX).columns.len() as u64;
            let bursts = bursts.cut(&store.dictionary, std::iter::empty());
            // Cut here: cells replayed side by side must not wait for each other.
            for &k in &self.burst_sizes {
                bursts.of(k);
            }
            tile.bursts = Some(bursts);
        }
        Ok(tile)
    }
}

/// Replays `cells`, all of one trace, as many side by side as memory allows; calls `done` for each.
/// Ends early when `stop` becomes true: cells that have not finished then get no result. Writes their
/// miss streams to what `misses_to` opens, if it is given.
pub(super) fn run(
    plan: &Plan<'_>,
    store: &Store,
    cells: &[usize],
    stop: &AtomicBool,
    misses_to: Option<&OpenMisses<'_>>,
    done: &(dyn Fn(usize, CellResult) + Sync),
) {
    let pages = store.dictionary.pages.len();
    let stream_bytes = misses_to.map_or(0, |_| STREAM_BYTES);
    let at_once = (CELLS_BYTES / (pages * PAGE_BYTES + CELL_BYTES + stream_bytes)).max(1);
    for batch in cells.chunks(at_once) {
        let inputs = batch.iter().map(|&index| plan.inputs(&plan.cells[index]));
        let inputs: Vec<Result<CellInputs<'_>, String>> = inputs.collect();
        let opened = |&index: &usize| misses_to.map(|to| MissStream::open(plan, index, to));
        let mut streams: Vec<Stream<'_>> = batch.iter().map(opened).collect();
        let each = batch.iter().zip(&inputs).zip(&mut streams);
        let mut running: Vec<Running<'_>> = each
            .map(|((&index, inputs), stream)| begin(plan, store, index, inputs, stream))
            .collect();
        match pass(store, &mut running, stop) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                let error = error.to_string();
                let fail = |cell: &mut Running<'_>| cell.replay = Err(error.clone());
                running.iter_mut().for_each(fail);
            }
        }
        let results: Vec<(usize, CellResult)> = running
            .into_par_iter()
            .map(|cell| (cell.index, finish(cell)))
            .collect();
        for ((index, mut result), stream) in results.into_iter().zip(streams) {
            if let Some(Ok(stream)) = stream {
                result.outcome = result.outcome.and_then(|outcome| {
                    caught(|| stream.finish(&outcome))?;
                    Ok(outcome)
                });
            }
            done(index, result);
        }
    }
}

fn begin<'t>(
    plan: &Plan<'_>,
    store: &Store,
    index: usize,
    inputs: &'t Result<CellInputs<'_>, String>,
    stream: &'t mut Stream<'_>,
) -> Running<'t> {
    let burst_size = burst_size(plan, store, index);
    let listener = match stream {
        None => Ok(None),
        Some(Ok(stream)) => Ok(Some(stream as &mut dyn Listener)),
        Some(Err(error)) => Err(error.clone()),
    };
    let replay = match (inputs, listener) {
        (Ok(inputs), Ok(listener)) => {
            let begun = vm::begin(&inputs.job(), burst_size, listener);
            begun.map_err(|error| error.to_string())
        }
        (Err(error), _) => Err(error.clone()),
        (_, Err(error)) => Err(error),
    };
    Running {
        index,
        wall: Duration::ZERO,
        done: replay.is_err(),
        replay,
    }
}

/// Returns the best size of bursts for a cell; `None` if single references are faster.
fn burst_size(plan: &Plan<'_>, store: &Store, cell: usize) -> Option<usize> {
    let cell = &plan.cells[cell];
    if plan.settings.engine == Engine::Plain || !store.is_local() {
        return None;
    }
    // The file states the mean length of the largest bursts only; smaller ones are taken to be
    // shorter in proportion.
    let largest = store.refs() / store.bursts().max(1);
    let mean_length = |k: usize| largest * k as u64 / K_MAX as u64;
    let tau = cell.tau.unwrap_or(1);
    choose_burst_size(cell.choice.spec(), cell.frames, tau, mean_length)
}

/// Feeds a whole trace to `cells`. Returns false if `stop` ended it. Errors if the file cannot be read,
/// changed since it was opened, or states something else than its references.
fn pass(store: &Store, cells: &mut [Running<'_>], stop: &AtomicBool) -> Result<bool, TraceError> {
    let together = rayon::current_num_threads();
    let forms = Forms::of(cells);
    let mut verifier = store.verifier();
    let unpack = |from: usize, start: u64| {
        let blocks = from..(from + together).min(store.blocks());
        unpack(store, &forms, blocks, start)
    };
    let (mut from, mut tiles) = (0, unpack(0, 0)?);
    while let Some(last) = tiles.last() {
        let end = last.end;
        from += tiles.len();
        let feed = || {
            cells.par_iter_mut().for_each(|cell| {
                for tile in &tiles {
                    feed(cell, tile);
                }
            });
        };
        let mut verify = || {
            if let Some(verifier) = &mut verifier {
                tiles.iter().for_each(|tile| tile.verify(verifier));
            }
        };
        let ahead = || rayon::join(&mut verify, || unpack(from, end)).1;
        let ((), ahead) = rayon::join(feed, ahead);
        tiles = ahead?;
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        // Cells may end early, but have no result before the whole file is verified.
        if verifier.is_none() && cells.iter().all(|cell| cell.done) {
            break;
        }
    }
    store.verify(verifier)?;
    Ok(true)
}

/// Unpacks the blocks `blocks`, the first of which begins at position `start`.
fn unpack(
    store: &Store,
    forms: &Forms,
    blocks: Range<usize>,
    start: u64,
) -> Result<Vec<Unpacked>, TraceError> {
    let mut end = start;
    let starts: Vec<(usize, u64)> = blocks
        .map(|block| {
            let start = end;
            end += store.block_refs(block);
            (block, start)
        })
        .collect();
    let one = |(block, start)| forms.unpack(store, block, start);
    starts.into_par_iter().map(one).collect()
}

fn feed(cell: &mut Running<'_>, tile: &Unpacked) {
    let Some(replay) = cell.replay.as_mut().ok().filter(|_| !cell.done) else {
        return;
    };
    let begun = Instant::now();
    let tile = match replay.burst_size() {
        Some(k) => {
            let bursts = tile.bursts.as_ref().expect("unpacked for this cell");
            Tile::of_bursts(bursts.of(k))
        }
        None => Tile::of(&tile.references, tile.start),
    };
    match caught(|| Ok(replay.feed(tile))) {
        Ok(more) => cell.done = !more,
        Err(error) => {
            cell.replay = Err(error);
            cell.done = true;
        }
    }
    cell.wall += begun.elapsed();
}

fn finish(cell: Running<'_>) -> CellResult {
    let begun = Instant::now();
    let finished = |replay: Replay<'_>| caught(|| Ok(replay.finish()));
    let outcome = cell.replay.and_then(finished);
    CellResult {
        outcome,
        wall: Some(cell.wall + begun.elapsed()),
    }
}
