//! `pagebench plot`: charts of finished results, drawn again or of other kinds.

use crate::cli::setup::chart_files::{ChartFiles, FileArgs, picture_format};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::paths::refuse_inputs;
use crate::cli::setup::progress::note;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::report::chart::{
    self, At, Chart, ChartError, ChartTable, Drawing, KINDS, Kind, Log, Options, Rows,
};
use crate::report::inputs::folder_of;
use crate::report::results::columns::Row;
use crate::report::results::results_csv::read_rows;
use crate::report::tables::list::TABLES;
use crate::report::tables::{curve_csv, windows_csv};
use crate::units::{Printable, did_you_mean};
use clap::Args;
use std::path::{Path, PathBuf};

/// Draw charts of finished results as PNG or SVG, each with a CSV of its numbers.
///
/// INPUT is a results.csv or a folder of results. Without KIND it draws what a run draws; without
/// arguments it lists the kinds.
#[derive(Debug, Args)]
#[command(
    override_usage = "pagebench plot [OPTIONS] [KIND] INPUT...",
    after_help = after_help()
)]
pub struct PlotArgs {
    /// Kind of chart (optional), then tables or folders of results
    #[arg(value_name = "KIND|INPUT")]
    words: Vec<PathBuf>,

    /// A folder, or FILE.png or FILE.svg for a single chart; the folder of the first input if absent
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    files: FileArgs,

    /// Title of the chart, instead of its own
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// Width in pixels, 200 to 4000; in proportion to the height if absent (1600)
    #[arg(long, value_name = "PIXELS")]
    width: Option<u32>,

    /// Height in pixels, 200 to 4000; in proportion to the width if absent (1000)
    #[arg(long, value_name = "PIXELS")]
    height: Option<u32>,

    /// Logarithmic axes: x, y, x,y or none; what suits the chart if absent
    #[arg(long, value_name = "AXES")]
    log: Option<Log>,

    /// Memory size of heat and phases, in frames or as a share of the distinct pages (64, 10%); the
    /// nearest measured size is drawn
    #[arg(long, value_name = "FRAMES|P%", default_value = "10%")]
    at: At,
}

/// Returns the kinds of charts, a line each.
fn kinds() -> String {
    let width = KINDS.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    let lines = KINDS
        .iter()
        .map(|kind| format!("  {:width$}  {}\n", kind.name, kind.about));
    lines.collect()
}

fn after_help() -> String {
    format!(
        "Kinds:\n{}\nExample:\n  pagebench plot heat reports/runs/20261120-120000 --at 25% -o heat.svg",
        kinds()
    )
}

/// Runs the command.
pub fn plot(args: PlotArgs) -> Result<ExitCode, Failure> {
    if args.words.is_empty() {
        print(&format!(
            "Kinds of charts (pagebench plot KIND INPUT...):\n{}",
            kinds()
        ))?;
        return Ok(exit::OK);
    }
    let (kind, inputs) = kind_and_inputs(&args.words)?;
    let options = options(&args, kind)?;
    args.output
        .as_deref()
        .map_or(Ok(()), refuse_other_formats)?;
    let rows = load(kind, inputs)?;
    let charts = draw(kind, &rows, &options, &inputs[0])?;
    let files = output_files(&args, inputs, charts)?;
    refuse_overwriting(&files)?;
    let paths = files.write()?;
    let lines = paths.iter().map(|path| format!("{}\n", path.printed()));
    print(&lines.collect::<String>())?;
    Ok(exit::OK)
}

/// Draws the charts of a kind, or those of a run; notes which are left out. Errors if none can be drawn,
/// naming the first input.
fn draw(
    kind: Option<&Kind>,
    rows: &Rows,
    options: &Options,
    input: &Path,
) -> Result<Vec<Chart>, Failure> {
    let drawing = match kind {
        Some(kind) => chart::draw(kind, rows, options),
        None => chart::all(rows, options).map(|charts| Drawing {
            charts,
            left_out: Vec::new(),
        }),
    };
    let drawing = drawing.map_err(|error| match error {
        ChartError::Empty | ChartError::Lacks(_) => {
            let what = format!("{}: nothing to draw: {error}", input.printed());
            Failure::new(exit::NOTHING, what)
        }
        error => error.into(),
    })?;
    for why in &drawing.left_out {
        note(&format!("note: no chart of {why}"));
    }
    Ok(drawing.charts)
}

/// Returns the files of the charts: the one that `-o` names, or those of a folder.
fn output_files(
    args: &PlotArgs,
    inputs: &[PathBuf],
    mut charts: Vec<Chart>,
) -> Result<ChartFiles, Failure> {
    let file = args.output.as_deref();
    let Some(file) = file.filter(|file| picture_format(file).is_some()) else {
        let folder = args.output.clone();
        let folder = folder.unwrap_or_else(|| folder_of_input(&inputs[0]));
        return Ok(ChartFiles::in_folder(&folder, charts, args.files));
    };
    match (charts.pop(), charts.is_empty()) {
        (Some(chart), true) => Ok(ChartFiles::single(file, chart, args.files)),
        _ => Err(Failure::usage(format!(
            "-o {}: there are {} charts; give a kind and one trace, or a folder",
            file.printed(),
            charts.len() + 1
        ))),
    }
}

