//! Arguments that several subcommands share: how traces are read, which cells are replayed and
//! how the program behaves on the terminal.

pub(in crate::cli) mod blanks;
pub(in crate::cli) mod job_args;
pub(in crate::cli) mod memory;
pub(in crate::cli) mod models;

use super::setup::failure::Failure;
use super::setup::host::{cores, free_memory};
use crate::policy::choice_list::parse_list;
use crate::report::results::columns::{COLUMNS, Column, ColumnKind};
use crate::space;
use crate::sweep::{Axes, Engine, Settings, Warmup};
use crate::trace::format::{Base, Delimiter, KeyMemory, Meaning, ReadOptions, Unit};
use crate::trace::model::access::TraceKind;
use crate::trace::model::selection::Selection;
use crate::trace::model::source::{LoadOptions, PBT};
use crate::units::{Ladder, PageSize, did_you_mean, parse_bytes, parse_count, parse_percent};
use crate::vm::AccessedBitMode;
use crate::vm::hardware::cost::{CostTable, DEVICES, device};
use crate::vm::hardware::processors;
use crate::vm::tlb::{Geometry, Hardware};
use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgAction, Args, Command};
use memory::MemoryArgs;
use models::ModelArgs;
use std::ffi::OsStr;
use std::path::PathBuf;

/// Parses one word of a closed list, each with the value that it means. Blanks around the word are
/// ignored; the error lists the words and the nearest. Shells complete the words.
#[derive(Debug, Clone)]
pub struct Words<T>(Vec<(T, &'static str)>);

/// Returns a parser of the words of `all`.
pub fn words<T, const N: usize>(all: [(T, &'static str); N]) -> Words<T> {
    Words(Vec::from(all))
}

impl<T: Clone> Words<T> {
    fn parse_word(&self, text: &str) -> Result<T, String> {
        let text = text.trim();
        let found = self.0.iter().find(|(_, name)| *name == text);
        found.map(|(value, _)| value.clone()).ok_or_else(|| {
            let names: Vec<&str> = self.0.iter().map(|(_, name)| *name).collect();
            let hint = did_you_mean(text, names.iter().copied());
            format!("one of: {}{hint}", names.join(", "))
        })
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Words<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let words = self.clone();
        let parse = move |text: &str| words.parse_word(text);
        parse.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            self.0.iter().map(|(_, name)| PossibleValue::new(*name)),
        ))
    }
}

/// How traces are read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reading traces")]
pub struct ReadArgs {
    /// Format of the traces; guessed from their content if absent (see: pagebench formats)
    #[arg(long, value_name = "NAME")]
    pub format: Option<String>,

    /// Columns of the csv format, by header name or by number from 1: addr=2,rw=3,size=4,pid=5; rw=none
    /// leaves one out, text=2 takes keys that are no numbers
    #[arg(long = "col", value_name = "WHAT=COLUMN,…", value_delimiter = ',')]
    pub columns: Vec<String>,

    /// Words for kinds in the csv format: 2a=write,28=read,0a=skip (read, write, ifetch, skip)
    #[arg(long, value_name = "WORD=KIND,…", value_delimiter = ',')]
    pub kinds: Vec<String>,

    /// What every other word for a kind means in the csv format; an error if absent
    #[arg(long, value_name = "read|write|ifetch|skip", value_parser = words(Meaning::WORDS),
          hide_possible_values = true)]
    pub other_kinds: Option<Meaning>,

    /// Take only csv lines with this value, by header name or number; again for another value or column
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub filters: Vec<String>,

    /// Delimiter of the csv format: one character, TAB, or BLANKS (any number of blanks and tabs)
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,

    /// Whether the first line of the csv format names the columns; guessed if absent
    #[arg(long, value_name = "yes|no", value_parser = words([(true, "yes"), (false, "no")]),
          hide_possible_values = true)]
    pub header: Option<bool>,

    /// Base of addresses and ids without 0x; that of the format if absent
    #[arg(long, value_name = "hex|dec", value_parser = words(Base::WORDS), hide_possible_values = true)]
    pub base: Option<Base>,

    /// What one address or id counts: byte, page (an id), sector (512 bytes), or a number of bytes; that
    /// of the format if absent
    #[arg(long, value_name = "byte|page|sector|BYTES", value_parser = Unit::parse)]
    pub unit: Option<Unit>,

    /// Skip a bad record, unless later ones depend on it; results say how many were skipped
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", action = ArgAction::Set,
          hide_default_value = true, hide_possible_values = true)]
    pub skip_bad: bool,

    /// Kind of recording, in place of what the file or its format says: full, sampled, faults-only,
    /// block-io, synthetic
    #[arg(long, value_name = "KIND", value_parser = words(TraceKind::ALL.map(|kind| (kind, kind.name()))),
          hide_possible_values = true)]
    pub kind: Option<TraceKind>,
}

