//! The report of a check: the table on the terminal, and the files and annotations that are asked for.
//! Knows nothing of how the verdict came about.

use crate::check::forms::{annotations, json, junit, markdown};
use crate::check::verdict::counted;
use crate::check::{Baseline, Verdict, deltas};
use crate::cli::args::words;
use crate::cli::setup::failure::Failure;
use crate::cli::setup::paths::proposal_path;
use crate::cli::setup::progress::{message, note, workflow_command};
use crate::cli::setup::terminal::Align::{Left, Right};
use crate::cli::setup::terminal::{print, table};
use crate::exit::{self, ExitCode};
use crate::report::chart;
use crate::report::results::results_csv::{TableError, write_file};
use crate::report::tables::changes_csv::{parse_rows, to_csv};
use crate::report::whole_file::{WholeFile, remove_own};
use crate::units::Printable;
use clap::Args;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Outputs in addition to the terminal.
#[derive(Debug, Args)]
#[command(next_help_heading = "Outputs")]
pub struct OutputArgs {
    /// Write JUnit XML: a suite for each trace, a case for each cell
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write JSON; - for standard output, instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write a summary in Markdown, 1 MiB at most. One is also appended to $GITHUB_STEP_SUMMARY if that
    /// is set
    #[arg(long, value_name = "FILE")]
    summary_md: Option<PathBuf>,

    /// Annotations on standard error: github, none, or auto (GitHub's if GITHUB_ACTIONS is true)
    #[arg(long, value_name = "auto|github|none", value_parser = words(Annotations::ALL),
          hide_possible_values = true, default_value = "auto")]
    annotations: Annotations,

    /// Draw the changes in percent, and write their table as FILE.csv
    #[arg(long, value_name = "FILE.png")]
    chart: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Annotations {
    Auto,
    GitHub,
    None,
}

