//! Arguments that several subcommands share: how traces are read, which cells are replayed and
//! how the program behaves on the terminal.

use super::failure::Failure;
use super::memory::MemoryArgs;
use crate::policy::select::parse_list;
use crate::report::columns::{COLUMNS, Column, ColumnKind};
use crate::sweep::{Axes, Engine, Settings, Warmup};
use crate::trace::format::ReadOptions;
use crate::trace::record::TraceKind;
use crate::trace::select::Selection;
use crate::trace::source::LoadOptions;
use crate::units::did_you_mean;
use crate::units::{Ladder, PageSize, parse_bytes, parse_count};
use crate::vm::Accessed;
use crate::vm::cost::{CostTable, DEVICES, device};
use crate::vm::presets;
use crate::vm::tlb::{Geometry, Hardware};
use clap::{ArgAction, Args};
use std::path::PathBuf;

/// How traces are read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reading traces")]
pub struct ReadArgs {
    /// Format of the traces; guessed from their content if absent (see: pagebench formats)
    #[arg(long, value_name = "NAME")]
    pub format: Option<String>,

    /// Columns of the csv format, by header name or number from 1: addr=2,rw=3,size=4,pid=5
    #[arg(long = "col", value_name = "WHAT=COLUMN,…", value_delimiter = ',')]
    pub columns: Vec<String>,

    /// Delimiter of the csv format: one character, or TAB
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,

    /// Whether the first line of the csv format names the columns
    #[arg(long, value_name = "yes|no")]
    pub header: Option<YesNo>,

    /// Base of addresses and ids without 0x in the csv format
    #[arg(long, value_name = "hex|dec")]
    pub base: Option<Base>,

    /// Go on after a bad record, unless later ones depend on it; the number skipped is reported and
    /// recorded
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", action = ArgAction::Set,
          hide_default_value = true, hide_possible_values = true)]
    pub skip_bad: bool,

    /// Kind of recording, in place of what the file or its format says: full, sampled, faults-only,
    /// block-io, synthetic
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    pub kind: Option<TraceKind>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum YesNo {
    /// The first line names the columns.
    Yes,
    /// The first line is a record.
    No,
}

fn parse_accessed(text: &str) -> Result<Accessed, String> {
    named(text, Accessed::ALL)
}

/// Memory that the system says is free for programs, in bytes; `None` where it does not say.
fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn parse_engine(text: &str) -> Result<Engine, String> {
    named(text, [(Engine::Auto, "auto"), (Engine::Plain, "plain")])
}

/// The one of a name.
pub fn named<T: Copy, const N: usize>(text: &str, all: [(T, &str); N]) -> Result<T, String> {
    let names = all.map(|(_, name)| name);
    let found = all.into_iter().find(|(_, name)| *name == text.trim());
    found.map(|(value, _)| value).ok_or_else(|| {
        let hint = did_you_mean(text.trim(), names.into_iter());
        format!("one of: {}{hint}", names.join(", "))
    })
}

/// The column of results.csv that an option names, if it has numbers.
pub fn numeric_column(option: &str, name: &str) -> Result<&'static Column, Failure> {
    let numeric = || {
        COLUMNS
            .iter()
            .filter(|column| column.kind != ColumnKind::Text)
    };
    numeric().find(|column| column.name == name).ok_or_else(|| {
        let hint = did_you_mean(name, numeric().map(|column| column.name));
        Failure::usage(format!(
            "{option} \"{name}\" is no numeric column{hint} (see: pagebench columns)"
        ))
    })
}

/// How tables are printed.
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

/// Every format; a command that has fewer has the first `N`.
const OUT_FORMATS: [(OutFormat, &str); 4] = [
    (OutFormat::Text, "text"),
    (OutFormat::Markdown, "markdown"),
    (OutFormat::Csv, "csv"),
    (OutFormat::Json, "json"),
];

/// One of the first `N` formats.
pub fn parse_out<const N: usize>(text: &str) -> Result<OutFormat, String> {
    named(text, std::array::from_fn::<_, N, _>(|at| OUT_FORMATS[at]))
}

/// The base of a number.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Base {
    /// Sixteen.
    Hex,
    /// Ten.
    Dec,
}

fn parse_kind(text: &str) -> Result<TraceKind, String> {
    named(text, TraceKind::ALL.map(|kind| (kind, kind.name())))
}

/// Which part of a trace is taken.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Taking a part")]
pub struct SelectArgs {
    /// Leave instruction fetches out
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", action = ArgAction::Set,
          hide_default_value = true, hide_possible_values = true)]
    pub data_only: bool,

    /// Take only the processes with these ids
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pub pid: Vec<u32>,

    /// Leave out so many references at the beginning (1000, 20M)
    #[arg(long, value_name = "REFERENCES", value_parser = parse_count, default_value = "0", hide_default_value = true)]
    pub skip: u64,

    /// Take at most so many references
    #[arg(long, value_name = "REFERENCES", value_parser = parse_count)]
    pub limit: Option<u64>,
}