/// Returns the column `name` of results.csv, which `option` names; errors unless it holds numbers.
pub fn numeric_column(option: &str, name: &str) -> Result<&'static Column, Failure> {
    let numeric = || {
        COLUMNS
            .iter()
            .filter(|column| column.kind != ColumnKind::Text)
    };
    numeric().find(|column| column.name == name).ok_or_else(|| {
        let hint = did_you_mean(name, numeric().map(|column| column.name));
        Failure::usage(format!(
            "{option} {name:?} is no numeric column{hint} (see: pagebench columns)"
        ))
    })
}

/// The format of a printed table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutFormat {
    /// Aligned text.
    Text,
    /// Markdown.
    Markdown,
    /// CSV.
    Csv,
    /// JSON.
    Json,
}

/// Every format. Commands with fewer formats accept a prefix of this list.
const OUT_FORMATS: [(OutFormat, &str); 4] = [
    (OutFormat::Text, "text"),
    (OutFormat::Markdown, "markdown"),
    (OutFormat::Csv, "csv"),
    (OutFormat::Json, "json"),
];

/// Returns a parser of the first `N` formats.
pub fn out_formats<const N: usize>() -> Words<OutFormat> {
    words(std::array::from_fn::<_, N, _>(|at| OUT_FORMATS[at]))
}

/// Which part of a trace is taken; by default all of it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Taking a part")]
pub struct SelectArgs {
    /// Skip instruction fetches
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", action = ArgAction::Set,
          hide_default_value = true, hide_possible_values = true)]
    pub data_only: bool,

    /// Take only the processes with these ids
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pub pid: Vec<u32>,

    /// Skip the first N references (1000, 20M)
    #[arg(long, value_name = "N", value_parser = parse_count, default_value = "0", hide_default_value = true)]
    pub skip: u64,

    /// Take at most N references
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub limit: Option<u64>,
}

/// `--quiet`, which `main` looks up before it runs the command.
#[derive(Debug, Clone, Args)]
pub struct QuietArgs {
    /// Print only errors on standard error
    #[arg(short, long)]
    pub quiet: bool,
}

/// How well a `.pbt` is compressed.
#[derive(Debug, Clone, Args)]
pub struct LevelArgs {
    /// Compression, 1 (fast) to 19 (small)
    #[arg(long, value_name = "LEVEL", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=19))]
    pub level: i32,
}

/// How the program behaves on the terminal.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Terminal")]
pub struct TerminalArgs {
    /// Progress on standard error: auto or bar (a bar on a terminal, sparse lines elsewhere), plain
    /// (sparse lines) or never
    #[arg(long, value_name = "auto|bar|plain|never", value_parser = words(ProgressMode::ALL),
          hide_possible_values = true, default_value = "auto")]
    pub progress: ProgressMode,

    #[command(flatten)]
    pub quiet: QuietArgs,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// Bars on a terminal, sparse lines elsewhere.
    Auto,
    /// As auto.
    Bar,
    /// Sparse lines.
    Plain,
    /// Nothing.
    Never,
}

impl ProgressMode {
    const ALL: [(ProgressMode, &'static str); 4] = [
        (ProgressMode::Auto, "auto"),
        (ProgressMode::Bar, "bar"),
        (ProgressMode::Plain, "plain"),
        (ProgressMode::Never, "never"),
    ];
}

/// The cache of parsed traces.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reading traces")]
pub struct CacheArgs {
    /// Cache folder for large parsed traces; $XDG_CACHE_HOME/pagebench or ~/.cache/pagebench if absent
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,

