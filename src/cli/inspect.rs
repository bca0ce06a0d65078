//! `pagebench head` and `pagebench stat`: what a trace is, before anything is replayed.

use super::args::{CacheArgs, ReadArgs, SelectArgs};
use super::cache::{self, Cache};
use super::failure::Failure;
use super::input::{read_as, tell_skipped};
use super::print;
use super::progress::note;
use super::tables::page_tables;
use crate::exit::{self, ExitCode};
use crate::space;
use crate::trace::dense::{Trace, count_kinds, page_of};
use crate::trace::digest;
use crate::trace::event::Event;
use crate::trace::record::{Addressing, Kind};
use crate::trace::source::{LoadOptions, Source};
use crate::trace::stream::Record;
use crate::units::{PageSize, parse_count, show_bytes, show_count};
use clap::Args;
use std::fmt::Write as _;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

/// Print the first records of a trace as they were understood.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  pagebench head prog.lackey.zst -n 5")]
pub struct HeadArgs {
    /// A trace; - is standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// How many records
    #[arg(short = 'n', long, value_name = "RECORDS", value_parser = parse_count, default_value = "20")]
    number: u64,

    #[command(flatten)]
    read: ReadArgs,
}

/// Runs `head`.
pub fn head(args: HeadArgs) -> Result<ExitCode, Failure> {
    let everything = SelectArgs {
        data_only: false,
        pid: Vec::new(),
        skip: 0,
        limit: None,
    };
    let options = args.read.options(&everything)?;
    let source = Source::open(&args.trace, &options)?;
    let format = read_as(source.format, source.guessed, "none");
    note(&format!("{}: {format}", args.trace.display()));
    let mut out = BufWriter::new(io::stdout().lock());
    let mut written = writeln!(out, "record  pid  kind             address  size");
    let mut count = 0;
    let skipped = source.records(args.number, |record| {
        count += 1;
        written = match record {
            Record::Access(access) => writeln!(
                out,
                "{count:>6}  {:>3}  {:>4}  {:>#18x}  {:>4}",
                access.pid,
                access.kind.letter(),
                access.addr,
                access.size
            ),
            Record::Event { pid, event } => writeln!(out, "{count:>6}  {pid:>3}  {event}"),
        };
        written.is_ok()
    });
    // The records before a bad one help to see what is wrong.
    written
        .and_then(|()| out.flush())
        .map_err(Failure::stdout)?;
    tell_skipped(&args.trace, skipped?);
    Ok(exit::OK)
}

/// Describe a trace: references by kind, pages, footprint, reuse.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  pagebench stat traces/cc1.pbt")]
pub struct StatArgs {
    /// A trace; - is standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// Page size, 64 to 1GiB; the stored one, or 4KiB, if absent
    #[arg(long, value_name = "BYTES")]
    page_size: Option<PageSize>,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    select: SelectArgs,
}

/// Runs `stat`.
pub fn stat(args: StatArgs) -> Result<ExitCode, Failure> {
    let options = LoadOptions {
        page_size: args.page_size,
        ..args.read.options(&args.select)?
    };
    let cache = Cache::of(&args.cache);
    let source = Source::open(&args.trace, &options)?;
    let mut out = String::new();
    let _ = writeln!(out, "file         {}", args.trace.display());
    let format = read_as(source.format, source.guessed, source.codec);
    let _ = writeln!(out, "format       {format}");
    // What the file says of its bursts is of all its references at its own page size.
    let whole = options.selection.is_all();
    let bursts = source.store().filter(|store| {
        let size = store.meta.page_size;
        whole && args.page_size.is_none_or(|wanted| wanted == size)
    });
    let bursts = bursts.map(|store| (store.bursts, store.refs()));
    let trace = cache::load(cache.as_ref(), source, &args.trace, &options)?;
    describe(&mut out, &trace);
    let mut rest = String::new();
    reuse(&mut rest, &trace);
    let is_empty = trace.is_empty();
    match space::resolve(trace, &space::Options::default()) {
        Ok(resolved) => page_tables(&mut out, &resolved),
        Err(error) => {
            let _ = writeln!(out, "page tables  unknown: {}: {}", error.place, error.what);
        }
    }
    out += &rest;
    if let Some((bursts, refs)) = bursts.filter(|(bursts, _)| *bursts > 0) {
        let _ = writeln!(
            out,
            "bursts       {bursts} of at most 64 pages, {:.1} references each",
            refs as f64 / bursts as f64
        );
    }
    print(&out)?;
    Ok(if is_empty { exit::NOTHING } else { exit::OK })
}