impl Annotations {
    const ALL: [(Annotations, &'static str); 3] = [
        (Annotations::Auto, "auto"),
        (Annotations::GitHub, "github"),
        (Annotations::None, "none"),
    ];
}

impl OutputArgs {
    /// Checks the arguments, before any work.
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = |path: &&PathBuf| path.extension().is_none_or(|ending| ending != "png");
        match self.chart.as_ref().filter(wrong) {
            None => Ok(()),
            Some(path) => Err(Failure::usage(format!(
                "--chart {}: a PNG is drawn: name it FILE.png",
                path.printed()
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

/// The result of a check in every form but the terminal's.
struct Forms {
    json: String,
    junit: String,
    /// Returns the summary with at most this number of bytes.
    summary: Box<dyn Fn(usize) -> String>,
    annotations: String,
}

impl Forms {
    /// Appends the summary to that of the CI step, and prints the annotations.
    fn publish(&self, outputs: &OutputArgs) {
        append_summary(&self.summary);
        if outputs.annotates() {
            self.annotations.lines().for_each(workflow_command);
        }
    }
}

/// The files to write. All are opened before any is written, so that each can state the exit code even
/// if another cannot be written.
struct Files<'a> {
    outputs: &'a OutputArgs,
    /// The chart's files and their contents.
    chart: Vec<(PathBuf, Vec<u8>)>,
    open: Vec<(PathBuf, WholeFile)>,
}

impl<'a> Files<'a> {
    /// Opens the files; `chart` are those of the chart. Returns also the errors of those that cannot be
    /// opened.
    fn open(
        outputs: &'a OutputArgs,
        chart: Vec<(PathBuf, Vec<u8>)>,
    ) -> (Files<'a>, Vec<TableError>) {
        let forms = [to_file(outputs), outputs.junit.as_deref()];
        let forms = forms.into_iter().chain([outputs.summary_md.as_deref()]);
        let paths = forms.flatten().map(Path::to_path_buf);
        let paths: Vec<PathBuf> = paths
            .chain(chart.iter().map(|(path, _)| path.clone()))
            .collect();
        let (mut open, mut failed) = (Vec::new(), Vec::new());
        for path in paths {
            match WholeFile::create(&path) {
                Ok(file) => open.push((path, file)),
                Err(error) => failed.push(TableError::io(&path, "write", error)),
            }
        }
        let files = Files {
            outputs,
            chart,
            open,
        };
        (files, failed)
    }

    /// Returns the bytes of a file.
    fn content(&self, path: &Path, forms: &Forms) -> Vec<u8> {
        let is = |file: Option<&Path>| file == Some(path);
        if is(to_file(self.outputs)) {
            forms.json.clone().into_bytes()
        } else if is(self.outputs.junit.as_deref()) {
            forms.junit.clone().into_bytes()
        } else if is(self.outputs.summary_md.as_deref()) {
            (forms.summary)(markdown::ROOM).into_bytes()
        } else {
            let of_chart = self.chart.iter().find(|(name, _)| name == path);
            of_chart.map_or(Vec::new(), |(_, bytes)| bytes.clone())
        }
    }

    /// Writes the files. `forms` makes their contents, given the errors of files that could not be
    /// written after all, as on a full disk: the others are then written again.
    fn write(mut self, mut forms: impl FnMut(Vec<TableError>) -> Forms) -> Written<'a> {
        let mut current = forms(Vec::new());
        let (mut failed, mut written) = (Vec::new(), Vec::new());
        for (path, mut file) in std::mem::take(&mut self.open) {
            let bytes = self.content(&path, &current);
            match file.write_all(&bytes).and_then(|()| file.finish()) {
                Ok(()) => written.push(path),
                Err(error) => failed.push(TableError::io(&path, "write", error)),
            }
        }
        let has_failed = !failed.is_empty();
        if has_failed {
            current = forms(failed);
        }
        let written = Written {
            files: self,
            paths: written,
            forms: current,
        };
        if has_failed {
            written.write_again();
        }
        written
    }
}

/// The files once they are written.
struct Written<'a> {
    files: Files<'a>,
    paths: Vec<PathBuf>,
    forms: Forms,
}

impl Written<'_> {
    /// Writes the files again, with the contents of `forms`.
    fn write_again(&self) {
        // A pipe or device cannot be written again.
        for path in self.paths.iter().filter(|path| path.is_file()) {
            if let Err(error) = write_file(path, &self.files.content(path, &self.forms)) {
                message(&format!("error: {error}"));
            }
        }
    }
}

/// Returns the file for JSON; `None` if there is none, or if it is standard output.
fn to_file(outputs: &OutputArgs) -> Option<&Path> {
    outputs
        .json
        .as_deref()
        .filter(|path| *path != Path::new("-"))
}

/// Returns whether JSON is printed instead of the table.
fn prints_json(outputs: &OutputArgs) -> bool {
    outputs.json.is_some() && to_file(outputs).is_none()
}

/// The result of a check.
pub struct Conclusion {
    /// The verdict, with the errors of traces and outputs.
    pub verdict: Verdict,
    /// The exit code, unless an output fails.
    pub code: ExitCode,
    /// The text of `--explain`, if there is one.
    pub explanation: Option<String>,
    /// The text of `--accept`, which replaces the table.
    pub accepted: Option<String>,
}

impl Conclusion {
    /// Prints and adds errors.
    fn add_errors(&mut self, failures: impl IntoIterator<Item = Failure>) {
        for failure in failures {
            message(&format!("error: {failure}"));
            self.code = exit::worse(self.code, failure.code);
            self.verdict.errors.push(failure.to_string());
        }
    }

    fn forms(&self, baseline: &str) -> Forms {
        let (verdict, code) = (self.verdict.clone(), self.code);
        Forms {
            json: json::to_json(&verdict, self.explanation.as_deref(), baseline, code),
            junit: junit::to_xml(&verdict, baseline, code),
            annotations: annotations::to_commands(&verdict, baseline),
            summary: {
                let baseline = baseline.to_owned();
                Box::new(move |room| markdown::to_markdown(&verdict, &baseline, room))
            },
        }
    }

