//! What was found, told: the table on the terminal, and the files and annotations that were asked for.
//! Knows nothing of how it was found.

use super::CheckArgs;
use crate::check::verdict::counted;
use crate::check::{Verdict, annotations, deltas, json, junit, markdown};
use crate::cli::args::named;
use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::progress::{message, note};
use crate::exit::{self, ExitCode};
use crate::report::csv::write_file;
use crate::report::table::columns;
use crate::report::{chart, deltas as table};
use clap::Args;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

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

/// What a check came to, in every form but the terminal's.
struct Forms {
    json: String,
    junit: String,
    /// For a file of so many bytes at most.
    summary: Box<dyn Fn(usize) -> String>,
    annotations: String,
}

impl Forms {
    /// Writes the files that are asked for; returns the errors of those that cannot be written. They
    /// do not keep the others from being written.
    fn write(&self, outputs: &OutputArgs) -> Vec<Failure> {
        let files = [
            (to_file(outputs), self.json.clone()),
            (outputs.junit.as_deref(), self.junit.clone()),
            (
                outputs.summary_md.as_deref(),
                (self.summary)(markdown::ROOM),
            ),
        ];
        let write =
            |(path, text): (Option<&Path>, String)| Some(write_file(path?, text.as_bytes()));
        let written = files.into_iter().filter_map(write);
        written.filter_map(Result::err).map(Failure::from).collect()
    }

    /// Adds the summary to that of the CI step, and annotates.
    fn publish(&self, outputs: &OutputArgs) {
        append_summary(&self.summary);
        if outputs.annotates() {
            self.annotations.lines().for_each(message);
        }
    }
}

/// The file for JSON, if it is not standard output.
fn to_file(outputs: &OutputArgs) -> Option<&Path> {
    outputs
        .json
        .as_deref()
        .filter(|path| *path != Path::new("-"))
}

/// Tells what was found in every form asked for. A form that cannot be written is told and hides no
/// regression. `proposal` is the baseline as it would be with the counts of today.
pub fn tell(
    args: &CheckArgs,
    verdict: Verdict,
    code: ExitCode,
    proposal: Option<Vec<u8>>,
) -> ExitCode {
    let outputs = &args.outputs;
    let baseline = args.baseline.display().to_string();
    let verdict = Rc::new(verdict);
    let forms = Forms {
        json: json::to_json(&verdict, &baseline, code),
        junit: junit::to_xml(&verdict),
        summary: {
            let (verdict, baseline) = (verdict.clone(), baseline.clone());
            Box::new(move |room| markdown::to_markdown(&verdict, &baseline, room))
        },
        annotations: annotations::to_commands(&verdict, &baseline),
    };
    let printed = match outputs.json.is_some() && to_file(outputs).is_none() {
        true => print(&forms.json),
        false => print(&terminal(&verdict)),
    };
    let mut failures = Vec::from_iter(printed.err());
    failures.extend(forms.write(outputs));
    if let Some(path) = &outputs.chart {
        failures.extend(draw(path, &verdict, &baseline).err());
    }
    let code = failures.into_iter().fold(code, |code, failure| {
        message(&format!("error: {failure}"));
        exit::worse(code, failure.code)
    });
    if let Some(proposal) = proposal {
        propose(args, &proposal);
    }
    warn_of_improvements(&verdict);
    forms.publish(outputs);
    code
}

/// Tells machines that there is no verdict, and why: a file of an earlier check must not pass for one
/// of this. On the terminal it is told as any error is.
pub fn tell_failure(args: &CheckArgs, failure: &Failure) {
    let code = failure.code;
    let baseline = args.baseline.display().to_string();
    // What was told on the way has no words of its own.
    let why = match failure.is_silent() {
        true => code.about.to_owned(),
        false => failure.to_string(),
    };
    let forms = Forms {
        json: json::of_failure(&why, &baseline, code),
        junit: junit::of_failure(&why, &baseline, code),
        annotations: annotations::of_failure(&why, &baseline, code),
        summary: Box::new(move |room| markdown::of_failure(&why, &baseline, code, room)),
    };
    if args.outputs.json.is_some() && to_file(&args.outputs).is_none() {
        // The error that ends the program is the one that counts.
        let _ = print(&forms.json);
    }
    for failure in forms.write(&args.outputs) {
        message(&format!("error: {failure}"));
    }
    forms.publish(&args.outputs);
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
        note(&format!(
            "warning: {} better than the baseline says: write them with --accept, or set --improvement",
            match warned {
                1 => "1 count is".to_owned(),
                n => format!("{} are", counted(n, "count")),
            }
        ));
    }
}

/// The file beside a baseline for the counts of today.
fn proposal_path(args: &CheckArgs) -> PathBuf {
    let mut name = args.baseline.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Writes the counts of today beside the baseline, which stays as it is. Where that cannot be, the
/// verdict is the same.
fn propose(args: &CheckArgs, proposal: &[u8]) {
    let path = proposal_path(args);
    match write_file(&path, proposal) {
        Ok(()) => note(&format!(
            "{}: the baseline with the counts of today (--accept writes them into it)",
            path.display()
        )),
        Err(error) => note(&format!("warning: {error}")),
    }
}

/// Removes what an earlier check proposed, now that the whole baseline passes or was accepted.
pub fn withdraw(args: &CheckArgs) {
    let path = proposal_path(args);
    if path.is_file() && std::fs::remove_file(&path).is_ok() {
        note(&format!(
            "{}: removed, it was of an earlier check",
            path.display()
        ));
    }
}

fn append_summary(summary: &dyn Fn(usize) -> String) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return;
    };
    let path = PathBuf::from(path);
    let there = std::fs::metadata(&path).map_or(0, |meta| meta.len());
    let summary = summary(markdown::ROOM.saturating_sub(there as usize));
    let file = OpenOptions::new().append(true).create(true).open(&path);
    if let Err(e) = file.and_then(|mut file| file.write_all(summary.as_bytes())) {
        note(&format!("warning: {}: cannot write: {e}", path.display()));
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
