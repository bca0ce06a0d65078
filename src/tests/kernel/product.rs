//! The program's counts of a trace in the plain format, by the names of the columns.

use super::draw::HEAD;
use crate::oracle::kernel::{Counts, OnSegfault, Settings};
use crate::support::{Recorder, SEED, assert_bursts_agree, bursts_of};
use pagebench::internals::policy::PolicyChoice;
use pagebench::internals::report::results::cells_jsonl::{self, Record};
use pagebench::internals::report::results::column_set;
use pagebench::internals::report::results::results_csv::to_csv;
use pagebench::internals::space::{
    self, AddressLayout, BeyondEof, FileIo, ForkFilePtes, Options, PageCache, Resolved, cuts,
    resolve,
};
use pagebench::internals::sweep::{self, Axes, Engine, Plan, Warmup};
use pagebench::internals::trace::model::source::{LoadOptions, load};
use pagebench::internals::vm::{self, Choices, CowSource, FreeFrames, Job, SwapIn};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::AtomicBool;

/// A row of `results.csv`, by column.
pub type Row = BTreeMap<String, String>;

fn options(settings: &Settings) -> Options {
    Options {
        on_segfault: match settings.on_segfault {
            OnSegfault::Kill => space::OnSegfault::Kill,
            OnSegfault::Skip => space::OnSegfault::Skip,
            OnSegfault::Abort => space::OnSegfault::Abort,
        },
        layout: if settings.i386 {
            AddressLayout::TwoLevel
        } else {
            AddressLayout::Any
        },
        fork_file_ptes: if settings.copy_file_ptes {
            ForkFilePtes::Copy
        } else {
            ForkFilePtes::Drop
        },
        page_cache: Some(if settings.keep_page_cache {
            PageCache::Keep
        } else {
            PageCache::Drop
        }),
        file_io: if settings.count_file_io {
            FileIo::Count
        } else {
            FileIo::Ignore
        },
        beyond_eof: if settings.fault_beyond_eof {
            BeyondEof::Fault
        } else {
            BeyondEof::Zero
        },
        ..Options::default()
    }
}

fn choices(settings: &Settings) -> Choices {
    Choices {
        swap_in: if settings.swap_in_writable {
            SwapIn::Writable
        } else {
            SwapIn::ReadOnly
        },
        cow_source: {
            let word = if settings.pin_cow_source { "on" } else { "off" };
            let found = CowSource::ALL.iter().find(|(_, name)| *name == word);
            found.expect("a choice of the command line").0
        },
        free_frames: if settings.free_frames_lifo {
            FreeFrames::Lifo
        } else {
            FreeFrames::Fifo
        },
    }
}

