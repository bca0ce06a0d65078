//! `pagebench head` and `pagebench stat`: what a trace is, before anything is replayed.

use crate::cli::args::{CacheArgs, ReadArgs, SelectArgs};
use crate::cli::setup::cache;
use crate::cli::setup::cache::Cache;
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::{read_as, report_read, report_skipped};
use crate::cli::setup::page_tables::page_tables;
use crate::cli::setup::progress::note;
use crate::cli::setup::reading::Reading;
use crate::cli::setup::terminal::{field, print};
use crate::exit::{self, ExitCode};
use crate::space;
use crate::trace::model::access::{Addressing, Kind};
use crate::trace::model::dense::Trace;
use crate::trace::model::digest;
use crate::trace::model::event::Event;
use crate::trace::model::refs::count_kinds;
use crate::trace::model::reuse::Reuse;
use crate::trace::model::source::{LoadOptions, TraceSource};
use crate::trace::model::stream::Record;
use crate::units::{PageSize, Printable, parse_count, show_bytes, show_count};
use clap::Args;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Print the first records of a trace, as they are read.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  pagebench head prog.lackey.zst -n 5")]
pub struct HeadArgs {
    /// A trace; - is standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// Number of records
    #[arg(short = 'n', long, value_name = "RECORDS", value_parser = parse_count, default_value = "20")]
    number: u64,

    #[command(flatten)]
    read: ReadArgs,
}

/// Runs `head`.
pub fn head(args: HeadArgs) -> Result<ExitCode, Failure> {
    let options = args.read.options(&SelectArgs::default())?;
    let source = TraceSource::open(&args.trace, &options)?;
    let format = read_as(source.format, source.guessed, "none");
    note(&format!("{}: {format}", args.trace.printed()));
    let report = source.report.clone();
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
    // Print the records before a bad one: they help to see what is wrong.
    written
        .and_then(|()| out.flush())
        .map_err(Failure::stdout)?;
    report_read(&args.trace, &report.get());
    report_skipped(&args.trace, skipped?);
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
    let source = TraceSource::open(&args.trace, &options)?;
    let mut out = String::new();
    field(&mut out, "file", args.trace.printed());
    let format = read_as(source.format, source.guessed, source.codec);
    field(&mut out, "format", format);
    let report = source.report.clone();
    let bursts = bursts(&source, &options);
    let reading = Reading::watch("read", [&*args.trace].into_iter());
    let trace = cache::load(cache.as_ref(), source, &args.trace, &options);
    drop(reading);
    let trace = trace?;
    report_read(&args.trace, &report.get());
    describe(&mut out, &trace);
    let reuse = reuse(&trace);
    let is_empty = trace.is_empty();
    match space::resolve(trace, &space::Options::default()) {
        Ok(resolved) => page_tables(&mut out, &resolved),
        Err(error) => {
            let why = format!("unknown: {}: {}", error.place, error.what);
            field(&mut out, "page tables", why);
        }
    }
    out += &reuse;
    if let Some(bursts) = bursts {
        field(&mut out, "bursts", bursts);
    }
    print(&out)?;
    Ok(if is_empty { exit::NOTHING } else { exit::OK })
}

/// Returns how a stored trace is cut into bursts; `None` if it is not, or if the options change its
/// references.
fn bursts(source: &TraceSource, options: &LoadOptions) -> Option<String> {
    let store = source.store().filter(|store| store.bursts() > 0)?;
    let own_size = options
        .page_size
        .is_none_or(|size| size == store.meta.page_size);
    (own_size && options.selection.is_all()).then(|| {
        format!(
            "{} of at most 64 pages, {:.1} references each",
            store.bursts(),
            store.refs() as f64 / store.bursts() as f64
        )
    })
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
    field(out, "name", &meta.name);
    field(out, "kind", meta.kind.name());
    if let Some(warning) = meta.kind.warning() {
        field(out, "", format!("({warning})"));
    }
    field(out, "addresses", format!("{unit} {}", meta.page_size));
    field(out, "digest", digest::show(trace.digest()));
    field(out, "processes", trace.dictionary.pids.len());
    field(out, "skipped", format!("{} bad records", meta.skipped));
    if !trace.events.is_empty() {
        field(out, "events", events(trace));
    }
    field(out, "references", refs);
    for (kind, count) in Kind::ALL.into_iter().zip(count_kinds(trace.kinds())) {
        let value = format!("{count} ({:.1} %)", share(count));
        field(out, &format!("  {}", kind.letter()), value);
    }
    let footprint = show_bytes((trace.distinct() as u64).saturating_mul(meta.page_size.bytes()));
    field(out, "pages", format!("{} ({footprint})", trace.distinct()));
}

/// Returns the number of events of each kind.
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

/// Returns the median of sorted counts, as text.
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

/// Describes how often pages are referenced, and how far apart.
fn reuse(trace: &Trace) -> String {
    let reuse = Reuse::of(trace);
    let mut out = String::new();
    field(&mut out, "written", format!("{} pages", reuse.written));
    field(
        &mut out,
        "reuse",
        format!(
            "{} pages referenced once; the median page {} times",
            reuse.once,
            median(&reuse.times)
        ),
    );
    if reuse.reused() == 0 {
        return out;
    }
    let repeated = reuse.repeated as f64 * 100.0 / trace.len() as f64;
    field(
        &mut out,
        "",
        format!("{repeated:.1} % of references go to the page of the one before"),
    );
    for share in [0.5, 0.9, 0.99, 0.999] {
        let within = show_count(reuse.interval_of(share));
        field(
            &mut out,
            "",
            format!(
                "{:>5} % of reuses within {within} references",
                share * 100.0
            ),
        );
    }
    out
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