    /// Returns the text to print if JSON is not printed.
    fn text(&self) -> String {
        let text = match &self.accepted {
            Some(accepted) => accepted.clone(),
            None => terminal(&self.verdict),
        };
        text + self.explanation.as_deref().unwrap_or_default()
    }
}

/// Reports the result in every form asked for. Returns the exit code, which every form states. A form
/// that cannot be written hides no regression.
pub fn report(outputs: &OutputArgs, baseline: &Path, mut conclusion: Conclusion) -> ExitCode {
    let baseline = baseline.printed().to_string();
    let mut chart = Vec::new();
    if let Some(path) = &outputs.chart {
        match draw(path, &conclusion.verdict, &baseline) {
            Ok(drawn) => chart = drawn,
            Err(failure) => conclusion.add_errors([failure]),
        }
    }
    let (files, failed) = Files::open(outputs, chart);
    conclusion.add_errors(failed.into_iter().map(Failure::from));
    let mut written = files.write(|failed| {
        conclusion.add_errors(failed.into_iter().map(Failure::from));
        conclusion.forms(&baseline)
    });
    // After the files: these are there even if standard output has no reader.
    let printed = if prints_json(outputs) {
        print(&written.forms.json)
    } else {
        print(&conclusion.text())
    };
    if let Err(failure) = printed {
        conclusion.add_errors([failure]);
        written.forms = conclusion.forms(&baseline);
        written.write_again();
    }
    warn_of_improvements(&conclusion.verdict);
    written.forms.publish(outputs);
    conclusion.code
}

/// Writes to all files and annotations that there is no verdict, and why, so that a file of an earlier
/// check cannot pass for one of this. `main` prints the error on the terminal.
pub fn report_failure(outputs: &OutputArgs, baseline: &Path, failure: &Failure) {
    let code = failure.code;
    let baseline = baseline.printed().to_string();
    // A failure that was printed before has no message: name the exit code.
    let why = failure.message().unwrap_or(code.about).to_owned();
    // The exit code stays that of `failure`, whatever else fails.
    let forms = |failed: Vec<TableError>| {
        for error in failed {
            message(&format!("error: {error}"));
        }
        let (why, baseline) = (why.clone(), baseline.clone());
        Forms {
            json: json::of_failure(&why, &baseline, code),
            junit: junit::of_failure(&why, &baseline, code),
            annotations: annotations::of_failure(&why, &baseline, code),
            summary: Box::new(move |room| markdown::of_failure(&why, &baseline, code, room)),
        }
    };
    let (files, failed) = Files::open(outputs, Vec::new());
    let first = forms(failed);
    let written = files.write(forms);
    if prints_json(outputs) {
        let _ = print(&first.json);
    }
    written.forms.publish(outputs);
}

/// Returns the table of changes, the worst first, and the outcome in one line.
fn terminal(verdict: &Verdict) -> String {
    let mut out = String::new();
    let titles = [
        ("cell", Left),
        ("count", Left),
        ("expected", Right),
        ("got", Right),
        ("difference", Right),
        ("percent", Right),
        ("verdict", Left),
    ];
    let lines = verdict.changes().into_iter().map(|(cell, change)| {
        vec![
            cell.name(),
            change.metric.words(),
            change.expected.to_string(),
            change.got.to_string(),
            format!("{:+}", change.difference()),
            change.show_percent(),
            change.standing.name().to_owned(),
        ]
    });
    let lines: Vec<Vec<String>> = lines.collect();
    if !lines.is_empty() {
        table(&mut out, "  ", &titles, lines);
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

/// Returns whether a file is a baseline, such as an earlier check proposed.
fn is_baseline(path: &Path) -> bool {
    // Reading a pipe without a writer would wait without end.
    path.is_file() && std::fs::read(path).is_ok_and(|text| Baseline::parse(path, &text).is_ok())
}

/// Writes the counts of today to `BASELINE.new`; the baseline stays as it is. Only warns if that fails,
/// or if the file exists and is no baseline.
pub fn propose(baseline: &Path, proposal: &[u8]) {
    let path = proposal_path(baseline);
    if path.exists() && !path.is_dir() && !is_baseline(&path) {
        note(&format!(
            "warning: {}: not written with the counts of today: the file there is no baseline",
            path.printed()
        ));
        return;
    }
    match write_file(&path, proposal) {
        Ok(()) => note(&format!(
            "{}: the baseline with the counts of today (--accept writes them into it)",
            path.printed()
        )),
        Err(error) => note(&format!("warning: {error}")),
    }
}

/// Removes the `BASELINE.new` of an earlier check, once the whole baseline passes or was accepted. A
/// file that is no baseline stays.
pub fn withdraw(baseline: &Path) {
    let path = proposal_path(baseline);
    if is_baseline(&path) && remove_own(&path).is_ok() {
        note(&format!(
            "{}: removed, it was of an earlier check",
            path.printed()
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
        note(&format!("warning: {}: cannot write: {e}", path.printed()));
    }
}

/// Draws the chart from its table, read back; returns the paths and bytes of both.
fn draw(
    path: &Path,
    verdict: &Verdict,
    baseline: &str,
) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let csv = path.with_extension("csv");
    let table = to_csv(&deltas(verdict));
    let rows = parse_rows(&csv, &table)?;
    let chart = chart::deltas(&rows, baseline, vec![verdict.sentence()])?;
    let picture = chart.for_file(path)?;
    Ok(vec![(csv, table), (path.to_path_buf(), picture)])
}
