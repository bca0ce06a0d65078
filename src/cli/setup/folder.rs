//! The folder that a command writes into. It is made before any work, so that a bad path fails early.
//! Without `--force` no file is overwritten. With it only the files of an earlier run are removed, as
//! that run's plan and results name them, and only once the new plan is known.

use super::chart_files::{FileArgs, chart_names};
use super::failure::Failure;
use super::host::timestamp;
use super::manifest::MANIFEST;
use super::progress::note;
use crate::exit;
use crate::report::results::cells_jsonl;
use crate::report::results::cells_jsonl::{Appender, CELLS, Kept, Record};
use crate::report::results::columns::Row;
use crate::report::results::plan_file::{PLAN, PlanFile};
use crate::report::results::results_csv::read_rows;
use crate::report::tables::windows_csv;
use crate::report::whole_file::{leave_no_empty_folder, remove_leftovers, without_path};
use crate::units::{Printable, counted};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of a run other than its charts and [`CELLS`].
const FILES: [&str; 7] = [
    "results.csv",
    "windows.csv",
    "distributions.csv",
    "vmstat.csv",
    "timings.csv",
    MANIFEST,
    PLAN,
];

/// The folder of a run. When dropped, it is removed if the run made it and left it empty.
pub struct RunFolder {
    path: PathBuf,
    made: bool,
}

