//! THE column table. One entry per column gives the field of [`Row`], the CSV header, both ways
//! of conversion, the chart axis and the text of `pagebench columns`.
//!
//! Counts are exact integers and come first; rates and modelled times are derived from them and
//! written with nine decimals, so that a row is the same bytes on every machine.

use super::counts::{Counts, is_count};
use crate::sweep::Identity;
use std::fmt;

/// What a column holds and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A word or a sentence.
    Text,
    /// An exact integer.
    Count,
    /// A fraction or a mean, nine decimals.
    Real,
}

/// A cell of the table: how a field is written to CSV and read back. Absent is the empty field.
pub trait Field: Sized {
    /// The kind of the column.
    const KIND: ColumnKind;
    /// The CSV text.
    fn show(&self) -> String;
    /// Reads the CSV text.
    fn read(text: &str) -> Result<Self, String>;
    /// The value as a number, for charts and tables; `None` if absent or no number.
    fn number(&self) -> Option<f64>;
}

impl Field for String {
    const KIND: ColumnKind = ColumnKind::Text;
    fn show(&self) -> String {
        self.clone()
    }
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn number(&self) -> Option<f64> {
        None
    }
}

impl Field for u64 {
    const KIND: ColumnKind = ColumnKind::Count;
    fn show(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("not a whole number: \"{text}\""))
    }
    fn number(&self) -> Option<f64> {
        Some(*self as f64)
    }
}

impl Field for f64 {
    const KIND: ColumnKind = ColumnKind::Real;
    fn show(&self) -> String {
        format!("{self:.9}")
    }
    fn read(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(format!("not a finite number: \"{text}\"")),
        }
    }
    fn number(&self) -> Option<f64> {
        Some(*self)
    }
}

impl<T: Field> Field for Option<T> {
    const KIND: ColumnKind = T::KIND;
    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(None)
        } else {
            T::read(text).map(Some)
        }
    }
    fn number(&self) -> Option<f64> {
        self.as_ref().and_then(T::number)
    }
}

