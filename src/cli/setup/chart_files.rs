//! The files of charts, for every command that draws: their names, and writing them.

use super::failure::Failure;
use crate::exit;
use crate::report::chart::{self, Chart, ChartError, Options, Rows};
use crate::report::results::columns::Row;
use crate::report::results::results_csv::write_file;
use crate::report::tables::windows_csv::CellWindows;
use crate::units::Printable;
use clap::Args;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Which files a chart becomes, in addition to a PNG.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Charts")]
pub struct FileArgs {
    /// Also write each chart as SVG
    #[arg(long)]
    pub svg: bool,

    /// Do not write a CSV with the numbers of each chart
    #[arg(long)]
    pub no_data: bool,
}

/// Charts with the files to write.
pub struct ChartFiles {
    /// Each chart with the path of one of its files; the others have other endings.
    charts: Vec<(PathBuf, Chart)>,
    png: bool,
    svg: bool,
    /// Whether the numbers are written as CSV.
    data: bool,
}

/// Paths with the bytes to write.
type Contents = Vec<(PathBuf, Vec<u8>)>;

impl ChartFiles {
    /// Puts `charts` into `folder`, each under its own name.
    pub fn in_folder(folder: &Path, charts: Vec<Chart>, files: FileArgs) -> ChartFiles {
        // A whole name: the stem may hold dots, since a trace's name may.
        let path = |chart: &Chart| folder.join(format!("{}.png", chart.stem));
        ChartFiles {
            charts: charts.into_iter().map(|c| (path(&c), c)).collect(),
            png: true,
            svg: files.svg,
            data: !files.no_data,
        }
    }

    /// Puts `chart` into `file`, a PNG or SVG by its ending.
    pub fn single(file: &Path, chart: Chart, files: FileArgs) -> ChartFiles {
        let svg = picture_format(file) == Some("svg");
        ChartFiles {
            charts: vec![(file.to_path_buf(), chart)],
            png: !svg,
            svg: svg || files.svg,
            data: !files.no_data,
        }
    }

    /// Returns the paths of the CSV files.
    pub fn data_paths(&self) -> impl Iterator<Item = PathBuf> {
        let charts = self.charts.iter().filter(|_| self.data);
        charts.map(|(path, _)| path.with_extension("csv"))
    }

    /// Returns the paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let pictures = [("png", self.png), ("svg", self.svg)];
        let of_chart = move |(path, _): &(PathBuf, Chart)| {
            let written = pictures.into_iter().filter(|(_, written)| *written);
            let paths = written.map(|(ending, _)| with_ending(path, ending));
            paths.collect::<Vec<_>>()
        };
        self.charts
            .iter()
            .flat_map(of_chart)
            .chain(self.data_paths())
    }

    /// Draws and writes all files; returns their paths.
    pub fn write(&self) -> Result<Vec<PathBuf>, Failure> {
        for (path, _) in &self.charts {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            if let Some(folder) = folder {
                std::fs::create_dir_all(folder).map_err(|e| {
                    let folder = folder.printed();
                    let what = format!("{folder}: cannot write to the output folder: {e}");
                    Failure::new(exit::FAILURE, what)
                })?;
            }
        }
        // Drawing takes nearly all of the time.
        let drawn: Vec<Result<Contents, ChartError>> = self
            .charts
            .par_iter()
            .map(|(path, chart)| self.draw(path, chart))
            .collect();
        let mut paths = Vec::new();
        for files in drawn {
            for (path, bytes) in files? {
                write_file(&path, &bytes)?;
                paths.push(path);
            }
        }
        Ok(paths)
    }

    fn draw(&self, path: &Path, chart: &Chart) -> Result<Contents, ChartError> {
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

/// Returns the picture format that the ending of `path` names: "png" or "svg".
pub fn picture_format(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?;
    ["png", "svg"]
        .into_iter()
        .find(|known| ending.eq_ignore_ascii_case(known))
}

/// Returns `path` with this ending; unchanged if it has it, also in capitals.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    if picture_format(path) == Some(ending) {
        path.to_path_buf()
    } else {
        path.with_extension(ending)
    }
}

/// Draws the charts of a run into its folder; nothing if no cell is finished.
pub fn write_charts(
    folder: &Path,
    results: &[Row],
    windows: Vec<CellWindows>,
    files: FileArgs,
) -> Result<(), Failure> {
    if !results.iter().any(Row::is_ok) {
        return Ok(());
    }
    let rows = Rows {
        results: results.to_vec(),
        windows,
        ..Rows::default()
    };
    let charts = chart::all(&rows, &Options::default())?;
    ChartFiles::in_folder(folder, charts, files).write()?;
    Ok(())
}

/// Returns the names of the chart files that a run may write for `rows`, and for `over_time`, the cells
/// that have windows.
pub fn chart_names(rows: &[Row], over_time: &[Row], files: FileArgs) -> Vec<String> {
    let endings = [("png", true), ("svg", files.svg), ("csv", !files.no_data)];
    let with_endings = |stem: String| {
        let written = endings.into_iter().filter(|(_, written)| *written);
        written.map(move |(ending, _)| format!("{stem}.{ending}"))
    };
    let stems = chart::stems(rows, over_time).into_iter();
    stems.flat_map(with_endings).collect()
}
