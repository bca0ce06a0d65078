//! `pagebench gen`: seeded traces for tests and benchmarks.

use super::convert::write_whole;
use super::failure::Failure;
use super::print;
use crate::exit::{self, ExitCode};
use crate::trace::dense::{KindCode, Meta};
use crate::trace::digest;
use crate::trace::format::plain;
use crate::trace::r#gen::{Generator, PAGES_MAX, Pattern};
use crate::trace::record::{Addressing, TraceKind};
use crate::trace::select::{Assembler, Selection};
use crate::trace::store::{Summary, Writer};
use crate::units::{PageSize, parse_count, show_bytes, show_count};
use clap::{Args, ValueEnum};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Generate a trace: the same bytes on every machine for the same arguments.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench gen zipf --pages 1M --refs 50M --alpha 0.9 --writes 25 -o zipf.pbt
  pagebench gen loop --pages 5 --refs 25 -o -")]
pub struct GenArgs {
    /// In what order pages are referenced
    #[arg(value_enum)]
    pattern: PatternName,

    /// Distinct pages
    #[arg(long, value_name = "PAGES", value_parser = parse_count, default_value = "10000")]
    pages: u64,

    /// References
    #[arg(long, value_name = "REFERENCES", value_parser = parse_count, default_value = "1M")]
    refs: u64,

    /// Exponent of the Zipf law
    #[arg(long, value_name = "ALPHA", default_value_t = 0.9)]
    alpha: f64,

    /// Writes, in percent of the references
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    writes: f64,

    /// Seed
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    /// Page size of the addresses
    #[arg(long, value_name = "BYTES", default_value = "4KiB")]
    page_size: PageSize,

    /// The file to write: .pbt, or - for text on standard output
    #[arg(short, long, value_name = "FILE.pbt|-")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PatternName {
    /// Independent draws, the k-th page with a weight of 1/k^alpha
    Zipf,
    /// Independent draws, all pages alike
    Uniform,
    /// All pages in order, again and again
    Loop,
    /// Each page a few times in order, never to return
    Sequential,
}

/// Runs the command.
pub fn generate(args: GenArgs) -> Result<ExitCode, Failure> {
    let out_of_range = |what: &str| Err(Failure::usage(what));
    if args.pages == 0 || args.pages > PAGES_MAX {
        return out_of_range("--pages: from 1 to 2^28");
    }
    if args.refs == 0 {
        return out_of_range("--refs: at least 1");
    }
    if !(args.alpha > 0.0 && args.alpha <= 10.0) {
        return out_of_range("--alpha: above 0, up to 10");
    }
    if !(0.0..=100.0).contains(&args.writes) {
        return out_of_range("--writes: from 0 to 100 percent");
    }
    let pattern = match args.pattern {
        PatternName::Zipf => Pattern::Zipf { alpha: args.alpha },
        PatternName::Uniform => Pattern::Uniform,
        PatternName::Loop => Pattern::Loop,
        PatternName::Sequential => Pattern::Sequential,
    };
    let generator = Generator::new(
        pattern,
        args.pages,
        args.refs,
        args.writes / 100.0,
        args.seed,
    );
    if args.output == Path::new("-") {
        write_text(generator, args.page_size).map_err(Failure::stdout)?;
        return Ok(exit::OK);
    }
    let name = crate::trace::source::name_of(&args.output);
    let summary = write_whole(&args.output, |out| {
        store(generator, name, args.page_size, out).map_err(|e| Failure::file(&args.output, e))
    })?;
    print(&format!(
        "{}: {} references, {} pages, {}, digest {}\n",
        args.output.display(),
        show_count(summary.refs),
        summary.distinct,
        show_bytes(summary.bytes),
        digest::show(summary.digest),
    ))?;
    Ok(exit::OK)
}

fn write_text(mut generator: Generator, page_size: PageSize) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 18, io::stdout().lock());
    plain::write_header(&mut out, TraceKind::Synthetic, Addressing::Bytes)?;
    let mut pid = 0;
    while let Some(access) = generator.next_access(page_size.bytes()) {
        plain::write_access(&mut out, &access, Addressing::Bytes, &mut pid)?;
    }
    out.flush()
}

fn store(
    mut generator: Generator,
    name: String,
    page_size: PageSize,
    out: impl Write,
) -> io::Result<Summary> {
    let mut writer = Writer::new(out, 3)?;
    let mut assembler = Assembler::new(Selection::default(), Addressing::Bytes, page_size);
    while let Some(access) = generator.next_access(page_size.bytes()) {
        let mut done = Ok(());
        let mut push = |reference, kind: KindCode| done = writer.push(reference, kind);
        assembler
            .access(&access, &mut push)
            .map_err(io::Error::other)?;
        done?;
    }
    let meta = Meta {
        name,
        format: "gen".into(),
        kind: TraceKind::Synthetic,
        addressing: Addressing::Bytes,
        page_size,
        skipped: 0,
    };
    Ok(writer.finish(&meta, assembler.dictionary())?.1)
}
