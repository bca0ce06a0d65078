//! The arguments of `run` and `plan`, and what they mean before any trace is read.

use super::ReplayArgs;
use crate::cli::setup::failure::Failure;
use crate::report::results::column_set::Counts;
use crate::sweep::{Axes, Partition, Settings};
use crate::trace::model::source::LoadOptions;
use crate::vm::hardware::cost::CostTable;
use clap::Args;
use std::path::PathBuf;

/// Which cells of which traces.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// Traces, or folders of traces; - is standard input
    #[arg(required_unless_present_any = ["file", "string"], value_name = "TRACE")]
    pub traces: Vec<PathBuf>,

    /// A reference string instead of traces: page numbers between blanks or commas, with a w after a
    /// page that is written (3w). Without -m: every number of frames up to that of pages
    #[arg(long, value_name = "PAGES", conflicts_with = "traces")]
    pub string: Option<String>,

    /// Experiment file with traces and settings (see: pagebench init). Flags win over it
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Ignore these settings of the experiment file: limit,swap
    #[arg(long, value_name = "KEY,…", value_delimiter = ',', requires = "file")]
    pub unset: Vec<String>,

    /// Take part K of N of the cells: in turn (slice), or by the cells' ids (hash). auto takes K from
    /// the variable in which Slurm, HyperQueue, PBS, Grid Engine, Kubernetes or CI number tasks
    #[arg(long, value_name = "slice:K/N|hash:K/N|auto:/N|auto")]
    pub partition: Option<String>,

    /// Compute only these counts: faults,write_backs,fault_rate (see: pagebench columns). Other columns
    /// stay empty, and distributions.csv is not written. Where a one-pass curve has the counts it
    /// replaces replays: same bytes, less time
    #[arg(
        long,
        value_name = "COLUMN,…",
        value_delimiter = ',',
        help_heading = "Cells"
    )]
    pub counts: Vec<String>,

    /// Print every setting and where it came from, as an experiment file, and do nothing
    #[arg(long)]
    pub show_config: bool,

    #[command(flatten)]
    pub replay: ReplayArgs,
}

/// Arguments that passed all checks that need no trace.
pub struct CheckedArgs {
    /// Policies, frames, windows and seeds.
    pub axes: Axes,
    /// The costs of the time model.
    pub costs: CostTable,
    /// The settings of every cell.
    pub settings: Settings,
    /// The columns of results.csv to compute.
    pub counts: Counts,
    /// The part of the cells to take; `None` for all.
    pub partition: Option<Partition>,
    /// The number of threads.
    pub threads: usize,
    /// How traces are read.
    pub options: LoadOptions,
}

impl JobArgs {
    /// Checks the arguments, before anything is read.
    pub fn checked(&self) -> Result<CheckedArgs, Failure> {
        let sweep = &self.replay.sweep;
        let options = self.replay.load_options()?;
        let counts =
            Counts::parse(&self.counts).map_err(|why| Failure::usage(format!("--counts {why}")))?;
        let mut settings = self.replay.settings()?;
        settings.curves = counts.facts();
        if !counts.need_tlbs() {
            settings.drop_tlb();
        }
        Ok(CheckedArgs {
            axes: sweep.axes()?,
            costs: sweep.costs()?,
            settings,
            counts,
            partition: self.partition.as_deref().map(parse_partition).transpose()?,
            threads: sweep.threads()?,
            options,
        })
    }
}

fn parse_partition(text: &str) -> Result<Partition, Failure> {
    Partition::parse(text, &|name| std::env::var(name).ok())
        .map_err(|why| Failure::usage(format!("--partition {why}")))
}
