//! `pagebench convert`: a trace of any format becomes a `.pbt`.

use super::args::{ReadArgs, SelectArgs};
use super::failure::Failure;
use super::print;
use super::progress::message;
use crate::exit::{self, ExitCode};
use crate::report::csv::make_readable;
use crate::trace::digest;
use crate::trace::source::{self, LoadOptions, Source};
use crate::units::{PageSize, show_bytes, show_count};
use clap::Args;
use std::io::{BufWriter, Write};
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
    #[arg(long, value_name = "LEVEL", default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..=19))]
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
        name: args.name,
        ..args.read.options(&args.select)?
    };
    let source = Source::open(&args.trace, &options)?;
    if source.guessed && !args.quiet {
        message(&format!(
            "{}: {} (guessed from content)",
            args.trace.display(),
            source.format
        ));
    }
    if args.output == Path::new("-") {
        source::convert(source, BufWriter::new(std::io::stdout().lock()), args.level)?;
        return Ok(exit::OK);
    }
    let summary = write_whole(&args.output, |out| {
        Ok(source::convert(source, out, args.level)?)
    })?;
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

/// Lets `fill` write a file beside its final name and renames it when it is whole.
pub fn write_whole<T>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let fail = |e: std::io::Error| {
        Failure::new(
            exit::FAILURE,
            format!("{}: cannot write: {e}", path.display()),
        )
    };
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let file = tempfile::Builder::new()
        .prefix(".pagebench-")
        .suffix(".tmp")
        .tempfile_in(folder)
        .map_err(fail)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    let done = fill(&mut out).map_err(|failure| match failure.code {
        exit::FAILURE => Failure::new(exit::FAILURE, format!("{}: {failure}", path.display())),
        _ => failure,
    })?;
    let file = out.into_inner().map_err(|e| fail(e.into_error()))?;
    make_readable(file.as_file()).map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(done)
}
