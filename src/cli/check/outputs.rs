//! What was found, told: the table on the terminal, and the files and annotations that were asked for.
//! Knows nothing of how it was found.

use super::CheckArgs;
use crate::check::verdict::counted;
use crate::check::{Verdict, annotations, deltas, json, junit, markdown};
use crate::cli::args::named;
use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::progress::message;
use crate::exit::{self, ExitCode};
use crate::report::csv::write_file;
use crate::report::table::columns;
use crate::report::{chart, deltas as table};
use clap::Args;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where what is found is written, beside the terminal.
#[derive(Debug, Args)]
#[command(next_help_heading = "Outputs")]
pub struct OutputArgs {
    /// Write JUnit XML: a suite for each trace, a case for each cell
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write JSON; - for standard output, instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write a summary in Markdown, 1 MiB at most. One is appended to $GITHUB_STEP_SUMMARY where that
    /// is set
    #[arg(long, value_name = "FILE")]
    summary_md: Option<PathBuf>,

    /// Annotations on standard error: github, none, or auto: those of GitHub if GITHUB_ACTIONS is true
    #[arg(long, value_name = "auto|github|none", value_parser = parse_annotations, default_value = "auto")]
    annotations: Annotations,

    /// Draw what changed, in percent, with its table beside it (FILE.csv)
    #[arg(long, value_name = "FILE.png")]
    chart: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Annotations {
    Auto,
    GitHub,
    None,
}

fn parse_annotations(text: &str) -> Result<Annotations, String> {
    let all = [
        (Annotations::Auto, "auto"),
        (Annotations::GitHub, "github"),
        (Annotations::None, "none"),
    ];
    named(text, all)
}

impl OutputArgs {
    /// What can be refused before any work.
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = |path: &&PathBuf| path.extension().is_none_or(|ending| ending != "png");
        match self.chart.as_ref().filter(wrong) {
            None => Ok(()),
            Some(path) => Err(Failure::usage(format!(
                "--chart {}: a PNG is drawn: name it FILE.png",
                path.display()
            ))),
        }
    }

    fn annotates(&self) -> bool {
        match self.annotations {
            Annotations::GitHub => true,
            Annotations::None => false,
            Annotations::Auto => std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true"),
        }
    }
}

/// Tells what was found in every form asked for. A file that cannot be written is told and does not
/// keep the others from being written, nor hide a regression. `proposal` is the baseline as it would
/// be with the counts of today.
pub fn tell(
    args: &CheckArgs,
    verdict: &Verdict,
    code: ExitCode,
    proposal: Option<Vec<u8>>,
) -> Result<ExitCode, Failure> {
    let outputs = &args.outputs;
    let baseline = args.baseline.display().to_string();
    let json = || json::to_json(verdict, &baseline, code);
    match &outputs.json {
        Some(path) if path == Path::new("-") => print(&json())?,
        _ => print(&terminal(verdict))?,
    }
    let mut written = Vec::new();
    let mut write =
        |path: &Path, bytes: &[u8]| written.push(write_file(path, bytes).map_err(Failure::from));
    if let Some(path) = outputs.json.as_ref().filter(|path| *path != Path::new("-")) {
        write(path, json().as_bytes());
    }
    if let Some(path) = &outputs.junit {
        write(path, junit::to_xml(verdict).as_bytes());
    }
    if let Some(path) = &outputs.summary_md {
        let summary = markdown::to_markdown(verdict, &baseline, markdown::ROOM);
        write(path, summary.as_bytes());
    }
    if let Some(path) = &outputs.chart {
        written.push(draw(path, verdict, &baseline));
    }
    let code = written
        .into_iter()
        .filter_map(Result::err)
        .fold(code, |code, failure| {
            message(&format!("error: {failure}"));
            exit::worse(code, failure.code)
        });
    if let Some(proposal) = proposal {
        propose(args, &proposal);
    }
    warn_of_improvements(verdict);
    append_summary(verdict, &baseline);
    if outputs.annotates() {
        let commands = annotations::to_commands(verdict, &baseline);
        commands.lines().for_each(message);
    }
    Ok(code)
}

/// The table of what changed, the worst first, and the outcome in one line.
fn terminal(verdict: &Verdict) -> String {
    let mut out = String::new();
    let names = [
        "cell",
        "count",
        "expected",
        "got",
        "difference",
        "percent",
        "verdict",
    ];
    let mut lines = vec![names.map(str::to_owned).to_vec()];
    for (cell, change) in verdict.changes() {
        lines.push(vec![
            cell.name(),
            change.metric.words(),
            change.expected.to_string(),
            change.got.to_string(),
            format!("{:+}", change.difference()),
            change.show_percent(),
            change.standing.name().to_owned(),
        ]);
    }
    if lines.len() > 1 {
        columns(&mut out, "  ", "<<>>>><", &lines);
    }
    for cell in verdict.missing() {
        out.push_str(&format!("missing: {}\n", cell.name()));
    }
    for (cell, why) in verdict.failed() {
        out.push_str(&format!("failed: {}: {why}\n", cell.name()));
    }
    out + &verdict.sentence() + "\n"
}

fn warn_of_improvements(verdict: &Verdict) {
    let warned = verdict.tally().warned;
    if warned > 0 {
        message(&format!(
            "warning: {} better than the baseline says: write them with --accept, or set --improvement",
            match warned {
                1 => "1 count is".to_owned(),
                n => format!("{} are", counted(n, "count")),
            }
        ));
    }
}

/// Writes the counts of today beside the baseline, which stays as it is. Where that cannot be, the
/// verdict is the same.
fn propose(args: &CheckArgs, proposal: &[u8]) {
    let mut name = args.baseline.as_os_str().to_owned();
    name.push(".new");
    let path = PathBuf::from(name);
    match write_file(&path, proposal) {
        Ok(()) => message(&format!(
            "{}: the baseline with the counts of today (--accept writes them into it)",
            path.display()
        )),
        Err(error) => message(&format!("warning: {error}")),
    }
}

fn append_summary(verdict: &Verdict, baseline: &str) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return;
    };
    let path = PathBuf::from(path);
    let there = std::fs::metadata(&path).map_or(0, |meta| meta.len());
    let room = markdown::ROOM.saturating_sub(there as usize);
    let summary = markdown::to_markdown(verdict, baseline, room);
    let file = OpenOptions::new().append(true).create(true).open(&path);
    if let Err(e) = file.and_then(|mut file| file.write_all(summary.as_bytes())) {
        message(&format!("warning: {}: cannot write: {e}", path.display()));
    }
}

/// The chart, drawn from its table read back.
fn draw(path: &Path, verdict: &Verdict, baseline: &str) -> Result<(), Failure> {
    let csv = path.with_extension("csv");
    write_file(&csv, &table::to_csv(&deltas(verdict)))?;
    let rows = table::read_rows(&csv)?;
    let chart = chart::deltas(&rows, baseline, vec![verdict.sentence()]);
    let picture = chart.and_then(|chart| chart.for_file(path));
    let picture = picture.map_err(|e| Failure::new(exit::FAILURE, e.to_string()))?;
    Ok(write_file(path, &picture)?)
}
