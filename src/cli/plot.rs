//! `pagebench plot`: charts of finished results, drawn again or of other kinds; and the files of
//! charts, for every command that draws.

use super::failure::Failure;
use super::print;
use super::progress::note;
use crate::exit::{self, ExitCode};
use crate::report::chart::{self, At, Chart, ChartError, KINDS, Kind, Log, Options, Rows, Source};
use crate::report::columns::Row;
use crate::report::csv::{read_rows, write_file};
use crate::report::{curves, windows};
use crate::units::did_you_mean;
use clap::Args;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Draw charts of finished results, as PNG or SVG, each with its numbers as CSV beside it.
///
/// INPUT is a results.csv or a folder of results. Without KIND it draws what a run draws; without
/// anything it lists the kinds.
#[derive(Debug, Args)]
#[command(
    override_usage = "pagebench plot [OPTIONS] [KIND] INPUT...",
    after_help = after_help()
)]
pub struct PlotArgs {
    /// The kind of chart, if one is asked for, then tables or folders of results
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

    /// The memory size of heat and phases, in frames or as a share of the distinct pages: 64, 10%; the
    /// measured one that is nearest is taken
    #[arg(long, value_name = "FRAMES|P%", default_value = "10%")]
    at: At,
}

/// Which files a chart becomes.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Charts")]
pub struct FileArgs {
    /// Write each chart as SVG too
    #[arg(long)]
    pub svg: bool,

    /// Write no CSV with the numbers of each chart beside it
    #[arg(long)]
    pub no_data: bool,
}

/// The kinds, a line each.
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
    args.output.as_deref().map_or(Ok(()), refuse_no_chart)?;
    let rows = load(kind, inputs)?;
    let drawing = match kind {
        Some(kind) => chart::draw(kind, &rows, &options),
        None => chart::all(&rows, &options).map(|charts| chart::Drawing {
            charts,
            left_out: Vec::new(),
        }),
    };
    let shown = inputs[0].display();
    let drawing = drawing.map_err(|error| match error {
        ChartError::Empty | ChartError::Lacks(_) => {
            let what = format!("{shown}: nothing to draw: {error}");
            Failure::new(exit::NOTHING, what)
        }
        error => failed(error),
    })?;
    for why in &drawing.left_out {
        note(&format!("note: no chart of {why}"));
    }
    let files = match &args.output {
        Some(file) if picture(file).is_some() => single(file, drawing.charts, &args)?,
        folder => {
            let folder = folder.clone().unwrap_or_else(|| beside(&inputs[0]));
            let of = |chart| (folder.join("x"), chart);
            let charts = drawing.charts.into_iter().map(of).collect();
            Files {
                charts,
                png: true,
                svg: args.files.svg,
                data: !args.files.no_data,
            }
            .named_by_stem()
        }
    };
    files.refuse_inputs(inputs)?;
    for path in files.write()? {
        print(&format!("{}\n", path.display()))?;
    }
    Ok(exit::OK)
}

/// The first word is a kind, or else looks like a path or is one.
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
        "\"{first}\" is neither a kind of chart nor a file{hint} (kinds: {})",
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