impl RunFolder {
    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.made {
            // This fails unless the folder is empty.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// How to treat results that are already in the output folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfResultsExist {
    /// Refuse the folder.
    Refuse,
    /// Remove the files of the earlier run.
    Remove,
    /// Continue that run.
    Resume,
}

impl IfResultsExist {
    /// Removes with `force`, else refuses: for commands that cannot resume.
    pub fn of(force: bool) -> IfResultsExist {
        if force {
            IfResultsExist::Remove
        } else {
            IfResultsExist::Refuse
        }
    }
}

/// Makes the folder of a run: `path`, or a fresh one under `reports/runs`. Nothing in it changes before
/// [`lock_folder`].
pub fn make_folder(path: Option<&Path>, if_exist: IfResultsExist) -> Result<RunFolder, Failure> {
    let Some(folder) = path else {
        return fresh_folder();
    };
    if if_exist == IfResultsExist::Refuse {
        refuse_files(folder, &[CELLS])?;
        refuse_files(folder, &FILES)?;
    }
    ensure_folder(folder)
}

/// Errors if `folder` holds any of the files `names`.
pub fn refuse_files<S: AsRef<str>>(folder: &Path, names: &[S]) -> Result<(), Failure> {
    let there = |name: &&str| folder.join(name).symlink_metadata().is_ok();
    let Some(name) = names.iter().map(S::as_ref).find(there) else {
        return Ok(());
    };
    if ["results.csv", CELLS].contains(&name) {
        return Err(holds_results(folder));
    }
    Err(Failure::usage(format!(
        "{}: holds {name} already, which would be written over; choose another folder, or --force",
        folder.printed()
    )))
}

/// Returns why a folder with results is refused, and how to go on.
fn holds_results(folder: &Path) -> Failure {
    let unfinished = || {
        let plan = PlanFile::read(folder).ok()??;
        let kept = cells_jsonl::read(folder).ok()?.records;
        let all = plan.selected();
        let done = all
            .iter()
            .filter(|&&cell| kept.contains_key(&plan.cells[cell].id));
        Some((done.count(), all.len())).filter(|(done, all)| done < all)
    };
    let place = folder.printed();
    Failure::usage(match unfinished() {
        Some((done, all)) => format!(
            "{place}: holds an unfinished run, {done} of {all} cells; go on with --resume, choose \
             another folder, or begin anew with --force"
        ),
        None => format!("{place}: holds results already; choose another folder, or --force"),
    })
}

/// Locks `folder` for a run of `plan`, which may write `charts`. Writes `plan.json` and returns no
/// records; to resume, returns the records of finished cells by their ids instead. Errors if another
/// run holds the lock, if the plans differ, or if a file would be overwritten.
pub fn lock_folder(
    folder: &Path,
    plan: &PlanFile,
    if_exist: IfResultsExist,
    charts: &[String],
) -> Result<(Appender, HashMap<String, Record>), Failure> {
    let earlier = match if_exist {
        IfResultsExist::Resume => PlanFile::read(folder)?,
        _ => None,
    };
    refuse_overwriting(folder, earlier.as_ref(), if_exist, charts)?;
    // Opening takes the lock; it fails if another run is still writing.
    let appender = Appender::open(folder)?;
    remove_leftovers(folder).map_err(|e| cannot_write(folder, e))?;
    if let Some(earlier) = earlier {
        return Ok((appender, finished_records(folder, &earlier, plan)?));
    }
    if if_exist == IfResultsExist::Remove {
        remove_run(folder).map_err(|e| cannot_write(folder, e))?;
        appender.clear()?;
    }
    plan.write(folder)?;
    Ok((appender, HashMap::new()))
}

/// Errors if a run would overwrite a file that is not its own. `earlier` is the plan to resume.
fn refuse_overwriting(
    folder: &Path,
    earlier: Option<&PlanFile>,
    if_exist: IfResultsExist,
    charts: &[String],
) -> Result<(), Failure> {
    let has_results = folder.join("results.csv").exists();
    match (earlier, if_exist) {
        (_, IfResultsExist::Remove) => Ok(()),
        // The charts may be those of the run that ended here.
        (Some(_), _) if has_results => Ok(()),
        (Some(_), _) => refuse_files(folder, charts),
        (None, IfResultsExist::Resume) if has_results => {
            let what =
                "holds results of a run that cannot go on; choose another folder, or --force";
            Err(Failure::usage(format!("{}: {what}", folder.printed())))
        }
        (None, _) => {
            refuse_files(folder, &FILES)?;
            refuse_files(folder, charts)?;
            // A run that was killed at its beginning leaves an empty file.
            let kept = fs::metadata(folder.join(CELLS)).map_or(0, |meta| meta.len());
            if kept > 0 {
                return Err(holds_results(folder));
            }
            Ok(())
        }
    }
}

/// Returns the records that an earlier run of the same plan finished; errors if its plan differs.
fn finished_records(
    folder: &Path,
    earlier: &PlanFile,
    plan: &PlanFile,
) -> Result<HashMap<String, Record>, Failure> {
    let mut different = earlier.differences(plan, ["there", "here"]);
    if earlier.part() != plan.part() {
        let part = |plan: &PlanFile| plan.partition.clone().unwrap_or("all of it".into());
        let (there, here) = (part(earlier), part(plan));
        different.push(format!("partition: {there} there, {here} here"));
    }
    if !different.is_empty() {
        return Err(other_plan(folder, &different));
    }
    let kept = cells_jsonl::read(folder)?;
    report_broken(folder, &kept);
    let whole = kept
        .records
        .into_iter()
        .filter(|(_, record)| record.has_counts());
    Ok(whole.collect())
}

/// Notes how many lines of a folder's finished cells are broken.
pub fn report_broken(folder: &Path, kept: &Kept) {
    if kept.broken > 0 {
        note(&format!(
            "note: {}: {} cut short or garbled, passed over",
            folder.join(CELLS).printed(),
            counted(kept.broken, "line")
        ));
    }
}

/// Returns the error that `folder` holds results of another plan, with the differences.
pub fn other_plan(folder: &Path, different: &[String]) -> Failure {
    const SHOWN: usize = 6;
    let mut what = format!("{}: holds results of another plan", folder.printed());
    for line in different.iter().take(SHOWN) {
        what += &format!("\n  {line}");
    }
    if different.len() > SHOWN {
        what += &format!("\n  and {} more", different.len() - SHOWN);
    }
    Failure::usage(what + "\n  help: choose another folder, or the same traces and settings")
}

/// Removes the files of an earlier run, as its plan and its results name them; nothing if the folder
/// has neither.
fn remove_run(folder: &Path) -> io::Result<()> {
    let results = folder.join("results.csv");
    let begins =
        |path: &Path, with: &str| fs::read_to_string(path).is_ok_and(|text| text.starts_with(with));
    let of_run = PlanFile::read(folder).is_ok_and(|plan| plan.is_some());
    if !of_run && !begins(&results, "schema,") {
        return Ok(());
    }
    let rows = read_rows(&results).unwrap_or_default();
    let over_time = windows_csv::read_rows(&folder.join("windows.csv")).unwrap_or_default();
    let over_time: Vec<Row> = over_time.into_iter().map(|cell| cell.key).collect();
    let all = FileArgs {
        svg: true,
        no_data: false,
    };
    remove_files(folder, &chart_names(&rows, &over_time, all))?;
    remove_files(folder, &FILES)
}

/// Removes the files `names` that exist.
fn remove_files<S: AsRef<str>>(folder: &Path, names: &[S]) -> io::Result<()> {
    let paths = names.iter().map(|name| folder.join(name.as_ref()));
    let mut files = paths.filter(|path| path.is_symlink() || path.is_file());
    files.try_for_each(fs::remove_file)
}

/// Makes the folder of curves or states, or takes it; errors if it holds any of `files` and these are
/// to be refused. Nothing in it changes before [`RunFolder::clear`].
pub fn claim_folder(
    folder: &Path,
    if_exist: IfResultsExist,
    files: &[&str],
) -> Result<RunFolder, Failure> {
    if if_exist == IfResultsExist::Refuse {
        refuse_files(folder, files)?;
    }
    ensure_folder(folder)
}

impl RunFolder {
    /// Removes the files `names` of earlier results, so that no chart stays next to another's table;
    /// other files stay.
    pub fn clear<S: AsRef<str>>(&self, names: &[S]) -> Result<(), Failure> {
        remove_files(&self.path, names).map_err(|e| cannot_write(&self.path, e))
    }
}

/// Returns `folder`, made if it is missing; errors if files cannot be written there.
fn ensure_folder(folder: &Path) -> Result<RunFolder, Failure> {
    if folder == Path::new("-") {
        let what = "-o -: a folder is wanted, not standard output; ./- is a folder of that name";
        return Err(Failure::usage(what));
    }
    let fail = |e| cannot_write(folder, e);
    let made = !folder.exists();
    fs::create_dir_all(folder).map_err(fail)?;
    if made {
        leave_no_empty_folder(folder);
    }
    // A folder that exists may still refuse files.
    tempfile::tempfile_in(folder)
        .map_err(without_path)
        .map_err(fail)?;
    Ok(RunFolder {
        path: folder.to_path_buf(),
        made,
    })
}

fn cannot_write(folder: &Path, error: io::Error) -> Failure {
    let message = format!(
        "{}: cannot write to the output folder: {error}",
        folder.printed()
    );
    Failure::new(exit::FAILURE, message)
}

/// Makes a folder that no other run uses, named by the time.
fn fresh_folder() -> Result<RunFolder, Failure> {
    let base = Path::new("reports/runs");
    fs::create_dir_all(base).map_err(|e| cannot_write(base, e))?;
    let time = timestamp()
        .replace(['-', ':'], "")
        .replace('T', "-")
        .replace('Z', "");
    for n in 1.. {
        let name = if n == 1 {
            time.clone()
        } else {
            format!("{time}-{n}")
        };
        let path = base.join(name);
        // Another run may begin in the same second: the name is free only if it can be made.
        match fs::create_dir(&path) {
            Ok(()) => {
                leave_no_empty_folder(&path);
                return Ok(RunFolder { path, made: true });
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(cannot_write(&path, e)),
        }
    }
    unreachable!("some number is free")
}
