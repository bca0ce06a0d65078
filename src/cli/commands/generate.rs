//! `pagebench gen`: seeded traces for teaching, tests and benchmarks. Its subcommands, their flags
//! and their help are those of the table of generators.

use crate::cli::setup::failure::Failure;
use crate::cli::setup::output_file::{check_stored_name, write_whole};
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::trace::format::FileHead;
use crate::trace::format::plain::PlainWriter;
use crate::trace::generate::{COMMON, Generator, Param, Pattern, Step, TABLE, Values, by_name};
use crate::trace::model::access::{Addressing, TraceKind};
use crate::trace::model::assembler::Assembler;
use crate::trace::model::digest;
use crate::trace::model::refs::{Meta, References};
use crate::trace::model::sample::Chosen;
use crate::trace::model::selection::Selection;
use crate::trace::store::{Summary, Writer};
use crate::units::{PageSize, Printable, about, counted, show_bytes};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A pattern of the table, and the text of each of its parameters.
#[derive(Debug)]
pub struct GenArgs {
    pattern: &'static Pattern,
    given: Vec<(&'static Param, String)>,
    page_size: PageSize,
    output: PathBuf,
    force: bool,
}

/// Returns the parameters of a pattern, its own first.
fn params(pattern: &'static Pattern) -> impl Iterator<Item = &'static Param> {
    pattern.params.iter().chain(&COMMON)
}

fn subcommand(pattern: &'static Pattern) -> Command {
    let mut command = Command::new(pattern.name)
        .visible_aliases(pattern.aliases.iter().copied())
        .about(pattern.about)
        .after_help(format!(
            "Example:\n  pagebench gen {} {}",
            pattern.name, pattern.example
        ));
    for param in params(pattern) {
        let range = match param.range() {
            range if range.is_empty() => range,
            range => format!(", {range}"),
        };
        command = command.arg(
            Arg::new(param.name)
                .long(param.name)
                .value_name(param.value_name())
                .default_value(param.default_of(pattern))
                .allow_negative_numbers(true)
                .help(format!("{}{range}", param.about)),
        );
    }
    command
        .arg(
            Arg::new("page-size")
                .long("page-size")
                .value_name("BYTES")
                .default_value("4KiB")
                .value_parser(value_parser!(PageSize))
                .help("Page size of the addresses, from 64 to 1GiB"),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FILE.pbt|-")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The file to write: .pbt, or - for text on standard output"),
        )
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .help("Replace the file if it exists"),
        )
}

impl Args for GenArgs {
    fn augment_args(command: Command) -> Command {
        command
            .about("Generate a trace: the same bytes on every machine for the same arguments")
            .after_help(
                "Examples:\n  pagebench gen zipf --help\n  \
                 pagebench gen zipf --pages 1M --refs 50M --alpha 0.9 --writes 25 -o zipf.pbt\n  \
                 pagebench gen loop --pages 5 --refs 25 -o -",
            )
            .subcommand_value_name("PATTERN")
            .subcommand_help_heading("Patterns")
            .subcommand_required(true)
            .disable_help_subcommand(true)
            .subcommands(TABLE.iter().map(subcommand))
    }

    fn augment_args_for_update(command: Command) -> Command {
        GenArgs::augment_args(command)
    }
}

impl FromArgMatches for GenArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<GenArgs, clap::Error> {
        let (name, matches) = matches.subcommand().expect("one is required");
        let pattern = by_name(name).expect("the subcommands are those of the table");
        let text = |param: &'static Param| {
            let text = matches.get_one::<String>(param.name);
            (param, text.expect("there is a default").clone())
        };
        Ok(GenArgs {
            pattern,
            given: params(pattern).map(text).collect(),
            page_size: *matches.get_one("page-size").expect("there is a default"),
            output: matches
                .get_one::<PathBuf>("output")
                .expect("it is required")
                .clone(),
            force: matches.get_flag("force"),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = GenArgs::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Runs the command.
pub fn generate(args: GenArgs) -> Result<ExitCode, Failure> {
    let usage = |what: String| Failure::usage(format!("gen {}: {what}", args.pattern.name));
    let mut values = Values::default();
    for (param, text) in &args.given {
        values
            .set(param, text)
            .map_err(|what| usage(format!("--{what}")))?;
    }
    let page_bytes = args.page_size.bytes();
    let generator = Generator::new(args.pattern, &values, page_bytes).map_err(usage)?;
    if args.output == Path::new("-") {
        write_text(generator).map_err(Failure::stdout)?;
        return Ok(exit::OK);
    }
    check_stored_name(&args.output)?;
    let name = crate::trace::model::trace_name::name_of(&args.output);
    let summary = write_whole(&args.output, args.force, |out| {
        store(generator, name, args.page_size, out).map_err(|e| Failure::file(&args.output, e))
    })?;
    print(&format!(
        "{}: {}, {}, {}, digest {}\n",
        args.output.printed(),
        about(summary.refs, "reference"),
        counted(summary.distinct, "page"),
        show_bytes(summary.bytes),
        digest::show(summary.digest),
    ))?;
    Ok(exit::OK)
}

fn write_text(generator: Generator) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 18, io::stdout().lock());
    let origin = FileHead {
        kind: TraceKind::Synthetic,
        addressing: Addressing::Bytes,
        chosen: Chosen::ALL,
        name_settles: true,
    };
    let mut writer = PlainWriter::begin(&mut out, origin)?;
    for step in generator {
        match step {
            Step::Access(access) => writer.write_access(&mut out, &access)?,
            Step::Event { pid, event } => writer.write_event(&mut out, pid, &event)?,
        }
    }
    out.flush()
}

/// Number of references written at once: few enough to stay in the cache.
const AT_ONCE: usize = 4096;

/// Writes references and removes them from the buffer.
fn write_references(
    writer: &mut Writer<impl Write>,
    references: &mut References,
) -> io::Result<()> {
    writer.push_all(&references.refs, &references.kinds)?;
    references.clear();
    Ok(())
}

fn store(
    generator: Generator,
    name: String,
    page_size: PageSize,
    out: impl Write,
) -> io::Result<Summary> {
    let mut writer = Writer::new(out, 3)?;
    let mut assembler = Assembler::new(Selection::default(), Addressing::Bytes, page_size);
    let mut references = References::default();
    for step in generator {
        match step {
            Step::Access(access) => {
                let flow = assembler.access(&access, &mut references);
                flow.map_err(io::Error::other)?;
                if references.len() >= AT_ONCE {
                    write_references(&mut writer, &mut references)?;
                }
            }
            Step::Event { pid, event } => {
                write_references(&mut writer, &mut references)?;
                writer.event(assembler.event(pid, event, 0));
            }
        }
    }
    write_references(&mut writer, &mut references)?;
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