/// One column of `results.csv`.
pub struct Column {
    /// The header, which is also the name of the field in [`Row`].
    pub name: &'static str,
    /// The unit; empty for names and texts.
    pub unit: &'static str,
    /// What is counted, and how.
    pub about: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// The CSV text of a row's field.
    pub show: fn(&Row) -> String,
    /// Sets a row's field from CSV text.
    pub read: fn(&mut Row, &str) -> Result<(), String>,
    /// The field as a number, if it is one and present.
    pub number: fn(&Row) -> Option<f64>,
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! columns {
    ($($name:ident : $type:ty, $unit:literal, $about:literal;)*) => {
        /// One cell of a sweep and its exact result. The fields are the columns of
        /// [`COLUMNS`], in order, where each is defined.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Row {
            $(#[doc = $about] pub $name: $type,)*
            /// The columns that are there; the fields of others are empty and say nothing.
            pub counts: Counts,
        }

        /// The place of each column.
        #[allow(non_camel_case_types)]
        enum Place { $($name,)* }

        /// Every column of `results.csv`, in order.
        pub const COLUMNS: &[Column] = &[
            $(Column {
                name: stringify!($name),
                unit: $unit,
                about: $about,
                kind: <$type as Field>::KIND,
                show: |row| match row.counts.has_place(Place::$name as usize) {
                    true => row.$name.show(),
                    false => String::new(),
                },
                read: |row, text| {
                    row.$name = <$type as Field>::read(text)?;
                    Ok(())
                },
                number: |row| match row.counts.has_place(Place::$name as usize) {
                    true => row.$name.number(),
                    false => None,
                },
            },)*
        ];
    };
}

columns! {
    schema: u64, "", "version of this table; another number means other columns";
    trace: String, "", "name of the trace: the one stored with it, or its file name without codec and format endings; with its folder where two are alike";
    trace_digest: String, "", "hash of all references (process, page, kind, and which continue the access before them across a page boundary) and of the events with their places, as filter takes them and before any is left out as illegal; the same for every container, codec and encoding that keeps all of these (dinero, addr-rw and page-ref lose some)";
    trace_kind: String, "", "full, sampled, faults-only, block-io or synthetic: whether a rate is that of a program";
    filter: String, "", "what was taken of the trace (data-only, pid, skip, limit); empty if all of it";
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
    warmup_refs: u64, "references", "references replayed before counting began; they fill memory and count nowhere else but in segfaults, protection_faults and refs_dropped";
    refs: u64, "references", "references counted: one address and one kind each; an access that crosses a page boundary is one reference per page";
    reads: u64, "references", "references that read data";
    writes: u64, "references", "references that write data (a read-modify-write is one write)";
    ifetches: u64, "references", "references that fetch an instruction";
    processes: u64, "processes", "processes that make a legal reference, or whose advice may bring pages in";
    distinct_pages: u64, "pages", "distinct pages: as many frames hold all there ever is. Each page of each process is one; where memory is shared, what is shared is one, and a copy made at a write is one more";
    segfaults: u64, "references", "references of the whole trace to pages that no mapping has; neither hits nor faults, and not among refs";
    protection_faults: u64, "references", "references of the whole trace that their mapping does not allow, or to the kernel's half; not among refs";
    refs_dropped: u64, "references", "references of the whole trace by processes that an illegal reference or a refused fork had ended; not among refs";
    hits: u64, "references", "references that went on at once, without any fault: refs - faults";
    faults: u64, "faults", "references that could not go on at once: fills + refills + maps + cow_copies + cow_reuses; the restarted access counts once";
    fills: u64, "faults", "faults of a page that comes in for the first time";
    refills: u64, "faults", "faults of a page that had left memory and comes in again";
    maps: u64, "faults", "faults of a page that is in memory, but not in the page table of this process";
    cow_copies: u64, "faults", "writes to a page that others have too, or to a private page of a file: the page was copied";
    cow_reuses: u64, "faults", "writes to a page that others had too: nobody else is left, no copy is made";
    minor_faults: u64, "faults", "faults served without reading a device";
    major_faults: u64, "faults", "faults for which a device was read: swap, a file, or where an unknown page came from";
    fault_rate: Option<f64>, "of references", "faults / (hits + faults)";
    hit_rate: Option<f64>, "of references", "hits / (hits + faults)";
    refs_per_fault: Option<f64>, "references", "the lifetime function: references / faults; empty without a fault";
    mean_resident: Option<f64>, "pages", "resident pages after each reference, summed, / references";
    peak_resident: u64, "pages", "most pages resident after any reference";
    resident_end: u64, "pages", "pages resident at the end";
    evictions: u64, "pages", "victims: pages that left memory to make room";
    evictions_clean: u64, "pages", "victims that need no write: not written since they came in";
    evictions_dirty: u64, "pages", "victims that had to be written back";
    expired: u64, "pages", "pages that left because their window closed (variable-space policies)";
    expired_dirty: u64, "pages", "of these, pages that had to be written back";
    freed: u64, "pages", "resident pages that left because nobody mapped them any more: unmapped, or their last process ended";
    freed_dirty: u64, "pages", "of these, pages of files that had to be written";
    write_backs: u64, "pages", "dirty pages that left memory and were written: evictions_dirty + expired_dirty + freed_dirty";
    prefetched: u64, "pages", "pages brought in because the program said that it would need them; no faults";
    dirty_end: u64, "pages", "dirty pages still resident at the end; they are no write-backs";
    swapped_end: u64, "pages", "pages at the end that are on the swap device and not resident";
    dropped_end: u64, "pages", "pages at the end that are neither resident nor on the swap device: of a file, or never written";
    untouched_end: Option<u64>, "pages", "pages that the mappings of each process have at the end and that are bound to nothing there, summed over the processes: neither touched by that process nor inherited nor brought in as needed since they were mapped or given up; one that several mappings share a part of counts once; empty without mappings";
    swap_slots: u64, "slots", "swap slots in use at the end; a page keeps its slot until nobody maps it any more";
    swap_slots_peak: u64, "slots", "most swap slots ever in use, warm-up included";
    swap_reads: u64, "pages", "pages read from a swap slot";
    file_reads: u64, "pages", "pages read from the file they belong to";
    opt_faults: Option<u64>, "faults", "faults of OPT with the same frames; empty if OPT was not among the cells";
    ratio_to_opt: Option<f64>, "ratio", "faults / opt_faults; below 1 is possible where memory is shared: OPT has the fewest loads, faults has maps, too";
    tlb_hits_l1i: Option<u64>, "references", "instruction fetches translated by the first-level instruction TLB";
    tlb_hits_l1d: Option<u64>, "references", "data references translated by the first-level data TLB";
    tlb_hits_l2: Option<u64>, "references", "references translated by the second-level TLB";
    tlb_misses: Option<u64>, "references", "references that no TLB translated: page walks; a faulting access has one, its restart none";
    tlb_hit_rate: Option<f64>, "of references", "references translated by a TLB / references";
    walk_refs: Option<u64>, "references", "page-table entries read by the walks: walk_refs_leaf + walk_refs_upper; without page-walk caches tlb_misses times levels";
    walk_refs_leaf: Option<u64>, "references", "of these, entries that name a page: one a walk";
    walk_refs_upper: Option<u64>, "references", "of these, entries that name a table; page-walk caches save them";
    walk_refs_by_level: String, "references", "walk_refs by level of the page table, from the root to the leaf, joined by slashes; empty without translation";
    shootdowns: Option<u64>, "entries", "TLB entries dropped because their page left memory or its page-table entry changed, counted per level that held one";
    tlb_flushes: Option<u64>, "flushes", "flushes of all TLBs and page-walk caches because the process changed; 0 if entries are tagged by process";
    time_ns: Option<u64>, "ns", "modelled time of all counted references, by the costs of manifest.json: refs * memory + tlb_hits_l2 * tlb_l2 + walk_refs * walk_ref + faults * fault + cow_copies * copy + major_faults * read + (evictions_dirty, less those that made room for prefetched pages) * write. Prefetched pages, and writes of expired and freed pages, cost nothing, so that policies with and without a window do not compare; read and write are of 4 KiB whatever the page size, so that page sizes do not compare; at most 2^64 - 1";
    eat_ns: Option<f64>, "ns", "effective access time: time_ns / refs";
    status: String, "", "ok; swap-full: a dirty page had to leave and swap had no slot, every column is exact up to there, before the reference or event that could not be served (of an advice: before the page that could not come in); error: the cell has no counts";
    error: String, "", "what went wrong and where; empty if ok";
}

/// The version of the column table that this program writes and reads.
pub const SCHEMA: u64 = 2;

/// What is wrong with a table of another schema, and what to do.
pub fn other_schema(schema: u64) -> String {
    let help = match schema > SCHEMA {
        true => "a later pagebench wrote it: update this one",
        false => "an earlier pagebench wrote it: run this one again for a new table",
    };
    format!("schema {schema}: this program reads schema {SCHEMA}\n  help: {help}")
}

/// The status of a row without counts.
pub const ERROR: &str = "error";

/// The status of a row whose cell full swap ended: its counts are exact up to there.
pub const SWAP_FULL: &str = "swap-full";

/// Policies that know the future: not to be recommended.
pub const OFFLINE: [&str; 3] = ["opt", "opt-wb", "vmin"];

/// Whether the policy of this name knows the future.
pub fn is_offline(policy: &str) -> bool {
    OFFLINE.contains(&policy)
}

/// The column of this name.
pub fn column(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name == name)
}

impl Row {
    /// Whether a column is there.
    pub fn has(&self, name: &str) -> bool {
        self.counts.has(name)
    }

    /// Sets the columns from their texts; counts that are empty are not there.
    ///
    /// # Errors
    ///
    /// A text is not what its column holds.
    pub fn read(&mut self, column: &Column, text: &str) -> Result<(), String> {
        // Where a column may be empty by itself that says nothing of whether it was asked for.
        match (column.read)(self, text) {
            Err(_) if text.is_empty() && is_count(column.name) => {
                let place = COLUMNS.iter().position(|known| known.name == column.name);
                self.counts.remove(place.expect("a column of the table"));
                Ok(())
            }
            result => result,
        }
    }

    /// Whether the cell was replayed to its end.
    pub fn is_ok(&self) -> bool {
        self.status == "ok"
    }

    /// A row of this cell, without counts.
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
            warmup_refs: cell.warmup_refs,
            ..Row::default()
        }
    }

    /// What names the row's cell. Rows are in the order of their identities.
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
        }
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
