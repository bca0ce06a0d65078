//! What was found, told: the table on the terminal, and the files and annotations that were asked for.
//! Knows nothing of how it was found.

use super::CheckArgs;
use crate::check::verdict::counted;
use crate::check::{Baseline, Verdict, annotations, deltas, json, junit, markdown};
use crate::cli::args::named;
use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::progress::{message, note};
use crate::exit::{self, ExitCode};
use crate::report::csv::{TableError, write_file};
use crate::report::file::WholeFile;
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
    /// Adds the summary to that of the CI step, and annotates.
    fn publish(&self, outputs: &OutputArgs) {
        append_summary(&self.summary);
        if outputs.annotates() {
            self.annotations.lines().for_each(message);
        }
    }
}

/// Every file that is asked for, opened before any is written, so that all can say how the program
/// ends even where one of them cannot be written.
struct Files<'a> {
    outputs: &'a OutputArgs,
    /// The chart's files and their contents.
    chart: Vec<(PathBuf, Vec<u8>)>,
    open: Vec<(PathBuf, WholeFile)>,
}

impl<'a> Files<'a> {
    /// Opens the files; `chart` are those of the chart. Returns the errors of those that cannot be
    /// written, which do not keep the others from being written.
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

    /// What a file says.
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

    /// Writes the files. `forms` gives what they say once the errors of the files that could not be
    /// written after all, such as on a full disk, are known: the others are then written again.
    fn write(mut self, mut forms: impl FnMut(Vec<TableError>) -> Forms) -> Forms {
        let mut said = forms(Vec::new());
        let (mut failed, mut written) = (Vec::new(), Vec::new());
        for (path, mut file) in std::mem::take(&mut self.open) {
            let bytes = self.content(&path, &said);
            match file.write_all(&bytes).and_then(|()| file.finish()) {
                Ok(()) => written.push(path),
                Err(error) => failed.push(TableError::io(&path, "write", error)),
            }
        }
        if !failed.is_empty() {
            said = forms(failed);
            // What went into a pipe or device cannot be taken back.
            for path in written.iter().filter(|path| path.is_file()) {
                if let Err(error) = write_file(path, &self.content(path, &said)) {
                    message(&format!("error: {error}"));
                }
            }
        }
        said
    }
}

/// The file for JSON, if it is not standard output.
fn to_file(outputs: &OutputArgs) -> Option<&Path> {
    outputs
        .json
        .as_deref()
        .filter(|path| *path != Path::new("-"))
}

/// Whether JSON is printed instead of the table.
fn prints_json(outputs: &OutputArgs) -> bool {
    outputs.json.is_some() && to_file(outputs).is_none()
}

/// What is told of a check.
pub struct Told {
    /// What was found, with what went wrong beside it.
    pub verdict: Verdict,
    /// What the program ends with, if all can be told.
    pub code: ExitCode,
    /// What `--explain` says, if it was asked for and could be given.
    pub explanation: Option<String>,
    /// What `--accept` did, in place of the table.
    pub accepted: Option<String>,
}

impl Told {
    /// Takes errors on and says them.
    fn note(&mut self, failures: impl IntoIterator<Item = Failure>) {
        for failure in failures {
            message(&format!("error: {failure}"));
            self.code = exit::worse(self.code, failure.code);
            self.verdict.errors.push(failure.to_string());
        }
    }

    fn forms(&self, baseline: &str) -> Forms {
        let (verdict, code) = (Rc::new(self.verdict.clone()), self.code);
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

    /// What is printed where JSON is not.
    fn text(&self) -> String {
        let text = match &self.accepted {
            Some(accepted) => accepted.clone(),
            None => terminal(&self.verdict),
        };
        text + self.explanation.as_deref().unwrap_or_default()
    }
}

/// Tells what was found in every form asked for, and returns what the program ends with: that is what
/// each form says. A form that cannot be written hides no regression.
pub fn tell(args: &CheckArgs, mut told: Told) -> ExitCode {
    let outputs = &args.outputs;
    let baseline = args.baseline.display().to_string();
    let mut chart = Vec::new();
    if let Some(path) = &outputs.chart {
        match draw(path, &told.verdict, &baseline) {
            Ok(drawn) => chart = drawn,
            Err(failure) => told.note([failure]),
        }
    }
    let (files, failed) = Files::open(outputs, chart);
    told.note(failed.into_iter().map(Failure::from));
    let printed = match prints_json(outputs) {
        true => print(&told.forms(&baseline).json),
        false => print(&told.text()),
    };
    told.note(printed.err());
    let forms = files.write(|failed| {
        told.note(failed.into_iter().map(Failure::from));
        told.forms(&baseline)
    });
    warn_of_improvements(&told.verdict);
    forms.publish(outputs);
    told.code
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
    // The error that ends the program is the one that counts.
    let tell = |failed: Vec<TableError>| {
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
    let (files, failed) = Files::open(&args.outputs, Vec::new());
    if prints_json(&args.outputs) {
        let _ = print(&tell(failed).json);
    } else {
        tell(failed);
    }
    files.write(tell).publish(&args.outputs);
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

/// Whether a file is a baseline, such as an earlier check proposed.
fn is_baseline(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|text| Baseline::parse(path, &text).is_ok())
}

/// Writes the counts of today beside the baseline, which stays as it is. Where that cannot be, the
/// verdict is the same. A file that is no baseline is somebody else's and stays.
pub fn propose(args: &CheckArgs, proposal: &[u8]) {
    let path = proposal_path(args);
    if path.is_file() && !is_baseline(&path) {
        note(&format!(
            "warning: {}: not written with the counts of today: what is there is no baseline",
            path.display()
        ));
        return;
    }
    match write_file(&path, proposal) {
        Ok(()) => note(&format!(
            "{}: the baseline with the counts of today (--accept writes them into it)",
            path.display()
        )),
        Err(error) => note(&format!("warning: {error}")),
    }
}

/// Removes what an earlier check proposed, now that the whole baseline passes or was accepted. A file
/// that is no baseline stays.
pub fn withdraw(args: &CheckArgs) {
    let path = proposal_path(args);
    if !path.is_file() || !is_baseline(&path) {
        return;
    }
    if std::fs::remove_file(&path).is_ok() {
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

/// The files of the chart, which is drawn from its table read back: names and contents.
fn draw(
    path: &Path,
    verdict: &Verdict,
    baseline: &str,
) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let csv = path.with_extension("csv");
    let table = table::to_csv(&deltas(verdict));
    let rows = table::parse_rows(&csv, &table)?;
    let chart = chart::deltas(&rows, baseline, vec![verdict.sentence()]);
    let picture = chart.and_then(|chart| chart.for_file(path));
    let picture = picture.map_err(|e| Failure::new(exit::FAILURE, e.to_string()))?;
    Ok(vec![(csv, table), (path.to_path_buf(), picture)])
}
