//! THE column table of `results.csv`. One entry per column gives the field of [`Row`], the CSV header,
//! both ways of conversion, the chart axis, the text of `pagebench columns`, and every other fact
//! about the column: whether it is counted, which direction is better, whether a curve gives it.
//!
//! Counts are exact integers and come first; rates and modelled times are derived from them and
//! written with nine decimals, so that a row is the same bytes on every machine.

use super::column::{
    COUNT, FRAMES, FRAMES_AND_WRITE_BACKS, OF_TRACE, POINT, TableRow, WRITE_BACKS, table,
};
use crate::policy::PolicyId;
use crate::sweep::{IN_A_RUN, Identity, LATER, Part};

pub use super::column::{Better, ColumnKind, Counts, Field};

/// A column of `results.csv`.
pub type Column = super::column::Column<Row>;

table! {
    /// One cell of a sweep and its exact result. The fields are the columns of `COLUMNS`, in order,
    /// where each is defined.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct Row {
        /// The columns that this run was asked for (`--counts`). The fields of other columns mean
        /// nothing and are written as empty.
        pub counts: Counts,
    }
    /// Every column of `results.csv`, in order.
    pub const COLUMNS, by name in col;
    schema: u64, "", "version of this table; another number means other columns";
    trace: String, "", "name of the trace: the one stored with it, or its file name without codec and format endings; with its folder where two are alike";
    trace_digest: String, "", "hash of all references (process, page, kind, and which continue the access before them across a page boundary) and of the events with their places, as filter takes them and before any is left out as illegal; the same for every container, codec and encoding that keeps all of these (dinero, addr-rw and page-ref lose some)";
    trace_kind: String, "", "full, sampled, faults-only, block-io or synthetic: whether a rate is that of a program";
    filter: String, "", "the selection replayed (data-only, pid, skip, limit); empty for the whole trace";
    mappings: String, "", "where mappings came from: recorded (events of the trace), permissive (none: every first touch makes private memory) or inferred";
    on_segfault: String, "", "what an illegal reference did: kill (its process ended), skip (it was left out); empty where nothing can be illegal";
    page_size: u64, "bytes", "size of a page and of a frame";
    policy: String, "", "name of the replacement policy";
    params: String, "", "the policy's parameters that differ from its defaults, key=value joined by colons";
    seed: Option<u64>, "", "seed of a randomised policy; empty if the policy draws nothing";
    tau: Option<u64>, "references", "window of a variable-space policy in references of the process; empty for a fixed-space one";
    frames: Option<u64>, "frames", "frames of memory; empty if a variable-space policy has no limit";
    frames_frac: Option<f64>, "of pages", "frames divided by distinct pages";
    allocation: String, "", "global, or how frames were divided among the processes that bring pages in: equal, proportional (to the pages that the legal references of each touch) or weights; global, too, without a limit of frames, which leaves nothing to divide";
    accessed_bit: String, "", "when reference bits are set: every (reference), walk (only by page walks), walk-flush (the same; clearing one drops its translations); walk and walk-flush with the TLBs, which decide what is walked to: walk:l1i=64x4,l1d=64x4,l2=1536x12; every for traces of ids, which have no translation";
    swap_limit: Option<u64>, "slots", "slots of the swap device, a page each; empty for as many as needed";
    commit_limit: Option<u64>, "bytes", "most memory that may be promised to all processes (strict overcommit); empty if nothing is refused";
    swap_in: String, "", "how a page that was shared copy-on-write is mapped when its last owner reads it from swap: writable (as Linux), read-only (the next write is a cow_reuse); empty if no such page is written by its last owner";
    pin_cow_source: String, "", "whether the page that is being copied stays while another page can make room for the copy: on, off; empty if no page is copied that another one may map";
    fork_file_ptes: String, "", "what a child has of its parent's page-table entries of mappings that are shared, or of files and without private pages: copy (all), drop (none, as in Linux: its first references are maps); empty if no fork found any";
    free_frames: String, "", "which free frame is taken: lifo (freed last), fifo (never used, then freed first); empty if no page loses its last owner";
    layout: String, "", "layout of addresses: two-level (32 bits, user space up to 3 GiB); empty if any address is taken";
    page_cache: String, "", "what becomes of a page of a file that no process maps any more: keep (it stays in its frame and is found when it is mapped again), drop (it leaves, written back if dirty, and counts as another page when it is mapped again); with keep it leaves, too, under variable-space policies and where frames are divided, but is the same page; empty if no page of a file is left so";
    file_io: String, "", "reads and writes of files without mappings: count (each page is found or loaded), ignore; empty if the trace has none";
    beyond_eof: String, "", "what a reference is to a page of a mapping that begins beyond the end of its file: zero (the page holds zeros), fault (it is illegal, a bus error, as in Linux); empty if there is none";
    model: String, "", "model of memory: paging, segmentation, segmented-paging, flat, base-limit, physical; empty without --model, which means paging";
    segments: String, "", "what a segment is: vma (a mapping), classic (the mappings of a process that hold code, data, the heap, stacks: each one segment); empty for other models than segmentation";
    fit: String, "", "hole that a segment is placed in: first, next, best, worst; empty for models without holes, as swap_unit, relief and idle";
    swap_unit: String, "", "what leaves memory as a whole: process (all segments of a program; they come back at its next reference), segment";
    relief: String, "", "what is done when no hole is large enough: compact (units leave until the bytes suffice, then segments move down), swap (the same through the disk), evict (units leave until a hole is large enough)";
    idle: String, "", "window of mean_idle_bytes in references of a process; empty if it was not asked for";
    warmup_refs: u64, "references", "references replayed before counting began; they fill memory and count nowhere else but in segfaults, protection_faults, bus_errors and refs_dropped";
    refs: u64, "references", "references counted: one address and one kind each; an access that crosses a page boundary is one reference per page";
    reads: u64, "references", "references that read data";
    writes: u64, "references", "references that write data (a read-modify-write is one write)";
    ifetches: u64, "references", "references that fetch an instruction";
    processes: u64, "processes", "processes that make a legal reference, or whose advice or populated ranges may bring pages in";
    distinct_pages: u64, "pages", "distinct pages; with this many frames every page fits. Private pages count per process, shared pages once, each copy-on-write copy once more; a page of a file that is mapped again counts once with page_cache keep";
    segfaults: u64, "references", "references of the whole trace to pages that no mapping has; neither hits nor faults, and not among refs";
    protection_faults: u64, "references", "references of the whole trace that their mapping does not allow, or to the kernel's half; not among refs";
    bus_errors: u64, "references", "references of the whole trace to pages of mappings that begin beyond the end of their file, with beyond_eof fault (SIGBUS); not among refs";
    refs_dropped: u64, "references", "references of the whole trace by processes that an illegal reference or a refused fork had ended; not among refs";
    hits: u64, "references", "references that did not fault: refs - faults" => COUNT.more().by_curve(POINT);
    faults: u64, "faults", "references that faulted: fills + refills + maps + cow_copies + cow_reuses; the restarted access counts once" => COUNT.by_curve(POINT);
    fills: u64, "faults", "faults of a page that comes in for the first time" => COUNT.by_curve(POINT);
    refills: u64, "faults", "faults of a page that had left memory and comes in again" => COUNT.by_curve(POINT);
    maps: u64, "faults", "faults of a page that is in memory, but not in the page table of this process" => COUNT.by_curve(POINT);
    cow_copies: u64, "faults", "writes to a page that others have too, or to a private page of a file: the page was copied. Major if the original had to be read" => COUNT.by_curve(POINT);
    cow_reuses: u64, "faults", "writes to a page that others had too: no other is left, no copy is made" => COUNT.by_curve(POINT);
    minor_faults: u64, "faults", "faults served without reading a device" => COUNT;
    major_faults: u64, "faults", "faults for which a device was read: swap, a file, or where an unknown page came from" => COUNT;
    fault_rate: Option<f64>, "of references", "faults / (hits + faults)" => COUNT.by_curve(POINT);
    hit_rate: Option<f64>, "of references", "hits / (hits + faults)" => COUNT.more().by_curve(POINT);
    refs_per_fault: Option<f64>, "references", "the lifetime function: references / faults; empty without a fault" => COUNT.more().by_curve(POINT);
    mean_resident: Option<f64>, "pages", "mean resident set size: resident pages after each reference, averaged" => COUNT.by_curve(POINT);
    peak_resident: u64, "pages", "most pages resident after any reference" => COUNT.by_curve(FRAMES);
    resident_end: u64, "pages", "pages resident at the end" => COUNT.neither().by_curve(FRAMES);
    evictions: u64, "pages", "victims: pages that left memory to make room" => COUNT.by_curve(FRAMES);
    evictions_clean: u64, "pages", "victims that need no write: not written since they came in" => COUNT.neither().by_curve(FRAMES_AND_WRITE_BACKS);
    evictions_dirty: u64, "pages", "victims that had to be written back" => COUNT.by_curve(FRAMES_AND_WRITE_BACKS);
    expired: u64, "pages", "pages that left because their window closed (variable-space policies)" => COUNT.by_curve(FRAMES);
    expired_dirty: u64, "pages", "of these, pages that had to be written back" => COUNT.by_curve(FRAMES);
    freed: u64, "pages", "resident pages that left because no process mapped them any more (unmapped, or their last process ended) or their file was cut off or unlinked; and io_loads of pages that no memory holds" => COUNT.neither().by_curve(POINT);
    freed_dirty: u64, "pages", "of these, pages of files that had to be written" => COUNT.by_curve(POINT);
    write_backs: u64, "pages", "dirty pages that left memory and were written: evictions_dirty + expired_dirty + freed_dirty" => COUNT.by_curve(WRITE_BACKS);
    prefetched: u64, "pages", "pages brought in because the program said that it would need them; no faults" => COUNT.neither().by_curve(POINT);
    populated: u64, "pages", "pages brought in because the program populated a range (MAP_POPULATE, MADV_POPULATE_READ, MADV_POPULATE_WRITE); no faults" => COUNT.neither().by_curve(POINT);
    originals: u64, "pages", "pages of files that came in because a write to a private mapping copies them (with page_cache keep): the cow_copies, or the populated page, needs a frame of its own, and reads the device for this one" => COUNT.by_curve(POINT);
    io_hits: u64, "pages", "pages that reads and writes of files found in memory; neither references nor faults" => COUNT.more().by_curve(POINT);
    io_loads: u64, "pages", "pages that reads and writes of files brought in; no faults. Every page that comes in is one of these: loads = fills + refills + cow_copies + originals + prefetched + populated + io_loads" => COUNT.by_curve(POINT);
    dirty_end: u64, "pages", "dirty pages still resident at the end; they are no write-backs" => COUNT.neither();
    swapped_end: u64, "pages", "pages at the end that are on the swap device and not resident" => COUNT.neither();
    dropped_end: u64, "pages", "pages at the end that are neither resident nor on the swap device: of a file, or never written" => COUNT.neither();
    untouched_end: Option<u64>, "pages", "pages that the mappings of each process have at the end and that are bound to nothing there, summed over the processes: neither touched by that process nor inherited nor brought in as needed since they were mapped or given up; one that several mappings share a part of counts once; empty without mappings" => OF_TRACE;
    swap_slots: u64, "slots", "swap slots in use at the end; a page keeps its slot until no process maps it any more" => COUNT;
    swap_slots_peak: u64, "slots", "most swap slots ever in use, warm-up included" => COUNT;
    swap_reads: u64, "pages", "pages read from a swap slot" => COUNT;
    file_reads: u64, "pages", "pages read from the file they belong to" => COUNT;
    opt_faults: Option<u64>, "faults", "faults of OPT with the same frames; empty if OPT was not among the cells" => COUNT.by_curve(POINT).with(&[Index::faults as usize]);
    ratio_to_opt: Option<f64>, "ratio", "faults / opt_faults; below 1 is possible where memory is shared: OPT has the fewest loads, faults has maps, too" => COUNT.by_curve(POINT).with(&[Index::opt_faults as usize]);
    tlb_hits_l1i: Option<u64>, "references", "instruction fetches translated by the first-level instruction TLB" => COUNT.more().translated();
    tlb_hits_l1d: Option<u64>, "references", "data references translated by the first-level data TLB" => COUNT.more().translated();
    tlb_hits_l2: Option<u64>, "references", "references translated by the second-level TLB" => COUNT.neither().translated();
    tlb_misses: Option<u64>, "references", "references that no TLB translated: page walks; a faulting access has one, its restart none" => COUNT.translated();
    tlb_hit_rate: Option<f64>, "of references", "references translated by a TLB / references" => COUNT.more().translated();
    walk_refs: Option<u64>, "references", "page-table entries read by the walks: walk_refs_leaf + walk_refs_upper; without page-walk caches tlb_misses times levels" => COUNT.translated();
    walk_refs_leaf: Option<u64>, "references", "of these, entries that name a page: one a walk" => COUNT.translated();
    walk_refs_upper: Option<u64>, "references", "of these, entries that name a table; page-walk caches save them" => COUNT.translated();
    walk_refs_by_level: String, "references", "walk_refs by level of the page table, from the root to the leaf, joined by slashes; empty without translation" => COUNT.translated();
    shootdowns: Option<u64>, "entries", "TLB entries dropped because their page left memory or its page-table entry changed, counted per level that held one" => COUNT.translated();
    tlb_flushes: Option<u64>, "flushes", "flushes of all TLBs and page-walk caches because the process changed; 0 if entries are tagged by process" => COUNT.translated();
    time_ns: Option<u64>, "ns", "modelled time of all counted references, by the costs of manifest.json: refs * memory + tlb_hits_l2 * tlb_l2 + walk_refs * walk_ref + faults * fault + cow_copies * copy + major_faults * read + (evictions_dirty, less those that made room for originals, prefetched and populated pages and io_loads) * write. Prefetched and populated pages, io_hits and io_loads, frames of originals, and writes of expired and freed pages, cost nothing, so that policies with and without a window do not compare; read and write are of 4 KiB whatever the page size, so that page sizes do not compare; at most 2^64 - 1" => COUNT.translated();
    eat_ns: Option<f64>, "ns", "effective access time: time_ns / refs" => COUNT.translated();
    swap_ins: Option<u64>, "units", "units that came back into memory after they had left, or were read back at another place; pages with frames, else segments or programs (swap_unit); empty without --model, as all that follow" => COUNT;
    swap_outs: Option<u64>, "units", "units that left memory to make room or because their window closed, or were written to be read back at another place" => COUNT;
    swap_bytes_in: Option<u64>, "bytes", "bytes read from the device that had been in memory and were not read from a file" => COUNT;
    swap_bytes_out: Option<u64>, "bytes", "bytes written to the device as units left or changed places" => COUNT;
    file_bytes_in: Option<u64>, "bytes", "bytes read from files" => COUNT;
    compactions: Option<u64>, "times", "times that segments moved down in memory to make a large hole" => COUNT;
    bytes_moved: Option<u64>, "bytes", "bytes of the segments that moved down then" => COUNT;
    bytes_grown: Option<u64>, "bytes", "bytes copied because a segment grew where it had no room: its length before" => COUNT;
    bytes_copied: Option<u64>, "bytes", "bytes of segments copied because several programs had them; with frames, of pages" => COUNT;
    unfit: Option<u64>, "placements", "placements for which no hole was large enough though enough bytes were free" => COUNT;
    fragmentation: Option<f64>, "of free bytes", "external fragmentation, 1 - largest hole / free bytes (0 if nothing is free), after each reference, averaged" => COUNT;
    fragmentation_worst: Option<f64>, "of free bytes", "the largest external fragmentation after any reference or event" => COUNT;
    mean_resident_bytes: Option<f64>, "bytes", "bytes in memory after each reference, averaged" => COUNT;
    mean_untouched_bytes: Option<f64>, "bytes", "of these, bytes of pages that have never been referenced so far, averaged; empty with frames, where a page comes in when it is referenced" => COUNT;
    mean_idle_bytes: Option<f64>, "bytes", "bytes in memory that their process did not reference in its last idle references, averaged; empty without --idle" => COUNT;
    table_bytes_peak: Option<u64>, "bytes", "the most memory of tables: 8 a segment; with segmented-paging 8 more a mapped page; with paging and flat the page tables of the layout, flat with 8 a segment more; empty for physical" => COUNT;
    table_refs: Option<u64>, "references", "entries of tables in memory that translations read: none with segments, whose tables are in the processor; 2 a TLB miss with segmented-paging; walk_refs with paging and flat" => COUNT;
    clobbers: Option<u64>, "references", "writes to a place that another living process wrote last; only of physical" => COUNT;
    foreign_reads: Option<u64>, "references", "reads of a place that another living process wrote last; only of physical" => COUNT;
    status: String, "", "ok; swap-full: a dirty page had to leave and swap had no slot, every column is exact up to there, before the reference or event that could not be served (of an advice, a populated range, or a read or write of a file: before the page that could not come in; of a copy: its original may have come in); error: the cell has no counts";
    error: String, "", "what went wrong and where; empty if ok";
}

