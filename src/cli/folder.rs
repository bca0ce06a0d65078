//! The folder that a command writes into: made before any work, so that a bad path fails early. A
//! file that is there already is somebody's: without `--force` none is written over. With it the
//! files go that the plan and the results of an earlier run name, once the new plan stands, and no
//! others.

use super::failure::Failure;
use super::outputs::{MANIFEST, timestamp};
use super::plot::FileArgs;
use super::progress::note;
use crate::exit;
use crate::report::chart;
use crate::report::columns::Row;
use crate::report::csv::read_rows;
use crate::report::file::{remove_leftovers, without_path};
use crate::report::plan_file::{PLAN, PlanFile};
use crate::report::records::{self, Appender, CELLS, Kept, Record};
use crate::report::windows;
use crate::units::counted;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of a run beside its charts and [`CELLS`].
const FILES: [&str; 7] = [
    "results.csv",
    "windows.csv",
    "distributions.csv",
    "vmstat.csv",
    "timings.csv",
    MANIFEST,
    PLAN,
];

/// The folder of a run. One that the run made and put nothing into goes away again.
pub struct RunFolder {
    path: PathBuf,
    made: bool,
}

impl RunFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.made {
            // Only an empty folder can be removed like this.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// What is done with files that a run would write and that the folder holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// They are refused.
    Refuse,
    /// Those of an earlier run go.
    Remove,
    /// The run that left them goes on.
    Resume,
}

/// Makes the folder of a run: the one asked for, or a fresh one under `reports/runs`. Nothing in it
/// changes before [`enter`].
pub fn make_folder(asked: Option<&Path>, found: Found) -> Result<RunFolder, Failure> {
    let Some(folder) = asked else {
        return fresh_folder();
    };
    if found == Found::Refuse {
        refuse_files(folder, &[CELLS])?;
        refuse_files(folder, &FILES)?;
    }
    take_folder(folder)
}

/// The names of the charts that a run can draw of these rows, and of the cells of these rows over
/// time, in the formats that are asked for.
pub fn chart_files(rows: &[Row], over_time: &[Row], files: FileArgs) -> Vec<String> {
    let endings = [("png", true), ("svg", files.svg), ("csv", !files.no_data)];
    let stems = chart::stems(rows, over_time);
    let with = |stem: &String| {
        let asked = endings.into_iter().filter(|(_, asked)| *asked);
        let names = asked.map(|(ending, _)| format!("{stem}.{ending}"));
        names.collect::<Vec<String>>()
    };
    stems.iter().flat_map(with).collect()
}

/// Refuses a folder that holds any of these files.
pub fn refuse_files<S: AsRef<str>>(folder: &Path, names: &[S]) -> Result<(), Failure> {
    let there = |name: &&str| folder.join(name).symlink_metadata().is_ok();
    let Some(name) = names.iter().map(S::as_ref).find(there) else {
        return Ok(());
    };
    if ["results.csv", CELLS].contains(&name) {
        return Err(refused(folder));
    }
    Err(Failure::usage(format!(
        "{}: holds {name} already, which would be written over; choose another folder, or --force",
        folder.display()
    )))
}

/// Why a folder with results is not taken, and what can be done with it.
fn refused(folder: &Path) -> Failure {
    let unfinished = || {
        let plan = PlanFile::read(folder).ok()??;
        let kept = records::read(folder).ok()?.records;
        let all = plan.selected();
        let done = all
            .iter()
            .filter(|&&cell| kept.contains_key(&plan.cells[cell].id));
        Some((done.count(), all.len())).filter(|(done, all)| done < all)
    };
    let place = folder.display();
    Failure::usage(match unfinished() {
        Some((done, all)) => format!(
            "{place}: holds an unfinished run, {done} of {all} cells; go on with --resume, choose \
             another folder, or begin anew with --force"
        ),
        None => format!("{place}: holds results already; choose another folder, or --force"),
    })
}

