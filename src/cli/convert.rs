//! `pagebench convert`: a trace of any format becomes a `.pbt`, or a file of any format that can be
//! written.

use super::args::{ReadArgs, SelectArgs};
use super::failure::Failure;
use super::input::{read_as, tell_skipped};
use super::progress::note;
use super::{print, signals};
use crate::exit::{self, ExitCode};
use crate::report::file::WholeFile;
use crate::trace::dense::Meta;
use crate::trace::digest;
use crate::trace::encode::{self, Encoder, Packing};
use crate::trace::export::{Exported, export};
use crate::trace::format::{self, Format};
use crate::trace::sample::Rate;
use crate::trace::source::{self, ConvertError, LoadOptions, PBT, Source, name_of};
use crate::trace::store::Summary;
use crate::units::{PageSize, about, counted, show_bytes, show_count};
use clap::Args;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Write a trace of any format as .pbt or in another format
///
/// The trace is written as it is read: memory grows with the pages, not with the references. Only
/// oracleGeneral, which says when each page is used next, takes 16 bytes a reference.
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

    /// The file to write; - is standard output. What ends in .zst or .gz is compressed
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[arg(long, value_name = "FORMAT", help = to_help())]
    to: Option<String>,

    /// Page size, 64 to 1GiB; a coarser one can be derived later, a finer one cannot. Formats
    /// without sizes get a record for each page that an access touches
    #[arg(long, value_name = "BYTES")]
    page_size: Option<PageSize>,

    /// Name of the trace inside a .pbt; that of the original if absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Compression, 1 (fast) to 19 (small)
    #[arg(long, value_name = "LEVEL", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=19))]
    level: i32,

    /// Print errors only on standard error
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,

    /// Take only a share of the pages, chosen by a hash, with all their references: 0.01 or 1%.
    /// Processes that share a page all keep it or none does. A sample of a sample is chosen by
    /// another hash. The kind becomes sampled
    #[arg(long, value_name = "RATE", help_heading = "Taking a part")]
    sample: Option<Rate>,
}

/// The formats that can be written, with the endings that mean them.
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

/// What is written.
#[derive(Clone, Copy)]
struct Target {
    /// `None` is pbt.
    format: Option<&'static Format>,
    packing: Packing,
}

impl Target {
    /// From `--to` and the ending of the file's name.
    fn of(to: Option<&str>, output: &Path) -> Result<Target, Failure> {
        let (packing, ending) = encode::by_name(output)
            .map_err(|what| Failure::usage(format!("-o {}: {what}", output.display())))?;
        let format = match to {
            None => format::by_ending(&ending),
            Some(name) if name.eq_ignore_ascii_case(PBT) => None,
            Some(name) => {
                let format = format::by_name(name);
                let format = format.map_err(|e| Failure::usage(format!("--to: {e}")))?;
                if format.written.is_none() {
                    return Err(Failure::usage(format!(
                        "--to {name}: this format is read, not written; these are written: {}",
                        formats_written()
                    )));
                }
                Some(format)
            }
        };
        Ok(Target { format, packing })
    }

    /// Whether it may go to a terminal.
    fn is_text(&self) -> bool {
        let text = self.format.is_some_and(Format::is_text);
        text && self.packing == Packing::None
    }
}

/// What was written, for the message.
enum Done {
    Stored(Meta, Summary),
    Exported(Exported),
}

/// Runs the command.
pub fn convert(args: ConvertArgs) -> Result<ExitCode, Failure> {
    let target = Target::of(args.to.as_deref(), &args.output)?;
    let mut options = LoadOptions {
        page_size: args.page_size,
        name: args.name.clone(),
        ..args.read.options(&args.select)?
    };
    options.selection.sample = args.sample;
    let mut source = Source::open(&args.trace, &options)?;
    if args.name.is_none() && args.trace == Path::new("-") && source.store().is_none() {
        // A pipe has no name; the file that is written has.
        source.rename(name_of(&args.output));
    }
    if source.guessed {
        note(&format!(
            "{}: {}",
            args.trace.display(),
            read_as(source.format, source.guessed, "none")
        ));
    }
    if args.output == Path::new("-") {
        if io::stdout().is_terminal() && !target.is_text() {
            return Err(Failure::usage(
                "-o -: this is no text for a terminal; name a file or pipe it",
            ));
        }
        let mut out = BufWriter::new(io::stdout().lock());
        let done = write(source, target, args.level, &mut out, Failure::stdout)?;
        tell(&args, &done, None)?;
        return Ok(exit::OK);
    }
    let mut bytes = 0;
    let done = write_whole(&args.output, |out| {
        let mut counted = Counted { out, bytes: 0 };
        let fail = |e| Failure::file(&args.output, e);
        let done = write(source, target, args.level, &mut counted, fail)?;
        bytes = counted.bytes;
        Ok(done)
    })?;
    tell(&args, &done, Some(bytes))?;
    Ok(exit::OK)
}

/// Writes the trace; `fail` tells of the sink.
fn write(
    source: Source,
    target: Target,
    level: i32,
    out: &mut dyn Write,
    fail: impl Fn(io::Error) -> Failure,
) -> Result<Done, Failure> {
    let failed = |e| match e {
        ConvertError::Write(e) => fail(e),
        e => e.into(),
    };
    let mut out = Encoder::new(target.packing, out, level).map_err(&fail)?;
    let done = match target.format {
        None => {
            let (meta, summary) = source::convert(source, &mut out, level).map_err(failed)?;
            Done::Stored(meta, summary)
        }
        Some(format) => Done::Exported(export(source, format, &mut out).map_err(failed)?),
    };
    out.finish().map_err(fail)?;
    Ok(done)
}

/// Says what was written (to a file of so many bytes) and what was lost.
fn tell(args: &ConvertArgs, done: &Done, bytes: Option<u64>) -> Result<(), Failure> {
    let output = args.output.display();
    match done {
        Done::Stored(meta, summary) => {
            tell_skipped(&args.trace, meta.skipped);
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
        Done::Exported(exported) => {
            tell_skipped(&args.trace, exported.skipped);
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

/// Refuses a file name that asks for compression, for commands that write a .pbt only.
pub fn check_stored_name(output: &Path) -> Result<(), Failure> {
    let packed = match encode::by_name(output) {
        Ok((packing, _)) => packing != Packing::None,
        Err(_) => true,
    };
    match packed {
        false => Ok(()),
        true => Err(Failure::usage(format!(
            "-o {}: a .pbt is written, whose content is compressed already; name a file that ends in .pbt",
            output.display()
        ))),
    }
}

/// Counts what goes through.
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

/// Lets `fill` write a file beside its final name and renames it when it is whole. A signal
/// leaves nothing behind.
pub fn write_whole<T>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let fail = |e: std::io::Error| Failure::file(path, e);
    signals::end_cleanly();
    let file = WholeFile::create(path).map_err(fail)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    let done = fill(&mut out)?;
    let file = out.into_inner().map_err(|e| fail(e.into_error()))?;
    file.finish().map_err(fail)?;
    Ok(done)
}