    /// Do not read or write the trace cache
    #[arg(long, conflicts_with = "cache")]
    pub no_cache: bool,
}

/// The policies of a run without `-p`: those that most people ask for first.
pub const POLICIES_BY_DEFAULT: &str = "lru,fifo,clock,ws,opt";

/// Which cells are replayed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Cells")]
pub struct SweepArgs {
    /// Policies with their parameters: lru,2q:kin=0.1,0.25 | @textbook (see: pagebench policies) | all
    #[arg(
        short,
        long,
        value_name = "POLICY,…",
        default_value = POLICIES_BY_DEFAULT
    )]
    pub policy: Vec<String>,

    /// Frames: 64,128 | 2^4..2^14 (doubling) | 10..1000:x1.5 | 100..900:+100 | 1%,5% of the
    /// pages | 64MiB | auto
    #[arg(short = 'm', long, value_name = "FRAMES,…", default_value = "auto")]
    pub frames: Ladder,

    /// Windows of variable-space policies, in references or % of them; auto: for each frame count, the
    /// window whose mean working set is about that large
    #[arg(long, value_name = "REFERENCES,…", default_value = "auto")]
    pub tau: Ladder,

    /// Seeds of policies that draw random numbers: a cell for each
    #[arg(
        long,
        value_name = "SEED,…",
        value_delimiter = ',',
        default_value = "1"
    )]
    pub seed: Vec<u64>,

    /// References to replay before counting begins: 1M or 10%
    #[arg(
        long,
        value_name = "REFERENCES|P%",
        default_value = "0",
        hide_default_value = true
    )]
    pub warmup: String,

    /// Page sizes, 64 to 1GiB: 4KiB,64KiB; the stored one, or 4KiB, if absent
    #[arg(long, value_name = "BYTES,…", value_delimiter = ',')]
    pub page_size: Vec<PageSize>,

    /// TLBs as entries x ways, and page-table levels (for 4KiB pages; larger ones have shorter
    /// walks): l1i=64x4,l1d=64x4,l2=1536x12,levels=4 | none. Also l2i= and l2d=, l2=none,
    /// l1=16xfull:fifo (full: one set; fifo: the first in goes), pwc=2/4/32 (page-walk caches from the
    /// root down), tags=off (flush when the process changes)
    #[arg(
        long,
        value_name = "GEOMETRY",
        default_value = "l1i=64x4,l1d=64x4,l2=1536x12,levels=4"
    )]
    pub tlb: String,

    /// The TLBs of a machine instead, and what its translations and faults cost (see: pagebench machines)
    #[arg(long, value_name = "NAME", conflicts_with = "tlb")]
    pub machine: Option<String>,

    /// When the accessed bit is set: every (at each reference), walk (only by a page walk), walk-flush
    /// (as walk; clearing the bit drops the translation)
    #[arg(long, value_name = "every|walk|walk-flush", value_parser = words(AccessedBitMode::ALL),
          hide_possible_values = true, default_value = "every")]
    pub accessed_bit: AccessedBitMode,

    #[command(flatten)]
    pub memory: MemoryArgs,

    /// Device behind memory, for the time model: zram, nvme, ssd or disk
    #[arg(long, value_name = "DEVICE", default_value = "nvme")]
    pub device: String,

    /// Costs of the time model, in place of those of the device and the machine:
    /// memory=100ns,tlb-l2=3ns,walk-ref=20ns,fault=1us,copy=400ns,read=100us,write=100us,
    /// bandwidth=2GB/s (what a transfer has beyond its first 4 KiB)
    #[arg(
        long,
        value_name = "EVENT=TIME,…",
        default_value = "",
        hide_default_value = true
    )]
    pub cost: String,

    /// How references are replayed: by bursts where that is faster (auto), or one by one (plain). All
    /// counts are the same
    #[arg(long, value_name = "auto|plain",
          value_parser = words([(Engine::Auto, "auto"), (Engine::Plain, "plain")]),
          hide_possible_values = true, default_value = "auto")]
    pub engine: Engine,

    /// Memory for one trace (2GiB); three quarters of the free memory, of the machine or of the control
    /// group, if absent. A larger stored trace stays in its file and is replayed tile by tile, any
    /// other from a temporary file
    #[arg(long, value_name = "BYTES")]
    pub mem_limit: Option<String>,

    /// Threads; all cores if absent
    #[arg(short, long, value_name = "THREADS")]
    pub jobs: Option<usize>,

    #[command(flatten)]
    pub models: ModelArgs,
}

/// The arguments of every command that replays cells: `run`, `plan` and `check`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub sweep: SweepArgs,

    #[command(flatten)]
    pub read: ReadArgs,

    #[command(flatten)]
    pub select: SelectArgs,

    #[command(flatten)]
    pub cache: CacheArgs,

    #[command(flatten)]
    pub terminal: TerminalArgs,
}