/// The version of the column table that this program writes and reads.
pub const SCHEMA: u64 = 2;

const _: () = assert!(COLUMNS.len() <= Counts::MOST);

/// Returns what is wrong with a table of another schema.
pub fn wrong_schema(schema: u64) -> String {
    format!("schema {schema}: this program reads schema {SCHEMA}")
}

/// Returns what is wrong with a table of another schema, and what to do.
pub fn other_schema(schema: u64) -> String {
    let help = if schema > SCHEMA {
        "a later pagebench wrote it: update this one"
    } else {
        "an earlier pagebench wrote it: run this one again for a new table"
    };
    format!("{}\n  help: {help}", wrong_schema(schema))
}

/// The status of a row without counts.
pub const ERROR: &str = "error";

/// The status of a row whose cell full swap ended: its counts are exact up to there.
pub const SWAP_FULL: &str = "swap-full";

/// The status of a row whose cell ended because memory is smaller than one unit.
pub const DOES_NOT_FIT: &str = "does-not-fit";

/// The counts of models of memory, which tables of earlier versions do not have.
pub const OF_MODELS: [&Column; 19] = [
    col::swap_ins,
    col::swap_outs,
    col::swap_bytes_in,
    col::swap_bytes_out,
    col::file_bytes_in,
    col::compactions,
    col::bytes_moved,
    col::bytes_grown,
    col::bytes_copied,
    col::unfit,
    col::fragmentation,
    col::fragmentation_worst,
    col::mean_resident_bytes,
    col::mean_untouched_bytes,
    col::mean_idle_bytes,
    col::table_bytes_peak,
    col::table_refs,
    col::clobbers,
    col::foreign_reads,
];

