//! The run folder: made before any work, so that a bad path fails early; its files are written
//! whole or not at all.

use super::experiment::Config;
use super::failure::Failure;
use super::input::Inputs;
use super::job::Asked;
use super::progress::message;
use crate::exit;
use crate::report::chart::KINDS;
use crate::report::columns::{Row, SCHEMA};
use crate::report::csv::{read_rows, to_csv, write_file};
use crate::report::file::{remove_leftovers, without_path};
use crate::report::plan_file::{PLAN, PlanFile, TOOL};
use crate::report::records::{self, Appender, CELLS, Kept, Record};
use crate::space::{Illegal, Resolved};
use crate::sweep::Plan;
use crate::trace::dense::Meta;
use crate::trace::digest;
use crate::units::counted;
use crate::vm::geometry::Hardware;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of the file that says what a run was.
const MANIFEST: &str = "manifest.json";

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

/// What is done with results that a folder holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// They are refused.
    Refuse,
    /// They go.
    Remove,
    /// The run that left them goes on.
    Resume,
}

/// Makes the folder of a run: the one asked for, or a fresh one under `reports/runs`. What an earlier
/// run left in it goes first where that is wanted, so that no chart is beside another's table.
pub fn make_folder(asked: Option<&Path>, found: Found) -> Result<RunFolder, Failure> {
    let Some(folder) = asked else {
        return fresh_folder();
    };
    let holds = ["results.csv", CELLS].map(|file| folder.join(file).exists());
    match found {
        Found::Refuse if holds.contains(&true) => return Err(refused(folder)),
        Found::Remove => {
            if holds[1] {
                // Another run that is still writing keeps what it has.
                drop(Appender::open(folder)?);
            }
            if holds.contains(&true) {
                remove_results(folder).map_err(|e| cannot_write(folder, e))?;
            }
        }
        _ => {}
    }
    take_folder(folder)
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
/// gives what that finished. The folder is then locked.
pub fn enter(
    folder: &Path,
    plan: &PlanFile,
    resume: bool,
) -> Result<(Appender, HashMap<String, Record>), Failure> {
    let appender = Appender::open(folder)?;
    remove_leftovers(folder).map_err(|e| cannot_write(folder, e))?;
    let earlier = match resume {
        true => PlanFile::read(folder)?,
        false => None,
    };
    let Some(earlier) = earlier else {
        if folder.join("results.csv").exists() {
            let what =
                "holds results of a run that cannot go on; choose another folder, or --force";
            return Err(Failure::usage(format!("{}: {what}", folder.display())));
        }
        plan.write(folder)?;
        return Ok((appender, HashMap::new()));
    };
    let mut different = earlier.differences(plan);
    if earlier.part() != plan.part() {
        let part = |plan: &PlanFile| plan.partition.clone().unwrap_or("all of it".into());
        let (there, here) = (part(&earlier), part(plan));
        different.push(format!("partition: {there}, now {here}"));
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
    Ok((appender, whole.collect()))
}

/// Says how many lines of a folder's finished cells are not whole.
pub fn tell_broken(folder: &Path, kept: &Kept) {
    if kept.broken > 0 {
        message(&format!(
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

/// Writes the tables of finished cells; returns the rows as they can be read back. Distributions are
/// there only where every count was asked for.
pub fn write_tables(folder: &Path, records: &[Record]) -> Result<Vec<Row>, Failure> {
    let results = folder.join("results.csv");
    write_file(&results, &to_csv(&records::rows(records)))?;
    if records.iter().all(|record| record.row.counts.is_all()) {
        let table = records::distributions(records);
        write_file(&folder.join("distributions.csv"), &table)?;
    }
    if let Some(table) = records::vmstat(records) {
        write_file(&folder.join("vmstat.csv"), &table)?;
    }
    write_file(&folder.join("timings.csv"), &records::timings(records))?;
    Ok(read_rows(&results)?)
}

/// Makes the folder of states over time, or takes it if it holds none of these files or `force` is
/// given; they go then, so that no chart is beside another's table.
pub fn claim_folder(folder: &Path, force: bool, files: &[&str]) -> Result<RunFolder, Failure> {
    for path in files.iter().map(|file| folder.join(file)) {
        if path.exists() {
            refuse_unless(force, folder, "states")?;
            fs::remove_file(&path).map_err(|e| cannot_write(folder, e))?;
        }
    }
    take_folder(folder)
}

fn refuse_unless(force: bool, folder: &Path, what: &str) -> Result<(), Failure> {
    if force {
        return Ok(());
    }
    let folder = folder.display();
    Err(Failure::usage(format!(
        "{folder}: holds {what} already; choose another folder, or --force"
    )))
}

/// A folder that takes files, made if it is not there.
fn take_folder(folder: &Path) -> Result<RunFolder, Failure> {
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

/// Removes the files that a run writes, and no others.
fn remove_results(folder: &Path) -> io::Result<()> {
    const TABLES: [&str; 8] = [
        "results.csv",
        "windows.csv",
        "distributions.csv",
        "vmstat.csv",
        "timings.csv",
        MANIFEST,
        CELLS,
        PLAN,
    ];
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    let charts = || KINDS.iter().filter(|kind| kind.by_default);
    // A table is a chart's only beside the picture: somebody's own may have such a name.
    let pictured = |name: &str| match name.strip_suffix("csv") {
        Some(stem) => ["png", "svg"]
            .iter()
            .any(|ending| names.contains(&format!("{stem}{ending}"))),
        None => true,
    };
    let ours = |name: &&String| {
        let chart = charts().any(|kind| kind.owns(name)) && pictured(name);
        TABLES.contains(&name.as_str()) || chart
    };
    for name in names.iter().filter(ours) {
        fs::remove_file(folder.join(name))?;
    }
    Ok(())
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

/// The present time, as `2026-11-20T23:45:00Z`.
pub fn timestamp() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    let (h, m, s) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
}

/// Days since 1970 as a date of the Gregorian calendar (H. Hinnant's algorithm).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// How the run went.
pub struct Course {
    /// When it began.
    pub started: String,
    /// Cells of the part of the plan that the folder is for.
    pub cells: usize,
    /// Of these, finished or failed.
    pub finished: usize,
    /// Of these, given by curves and not replayed one by one.
    pub by_curve: usize,
    /// Of all finished ones, taken over from an earlier run.
    pub resumed: usize,
    /// Whether a signal ended it.
    pub interrupted: bool,
}

/// `manifest.json`: what the run was, so that it can be repeated and its times understood.
pub fn write_manifest(
    folder: &Path,
    config: &Config,
    asked: &Asked,
    inputs: &Inputs<Resolved>,
    plan: &Plan<'_>,
    course: &Course,
) -> Result<(), Failure> {
    let traces: Vec<_> = inputs
        .loaded
        .iter()
        .flat_map(|loaded| loaded.traces.iter().map(move |trace| (loaded, trace)))
        .map(|(loaded, resolved)| {
            let (trace, tally) = (&resolved.trace, &resolved.tally);
            json!({
                "name": trace.meta.name,
                "path": loaded.path.display().to_string(),
                "format": loaded.format,
                "guessed": loaded.guessed,
                "codec": loaded.codec,
                "recorded_as": trace.meta.format,
                "kind": trace.meta.kind.name(),
                "page_size": trace.meta.page_size.bytes(),
                "references": trace.len(),
                "pages": resolved.objects(),
                "processes": trace.dictionary.pids.len(),
                "skipped_records": trace.meta.skipped,
                "digest": digest::show(trace.digest()),
                "mappings": resolved.origin.name(),
                "segmentation_faults": tally.segfaults,
                "protection_faults": tally.protection_faults,
                "references_dropped": tally.dropped,
                "events_without_effect": tally.idle_events,
                "refused": tally.refused,
                "illegal": tally.illegal.iter().map(|one| illegal(one, &trace.meta, &trace.dictionary.pids))
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    let policies = asked.axes.policies.iter();
    let policies: Vec<String> = policies.map(ToString::to_string).collect();
    let experiment = config.experiment.as_ref();
    let manifest = json!({
        "schema": SCHEMA,
        "tool": TOOL,
        "command": command(),
        "experiment": experiment.map(|e| e.text.path().display().to_string()),
        "name": experiment.and_then(|e| e.name.as_deref()),
        "settings": config.settings(),
        "partition": asked.partition.map(|partition| partition.to_string()),
        "started": course.started,
        "ended": timestamp(),
        "host": host(),
        "threads": asked.threads,
        "cells": course.cells,
        "cells_finished": course.finished,
        "cells_by_curve": course.by_curve,
        "cells_resumed": course.resumed,
        "interrupted": course.interrupted,
        "policies": policies,
        "counts": asked.counts.names(),
        "frames": asked.axes.frames.to_string(),
        "tau": asked.axes.tau.to_string(),
        "warmup": config.settings().get("warmup"),
        "filter": plan.settings.filter,
        "tlb": plan.settings.tlb.map(|tlb| tlb.to_string()),
        "tlb_by_page_size": plan.settings.tlb.as_ref().map(|tlb| tlbs(plan, tlb)),
        "machine": machine(plan),
        "costs": asked.costs,
        "on_segfault": plan.settings.space.on_segfault.name(),
        "commit_limit": plan.settings.space.commit_limit,
        "allocation": plan.settings.allocation.name(),
        "accessed_bit": plan.settings.accessed.name(),
        "traces": traces,
        "failed_traces": inputs.errors,
    });
    write_json(folder, &manifest)
}

/// `manifest.json` of results that were joined: what each part says of itself.
pub fn write_merged_manifest(folder: &Path, parts: &[PathBuf]) -> Result<(), Failure> {
    let part = |part: &PathBuf| {
        let text = fs::read(part.join(MANIFEST)).ok();
        let manifest = text.and_then(|text| serde_json::from_slice(&text).ok());
        json!({
            "folder": part.display().to_string(),
            // A part that was killed has none.
            "manifest": manifest.unwrap_or(serde_json::Value::Null),
        })
    };
    let manifest = json!({
        "schema": SCHEMA,
        "tool": TOOL,
        "command": command(),
        "ended": timestamp(),
        "merged": parts.iter().map(part).collect::<Vec<_>>(),
    });
    write_json(folder, &manifest)
}

fn write_json(folder: &Path, manifest: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(manifest).expect("a manifest has no odd keys") + "\n";
    Ok(write_file(&folder.join(MANIFEST), text.as_bytes())?)
}

/// The command line.
fn command() -> Vec<String> {
    let args = std::env::args_os();
    args.map(|arg| arg.to_string_lossy().into_owned()).collect()
}

/// An illegal reference: its position in the trace, from 0, and the address of its page.
fn illegal(one: &Illegal, meta: &Meta, pids: &[u32]) -> serde_json::Value {
    let fault = match one.segmentation {
        true => "segmentation",
        false => "protection",
    };
    json!({
        "position": one.position,
        "pid": pids[one.process as usize],
        "page": format!("{:#x}", one.page << meta.page_shift()),
        "kind": one.kind.letter().to_string(),
        "fault": fault,
    })
}

/// What each page size of the run sees of TLBs and page tables.
fn tlbs(plan: &Plan<'_>, hardware: &Hardware) -> Vec<serde_json::Value> {
    let sizes: BTreeSet<_> = plan.facts.iter().map(|facts| facts.page_size).collect();
    let seen = sizes.into_iter().map(|size| {
        let tlb = hardware.geometry(size).to_string();
        json!({ "page_size": size.bytes(), "tlb": tlb })
    });
    seen.collect()
}

/// The machine whose TLBs are modelled, with what each page size of the run sees of it.
fn machine(plan: &Plan<'_>) -> serde_json::Value {
    let Some(hardware @ Hardware::Machine(preset)) = &plan.settings.tlb else {
        return serde_json::Value::Null;
    };
    json!({
        "name": preset.name,
        "about": preset.about,
        "confirmed": preset.confirmed,
        "source": preset.source,
        "tlbs": tlbs(plan, hardware),
    })
}

fn host() -> serde_json::Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    json!({
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "cpu": cpu,
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
    })
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_are_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_777), (2026, 11, 20));
    }
}