fn describe(out: &mut String, trace: &Trace) {
    let meta = &trace.meta;
    let refs = trace.len() as u64;
    let share = |count: u64| count as f64 * 100.0 / refs.max(1) as f64;
    let unit = if meta.addressing == Addressing::Ids {
        "page ids, pages taken as"
    } else {
        "byte addresses, pages of"
    };
    let _ = writeln!(out, "name         {}", meta.name);
    let _ = writeln!(out, "kind         {}", meta.kind.name());
    if let Some(warning) = meta.kind.warning() {
        let _ = writeln!(out, "             ({warning})");
    }
    let _ = writeln!(out, "addresses    {unit} {}", meta.page_size);
    let _ = writeln!(out, "digest       {}", digest::show(trace.digest()));
    let _ = writeln!(out, "processes    {}", trace.dictionary.pids.len());
    let _ = writeln!(out, "skipped      {} bad records", meta.skipped);
    if !trace.events.is_empty() {
        let _ = writeln!(out, "events       {}", events(trace));
    }
    let _ = writeln!(out, "references   {refs}");
    for (kind, count) in Kind::ALL.into_iter().zip(count_kinds(trace.kinds())) {
        let _ = writeln!(
            out,
            "  {}          {count} ({:.1} %)",
            kind.letter(),
            share(count)
        );
    }
    let footprint = show_bytes((trace.distinct() as u64).saturating_mul(meta.page_size.bytes()));
    let _ = writeln!(out, "pages        {} ({footprint})", trace.distinct());
}

/// How many events of each kind there are.
fn events(trace: &Trace) -> String {
    let count = |name| {
        trace
            .events
            .iter()
            .filter(|e| e.event.name() == name)
            .count()
    };
    let counts = Event::NAMES.map(|name| (name, count(name)));
    let there = counts.iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = there
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    parts.join(", ")
}

/// The middle one of sorted counts, as text; between two the mean of both.
fn median(sorted: &[u64]) -> String {
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted) {
        (_, []) => show_count(0),
        (1, _) => show_count(sorted[middle]),
        _ => match sorted[middle - 1] + sorted[middle] {
            sum if sum % 2 == 1 && sum < 20_000 => format!("{}.5", sum / 2),
            sum => show_count(sum / 2),
        },
    }
}

/// How often pages are referenced, and how far apart.
fn reuse(out: &mut String, trace: &Trace) {
    let mut times = vec![0u64; trace.distinct()];
    let mut last = vec![0u64; trace.distinct()];
    let mut written = vec![false; trace.distinct()];
    let mut same = 0u64;
    // Intervals between references of the same page, by power of two.
    let mut intervals = [0u64; 65];
    for (position, &reference) in trace.refs().iter().enumerate() {
        let page = page_of(reference) as usize;
        let now = position as u64 + 1;
        times[page] += 1;
        written[page] |= reference & 1 != 0;
        let before = std::mem::replace(&mut last[page], now);
        if before > 0 {
            intervals[(now - before).ilog2() as usize] += 1;
            same += u64::from(now - before == 1);
        }
    }
    let once = times.iter().filter(|&&n| n == 1).count();
    let dirty = written.iter().filter(|&&w| w).count();
    times.sort_unstable();
    let _ = writeln!(out, "written      {dirty} pages");
    let _ = writeln!(
        out,
        "reuse        {once} pages referenced once; the median page {} times",
        median(&times)
    );
    let reused: u64 = intervals.iter().sum();
    if reused > 0 {
        let _ = writeln!(
            out,
            "             {:.1} % of references go to the page of the one before",
            same as f64 * 100.0 / trace.len() as f64
        );
        for share in [0.5, 0.9, 0.99, 0.999] {
            let mut left = (reused as f64 * share).ceil() as u64;
            let power = intervals.iter().position(|&n| {
                let done = n >= left;
                left = left.saturating_sub(n);
                done
            });
            let bound = 1u128 << (power.unwrap_or(64) + 1);
            let _ = writeln!(
                out,
                "             {:>5} % of reuses within {} references",
                share * 100.0,
                show_count((bound - 1) as u64)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_of_an_even_number_is_between_two() {
        assert_eq!(
            [median(&[]), median(&[3]), median(&[1, 3, 9])],
            ["0", "3", "3"]
        );
        assert_eq!([median(&[1, 3]), median(&[1, 2, 3, 9])], ["2", "2.5"]);
    }
}