/// Takes a folder for a plan: writes the plan, or, where an earlier run of the same plan is to go on,
/// gives what that finished. The folder is then locked. `charts` are the names of the charts to come.
pub fn enter(
    folder: &Path,
    plan: &PlanFile,
    found: Found,
    charts: &[String],
) -> Result<(Appender, HashMap<String, Record>), Failure> {
    let earlier = match found {
        Found::Resume => PlanFile::read(folder)?,
        _ => None,
    };
    match (&earlier, found) {
        (_, Found::Remove) => {}
        // Where a run has ended, the charts may be its own.
        (Some(_), _) if folder.join("results.csv").exists() => {}
        (Some(_), _) => refuse_files(folder, charts)?,
        (None, Found::Resume) if folder.join("results.csv").exists() => {
            let what =
                "holds results of a run that cannot go on; choose another folder, or --force";
            return Err(Failure::usage(format!("{}: {what}", folder.display())));
        }
        (None, _) => {
            refuse_files(folder, &FILES)?;
            refuse_files(folder, charts)?;
            // A run that was killed as it began leaves an empty one.
            let kept = fs::metadata(folder.join(CELLS)).map_or(0, |meta| meta.len());
            if kept > 0 {
                return Err(refused(folder));
            }
        }
    }
    let appender = Appender::open(folder)?;
    remove_leftovers(folder).map_err(|e| cannot_write(folder, e))?;
    let Some(earlier) = earlier else {
        if found == Found::Remove {
            remove_run(folder).map_err(|e| cannot_write(folder, e))?;
            appender.clear()?;
        }
        plan.write(folder)?;
        return Ok((appender, HashMap::new()));
    };
    go_on(folder, &earlier, plan).map(|kept| (appender, kept))
}

/// What an earlier run of the same plan finished.
fn go_on(
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
    let kept = records::read(folder)?;
    tell_broken(folder, &kept);
    let whole = kept
        .records
        .into_iter()
        .filter(|(_, record)| record.has_counts());
    Ok(whole.collect())
}

/// Says how many lines of a folder's finished cells are not whole.
pub fn tell_broken(folder: &Path, kept: &Kept) {
    if kept.broken > 0 {
        note(&format!(
            "note: {}: {} cut short or garbled, passed over",
            folder.join(CELLS).display(),
            counted(kept.broken, "line")
        ));
    }
}

/// A folder has results of another plan.
pub fn other_plan(folder: &Path, different: &[String]) -> Failure {
    const SHOWN: usize = 6;
    let mut what = format!("{}: holds results of another plan", folder.display());
    for line in different.iter().take(SHOWN) {
        what += &format!("\n  {line}");
    }
    if different.len() > SHOWN {
        what += &format!("\n  and {} more", different.len() - SHOWN);
    }
    Failure::usage(what + "\n  help: choose another folder, or the same traces and settings")
}

/// Removes the files of an earlier run, as its plan and its results name them; nothing of a folder
/// that has neither.
fn remove_run(folder: &Path) -> io::Result<()> {
    let results = folder.join("results.csv");
    let begins =
        |path: &Path, with: &str| fs::read_to_string(path).is_ok_and(|text| text.starts_with(with));
    let of_run = PlanFile::read(folder).is_ok_and(|plan| plan.is_some());
    if !of_run && !begins(&results, "schema,") {
        return Ok(());
    }
    let rows = read_rows(&results).unwrap_or_default();
    let over_time = windows::read_rows(&folder.join("windows.csv")).unwrap_or_default();
    let over_time: Vec<Row> = over_time.into_iter().map(|cell| cell.key).collect();
    let all = FileArgs {
        svg: true,
        no_data: false,
    };
    remove_files(folder, &chart_files(&rows, &over_time, all))?;
    remove_files(folder, &FILES)
}

/// Removes those of these files that are there.
fn remove_files<S: AsRef<str>>(folder: &Path, names: &[S]) -> io::Result<()> {
    let paths = names.iter().map(|name| folder.join(name.as_ref()));
    let mut files = paths.filter(|path| path.is_symlink() || path.is_file());
    files.try_for_each(fs::remove_file)
}

/// Makes the folder of curves or states, or takes it; nothing in it changes before
/// [`RunFolder::clear`].
pub fn claim_folder(folder: &Path, force: bool, files: &[&str]) -> Result<RunFolder, Failure> {
    if !force {
        refuse_files(folder, files)?;
    }
    take_folder(folder)
}

impl RunFolder {
    /// Removes files of earlier results, so that no chart is beside another's table.
    pub fn clear<S: AsRef<str>>(&self, names: &[S]) -> Result<(), Failure> {
        remove_files(&self.path, names).map_err(|e| cannot_write(&self.path, e))
    }
}

/// A folder that takes files, made if it is not there.
fn take_folder(folder: &Path) -> Result<RunFolder, Failure> {
    if folder == Path::new("-") {
        let what = "-o -: a folder is wanted, not standard output; ./- is a folder of that name";
        return Err(Failure::usage(what));
    }
    let fail = |e| cannot_write(folder, e);
    let made = !folder.exists();
    fs::create_dir_all(folder).map_err(fail)?;
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
        folder.display()
    );
    Failure::new(exit::FAILURE, message)
}

/// A folder that nobody else has, named by the time.
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
        // Making it is the test whether it is free: another run may begin in the same second.
        match fs::create_dir(&path) {
            Ok(()) => return Ok(RunFolder { path, made: true }),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(cannot_write(&path, e)),
        }
    }
    unreachable!("some number is free")
}
