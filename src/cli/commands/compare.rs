//! `pagebench compare`: results side by side, in words and numbers.

use crate::check::compare;
use crate::check::compare::{BY, Comparison, Pair, Relation, Side, other_traces, split};
use crate::cli::args::{OutFormat, numeric_column, out_formats, words};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::progress::{message, note};
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::report::markdown;
use crate::report::results::columns::{Column, ColumnKind};
use crate::report::results::results_csv::{read_rows, table_to_csv};
use crate::report::text::columns;
use crate::sweep::Part;
use crate::units::{Percent, Printable, did_you_mean, printed_json};
use clap::Args;
use serde_json::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The most cells that are listed because not all sides have them.
const LISTED: usize = 20;

/// Set results side by side: differences, ratios, and which are better.
///
/// Compares the cells of results.csv files (or folders of runs) with those of the first. With --by
/// the rows of all files are put together, and rows that differ in that column are compared: policies
/// of one run, or runs with several kinds of --allocation. Cells are joined by everything that names
/// them. Ends with exit code 0 whatever it finds, unless --fail-on is given.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench compare before after
  pagebench compare out/results.csv --by policy --reference lru --metric faults,time_ns
  pagebench compare global equal --by allocation
  pagebench compare before after --fail-on 2% --out markdown")]
pub struct CompareArgs {
    /// Folders of runs, or their results.csv files
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,

    /// Columns to compare, of results.csv (see: pagebench columns)
    #[arg(
        long,
        value_name = "COLUMN,…",
        value_delimiter = ',',
        default_value = "faults,write_backs"
    )]
    metric: Vec<String>,

    /// The side that others are compared with: a file, folder, policy or other value of --by, by its name
    /// or by its number from 1
    #[arg(long, value_name = "NAME|N", default_value = "1")]
    reference: String,

    /// Compare the rows of one file, or of several together, by this column: policy, allocation,
    /// accessed_bit, swap_in, pin_cow_source, fork_file_ptes, free_frames, layout, page_cache, file_io,
    /// beyond_eof, model, segments, fit, swap_unit or relief
    #[arg(long, value_name = "COLUMN", value_parser = words(BY.map(|(name, parts)| (parts, name))),
          hide_possible_values = true)]
    by: Option<&'static [Part]>,

    /// How the comparison is printed: text, markdown, csv or json
    #[arg(long, value_name = "text|markdown|csv|json", value_parser = out_formats::<4>(),
          hide_possible_values = true, default_value = "text")]
    out: OutFormat,

    /// End with exit code 6 if a value is worse by more than PERCENT, or, with any, if anything differs
    /// or a cell is missing
    #[arg(long, value_name = "PERCENT|any", value_parser = parse_fail_on)]
    fail_on: Option<FailOn>,
}

/// When the command fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum FailOn {
    Any,
    Percent(Percent),
}

fn parse_fail_on(text: &str) -> Result<FailOn, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match (text, number.parse()) {
        ("any", _) => Ok(FailOn::Any),
        (_, Ok(percent)) => Ok(FailOn::Percent(percent)),
        _ => {
            let hint = did_you_mean(text, std::iter::once("any"));
            Err(format!("write a number of percent, 2.5%, or any{hint}"))
        }
    }
}

/// Runs the command.
pub fn compare(args: CompareArgs) -> Result<ExitCode, Failure> {
    let metrics = args.metric.iter();
    let metrics = metrics.map(|name| numeric_column("--metric", name.trim()));
    let metrics = metrics.collect::<Result<Vec<_>, _>>()?;
    let sides = sides(&args)?;
    let reference = reference(&args.reference, &sides)?;
    refuse_other_traces(&sides)?;
    let comparison = compare::compare(&sides, reference, args.by.unwrap_or_default(), &metrics)
        .map_err(|what| Failure::new(exit::FAILURE, what))?;
    report_left_out(&comparison, &sides);
    if comparison.pairs.is_empty() {
        let message = "nothing to compare: no cell that the reference and another both have has these columns";
        return Err(Failure::new(exit::NOTHING, message));
    }
    let metrics = compared_metrics(metrics, &comparison, &sides);
    let report = Report {
        comparison: &comparison,
        sides: &sides,
        reference,
        metrics: &metrics,
    };
    print(&match args.out {
        OutFormat::Text => report.text(),
        OutFormat::Markdown => report.markdown(),
        OutFormat::Csv => report.csv(),
        OutFormat::Json => report.json(),
    })?;
    Ok(verdict(&comparison, args.fail_on))
}