/// Reads the tables that a kind is drawn from; without a kind, those that are there.
fn load(kind: Option<&Kind>, inputs: &[PathBuf]) -> Result<Rows, Failure> {
    let mut rows = Rows::default();
    for input in inputs {
        let tables = match kind {
            Some(kind) if input.is_dir() => {
                let table = input.join(kind.source().file_name());
                if kind.source() == Source::Windows && !table.exists() {
                    let what = format!(
                        "{}: no windows.csv in this folder; run with --windows",
                        input.display()
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
                Source::Results => {
                    let mut results = read_rows(&path)?;
                    if !results.iter().any(Row::is_ok) {
                        let path = path.display();
                        let message = format!("{path}: nothing to draw: no finished cell");
                        return Err(Failure::new(exit::NOTHING, message));
                    }
                    rows.results.append(&mut results);
                }
                Source::Windows => rows.windows.append(&mut windows::read_rows(&path)?),
                Source::Curves => rows.curves.append(&mut curves::read_rows(&path)?),
            }
        }
    }
    Ok(rows)
}

/// The tables of a folder: that of results if there is no other, so that its absence is told.
fn tables_in(folder: &Path) -> Vec<(Source, PathBuf)> {
    let all = [Source::Results, Source::Windows, Source::Curves];
    let mut tables: Vec<(Source, PathBuf)> = all
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

/// What a file is by its name; results by any other.
fn by_name(path: &Path) -> Source {
    let is = |source: &Source| {
        path.file_name()
            .is_some_and(|name| name == source.file_name())
    };
    let others = [Source::Windows, Source::Curves];
    others.into_iter().find(is).unwrap_or(Source::Results)
}

/// The folder of an input.
fn beside(input: &Path) -> PathBuf {
    if input.is_dir() {
        return input.to_path_buf();
    }
    let parent = input.parent().filter(|p| !p.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_path_buf()
}

/// Whether a path names a picture: "png" or "svg".
fn picture(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?;
    ["png", "svg"]
        .into_iter()
        .find(|known| ending.eq_ignore_ascii_case(known))
}

/// Refuses what asks for something else than a folder or a PNG or SVG file: a folder would be made
/// of that name.
fn refuse_no_chart(output: &Path) -> Result<(), Failure> {
    let shown = output.display();
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

/// The files of the only chart.
fn single(file: &Path, mut charts: Vec<Chart>, args: &PlotArgs) -> Result<Files, Failure> {
    let (Some(chart), true) = (charts.pop(), charts.is_empty()) else {
        let file = file.display();
        return Err(Failure::usage(format!(
            "-o {file}: there are {} charts; give a kind and one trace, or a folder",
            charts.len() + 1
        )));
    };
    let svg = picture(file) == Some("svg");
    Ok(Files {
        charts: vec![(file.to_path_buf(), chart)],
        png: !svg,
        svg: svg || args.files.svg,
        data: !args.files.no_data,
    })
}

fn failed(error: ChartError) -> Failure {
    Failure::new(exit::FAILURE, error.to_string())
}

/// Charts on their way to their files.
struct Files {
    /// Each with the path of its files, whose ending is replaced.
    charts: Vec<(PathBuf, Chart)>,
    png: bool,
    svg: bool,
    data: bool,
}

/// What a run or `plot` writes beside its charts and reads again.
const TABLES: [&str; 7] = [
    "results.csv",
    "windows.csv",
    "curve.csv",
    "states.csv",
    "distributions.csv",
    "vmstat.csv",
    "timings.csv",
];

impl Files {
    /// Each named by its chart, in its folder.
    fn named_by_stem(mut self) -> Files {
        for (path, chart) in &mut self.charts {
            // Not `with_extension` alone: a trace may have dots in its name.
            path.set_file_name(format!("{}.x", chart.stem));
        }
        self
    }

    /// Numbers must not be written over the tables that they come from.
    fn refuse_inputs(&self, inputs: &[PathBuf]) -> Result<(), Failure> {
        for (path, _) in self.charts.iter().filter(|_| self.data) {
            let data = path.with_extension("csv");
            let table = TABLES.iter().any(|name| data.ends_with(name));
            if table || inputs.contains(&data) {
                return Err(Failure::usage(format!(
                    "-o: the chart's numbers would be written over {}; choose another name, or --no-data",
                    data.display()
                )));
            }
        }
        Ok(())
    }

    /// Writes everything and says where.
    fn write(&self) -> Result<Vec<PathBuf>, Failure> {
        for (path, _) in &self.charts {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            if let Some(folder) = folder {
                std::fs::create_dir_all(folder).map_err(|e| {
                    let folder = folder.display();
                    let what = format!("{folder}: cannot write to the output folder: {e}");
                    Failure::new(exit::FAILURE, what)
                })?;
            }
        }
        // Making a picture of a scene is nearly all of the work.
        let made: Vec<Result<Made, ChartError>> = self
            .charts
            .par_iter()
            .map(|(path, chart)| self.made(path, chart))
            .collect();
        let mut paths = Vec::new();
        for files in made {
            for (path, bytes) in files.map_err(failed)? {
                write_file(&path, &bytes)?;
                paths.push(path);
            }
        }
        Ok(paths)
    }

    fn made(&self, path: &Path, chart: &Chart) -> Result<Made, ChartError> {
        let mut files = Vec::new();
        if self.png {
            files.push((with_ending(path, "png"), chart.png()?));
        }
        if self.svg {
            files.push((with_ending(path, "svg"), chart.svg()));
        }
        if let Some(csv) = chart.csv().filter(|_| self.data) {
            files.push((path.with_extension("csv"), csv));
        }
        Ok(files)
    }
}

/// The path with this ending; the path itself if it has it, in capitals too.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    match picture(path) == Some(ending) {
        true => path.to_path_buf(),
        false => path.with_extension(ending),
    }
}

/// Paths with what is to be written there.
type Made = Vec<(PathBuf, Vec<u8>)>;

/// Draws the charts of a run into its folder; returns the paths of all files.
pub fn write_charts(folder: &Path, rows: &Rows, files: FileArgs) -> Result<Vec<PathBuf>, Failure> {
    let charts = chart::all(rows, &Options::default()).map_err(failed)?;
    let charts = charts
        .into_iter()
        .map(|chart| (folder.join("x"), chart))
        .collect();
    let files = Files {
        charts,
        png: true,
        svg: files.svg,
        data: !files.no_data,
    };
    files.named_by_stem().write()
}
