//! `pagebench plot`: the charts of a results.csv, drawn again.

use super::failure::Failure;
use super::print;
use crate::exit::{self, ExitCode};
use crate::report::chart;
use crate::report::columns::Row;
use crate::report::csv::{read_rows, write_file};
use clap::Args;
use std::path::{Path, PathBuf};

/// Draw the charts of a results.csv again.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  pagebench plot reports/runs/20261120-120000/results.csv -o charts")]
pub struct PlotArgs {
    /// A results.csv
    #[arg(value_name = "RESULTS")]
    results: PathBuf,

    /// Folder for the charts; that of the results if absent
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn plot(args: PlotArgs) -> Result<ExitCode, Failure> {
    let rows = read_rows(&args.results)?;
    if !rows.iter().any(Row::is_ok) {
        let message = format!(
            "{}: nothing to draw: no finished cell",
            args.results.display()
        );
        return Err(Failure::new(exit::NOTHING, message));
    }
    let beside = args
        .results
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = args.output.unwrap_or_else(|| beside.to_path_buf());
    std::fs::create_dir_all(&folder).map_err(|e| {
        Failure::new(
            exit::FAILURE,
            format!(
                "{}: cannot write to the output folder: {e}",
                folder.display()
            ),
        )
    })?;
    for path in write_charts(&folder, &rows)? {
        print(&format!("{}\n", path.display()))?;
    }
    Ok(exit::OK)
}

/// Draws all charts into a folder; returns their paths.
pub fn write_charts(folder: &Path, rows: &[Row]) -> Result<Vec<PathBuf>, Failure> {
    let charts = chart::all(rows).map_err(|e| Failure::new(exit::FAILURE, e.to_string()))?;
    let mut paths = Vec::new();
    for chart in charts {
        let path = folder.join(&chart.file_name);
        write_file(&path, &chart.png)?;
        paths.push(path);
    }
    Ok(paths)
}