/// Errors if two sides have different traces of one name.
fn refuse_other_traces(sides: &[Side]) -> Result<(), Failure> {
    let others = other_traces(sides);
    if others.is_empty() {
        return Ok(());
    }
    let message = format!(
        "these traces are not the same everywhere, by their digests: counts cannot be compared\n  {}",
        others.join("\n  ")
    );
    Err(Failure::new(exit::FAILURE, message))
}

/// Returns the metrics that some pair has; notes why others are not compared.
fn compared_metrics(
    metrics: Vec<&'static Column>,
    comparison: &Comparison,
    sides: &[Side],
) -> Vec<&'static Column> {
    let is_compared = |metric: &&Column| {
        let mut pairs = comparison.pairs.iter();
        pairs.any(|pair| pair.metric.name == metric.name)
    };
    let (compared, absent): (Vec<_>, Vec<_>) = metrics.into_iter().partition(is_compared);
    for metric in absent {
        // A column may be empty although it was computed, such as the seed of a policy without one.
        let computed = |side: &Side| side.rows.iter().any(|row| row.has(metric));
        let why = if sides.iter().all(computed) {
            "it is empty in each cell that is here and there"
        } else {
            "no cell has it here and there (see run --counts)"
        };
        note(&format!("note: {}: {why}: not compared", metric.name));
    }
    compared
}

/// Returns the sides to compare, two at least.
fn sides(args: &CompareArgs) -> Result<Vec<Side>, Failure> {
    let count = args.results.len();
    let sides = match (args.by, count) {
        (None, 1) => {
            let message =
                "one result cannot be compared: name two, or compare inside it with --by policy";
            return Err(Failure::usage(message));
        }
        (Some(by), _) => {
            let files = args.results.iter().map(|path| read_rows(&file_of(path)));
            split(files.collect::<Result<_, _>>()?, by)
        }
        (None, _) => args
            .results
            .iter()
            .map(|path| side(path))
            .collect::<Result<_, _>>()?,
    };
    match sides.len() {
        0 => Err(Failure::new(exit::NOTHING, "nothing to compare: no row")),
        1 => {
            let what = format!("nothing to compare: there is only {:?}", sides[0].name);
            Err(Failure::new(exit::NOTHING, what))
        }
        _ => Ok(sides),
    }
}

fn side(path: &Path) -> Result<Side, Failure> {
    let rows = read_rows(&file_of(path))?;
    let name = path.printed().to_string();
    Ok(Side { name, rows })
}

/// Returns the table of a folder; `path` itself if it is a file.
fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("results.csv")
    } else {
        path.to_path_buf()
    }
}

/// Returns the side with the name `text`, or else with that number from 1.
fn reference(text: &str, sides: &[Side]) -> Result<usize, Failure> {
    if let Some(found) = sides.iter().position(|side| side.name == text) {
        return Ok(found);
    }
    match text.parse::<usize>() {
        Ok(number) if (1..=sides.len()).contains(&number) => Ok(number - 1),
        _ => {
            let names: Vec<&str> = sides.iter().map(|side| &*side.name).collect();
            let hint = did_you_mean(text, names.iter().copied());
            let names = names.join(", ");
            let what =
                format!("--reference {text:?} is not one of them{hint} (there are: {names})");
            Err(Failure::usage(what))
        }
    }
}

/// Notes which cells are not compared.
fn report_left_out(comparison: &Comparison, sides: &[Side]) {
    let listed = |lines: Vec<String>| {
        let more = lines.len().saturating_sub(LISTED);
        for line in lines.iter().take(LISTED) {
            note(&format!("  {line}"));
        }
        if more > 0 {
            note(&format!("  and {more} more"));
        }
    };
    let name = |side: &usize| &*sides[*side].name;
    if !comparison.partial.is_empty() {
        note("note: cells that not all have:");
        let line = |(cell, have): &(String, Vec<usize>)| {
            let have: Vec<&str> = have.iter().map(name).collect();
            format!("{cell}: only in {}", have.join(", "))
        };
        listed(comparison.partial.iter().map(line).collect());
    }
    if !comparison.unfinished.is_empty() {
        note("note: cells without final counts, which are left out (see their column status):");
        let line = |(cell, side): &(String, usize)| format!("{cell}: in {}", name(side));
        listed(comparison.unfinished.iter().map(line).collect());
    }
}

