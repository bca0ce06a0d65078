//! `pagebench merge`: folders of parts of one plan, joined to the folder of the whole.

use crate::cli::setup::chart_files::{FileArgs, chart_names, write_charts};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::folder::{
    IfResultsExist, begin_run, make_folder, other_plan, report_broken,
};
use crate::cli::setup::manifest::write_merged_manifest;
use crate::cli::setup::outputs::write_tables;
use crate::cli::setup::over_windows;
use crate::cli::setup::progress::message;
use crate::cli::setup::signals::Signals;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::report::results::cells_jsonl;
use crate::report::results::cells_jsonl::Record;
use crate::report::results::columns::Row;
use crate::report::results::plan_file::{PLAN, PlanCell, PlanFile};
use crate::report::tables::windows_csv::CellWindows;
use crate::sweep::Partition;
use crate::units::{Printable, counted};
use clap::Args;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Join the folders of parts of one plan (run --partition).
///
/// The results are the same bytes as those of one run of the whole plan; also windows.csv, if all
/// parts have it. Errors if cells are missing (exit code 5), and prints the parts to run again as
/// 3,7-9 for a job array. Errors if the folders are of different plans, or hold different counts for
/// one cell.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  pagebench merge part-1 part-2 part-3 -o out")]
pub struct MergeArgs {
    /// Folders that run --partition wrote
    #[arg(required = true, value_name = "DIR")]
    parts: Vec<PathBuf>,

    /// Folder for the results
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Start over in a folder that holds results
    #[arg(long)]
    force: bool,

    /// Draw no charts
    #[arg(long)]
    no_charts: bool,

    #[command(flatten)]
    files: FileArgs,
}

/// A folder of a part, and its plan.
type PartFolder<'p> = (&'p Path, PlanFile);

/// Runs the command.
pub fn merge(args: MergeArgs) -> Result<ExitCode, Failure> {
    let signals = Signals::watch("nothing was merged");
    let parts = read_plans(&args.parts)?;
    refuse_other_plans(&parts)?;
    let records = gather(&parts)?;
    let (_, plan) = &parts[0];
    let missing = missing_cells(plan, &records);
    if !missing.is_empty() {
        return Err(report_missing(&parts, &missing)?);
    }
    if is_part(&args.output, &args.parts) {
        let what = "is one of the parts; the whole needs a folder of its own";
        return Err(Failure::usage(format!("{}: {what}", args.output.printed())));
    }
    let records = in_plan_order(plan, records);
    let finished = records.iter().filter(|record| record.has_counts()).count();
    let windows = over_windows::join(&args.parts, finished)?;
    write_whole(&args, plan, &records, windows, &signals)?;
    if finished == records.len() {
        return Ok(exit::OK);
    }
    let failed = records.len() - finished;
    message(&format!(
        "error: {} failed (columns status, error)",
        counted(failed as u64, "cell")
    ));
    Ok(exit::FAILURE)
}

fn read_plans(folders: &[PathBuf]) -> Result<Vec<PartFolder<'_>>, Failure> {
    let folders = folders.iter();
    folders
        .map(|folder| Ok((&**folder, plan_of(folder)?)))
        .collect()
}

/// Errors if a folder has another plan than the first.
fn refuse_other_plans(parts: &[PartFolder<'_>]) -> Result<(), Failure> {
    let (first, plan) = &parts[0];
    let in_first = format!("in {}", first.printed());
    for (folder, other) in &parts[1..] {
        let different = other.differences(plan, ["there", &in_first]);
        if !different.is_empty() {
            return Err(other_plan(folder, &different));
        }
    }
    Ok(())
}

/// Returns the places of the cells without a record.
fn missing_cells(plan: &PlanFile, records: &HashMap<String, Record>) -> Vec<usize> {
    (0..plan.cells.len())
        .filter(|&place| !records.contains_key(&plan.cells[place].id))
        .collect()
}

fn in_plan_order(plan: &PlanFile, mut records: HashMap<String, Record>) -> Vec<Record> {
    let cells = plan.cells.iter();
    cells.filter_map(|cell| records.remove(&cell.id)).collect()
}

/// Writes the folder of the whole plan, as one run would have written it.
fn write_whole(
    args: &MergeArgs,
    plan: &PlanFile,
    records: &[Record],
    windows: Vec<CellWindows>,
    signals: &Signals,
) -> Result<(), Failure> {
    let if_exist = IfResultsExist::of(args.force);
    let run_folder = make_folder(Some(&args.output), if_exist)?;
    let folder = run_folder.path();
    let whole = PlanFile {
        partition: None,
        ..plan.clone()
    };
    let mut charts = Vec::new();
    if !args.no_charts {
        let rows: Vec<Row> = records.iter().map(|record| record.row.clone()).collect();
        let over_time: Vec<Row> = windows.iter().map(|cell| cell.key.clone()).collect();
        charts = chart_names(&rows, &over_time, args.files);
    }
    signals.finish_running_cells_first();
    let (appender, _) = begin_run(&run_folder, &whole, if_exist, &charts)?;
    for record in records {
        appender.add(record)?;
    }
    let rows = write_tables(folder, records)?;
    let windows = if windows.is_empty() {
        windows
    } else {
        over_windows::write_table(folder, windows)?
    };
    write_merged_manifest(folder, &args.parts)?;
    let shown = folder.printed();
    let left = format!("all results are in {shown}; pagebench plot {shown} draws the charts");
    signals.finish_nothing(&left, None);
    if !args.no_charts {
        write_charts(folder, &rows, windows, args.files)?;
    }
    print(&format!(
        "{} cells of {}, results and charts: {}\n",
        records.len(),
        counted(args.parts.len() as u64, "folder"),
        folder.printed()
    ))
}

/// Returns the plan of a folder.
fn plan_of(folder: &Path) -> Result<PlanFile, Failure> {
    PlanFile::read(folder)?.ok_or_else(|| {
        let what = format!("no folder of results: it has no {PLAN}");
        Failure::new(exit::FAILURE, format!("{}: {what}", folder.printed()))
    })
}

/// Returns whether `output` is one of the folders `parts`.
fn is_part(output: &Path, parts: &[PathBuf]) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let output = real(output);
    output.is_some() && parts.iter().any(|part| real(part) == output)
}

