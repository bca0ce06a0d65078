//! `pagebench convert`: a trace of any format becomes a `.pbt`.

use super::args::{ReadArgs, SelectArgs};
use super::failure::Failure;
use super::input::{read_as, tell_skipped};
use super::progress::message;
use super::{print, signals};
use crate::exit::{self, ExitCode};
use crate::report::file::WholeFile;
use crate::trace::digest;
use crate::trace::source::{self, ConvertError, LoadOptions, Source, name_of};
use crate::units::{PageSize, show_bytes, show_count};
use clap::Args;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Store a trace of any format as .pbt: streaming, in bounded memory.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench convert prog.lackey.zst -o prog.pbt
  pagebench convert trace.csv --format csv --col page=1 -o trace.pbt
  valgrind --tool=lackey --trace-mem=yes --log-fd=9 PROG 9>&1 >/dev/null | pagebench convert - -o prog.pbt")]
pub struct ConvertArgs {
    /// A trace; - is standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// The file to write; - is standard output
    #[arg(short, long, value_name = "FILE.pbt")]
    output: PathBuf,

    /// Page size, 64 to 1GiB; a coarser one can be derived later, a finer one cannot
    #[arg(long, value_name = "BYTES")]
    page_size: Option<PageSize>,

    /// Name of the trace inside the file; that of the original if absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Compression, 1 (fast) to 19 (small)
    #[arg(long, value_name = "LEVEL", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=19))]
    level: i32,

    /// Print errors only on standard error
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    read: ReadArgs,

    #[command(flatten)]
    select: SelectArgs,
}

/// Runs the command.
pub fn convert(args: ConvertArgs) -> Result<ExitCode, Failure> {
    let options = LoadOptions {
        page_size: args.page_size,
        // A pipe has no name; the file that is written has.
        name: args
            .name
            .clone()
            .or_else(|| (args.trace == Path::new("-")).then(|| name_of(&args.output))),
        ..args.read.options(&args.select)?
    };
    let source = Source::open(&args.trace, &options)?;
    if source.guessed && !args.quiet {
        message(&format!(
            "{}: {}",
            args.trace.display(),
            read_as(source.format, source.guessed, "none")
        ));
    }
    if args.output == Path::new("-") {
        if std::io::stdout().is_terminal() {
            return Err(Failure::usage(
                "-o -: a .pbt is no text for a terminal; name a file or pipe it",
            ));
        }
        let out = BufWriter::new(std::io::stdout().lock());
        let (meta, _) = source::convert(source, out, args.level).map_err(|e| match e {
            ConvertError::Write(e) => Failure::stdout(e),
            e => e.into(),
        })?;
        tell_skipped(&args.trace, meta.skipped);
        return Ok(exit::OK);
    }
    let (meta, summary) = write_whole(&args.output, |out| {
        source::convert(source, out, args.level).map_err(|e| match e {
            ConvertError::Write(e) => Failure::file(&args.output, e),
            e => e.into(),
        })
    })?;
    tell_skipped(&args.trace, meta.skipped);
    print(&format!(
        "{}: {} references, {} pages, {} ({:.3} bytes a reference), digest {}\n",
        args.output.display(),
        show_count(summary.refs),
        summary.distinct,
        show_bytes(summary.bytes),
        summary.bytes as f64 / summary.refs.max(1) as f64,
        digest::show(summary.digest),
    ))?;
    Ok(exit::OK)
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