/// Returns the exit code; reports why it is a failure.
fn verdict(comparison: &Comparison, fail_on: Option<FailOn>) -> ExitCode {
    let bad = |pair: &&Pair| match fail_on {
        None => false,
        Some(FailOn::Any) => pair.verdict() != Relation::Same,
        Some(FailOn::Percent(percent)) => match pair.verdict() {
            Relation::Worse | Relation::Differs => pair.beyond(percent),
            Relation::Same | Relation::Better => false,
        },
    };
    let pairs = &comparison.pairs;
    let (count, all) = (pairs.iter().filter(bad).count(), pairs.len());
    let complete = comparison.partial.is_empty() && comparison.unfinished.is_empty();
    let missing = fail_on == Some(FailOn::Any) && !complete;
    match fail_on {
        Some(FailOn::Percent(percent)) if count > 0 => message(&format!(
            "fails: {count} of {all} values are worse by more than {percent} %"
        )),
        Some(FailOn::Any) if count > 0 => {
            message(&format!("fails: {count} of {all} values differ"));
        }
        _ if missing => message("fails: cells are missing"),
        _ => return exit::OK,
    }
    exit::REGRESSION
}

/// A comparison with what its texts need.
struct Report<'a> {
    comparison: &'a Comparison,
    sides: &'a [Side],
    reference: usize,
    metrics: &'a [&'static Column],
}

