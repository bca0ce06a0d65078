//! `pagebench convert`: a trace of any format becomes a `.pbt`, or a file of any format that can be
//! written.

use crate::cli::args::{LevelArgs, QuietArgs, ReadArgs, SelectArgs};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::input::{plain_given_name, read_as, report_read, report_skipped};
use crate::cli::setup::output_file::write_whole;
use crate::cli::setup::progress::note;
use crate::cli::setup::reading::Reading;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::trace::codec::encode;
use crate::trace::codec::encode::{Compression, Compressor};
use crate::trace::format::{self, Format};
use crate::trace::model::convert::{self, ConvertError};
use crate::trace::model::digest;
use crate::trace::model::export::{Exported, export};
use crate::trace::model::refs::Meta;
use crate::trace::model::sample::Rate;
use crate::trace::model::source::{LoadOptions, PBT, TraceSource};
use crate::trace::model::trace_name::name_of;
use crate::trace::store::Summary;
use crate::units::{PageSize, Printable, about, counted, show_bytes, show_count};
use clap::Args;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Write a trace of any format as .pbt or in another format
///
/// The trace is written while it is read: memory grows with the pages, not with the references. Only
/// oracleGeneral, which holds the next use of each page, takes 16 bytes a reference.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench convert prog.lackey.zst -o prog.pbt
  pagebench convert trace.csv --format csv --col page=1 -o trace.pbt
  pagebench convert prog.pbt --data-only -o prog.din.gz
  pagebench convert big.pbt --sample 1% -o small.pbt
  valgrind --tool=lackey --trace-mem=yes --log-fd=9 PROG 9>&1 >/dev/null |
    pagebench convert - -o prog.pbt")]
pub struct ConvertArgs {
    /// A trace; - is standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// The file to write; - is standard output. A name that ends in .zst or .gz is compressed
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Replace the file if it exists
    #[arg(long)]
    force: bool,

    #[arg(long, value_name = "FORMAT", help = to_help())]
    to: Option<String>,

    /// Page size, 64 to 1GiB; a coarser one can be derived later, a finer one cannot. Formats
    /// without sizes get a record for each page that an access touches
    #[arg(long, value_name = "BYTES")]
    page_size: Option<PageSize>,

    /// Name of the trace inside a .pbt; the original's if absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    level: LevelArgs,

    #[command(flatten)]
    quiet: QuietArgs,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,

    /// Take only this share of the pages (0.01 or 1%), chosen by a hash, with all their references.
    /// Processes that share a page keep it together or not at all. A sample of a sample is chosen by
    /// another hash. The kind becomes sampled
    #[arg(long, value_name = "RATE", help_heading = "Taking a part")]
    sample: Option<Rate>,
}

/// Returns the formats that can be written, with the endings that mean them.
fn formats_written() -> String {
    let written = format::TABLE.iter().filter_map(|format| {
        let endings = format.written.as_ref()?.endings;
        Some(format!("{} (.{})", format.name, endings.join(", .")))
    });
    let all: Vec<String> = written.collect();
    format!("pbt, {}", all.join(", "))
}

fn to_help() -> String {
    let all = formats_written();
    format!(
        "Format to write; if absent, the one that the file's ending means, else pbt. One of: {all}"
    )
}

/// The format and the compression to write.
#[derive(Clone, Copy)]
struct Target {
    /// `None` is pbt.
    format: Option<&'static Format>,
    packing: Compression,
    /// Whether the ending of the file's name settles what the format leaves open.
    name_settles: bool,
}

impl Target {
    /// Returns the target of `--to`, or else of the file's ending.
    fn of(to: Option<&str>, output: &Path) -> Result<Target, Failure> {
        let (packing, ending) = encode::by_name(output)
            .map_err(|what| Failure::usage(format!("-o {}: {what}", output.printed())))?;
        let format = match to {
            None => format::by_ending(&ending),
            Some(name) if name.eq_ignore_ascii_case(PBT) => None,
            Some(name) => {
                let format = format::by_name(name);
                let format = format.map_err(|e| Failure::usage(format!("--to: {e}")))?;
                if format.written.is_none() {
                    return Err(Failure::usage(format!(
                        "--to {name}: this format can only be read; these can be written: {}",
                        formats_written()
                    )));
                }
                Some(format)
            }
        };
        let owns = |format: &Format| format.numbers.endings.contains(&ending.as_str());
        Ok(Target {
            format,
            packing,
            name_settles: format.is_some_and(owns),
        })
    }

    /// Returns whether it is text, which may go to a terminal.
    fn is_text(&self) -> bool {
        let text = self.format.is_some_and(Format::is_text);
        text && self.packing == Compression::None
    }
}