/// Returns the records of all parts by their cells' ids. Errors if two parts have different counts of
/// one cell.
fn gather(parts: &[PartFolder<'_>]) -> Result<HashMap<String, Record>, Failure> {
    let (_, plan) = &parts[0];
    let cells: HashMap<&str, &PlanCell> = plan.cells.iter().map(|cell| (&*cell.id, cell)).collect();
    let mut all: HashMap<String, (Record, &Path)> = HashMap::new();
    for &(folder, _) in parts {
        let kept = cells_jsonl::read(folder)?;
        report_broken(folder, &kept);
        for (id, record) in kept.records {
            if let Some(cell) = cells.get(&*id)
                && replaces(all.get(&id), &record, folder, cell)?
            {
                all.insert(id, (record, folder));
            }
        }
    }
    let all = all.into_iter();
    Ok(all.map(|(id, (record, _))| (id, record)).collect())
}

/// Returns whether `record` of `folder` takes the place of `known`. Errors if their counts differ.
fn replaces(
    known: Option<&(Record, &Path)>,
    record: &Record,
    folder: &Path,
    cell: &PlanCell,
) -> Result<bool, Failure> {
    let Some((known, first)) = known.filter(|(known, _)| known.has_counts()) else {
        return Ok(true);
    };
    if !record.has_counts() {
        // This part failed; another, run again, did not.
        return Ok(false);
    }
    if known.agrees(record) {
        return Ok(true);
    }
    Err(Failure::new(
        exit::FAILURE,
        format!(
            "{} and {} have different counts of one cell: {}\n  help: run one of them again with \
             --force",
            first.printed(),
            folder.printed(),
            cell.identity().name()
        ),
    ))
}

/// Returns the error that names the missing cells. Prints the parts to run again on standard output if
/// all parts were dealt in one way.
fn report_missing(parts: &[PartFolder<'_>], missing: &[usize]) -> Result<Failure, Failure> {
    const NAMED: usize = 5;
    let (_, plan) = &parts[0];
    let mut what = format!("missing: {} of {} cells", missing.len(), plan.cells.len());
    for &place in missing.iter().take(NAMED) {
        what += &format!("\n  {}", plan.cells[place].identity().name());
    }
    if missing.len() > NAMED {
        what += &format!("\n  and {} more", missing.len() - NAMED);
    }
    match common_partition(parts) {
        Some(dealt) => {
            let again = missing.iter().map(|&place| plan.part_of(place, &dealt));
            let again = ranges(&again.collect());
            print(&format!("{again}\n"))?;
            what += &format!(
                "\n  help: run part{} {again} again, with --resume where a part was begun",
                if again.contains(['-', ',']) { "s" } else { "" }
            );
        }
        None => what += "\n  help: continue these runs with --resume, then merge them",
    }
    Ok(Failure::new(exit::INCOMPLETE, what))
}

/// Returns the partition of the first part if all parts were dealt in the same way.
fn common_partition(parts: &[PartFolder<'_>]) -> Option<Partition> {
    let first = parts[0].1.part()?;
    let mut partitions = parts.iter().map(|(_, plan)| plan.part());
    let alike = partitions.all(|part| part.is_some_and(|part| part.deals_like(&first)));
    alike.then_some(first)
}

/// Returns numbers as `3,7-9`.
fn ranges(numbers: &BTreeSet<u64>) -> String {
    let numbers: Vec<u64> = numbers.iter().copied().collect();
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let show = |run: &[u64]| match run {
        [one] => one.to_string(),
        run => format!("{}-{}", run[0], run[run.len() - 1]),
    };
    runs.map(show).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn numbers_are_ranges() {
        assert_eq!(ranges(&[9, 3, 7, 8].into()), "3,7-9");
        assert_eq!(ranges(&[1, 2].into()), "1-2");
        assert_eq!(ranges(&[5].into()), "5");
    }
}