/// How the program behaves on the terminal.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Terminal")]
pub struct TerminalArgs {
    /// Progress on standard error: auto and bar show bars on a terminal and sparse lines elsewhere
    #[arg(long, value_name = "auto|bar|plain|never", default_value = "auto")]
    pub progress: ProgressMode,

    /// Print errors only on standard error
    #[arg(short, long)]
    pub quiet: bool,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
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

/// Where traces are kept that were read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reading traces")]
pub struct CacheArgs {
    /// Folder in which a large trace is kept once it was read, so that the next time is faster;
    /// if absent, $XDG_CACHE_HOME/pagebench or ~/.cache/pagebench
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,

    /// Keep no trace, and use none that was kept
    #[arg(long, conflicts_with = "cache")]
    pub no_cache: bool,
}

/// The policies of a run that names none: those that everybody asks for first.
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

    /// Windows of variable-space policies in references, or % of them; auto: mean working sets like the frames
    #[arg(long, value_name = "REFERENCES,…", default_value = "auto")]
    pub tau: Ladder,

    /// Seeds of policies that draw random numbers: each is a cell of its own
    #[arg(
        long,
        value_name = "SEED,…",
        value_delimiter = ',',
        default_value = "1"
    )]
    pub seed: Vec<u64>,

    /// References replayed before counting begins: 1M or 10%
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

    /// TLBs as entries x ways and page-table levels (for 4KiB pages; larger ones have shorter
    /// walks): l1i=64x4,l1d=64x4,l2=1536x12,levels=4 | none. Also l2i= and l2d=, l2=none,
    /// pwc=2/4/32 (page-walk caches from the root down), tags=off (flush when the process changes)
    #[arg(
        long,
        value_name = "GEOMETRY",
        default_value = "l1i=64x4,l1d=64x4,l2=1536x12,levels=4"
    )]
    pub tlb: String,

    /// The TLBs of a machine instead, and what its translations and faults cost (see: pagebench machines)
    #[arg(long, value_name = "NAME", conflicts_with = "tlb")]
    pub machine: Option<String>,

    /// When reference bits are set, which Clock reads: at every reference, by page walks only
    /// (walk), or so and with the translation dropped when the bit is cleared (walk-flush)
    #[arg(long, value_name = "every|walk|walk-flush", value_parser = parse_accessed, default_value = "every")]
    pub accessed_bit: Accessed,

    #[command(flatten)]
    pub memory: MemoryArgs,

    /// Device behind memory, for the time model: zram, nvme, ssd or disk
    #[arg(long, value_name = "DEVICE", default_value = "nvme")]
    pub device: String,

    /// Costs of the time model, over those of the device and the machine: memory=100ns,tlb-l2=3ns,walk-ref=20ns,fault=1us,copy=400ns,read=100us,write=100us
    #[arg(
        long,
        value_name = "EVENT=TIME,…",
        default_value = "",
        hide_default_value = true
    )]
    pub cost: String,

    /// How references are replayed, which no count depends on: by bursts where that is faster
    /// (auto), or one by one (plain)
    #[arg(long, value_name = "auto|plain", value_parser = parse_engine, default_value = "auto")]
    pub engine: Engine,

    /// Memory that a trace may take, 2GiB: a stored trace that needs more stays in its file and is
    /// replayed tile by tile. Three quarters of the free memory if absent
    #[arg(long, value_name = "BYTES")]
    pub mem_limit: Option<String>,

    /// Threads; all cores if absent
    #[arg(short, long, value_name = "THREADS")]
    pub jobs: Option<usize>,
}

impl ReadArgs {
    /// As options of the library.
    pub fn options(&self, select: &SelectArgs) -> Result<LoadOptions, Failure> {
        let mut columns = Vec::new();
        for part in &self.columns {
            let (what, column) = part
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("--col \"{part}\": write addr=2,rw=3")))?;
            columns.push((what.trim().to_owned(), column.trim().to_owned()));
        }
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("TAB" | "tab" | "\\t") => Some(b'\t'),
            Some(text) if text.len() == 1 => Some(text.as_bytes()[0]),
            Some(text) => {
                return Err(Failure::usage(format!(
                    "--delimiter \"{text}\": one character, or TAB"
                )));
            }
        };
        if let Some(name) = self
            .format
            .as_deref()
            .filter(|name| !name.eq_ignore_ascii_case(crate::trace::source::PBT))
        {
            crate::trace::format::by_name(name).map_err(|e| Failure::usage(e.to_string()))?;
        }
        Ok(LoadOptions {
            format: self.format.clone(),
            read: ReadOptions {
                columns,
                delimiter,
                header: self.header.map(|header| matches!(header, YesNo::Yes)),
                hexadecimal: matches!(self.base, Some(Base::Hex)),
                skip_bad: self.skip_bad,
            },
            page_size: None,
            selection: select.selection(),
            name: None,
            kind: self.kind,
            lists_do: false,
            mem_limit: None,
        })
    }
}

