//! The folder that a command writes into. It is made before any work, so that a bad path fails early,
//! and locked from the end of reading to that of the command: a second command is refused. Without `--force` no file is
//! overwritten. With it only the files of an earlier run are removed, as that run's plan and results name
//! them, and only once the new plan is known. No input is ever overwritten.

use super::chart_files::{FileArgs, chart_names};
use super::failure::Failure;
use super::host::timestamp;
use super::own_files::{
    ALWAYS, FILES, is_of_run, is_own, refuse_foreign, refuse_irregular, remove_files,
};
use super::paths::refuse_inputs;
use super::progress::note;
use crate::exit;
use crate::report::lock::{FolderLock, Holder, LockError};
use crate::report::results::cells_jsonl;
use crate::report::results::cells_jsonl::{Appender, CELLS, Kept, Record};
use crate::report::results::columns::Row;
use crate::report::results::plan_file::PlanFile;
use crate::report::results::results_csv::read_rows;
use crate::report::tables::windows_csv;
use crate::report::whole_file::{leave_no_empty_folder, without_path};
use crate::units::{Printable, counted};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The folder of a run. When dropped, it is removed if the run made it and left it empty.
pub struct RunFolder {
    path: PathBuf,
    made: bool,
    /// The lock, a file in the folder: an interrupt while traces are read leaves the folder empty.
    lock: OnceLock<FolderLock>,
}

impl RunFolder {
    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        drop(self.lock.take());
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
/// [`begin_run`].
pub fn make_folder(path: Option<&Path>, if_exist: IfResultsExist) -> Result<RunFolder, Failure> {
    let Some(folder) = path else {
        return fresh_folder();
    };
    refuse_busy(folder)?;
    // Before any is read: a pipe would be waited for without end.
    refuse_irregular(folder, &ALWAYS)?;
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

/// Begins a run of `plan` in `folder`, which may write `charts`. Locks the folder, writes `plan.json` and returns no
/// records; to resume, returns the records of finished cells by their ids instead. Errors if the plans
/// differ, or if a file would be overwritten.
pub fn begin_run(
    folder: &RunFolder,
    plan: &PlanFile,
    if_exist: IfResultsExist,
    charts: &[String],
) -> Result<(Appender, HashMap<String, Record>), Failure> {
    folder.lock()?;
    let folder = folder.path();
    refuse_irregular(folder, &ALWAYS)?;
    let earlier = match if_exist {
        IfResultsExist::Resume => PlanFile::read(folder)?,
        _ => None,
    };
    refuse_overwriting(folder, earlier.as_ref(), if_exist, charts)?;
    refuse_irregular(folder, &FILES)?;
    let stale = match if_exist {
        IfResultsExist::Remove => {
            refuse_foreign(folder, &ALWAYS, charts, is_of_run(folder))?;
            files_of_run(folder)
        }
        _ => Vec::new(),
    };
    let written = ALWAYS.into_iter().chain(FILES);
    let written = written.chain(charts.iter().chain(&stale).map(String::as_str));
    refuse_inputs("-o", written.map(|name| folder.join(name)))?;
    let appender = Appender::open(folder)?;
    if let Some(earlier) = earlier {
        return Ok((appender, finished_records(folder, &earlier, plan)?));
    }
    if if_exist == IfResultsExist::Remove {
        remove_files(folder, &stale).map_err(|e| cannot_write(folder, e))?;
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

/// Returns the files of an earlier run, as its plan and its results name them; nothing if the folder has
/// neither.
fn files_of_run(folder: &Path) -> Vec<String> {
    if !is_of_run(folder) {
        return Vec::new();
    }
    let rows = read_rows(&folder.join("results.csv")).unwrap_or_default();
    let over_time = windows_csv::read_rows(&folder.join("windows.csv")).unwrap_or_default();
    let over_time: Vec<Row> = over_time.into_iter().map(|cell| cell.key).collect();
    let all = FileArgs {
        svg: true,
        no_data: false,
    };
    let mut files = chart_names(&rows, &over_time, all);
    let own = FILES.iter().filter(|name| is_own(folder, name));
    files.extend(own.map(|name| (*name).to_owned()));
    files
}

/// Makes the folder of curves or states, or takes it; errors if it holds `table` or one of `charts` and
/// these are to be refused, or are not of pagebench. Nothing in it changes before [`RunFolder::clear`].
pub fn claim_folder(
    folder: &Path,
    if_exist: IfResultsExist,
    table: &str,
    charts: &[&str],
) -> Result<RunFolder, Failure> {
    refuse_busy(folder)?;
    let charts: Vec<String> = charts.iter().map(|name| (*name).to_owned()).collect();
    check_claim(folder, table, &charts, if_exist)?;
    ensure_folder(folder)
}

/// Makes a folder, or takes it with whatever it holds.
pub fn take_folder(folder: &Path) -> Result<RunFolder, Failure> {
    refuse_busy(folder)?;
    ensure_folder(folder)
}

fn check_claim(
    folder: &Path,
    table: &str,
    charts: &[String],
    if_exist: IfResultsExist,
) -> Result<(), Failure> {
    if if_exist == IfResultsExist::Refuse {
        refuse_files(folder, &[table])?;
        refuse_files(folder, charts)?;
    }
    refuse_foreign(folder, &[table], charts, is_own(folder, table))?;
    let written = charts.iter().map(String::as_str).chain([table]);
    refuse_inputs("-o", written.map(|name| folder.join(name)))
}

impl RunFolder {
    /// Locks the folder. Errors if it holds `table` or one of `charts`, as [`claim_folder`] does.
    pub fn claim(
        &self,
        table: &str,
        charts: &[String],
        if_exist: IfResultsExist,
    ) -> Result<(), Failure> {
        self.lock()?;
        check_claim(&self.path, table, charts, if_exist)
    }

    /// Removes the files `names` of earlier results, so that no chart stays next to another's table;
    /// other files stay.
    pub fn clear<S: AsRef<str>>(&self, names: &[S]) -> Result<(), Failure> {
        remove_files(&self.path, names).map_err(|e| cannot_write(&self.path, e))
    }

    /// Locks the folder until it is dropped. Errors if another process has locked it.
    pub fn lock(&self) -> Result<(), Failure> {
        if self.lock.get().is_some() {
            return Ok(());
        }
        match FolderLock::take(&self.path) {
            Ok(lock) => {
                self.lock.get_or_init(|| lock);
                Ok(())
            }
            Err(LockError::Held(holder)) => Err(busy(&self.path, holder)),
            Err(LockError::Io(error)) => Err(cannot_write(&self.path, error)),
        }
    }
}

/// Errors if another process is writing into `folder`.
fn refuse_busy(folder: &Path) -> Result<(), Failure> {
    match FolderLock::holder(folder) {
        None => Ok(()),
        Some(holder) => Err(busy(folder, holder)),
    }
}

fn busy(folder: &Path, holder: Holder) -> Failure {
    let process = holder.0.map(|id| format!(", process {id}"));
    let what = format!(
        "{}: another run is writing into this folder{}; wait for it, or choose another one",
        folder.printed(),
        process.unwrap_or_default()
    );
    Failure::new(exit::FAILURE, what)
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
        lock: OnceLock::new(),
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
                return Ok(RunFolder {
                    path,
                    made: true,
                    lock: OnceLock::new(),
                });
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(cannot_write(&path, e)),
        }
    }
    unreachable!("some number is free")
}