/// A trace that was written.
enum Written {
    Stored(Meta, Summary),
    Exported(Exported),
}

/// Runs the command.
pub fn convert(args: ConvertArgs) -> Result<ExitCode, Failure> {
    let target = Target::of(args.to.as_deref(), &args.output)?;
    let source = open(&args)?;
    let reading = Reading::watch("converted", [&*args.trace].into_iter());
    let read = source.report.clone();
    let (written, bytes) = if args.output == Path::new("-") {
        (write_to_stdout(&args, source, target)?, None)
    } else {
        let (written, bytes) = write_to_file(&args, source, target)?;
        (written, Some(bytes))
    };
    drop(reading);
    report_read(&args.trace, &read.get());
    report(&args, &written, bytes)?;
    Ok(exit::OK)
}

/// Opens the trace, and notes its format if that was guessed.
fn open(args: &ConvertArgs) -> Result<TraceSource, Failure> {
    let mut options = LoadOptions {
        page_size: args.page_size,
        name: args.name.as_deref().map(plain_given_name),
        ..args.read.options(&args.select)?
    };
    options.selection.sample = args.sample;
    let mut source = TraceSource::open(&args.trace, &options)?;
    if args.name.is_none() && args.trace == Path::new("-") && source.store().is_none() {
        // A pipe has no name: use that of the output.
        source.rename(name_of(&args.output));
    }
    if source.guessed {
        note(&format!(
            "{}: {}",
            args.trace.printed(),
            read_as(source.format, source.guessed, "none")
        ));
    }
    Ok(source)
}

fn write_to_stdout(
    args: &ConvertArgs,
    source: TraceSource,
    target: Target,
) -> Result<Written, Failure> {
    if io::stdout().is_terminal() && !target.is_text() {
        return Err(Failure::usage(
            "-o -: this is no text for a terminal; name a file or pipe it",
        ));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    write(source, target, args.level.level, &mut out, Failure::stdout)
}

/// Writes the file; returns what was written and the bytes of the file.
fn write_to_file(
    args: &ConvertArgs,
    source: TraceSource,
    target: Target,
) -> Result<(Written, u64), Failure> {
    write_whole(&args.output, args.force, |out| {
        let mut counted = Counted { out, bytes: 0 };
        let fail = |e| Failure::file(&args.output, e);
        let written = write(source, target, args.level.level, &mut counted, fail)?;
        Ok((written, counted.bytes))
    })
}

/// Writes the trace to `out`; `fail` makes an error of `out` a failure.
fn write(
    source: TraceSource,
    target: Target,
    level: i32,
    out: &mut dyn Write,
    fail: impl Fn(io::Error) -> Failure,
) -> Result<Written, Failure> {
    let failed = |e| match e {
        ConvertError::Write(e) => fail(e),
        e => e.into(),
    };
    let mut out = Compressor::new(target.packing, out, level).map_err(&fail)?;
    let written = match target.format {
        None => {
            let (meta, summary) = convert::convert(source, &mut out, level).map_err(failed)?;
            Written::Stored(meta, summary)
        }
        Some(format) => {
            let exported = export(source, format, target.name_settles, &mut out);
            Written::Exported(exported.map_err(failed)?)
        }
    };
    out.finish().map_err(fail)?;
    Ok(written)
}

/// Prints what was written to a file of `bytes` bytes; nothing for standard output. Warns of what was
/// skipped or lost.
fn report(args: &ConvertArgs, written: &Written, bytes: Option<u64>) -> Result<(), Failure> {
    let output = args.output.printed();
    match written {
        Written::Stored(meta, summary) => {
            report_skipped(&args.trace, meta.skipped);
            let Some(bytes) = bytes else { return Ok(()) };
            print(&format!(
                "{output}: {}, {}, {} ({:.3} bytes a reference), digest {}\n",
                about(summary.refs, "reference"),
                counted(summary.distinct, "page"),
                show_bytes(bytes),
                bytes as f64 / summary.refs.max(1) as f64,
                digest::show(summary.digest),
            ))
        }
        Written::Exported(exported) => {
            report_skipped(&args.trace, exported.skipped);
            for lost in &exported.lost {
                note(&format!("warning: {output}: {lost}"));
            }
            let Some(bytes) = bytes else { return Ok(()) };
            let events = match exported.events {
                0 => String::new(),
                events => format!(", {}", about(events, "event")),
            };
            print(&format!(
                "{output}: {} accesses{events}, {}\n",
                show_count(exported.accesses),
                show_bytes(bytes)
            ))
        }
    }
}

/// Counts the bytes that it passes on.
struct Counted<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