/// Returns whether the policy `name` uses the future: it is a bound and no candidate.
pub fn is_offline(name: &str) -> bool {
    let mut policies = PolicyId::all().map(PolicyId::spec);
    policies.any(|spec| spec.name == name && spec.needs_future())
}

/// Returns the column of this name.
pub fn column(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name == name)
}

/// Returns the column that has a part of what names a cell.
pub fn column_of(part: Part) -> &'static Column {
    column(part.column()).expect("a test looks for the column of each part")
}

/// Returns whether tables of earlier versions do not have `column`. They are read as if it were empty, or
/// zero if it is a count.
pub fn is_later(column: &Column) -> bool {
    let counts = [
        &col::bus_errors,
        &col::populated,
        &col::originals,
        &col::io_hits,
        &col::io_loads,
    ];
    let mut counts = counts.into_iter().chain(&OF_MODELS);
    let is_count = counts.any(|count| count.index == column.index);
    is_count || LATER.iter().any(|(part, _)| part.column() == column.name)
}

/// Returns the columns that name a cell of a run. Every table beside `results.csv` begins with them.
pub fn key_columns() -> impl Iterator<Item = &'static Column> {
    IN_A_RUN.into_iter().map(column_of)
}

/// Returns the fields of a row in [`key_columns`].
pub fn key_fields(row: &Row) -> Vec<String> {
    let cell = row.identity();
    IN_A_RUN.map(|part| cell.text(part)).to_vec()
}