impl SelectArgs {
    /// As the library has it.
    pub fn selection(&self) -> Selection {
        // In one order, since they name the selection in results.
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

/// The axes of a sweep: policies as they were written, frames and windows.
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
    if tau.has_bytes() {
        let message = format!("--tau {tau}: a window is a number of references, not of bytes");
        return Err(Failure::usage(message));
    }
    Ok(Axes {
        policies,
        frames: frames.clone(),
        tau: tau.clone(),
        seeds: seeds.to_vec(),
    })
}

impl SweepArgs {
    /// The axes of the sweep.
    pub fn axes(&self) -> Result<Axes, Failure> {
        axes(&self.policy, &self.frames, &self.tau, &self.seed)
    }

    /// Whether the axes are other than what they are if nothing is said.
    pub fn axes_given(&self) -> bool {
        let auto = |ladder: &Ladder| *ladder == Ladder::auto();
        self.policy != [POLICIES_BY_DEFAULT]
            || !auto(&self.frames)
            || !auto(&self.tau)
            || self.seed != [1]
    }

    /// What holds for every cell.
    pub fn settings(&self, filter: String) -> Result<Settings, Failure> {
        let warmup = match self.warmup.trim().strip_suffix('%') {
            None => Warmup::Refs(parse_count(&self.warmup)?),
            Some(percent) => match percent.trim().parse::<f64>() {
                Ok(percent) if (0.0..100.0).contains(&percent) => Warmup::Percent(percent),
                _ => {
                    return Err(Failure::usage(format!(
                        "--warmup \"{}\": from 0% to below 100%",
                        self.warmup
                    )));
                }
            },
        };
        let tlb = self.hardware()?;
        let swap_bytes = self.memory.swap_bytes()?;
        if self.accessed_bit != Accessed::Every && tlb.is_none() {
            let name = self.accessed_bit.name();
            let message = "without TLBs there is nothing whose walks could set reference bits";
            return Err(Failure::usage(format!("--accessed-bit {name}: {message}")));
        }
        Ok(Settings {
            warmup,
            tlb,
            swap_bytes,
            filter,
            space: self.memory.space()?,
            allocation: self.memory.allocation.clone(),
            accessed: self.accessed_bit,
            engine: self.engine,
            curves: None,
        })
    }

    /// The TLBs, if they are modelled.
    fn hardware(&self) -> Result<Option<Hardware>, Failure> {
        if let Some(name) = &self.machine {
            let preset = presets::find(name).map_err(Failure::usage)?;
            return Ok(Some(Hardware::Machine(preset)));
        }
        match self.tlb.trim() {
            "none" => Ok(None),
            "" => Err(Failure::usage(
                "--tlb \"\": write none, or l1i=64x4,l1d=64x4,…",
            )),
            text => match text.parse::<Geometry>() {
                Ok(geometry) => Ok(Some(geometry.into())),
                Err(e) => Err(Failure::usage(e.to_string())),
            },
        }
    }

    /// The table of costs.
    pub fn costs(&self) -> Result<CostTable, Failure> {
        let device = device(&self.device).ok_or_else(|| {
            let names: Vec<&str> = DEVICES.iter().map(|device| device.name).collect();
            let hint = crate::units::did_you_mean(&self.device, names.iter().copied());
            Failure::usage(format!(
                "unknown device \"{}\"{hint} (known: {})",
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

    /// The memory that a trace may take, in bytes; `None` for any.
    pub fn mem_limit(&self) -> Result<Option<u64>, Failure> {
        match &self.mem_limit {
            Some(text) => match parse_bytes(text) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) => Err(Failure::usage(format!("--mem-limit {error}"))),
            },
            None => Ok(free_memory().map(|free| free / 4 * 3)),
        }
    }

    /// The number of threads.
    pub fn threads(&self) -> Result<usize, Failure> {
        threads(self.jobs)
    }
}

/// The number of threads that `--jobs` asks for.
pub fn threads(jobs: Option<usize>) -> Result<usize, Failure> {
    match jobs {
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
        Some(jobs @ 1..=1024) => Ok(jobs),
        Some(jobs) => Err(Failure::usage(format!("--jobs {jobs}: from 1 to 1024"))),
    }
}