/// Replays a trace, one by one and by bursts. `None` if no reference is legal.
pub fn replay(text: &str, settings: &Settings) -> Result<Option<Row>, String> {
    let mut file = tempfile::Builder::new()
        .suffix(".trace")
        .tempfile()
        .expect("a file");
    file.write_all(HEAD.as_bytes())
        .and_then(|()| file.write_all(text.as_bytes()))
        .expect("written");
    let trace = match load(file.path(), &LoadOptions::default()) {
        Ok(trace) => trace,
        Err(error) if error.to_string().contains("no reference") => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let resolved = resolve(trace, &options(settings)).map_err(|error| error.to_string())?;
    if resolved.trace.is_empty() {
        return Ok(None);
    }
    let swap_bytes = settings.swap_slots.map(|slots| slots as u64 * 4096);
    by_bursts(&resolved, settings);
    let axes = Axes {
        policies: vec![settings.policy.parse().expect("a policy")],
        frames: settings.frames.to_string().parse().expect("a number"),
        tau: "1".parse().expect("a number"),
        seeds: vec![1],
        models: Vec::new(),
    };
    let plan = Plan::new(
        &[&resolved],
        &axes,
        sweep::Settings {
            swap_bytes,
            warmup: Warmup::Refs(settings.warmup),
            tlb: None,
            filter: String::new(),
            space: options(settings),
            allocation: Default::default(),
            engine: Engine::Plain,
            accessed: Default::default(),
            choices: choices(settings),
            segments: Default::default(),
            curves: column_set::Counts::ALL.facts(),
        },
    );
    let plan = match plan {
        Err(error) if error.to_string().contains("nothing left to count") => return Ok(None),
        plan => plan.map_err(|error| error.to_string())?,
    };
    let results = sweep::run(&plan, 1, &AtomicBool::new(false), &|_, _| {});
    let result = results[0].as_ref().expect("it ran");
    let record = Record::of(
        &plan,
        &plan.cells[0],
        result,
        &Default::default(),
        column_set::Counts::ALL,
    );
    let text = to_csv(&cells_jsonl::rows(&[record]));
    let mut rows = csv::Reader::from_reader(&text[..]).into_deserialize();
    Ok(Some(rows.next().expect("a row").expect("a row")))
}

fn by_bursts(resolved: &Resolved, settings: &Settings) {
    let choice: PolicyChoice = settings.policy.parse().expect("a policy");
    let job = Job {
        space: resolved.space.as_ref(),
        swap_slots: settings.swap_slots.map(|slots| slots as u64),
        seed: SEED,
        frames: Some(settings.frames as u32),
        warmup: settings.warmup,
        choices: choices(settings),
        ..Job::new(&resolved.trace, &choice)
    };
    let mut recorder = Recorder::default();
    let outcome = vm::run_with(&job, &mut recorder).expect("a short trace");
    let bursts = bursts_of(
        &resolved.trace,
        cuts(
            resolved
                .space
                .as_ref()
                .map_or(&[][..], |space| &space.ops[..])
                .iter(),
        ),
    );
    assert_bursts_agree(&job, &bursts, &outcome, &recorder);
}

/// Says which counts differ.
pub fn compare(got: &Row, wanted: &Counts) -> Result<(), String> {
    let c = wanted;
    let faults = c.fills + c.refills + c.maps + c.cow_copies + c.cow_reuses;
    let evictions = c.evictions_clean + c.evictions_dirty;
    let columns = [
        ("refs", c.refs),
        ("reads", c.reads),
        ("writes", c.writes),
        ("ifetches", c.ifetches),
        ("processes", c.processes),
        ("distinct_pages", c.distinct_pages),
        ("segfaults", c.segfaults),
        ("protection_faults", c.protection_faults),
        ("refs_dropped", c.refs_dropped),
        ("hits", c.hits),
        ("faults", faults),
        ("fills", c.fills),
        ("refills", c.refills),
        ("maps", c.maps),
        ("cow_copies", c.cow_copies),
        ("cow_reuses", c.cow_reuses),
        ("minor_faults", c.minor_faults),
        ("major_faults", c.major_faults),
        ("peak_resident", c.peak_resident),
        ("resident_end", c.resident_end),
        ("evictions", evictions),
        ("evictions_clean", c.evictions_clean),
        ("evictions_dirty", c.evictions_dirty),
        ("expired", 0),
        ("freed", c.freed),
        ("freed_dirty", c.freed_dirty),
        ("write_backs", c.evictions_dirty + c.freed_dirty),
        ("prefetched", c.prefetched),
        ("populated", c.populated),
        ("originals", c.originals),
        ("io_hits", c.io_hits),
        ("io_loads", c.io_loads),
        ("dirty_end", c.dirty_end),
        ("swapped_end", c.swapped_end),
        ("dropped_end", c.dropped_end),
        ("untouched_end", c.untouched_end),
        ("swap_slots", c.swap_slots),
        ("swap_slots_peak", c.swap_slots_peak),
        ("swap_reads", c.swap_reads),
        ("file_reads", c.file_reads),
    ];
    let mut differ = Vec::new();
    for (column, wanted) in columns {
        let got = &got[column];
        let empty = wanted == 0 && got.is_empty();
        if !empty && *got != wanted.to_string() {
            differ.push(format!("{column} is {got}, expected {wanted}"));
        }
    }
    let mean = c.resident_sum as f64 / c.refs.max(1) as f64;
    let got_mean = got["mean_resident"].parse().unwrap_or(0.0);
    if (mean - got_mean).abs() > 1e-6 {
        differ.push(format!("mean_resident is {got_mean}, expected {mean}"));
    }
    // Only a program that faults beyond the end of a file has the column.
    if let Some(got) = got.get("bus_errors").filter(|got| !got.is_empty())
        && *got != c.bus_errors.to_string()
    {
        differ.push(format!("bus_errors is {got}, expected {}", c.bus_errors));
    }
    let status = if c.swap_full { "swap-full" } else { "ok" };
    if got["status"] != status {
        differ.push(format!("status is {}, expected {status}", got["status"]));
    }
    match differ.is_empty() {
        true => Ok(()),
        false => Err(differ.join(", ")),
    }
}