/// Returns the first eight characters of a digest, which tell traces apart for a reader.
pub fn short_digest(digest: &str) -> &str {
    let end = digest
        .char_indices()
        .nth(8)
        .map_or(digest.len(), |(at, _)| at);
    &digest[..end]
}

impl TableRow for Row {
    fn has_index(&self, index: usize) -> bool {
        self.counts.has(index)
    }
}

impl Row {
    /// Returns whether this run was asked for `column`.
    pub fn has(&self, column: &Column) -> bool {
        self.counts.has(column.index)
    }

    /// Parses `text` into the field of `column`. An empty text for a count that cannot be empty means
    /// that the run was not asked for it: the column is removed from [`Row::counts`].
    ///
    /// # Errors
    ///
    /// Errors if `text` is not what the column holds.
    pub fn read(&mut self, column: &Column, text: &str) -> Result<(), String> {
        match (column.read)(self, text) {
            Err(_) if text.is_empty() && column.facts.counted => {
                self.counts.remove(column.index);
                Ok(())
            }
            result => result,
        }
    }

    /// Returns whether the replay ended early, with counts that are exact up to there.
    pub fn is_cut_short(&self) -> bool {
        self.status == SWAP_FULL || self.status == DOES_NOT_FIT
    }

    /// Returns whether the cell was replayed to its end.
    pub fn is_ok(&self) -> bool {
        self.status == "ok"
    }