/// Splits the words into a kind and inputs. The first word is a kind by its name; else it must be a
/// path, or look like one.
fn kind_and_inputs(words: &[PathBuf]) -> Result<(Option<&'static Kind>, &[PathBuf]), Failure> {
    let first = words[0].to_string_lossy();
    if let Some(kind) = KINDS.iter().find(|kind| kind.name == first) {
        if words.len() == 1 {
            let file = kind.source().file_name();
            return Err(Failure::usage(format!(
                "{first}: of which results? pagebench plot {first} {file}"
            )));
        }
        return Ok((Some(kind), &words[1..]));
    }
    if words[0].exists() || first.contains(['/', '.']) {
        return Ok((None, words));
    }
    let hint = did_you_mean(&first, KINDS.iter().map(|kind| kind.name));
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    Err(Failure::usage(format!(
        "{first:?} is neither a kind of chart nor a file{hint} (kinds: {})",
        names.join(", ")
    )))
}

fn options(args: &PlotArgs, kind: Option<&Kind>) -> Result<Options, Failure> {
    if let (Some(log), Some(kind)) = (args.log, kind) {
        for (asked, has, axis) in [(log.x, kind.log.x, "x"), (log.y, kind.log.y, "y")] {
            if asked && !has {
                return Err(Failure::usage(format!(
                    "--log {axis}: the {axis} axis of {} cannot be logarithmic",
                    kind.name
                )));
            }
        }
    }
    let pixels = chart::pixels(args.width, args.height)
        .map_err(|why| Failure::usage(format!("--width, --height: {why}")))?;
    Ok(Options {
        pixels,
        title: args.title.clone(),
        log: args.log,
        at: args.at,
    })
}

/// Reads the tables that a kind is drawn from; without a kind, every table of the inputs.
fn load(kind: Option<&Kind>, inputs: &[PathBuf]) -> Result<Rows, Failure> {
    let mut rows = Rows::default();
    for input in inputs {
        let tables = match kind {
            Some(kind) if input.is_dir() => {
                let table = input.join(kind.source().file_name());
                if kind.source() == ChartTable::Windows && !table.exists() {
                    let what = format!(
                        "{}: no windows.csv in this folder; run with --windows",
                        input.printed()
                    );
                    return Err(Failure::new(exit::FAILURE, what));
                }
                vec![(kind.source(), table)]
            }
            Some(kind) => vec![(kind.source(), input.clone())],
            None if input.is_dir() => tables_in(input),
            None => vec![(by_name(input), input.clone())],
        };
        for (source, path) in tables {
            match source {
                ChartTable::Results => {
                    let mut results = read_rows(&path)?;
                    if !results.iter().any(Row::is_ok) {
                        let path = path.printed();
                        let message = format!("{path}: nothing to draw: no finished cell");
                        return Err(Failure::new(exit::NOTHING, message));
                    }
                    rows.results.append(&mut results);
                }
                ChartTable::Windows => rows.windows.append(&mut windows_csv::read_rows(&path)?),
                ChartTable::Curves => rows.curves.append(&mut curve_csv::read_rows(&path)?),
            }
        }
    }
    Ok(rows)
}

/// Returns the tables of a folder; if it has none, results.csv, so that the error names that.
fn tables_in(folder: &Path) -> Vec<(ChartTable, PathBuf)> {
    let all = [ChartTable::Results, ChartTable::Windows, ChartTable::Curves];
    let mut tables: Vec<(ChartTable, PathBuf)> = all
        .into_iter()
        .map(|source| (source, folder.join(source.file_name())))
        .collect();
    if tables.iter().any(|(_, path)| path.exists()) {
        tables.retain(|(_, path)| path.exists());
    } else {
        tables.truncate(1);
    }
    tables
}

/// Returns what a table holds, by the name of its file; results for any other name.
fn by_name(path: &Path) -> ChartTable {
    let is = |source: &ChartTable| {
        path.file_name()
            .is_some_and(|name| name == source.file_name())
    };
    let others = [ChartTable::Windows, ChartTable::Curves];
    others.into_iter().find(is).unwrap_or(ChartTable::Results)
}

/// Returns the folder of an input.
fn folder_of_input(input: &Path) -> PathBuf {
    match input.is_dir() {
        true => input.to_path_buf(),
        false => folder_of(input).to_path_buf(),
    }
}

/// Errors if `output` names standard output, or a file of a format that is not written: a folder of
/// that name would be made.
fn refuse_other_formats(output: &Path) -> Result<(), Failure> {
    let shown = output.printed();
    if output == Path::new("-") {
        let what = "-o -: charts go to files: name a folder, or a file that ends in .png or .svg";
        return Err(Failure::usage(what));
    }
    let ending = output.extension().unwrap_or_default().to_ascii_lowercase();
    let other = ["pdf", "eps", "ps", "jpg", "jpeg", "gif", "webp", "csv"];
    if other.iter().any(|name| ending == *name) && !output.is_dir() {
        let what = format!("-o {shown}: charts are written as .png or .svg");
        return Err(Failure::usage(what));
    }
    Ok(())
}

/// Errors if a chart would overwrite an input, or its numbers a table of the program.
fn refuse_overwriting(files: &ChartFiles) -> Result<(), Failure> {
    // The table of `check --chart` has whatever name the user gives it.
    let tables = TABLES.iter().filter(|(name, _)| *name != "deltas.csv");
    for data in files.data_paths() {
        let is_table = tables.clone().any(|(name, _)| data.ends_with(name));
        if is_table || refuse_inputs("-o", [data.clone()]).is_err() {
            return Err(Failure::usage(format!(
                "-o: the chart's numbers would be written over {}; choose another name, or --no-data",
                data.printed()
            )));
        }
    }
    refuse_inputs("-o", files.paths())
}