impl ReplayArgs {
    /// Returns how traces are read.
    pub fn load_options(&self) -> Result<LoadOptions, Failure> {
        let mem_limit = self.sweep.mem_limit()?;
        let mut options = self.read.options(&self.select)?;
        // The other half is for the references.
        options.read.key_memory = KeyMemory(mem_limit.map(|limit| limit / 2));
        Ok(LoadOptions {
            mem_limit,
            ..options
        })
    }

    /// Returns the settings of every cell.
    pub fn settings(&self) -> Result<Settings, Failure> {
        self.sweep.settings(self.select.selection().describe())
    }
}

/// Reads one part of `--kinds`.
fn parse_kind(part: &str) -> Result<(String, Meaning), Failure> {
    let read = || {
        let (word, kind) = part.rsplit_once('=')?;
        let mut kinds = Meaning::WORDS.iter();
        let &(meaning, _) = kinds.find(|(_, name)| name.eq_ignore_ascii_case(kind.trim()))?;
        (!word.trim().is_empty()).then(|| (word.trim().to_owned(), meaning))
    };
    read().ok_or_else(|| {
        Failure::usage(format!(
            "--kinds {part:?}: write 2a=write,28=read (read, write, ifetch or skip)"
        ))
    })
}

impl ReadArgs {
    /// Returns these arguments as the library's options.
    pub fn options(&self, select: &SelectArgs) -> Result<LoadOptions, Failure> {
        let mut columns = Vec::new();
        for part in &self.columns {
            let (what, column) = part
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("--col {part:?}: write addr=2,rw=3")))?;
            columns.push((what.trim().to_owned(), column.trim().to_owned()));
        }
        let delimiter = self.delimiter.as_deref().map(|text| {
            Delimiter::parse(text).ok_or_else(|| {
                Failure::usage(format!(
                    "--delimiter {text:?}: one character, TAB or BLANKS"
                ))
            })
        });
        let kinds = self.kinds.iter().map(|part| parse_kind(part));
        let filters = self.filters.iter().map(|part| {
            let (column, value) = part
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("--where {part:?}: write disk=1 or 3=1")))?;
            Ok((column.trim().to_owned(), value.trim().to_owned()))
        });
        let format = self.format.as_deref();
        if let Some(name) = format.filter(|name| !name.eq_ignore_ascii_case(PBT)) {
            crate::trace::format::by_name(name).map_err(Failure::usage)?;
        }
        Ok(LoadOptions {
            format: self.format.clone(),
            read: ReadOptions {
                columns,
                delimiter: delimiter.transpose()?,
                kinds: kinds.collect::<Result<_, Failure>>()?,
                other_kinds: self.other_kinds,
                filters: filters.collect::<Result<_, Failure>>()?,
                key_memory: KeyMemory::default(),
                header: self.header,
                base: self.base,
                unit: self.unit,
                skip_bad: self.skip_bad,
                ..ReadOptions::default()
            },
            page_size: None,
            selection: select.selection(),
            name: None,
            kind: self.kind,
            mem_limit: None,
        })
    }
}

impl SelectArgs {
    /// Returns these arguments as the library's selection.
    pub fn selection(&self) -> Selection {
        // Sorted, since they name the selection in results.
        let mut pids = self.pid.clone();
        pids.sort_unstable();
        pids.dedup();
        Selection {
            data_only: self.data_only,
            pids,
            skip: self.skip,
            limit: self.limit,
            sample: None,
        }
    }
}

/// Returns the axes of a sweep.
pub fn axes(
    policy: &[String],
    frames: &Ladder,
    tau: &Ladder,
    seeds: &[u64],
) -> Result<Axes, Failure> {
    let mut policies = Vec::new();
    for text in policy {
        policies.extend(parse_list(text)?);
    }
    tau.refuse_bytes("--tau")?;
    Ok(Axes {
        policies,
        frames: frames.clone(),
        tau: tau.clone(),
        seeds: seeds.to_vec(),
        models: Vec::new(),
    })
}

impl SweepArgs {
    /// Returns the axes of the sweep.
    pub fn axes(&self) -> Result<Axes, Failure> {
        Ok(Axes {
            models: self.models.model.clone(),
            ..axes(&self.policy, &self.frames, &self.tau, &self.seed)?
        })
    }