    /// Returns a row of `cell` whose counts are all zero or absent.
    pub fn of_cell(cell: Identity) -> Row {
        Row {
            trace: cell.trace,
            trace_digest: cell.trace_digest,
            filter: cell.filter,
            mappings: cell.mappings,
            on_segfault: cell.on_segfault,
            page_size: cell.page_size,
            policy: cell.policy,
            params: cell.params,
            seed: cell.seed,
            tau: cell.tau,
            frames: cell.frames,
            allocation: cell.allocation,
            accessed_bit: cell.accessed_bit,
            swap_limit: cell.swap_limit,
            commit_limit: cell.commit_limit,
            swap_in: cell.swap_in,
            pin_cow_source: cell.pin_cow_source,
            fork_file_ptes: cell.fork_file_ptes,
            free_frames: cell.free_frames,
            layout: cell.layout,
            page_cache: cell.page_cache,
            file_io: cell.file_io,
            beyond_eof: cell.beyond_eof,
            model: cell.model,
            segments: cell.segments,
            fit: cell.fit,
            swap_unit: cell.swap_unit,
            relief: cell.relief,
            idle: cell.idle,
            warmup_refs: cell.warmup_refs,
            ..Row::default()
        }
    }

    /// Returns what names the row's cell. Rows are sorted by it: by trace, page size, digest, filter,
    /// policy, parameters, seed, window, frames, swap limit, then by how the model was set.
    pub fn identity(&self) -> Identity {
        Identity {
            trace: self.trace.clone(),
            page_size: self.page_size,
            trace_digest: self.trace_digest.clone(),
            filter: self.filter.clone(),
            policy: String::new(),
            params: String::new(),
            seed: self.seed,
            tau: self.tau,
            frames: self.frames,
            swap_limit: self.swap_limit,
            mappings: self.mappings.clone(),
            on_segfault: self.on_segfault.clone(),
            allocation: self.allocation.clone(),
            accessed_bit: self.accessed_bit.clone(),
            commit_limit: self.commit_limit,
            warmup_refs: self.warmup_refs,
            swap_in: self.swap_in.clone(),
            pin_cow_source: self.pin_cow_source.clone(),
            fork_file_ptes: self.fork_file_ptes.clone(),
            free_frames: self.free_frames.clone(),
            layout: self.layout.clone(),
            page_cache: self.page_cache.clone(),
            file_io: self.file_io.clone(),
            beyond_eof: self.beyond_eof.clone(),
            model: self.model.clone(),
            segments: self.segments.clone(),
            fit: self.fit.clone(),
            swap_unit: self.swap_unit.clone(),
            relief: self.relief.clone(),
            idle: self.idle.clone(),
        }
        .with_policy(&self.policy, &self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_column_is_defined() {
        for (i, column) in COLUMNS.iter().enumerate() {
            assert!(
                COLUMNS[..i].iter().all(|other| other.name != column.name),
                "{column:?}"
            );
            assert!(column.about.len() > 10, "{column:?} has no definition");
            assert!(column.about.is_ascii(), "{column:?}");
            assert!(std::ptr::eq(&COLUMNS[column.index], column));
        }
        assert_eq!(col::faults.name, "faults");
        for part in IN_A_RUN.into_iter().chain(crate::sweep::MODEL) {
            assert_eq!(column_of(part).name, part.column());
        }
        assert_eq!(column_of(Part::WarmupRefs).name, "warmup_refs");
    }

    /// A column that a curve gives is a count, and what it is computed from is one, too.
    #[test]
    fn facts_agree_with_each_other() {
        for column in COLUMNS {
            let facts = column.facts;
            assert!(facts.counted || facts.from_curve.is_none(), "{column:?}");
            assert!(
                facts.counted || facts.better == Better::Neither,
                "{column:?}"
            );
            assert!(!facts.counted || facts.empty_on_error, "{column:?}");
            for &index in facts.implies {
                assert!(COLUMNS[index].facts.counted, "{column:?}");
                assert!(facts.from_curve.is_none() || COLUMNS[index].facts.from_curve.is_some());
            }
        }
        assert!(col::hits.facts.counted && !col::distinct_pages.facts.counted);
        assert!(col::untouched_end.facts.empty_on_error && !col::untouched_end.facts.counted);
        assert_eq!(col::tlb_hits_l1i.facts.better, Better::More);
        assert_eq!(col::tlb_misses.facts.better, Better::Less);
    }

    #[test]
    fn a_short_digest_is_cut_at_a_character() {
        assert_eq!(short_digest("0123456789"), "01234567");
        assert_eq!(short_digest("012"), "012");
        assert_eq!(short_digest("äöüßäöüßx"), "äöüßäöüß");
    }

    #[test]
    fn a_row_survives_being_shown_and_read() {
        let row = Row {
            trace: "cc1, \"quoted\"".into(),
            tau: Some(7),
            faults: u64::MAX,
            fault_rate: Some(0.125),
            ..Row::default()
        };
        let mut back = Row::default();
        for column in COLUMNS {
            (column.read)(&mut back, &(column.show)(&row)).unwrap();
        }
        assert_eq!(back, row);
    }
}
