//! The arguments of `check`.

use super::limits::LimitArgs;
use super::outputs::OutputArgs;
use crate::check::{Pattern, digests};
use crate::cli::args::ReplayArgs;
use clap::Args;
use std::path::PathBuf;

/// Compare exact counts with a baseline.
///
/// Replays the cells of the baseline, or reads finished results, and compares references, faults and
/// write-backs. A count that grew beyond its limit (default 0) is a regression: exit code 6, and the
/// counts of today are written to BASELINE.new. With --accept they are written into the baseline
/// instead; a trace that it does not have gets the cells of -p, -m and --tau.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench check reports/baseline.csv traces
  pagebench check baseline.csv -f experiment.toml
  pagebench check reports/baseline.csv out --max-increase-pct 0.5 --junit junit.xml
  pagebench check reports/baseline.csv traces --accept --only 'cc1/lru/*'
  pagebench check reports/baseline.csv traces --accept -p lru,fifo,opt -m 2^6..2^12")]
pub struct CheckArgs {
    /// The baseline, a CSV
    #[arg(value_name = "BASELINE")]
    pub baseline: PathBuf,

    /// Traces and folders of traces to replay; or the results of a run, results.csv or its folder
    #[arg(required_unless_present = "file", value_name = "TRACE|RESULTS")]
    pub traces: Vec<PathBuf>,

    /// Experiment file (see: pagebench init): traces and cells to replay, and limits in [check]. Only
    /// cells of the baseline are compared. Flags win over it
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Ignore these settings of the experiment file: limit,swap
    #[arg(long, value_name = "KEY,…", value_delimiter = ',', requires = "file")]
    pub unset: Vec<String>,

    /// Write today's counts into the baseline
    #[arg(long)]
    pub accept: bool,

    /// Check only cells whose path trace/policy/frames matches this glob: 'cc1/*/64', '*/ws/tau=*'
    #[arg(long, value_name = "GLOB", conflicts_with = "explain")]
    pub only: Option<Pattern>,

    /// With --accept, keep digests of each cell's sequence of faults in BASELINE.faults.csv, in BLOCKS
    /// blocks a cell (1 to 4096; 64 without a number). Later --accept updates them
    #[arg(long, value_name = "BLOCKS", num_args = 0..=1, require_equals = true,
          default_missing_value = "64", value_parser = parse_blocks, requires = "accept")]
    pub with_digests: Option<usize>,

    /// Compare only this cell, trace/policy/frames, and show the faults where their sequence departs
    /// from the baseline's digests
    #[arg(long, value_name = "CELL", conflicts_with = "accept")]
    pub explain: Option<String>,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub outputs: OutputArgs,

    #[command(flatten)]
    pub replay: ReplayArgs,
}

fn parse_blocks(text: &str) -> Result<usize, String> {
    let blocks = text.parse().ok();
    let fits = blocks.filter(|blocks| (1..=digests::BLOCKS_MAX).contains(blocks));
    fits.ok_or_else(|| format!("a whole number from 1 to {}", digests::BLOCKS_MAX))
}