impl Report<'_> {
    /// Returns the pairs of a metric.
    fn pairs_of<'s>(&'s self, metric: &'s Column) -> impl Iterator<Item = &'s Pair> {
        let pairs = self.comparison.pairs.iter();
        pairs.filter(|pair| pair.metric.name == metric.name)
    }

    fn name(&self, side: usize) -> &str {
        &self.sides[side].name
    }

    /// Returns the table of a metric, its titles first.
    fn grid(&self, metric: &Column) -> Vec<Vec<String>> {
        let reference = self.name(self.reference).to_owned();
        let mut grid = vec![vec![
            "cell".to_owned(),
            reference,
            "beside it".to_owned(),
            metric.name.to_owned(),
            "difference".to_owned(),
            "ratio".to_owned(),
            "verdict".to_owned(),
        ]];
        grid.extend(self.pairs_of(metric).map(|pair| {
            vec![
                pair.cell.clone(),
                number(metric, pair.reference),
                self.name(pair.side).to_owned(),
                number(metric, pair.value),
                difference(metric, pair.difference()),
                pair.ratio()
                    .map_or("-".into(), |ratio| format!("{ratio:.4}")),
                pair.verdict().word().to_owned(),
            ]
        }));
        grid
    }

    /// Returns a sentence for each side: in how many cells it is better, and by how much in all.
    fn sentences(&self, metric: &Column) -> Vec<String> {
        let others = (0..self.sides.len()).filter(|&side| side != self.reference);
        others
            .filter_map(|side| self.sentence(metric, side))
            .collect()
    }

    /// Returns the sentence of one side; `None` if it has no pair.
    fn sentence(&self, metric: &Column, side: usize) -> Option<String> {
        let pairs = self.pairs_of(metric).filter(|pair| pair.side == side);
        let pairs: Vec<&Pair> = pairs.collect();
        if pairs.is_empty() {
            return None;
        }
        let words = [
            (Relation::Better, Relation::Better.word()),
            (Relation::Worse, Relation::Worse.word()),
            (Relation::Differs, Relation::Differs.word()),
            (Relation::Same, "the same"),
        ];
        let count = |verdict| pairs.iter().filter(|p| p.verdict() == verdict).count();
        let parts: Vec<String> = words
            .into_iter()
            .map(|(verdict, word)| (count(verdict), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{word} in {count}"))
            .collect();
        let mut text = format!(
            "{} against {}, {}: {} of {} cells",
            self.name(side),
            self.name(self.reference),
            metric.name,
            parts.join(", "),
            pairs.len()
        );
        if metric.kind == ColumnKind::Count {
            let before: f64 = pairs.iter().map(|pair| pair.reference).sum();
            let now: f64 = pairs.iter().map(|pair| pair.value).sum();
            text += &format!("; in all {}", changed(metric, before, now));
        }
        Some(text)
    }

    fn text(&self) -> String {
        let mut out = String::new();
        for metric in self.metrics {
            let _ = writeln!(out, "{} ({})", metric.name, unit(metric));
            columns(&mut out, "  ", "<><>>><", &self.grid(metric));
            for sentence in self.sentences(metric) {
                let _ = writeln!(out, "  {sentence}");
            }
            out.push('\n');
        }
        out
    }

    fn markdown(&self) -> String {
        let mut out = String::new();
        for metric in self.metrics {
            let _ = writeln!(
                out,
                "### {} ({})",
                markdown::escaped(metric.name),
                unit(metric)
            );
            markdown::grid(&mut out, &self.grid(metric));
            out.push('\n');
            for sentence in self.sentences(metric) {
                let _ = writeln!(out, "- {}", markdown::escaped(&sentence));
            }
            out.push('\n');
        }
        out
    }

    fn csv(&self) -> String {
        let header = [
            "metric",
            "cell",
            "reference",
            "beside",
            "reference_value",
            "value",
            "difference",
            "ratio",
            "verdict",
        ];
        let lines = self.comparison.pairs.iter().map(|pair| {
            vec![
                pair.metric.name.to_owned(),
                pair.cell.clone(),
                self.name(self.reference).to_owned(),
                self.name(pair.side).to_owned(),
                number(pair.metric, pair.reference),
                number(pair.metric, pair.value),
                number(pair.metric, pair.difference()),
                pair.ratio()
                    .map_or(String::new(), |ratio| format!("{ratio:.9}")),
                pair.verdict().word().to_owned(),
            ]
        });
        let bytes = table_to_csv(header.map(str::to_owned).to_vec(), lines);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn json(&self) -> String {
        let value = |metric: &Column, value: f64| match metric.kind {
            ColumnKind::Count => json!(value as i64),
            _ => json!(value),
        };
        let pairs = self.comparison.pairs.iter().map(|pair| {
            json!({
                "metric": pair.metric.name,
                "cell": pair.cell,
                "beside": self.name(pair.side),
                "reference_value": value(pair.metric, pair.reference),
                "value": value(pair.metric, pair.value),
                "difference": value(pair.metric, pair.difference()),
                "ratio": pair.ratio(),
                "verdict": pair.verdict().word(),
            })
        });
        let partial = self.comparison.partial.iter().map(|(cell, have)| {
            let have: Vec<&str> = have.iter().map(|&side| self.name(side)).collect();
            json!({ "cell": cell, "only_in": have })
        });
        let unfinished = self.comparison.unfinished.iter();
        let unfinished =
            unfinished.map(|(cell, side)| json!({ "cell": cell, "in": self.name(*side) }));
        let all = json!({
            "reference": self.name(self.reference),
            "pairs": pairs.collect::<Vec<_>>(),
            "partial": partial.collect::<Vec<_>>(),
            "unfinished": unfinished.collect::<Vec<_>>(),
        });
        printed_json(serde_json::to_string_pretty(&all).expect("no odd keys") + "\n")
    }
}

fn unit(metric: &Column) -> &str {
    if metric.unit.is_empty() {
        "-"
    } else {
        metric.unit
    }
}

fn number(metric: &Column, value: f64) -> String {
    match metric.kind {
        ColumnKind::Count => format!("{value:.0}"),
        _ => format!("{value:.9}"),
    }
}

fn difference(metric: &Column, value: f64) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    format!("{sign}{}", number(metric, value))
}

/// Returns the change from `before` to `now` in words.
fn changed(metric: &Column, before: f64, now: f64) -> String {
    let unit = unit(metric);
    let (more, by) = if now > before {
        ("more", now - before)
    } else {
        ("fewer", before - now)
    };
    match (by, before) {
        (0.0, _) => format!("as many {unit}"),
        (_, 0.0) => format!("{by:.0} {more} {unit}"),
        _ => format!("{by:.0} {more} {unit} ({:.2} %)", by * 100.0 / before),
    }
}
