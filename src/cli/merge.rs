//! `pagebench merge`: folders of parts of one plan, joined to the folder of the whole.

use super::failure::Failure;
use super::folder::{Found, chart_files, enter, make_folder, other_plan, tell_broken};
use super::outputs::{write_merged_manifest, write_tables};
use super::over_windows;
use super::plot::{FileArgs, write_charts};
use super::print;
use super::progress::message;
use crate::exit::{self, ExitCode};
use crate::report::chart::Rows;
use crate::report::columns::Row;
use crate::report::plan_file::{PLAN, PlanCell, PlanFile};
use crate::report::records::{self, Record};
use crate::sweep::Partition;
use clap::Args;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Join the folders of parts of one plan (run --partition).
///
/// The results are the same bytes as those of one run of the whole plan; windows.csv, too, where all
/// parts have it. Missing cells are an error
/// (exit code 5): the numbers of the parts that they are of are printed as 3,7-9, ready for a job
/// array. So are parts of other plans, and cells that two parts have with different counts.
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

    /// Begin anew in a folder that holds results already
    #[arg(long)]
    force: bool,

    /// Draw no charts
    #[arg(long)]
    no_charts: bool,

    #[command(flatten)]
    files: FileArgs,
}

/// Runs the command.
pub fn merge(args: MergeArgs) -> Result<ExitCode, Failure> {
    let parts = args.parts.iter();
    let parts: Vec<(&Path, PlanFile)> = parts
        .map(|folder| Ok((&**folder, plan_of(folder)?)))
        .collect::<Result<_, Failure>>()?;
    let (first, plan) = &parts[0];
    let in_first = format!("in {}", first.display());
    for (folder, other) in &parts[1..] {
        let different = other.differences(plan, ["there", &in_first]);
        if !different.is_empty() {
            return Err(other_plan(folder, &different));
        }
    }
    let mut all = gather(&parts)?;
    let missing: Vec<usize> = (0..plan.cells.len())
        .filter(|&place| !all.contains_key(&plan.cells[place].id))
        .collect();
    if !missing.is_empty() {
        return tell_missing(&parts, &missing);
    }
    if is_part(&args.output, &args.parts) {
        let what = "is one of the parts; the whole needs a folder of its own";
        return Err(Failure::usage(format!("{}: {what}", args.output.display())));
    }
    let counted = all.values().filter(|record| record.has_counts()).count();
    let windows = over_windows::join(&args.parts, counted)?;
    let found = if args.force {
        Found::Remove
    } else {
        Found::Refuse
    };
    let run_folder = make_folder(Some(&args.output), found)?;
    let folder = run_folder.path();
    let whole = PlanFile {
        partition: None,
        ..plan.clone()
    };
    let records = plan.cells.iter().filter_map(|cell| all.remove(&cell.id));
    let records: Vec<Record> = records.collect();
    let charts = match args.no_charts {
        true => Vec::new(),
        false => {
            let rows: Vec<Row> = records.iter().map(|record| record.row.clone()).collect();
            let over_time: Vec<Row> = windows.iter().map(|cell| cell.key.clone()).collect();
            chart_files(&rows, &over_time, args.files)
        }
    };
    let (appender, _) = enter(folder, &whole, found, &charts)?;
    for record in &records {
        appender.add(record)?;
    }
    let rows = write_tables(folder, &records)?;
    let windows = match windows.is_empty() {
        true => windows,
        false => over_windows::write_table(folder, windows)?,
    };
    write_merged_manifest(folder, &args.parts)?;
    if !args.no_charts && rows.iter().any(Row::is_ok) {
        let rows = Rows {
            results: rows,
            windows,
            ..Rows::default()
        };
        write_charts(folder, &rows, args.files)?;
    }
    print(&format!(
        "{} cells of {} folder{}, results and charts: {}\n",
        records.len(),
        parts.len(),
        if parts.len() == 1 { "" } else { "s" },
        folder.display()
    ))?;
    let failed = records.iter().filter(|record| !record.has_counts()).count();
    if failed == 0 {
        return Ok(exit::OK);
    }
    message(&format!(
        "error: {failed} cells failed (columns status, error)"
    ));
    Ok(exit::FAILURE)
}

/// The plan of a folder.
fn plan_of(folder: &Path) -> Result<PlanFile, Failure> {
    PlanFile::read(folder)?.ok_or_else(|| {
        let what = format!("no folder of results: it has no {PLAN}");
        Failure::new(exit::FAILURE, format!("{}: {what}", folder.display()))
    })
}

/// True if the output is one of the folders that are joined.
fn is_part(output: &Path, parts: &[PathBuf]) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let output = real(output);
    output.is_some() && parts.iter().any(|part| real(part) == output)
}

/// The records of all parts by their cells' ids. One that several have must be the same in each.
fn gather<'p>(parts: &'p [(&Path, PlanFile)]) -> Result<HashMap<String, Record>, Failure> {
    let (_, plan) = &parts[0];
    let cells: HashMap<&str, &PlanCell> = plan.cells.iter().map(|cell| (&*cell.id, cell)).collect();
    let mut all: HashMap<String, (Record, &'p Path)> = HashMap::new();
    for &(folder, _) in parts {
        let kept = records::read(folder)?;
        tell_broken(folder, &kept);
        for (id, record) in kept.records {
            let Some(cell) = cells.get(&*id) else {
                continue;
            };
            match all.get(&id) {
                // A part may have failed where another, run again, did not.
                Some((known, _)) if known.has_counts() && !record.has_counts() => continue,
                Some((known, first)) if known.has_counts() && !known.agrees(&record) => {
                    return Err(Failure::new(
                        exit::FAILURE,
                        format!(
                            "{} and {} have different counts of one cell: {}\n  help: run one of \
                             them again with --force",
                            first.display(),
                            folder.display(),
                            cell.identity().name()
                        ),
                    ));
                }
                _ => {}
            }
            all.insert(id, (record, folder));
        }
    }
    Ok(all
        .into_iter()
        .map(|(id, (record, _))| (id, record))
        .collect())
}

/// Says which cells are missing; on standard output the parts to run again, where all parts were
/// dealt out in one way.
fn tell_missing(parts: &[(&Path, PlanFile)], missing: &[usize]) -> Result<ExitCode, Failure> {
    const NAMED: usize = 5;
    let (_, plan) = &parts[0];
    let mut what = format!("missing: {} of {} cells", missing.len(), plan.cells.len());
    for &place in missing.iter().take(NAMED) {
        what += &format!("\n  {}", plan.cells[place].identity().name());
    }
    if missing.len() > NAMED {
        what += &format!("\n  and {} more", missing.len() - NAMED);
    }
    let dealt: Vec<Option<Partition>> = parts.iter().map(|(_, plan)| plan.part()).collect();
    let alike = match dealt[0] {
        Some(first) => dealt
            .iter()
            .all(|part| part.is_some_and(|part| part.deals_like(&first))),
        None => false,
    };
    match dealt[0].filter(|_| alike) {
        Some(deal) => {
            let again = missing.iter().map(|&place| plan.part_of(place, &deal));
            let again = ranges(&again.collect());
            print(&format!("{again}\n"))?;
            what += &format!(
                "\n  help: run part{} {again} again, with --resume where a part was begun",
                if again.contains(['-', ',']) { "s" } else { "" }
            );
        }
        None => what += "\n  help: go on with these runs by --resume, and join them then",
    }
    Err(Failure::new(exit::INCOMPLETE, what))
}

/// Numbers as `3,7-9`.
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