    /// Returns whether -p, -m, --tau or --seed differ from their defaults.
    pub fn axes_given(&self) -> bool {
        let auto = |ladder: &Ladder| *ladder == Ladder::auto();
        self.policy != [POLICIES_BY_DEFAULT]
            || !auto(&self.frames)
            || !auto(&self.tau)
            || self.seed != [1]
    }

    /// Returns the settings of every cell; `filter` describes the part of the trace that is taken.
    fn settings(&self, filter: String) -> Result<Settings, Failure> {
        let warmup = match parse_percent(&self.warmup) {
            None => Warmup::Refs(parse_count(&self.warmup)?),
            Some(percent) if (0.0..100.0).contains(&percent) => Warmup::Percent(percent),
            Some(_) => {
                return Err(Failure::usage(format!(
                    "--warmup {:?}: from 0% to below 100%",
                    self.warmup
                )));
            }
        };
        let tlb = self.hardware()?;
        let swap_bytes = self.memory.swap_bytes()?;
        if self.accessed_bit != AccessedBitMode::Every && tlb.is_none() {
            let name = self.accessed_bit.name();
            let message = "without TLBs no page walk sets accessed bits";
            return Err(Failure::usage(format!("--accessed-bit {name}: {message}")));
        }
        self.models.check(&self.memory, self.accessed_bit)?;
        Ok(Settings {
            warmup,
            tlb,
            swap_bytes,
            filter,
            space: space::Options {
                // Rows of models state how large page tables are.
                only_used_entries: self.models.model.is_empty(),
                ..self.models.space(&self.memory)?
            },
            segments: self.models.segments(),
            allocation: self.memory.allocation.clone(),
            accessed: self.accessed_bit,
            choices: self.memory.choices(),
            engine: self.engine,
            curves: None,
        })
    }

    /// Returns the TLBs; `None` if they are not modelled.
    fn hardware(&self) -> Result<Option<Hardware>, Failure> {
        match (&self.machine, self.tlb.trim()) {
            (None, "none") => Ok(None),
            (None, "") => Err(Failure::usage(
                "--tlb \"\": write none, or l1i=64x4,l1d=64x4,…",
            )),
            (machine, tlb) => hardware(machine.as_deref(), tlb).map(Some),
        }
    }

    /// Returns the costs of the time model.
    pub fn costs(&self) -> Result<CostTable, Failure> {
        let device = device(&self.device).ok_or_else(|| {
            let names: Vec<&str> = DEVICES.iter().map(|device| device.name).collect();
            let hint = did_you_mean(&self.device, names.iter().copied());
            Failure::usage(format!(
                "unknown device {:?}{hint} (known: {})",
                self.device,
                names.join(", ")
            ))
        })?;
        let mut costs = CostTable::default().with_device(device);
        if let Some(Hardware::Machine(machine)) = self.hardware()? {
            costs = costs.with_machine(&machine.costs);
        }
        costs.set(&self.cost).map_err(Failure::usage)?;
        Ok(costs)
    }

    /// Returns the bytes of memory that a trace may take; `None` for no limit.
    fn mem_limit(&self) -> Result<Option<u64>, Failure> {
        match &self.mem_limit {
            Some(text) => match parse_bytes(text) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) => Err(Failure::usage(format!("--mem-limit {error}"))),
            },
            None => Ok(free_memory().map(|free| free / 4 * 3)),
        }
    }

    /// Returns the number of threads.
    pub fn threads(&self) -> Result<usize, Failure> {
        threads(self.jobs)
    }
}

/// Returns the TLBs of `machine`, or else those that `tlb` describes.
pub fn hardware(machine: Option<&str>, tlb: &str) -> Result<Hardware, Failure> {
    match machine {
        Some(name) => {
            let preset = processors::find(name).map_err(Failure::usage)?;
            Ok(Hardware::Machine(preset))
        }
        None => Ok(tlb.parse::<Geometry>()?.into()),
    }
}

/// Returns the number of threads that `--jobs` asks for.
pub fn threads(jobs: Option<usize>) -> Result<usize, Failure> {
    match jobs {
        None => Ok(cores()),
        Some(jobs @ 1..=1024) => Ok(jobs),
        Some(jobs) => Err(Failure::usage(format!("--jobs {jobs}: from 1 to 1024"))),
    }
}
