//! The run folder: made before any work, so that a bad path fails early; its files are written
//! whole or not at all.

use super::failure::Failure;
use super::input::Inputs;
use super::run::RunArgs;
use crate::exit;
use crate::report::chart::KINDS;
use crate::report::columns::{Row, SCHEMA};
use crate::report::csv::{table_to_csv, write_file};
use crate::report::distributions::{KEY_COLUMNS, key_fields};
use crate::report::file::without_path;
use crate::report::rows::key_of;
use crate::space::{Illegal, Resolved};
use crate::sweep::{CellResult, Plan};
use crate::trace::digest;
use crate::vm::cost::CostTable;
use crate::vm::geometry::Hardware;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

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

/// Makes the folder of a run: the one asked for, or a fresh one under `reports/runs`. With
/// `force` what an earlier run left in it goes first, so that no chart is beside another's table.
pub fn make_folder(asked: Option<&Path>, force: bool) -> Result<RunFolder, Failure> {
    let Some(folder) = asked else {
        return fresh_folder();
    };
    if folder.join("results.csv").exists() {
        refuse_unless(force, folder, "results")?;
        remove_results(folder).map_err(|e| cannot_write(folder, e))?;
    }
    take_folder(folder)
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
    const TABLES: [&str; 5] = [
        "results.csv",
        "windows.csv",
        "distributions.csv",
        "timings.csv",
        "manifest.json",
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

/// `timings.csv`: what differs from run to run.
pub fn write_timings(
    folder: &Path,
    plan: &Plan<'_>,
    results: &[Option<CellResult>],
) -> Result<(), Failure> {
    let header = KEY_COLUMNS
        .into_iter()
        .chain(["refs", "wall_ns", "refs_per_s"])
        .map(str::to_owned)
        .collect();
    let mut cells: Vec<(Row, &CellResult, u64)> = plan
        .cells
        .iter()
        .zip(results)
        .filter_map(|(cell, result)| {
            let result = result.as_ref()?;
            let replayed = result.replayed(plan.traces[cell.trace].trace.len());
            Some((key_of(plan, cell), result, replayed))
        })
        .collect();
    cells.sort_by_cached_key(|(row, ..)| row.sort_key());
    let lines = cells.iter().map(|(row, result, refs)| {
        let mut fields = key_fields(row);
        let speed = *refs as f64 / result.wall.as_secs_f64().max(1e-9);
        fields.extend([
            refs.to_string(),
            result.wall.as_nanos().to_string(),
            format!("{speed:.0}"),
        ]);
        fields
    });
    Ok(write_file(
        &folder.join("timings.csv"),
        &table_to_csv(header, lines),
    )?)
}

/// How the run went.
pub struct Course {
    /// When it began.
    pub started: String,
    /// Cells replayed, or failed.
    pub finished: usize,
    /// Whether a signal ended it.
    pub interrupted: bool,
}

/// `manifest.json`: what the run was, so that it can be repeated and its times understood.
pub fn write_manifest(
    folder: &Path,
    args: &RunArgs,
    inputs: &Inputs<Resolved>,
    plan: &Plan<'_>,
    costs: &CostTable,
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
                "illegal": tally.illegal.iter().map(|one| illegal(one, &trace.dictionary.pids))
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    let policies: Vec<String> = args
        .sweep
        .axes()?
        .policies
        .iter()
        .map(ToString::to_string)
        .collect();
    let manifest = json!({
        "schema": SCHEMA,
        "tool": concat!("pagebench ", env!("CARGO_PKG_VERSION")),
        "command": std::env::args_os()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect::<Vec<_>>(),
        "started": course.started,
        "ended": timestamp(),
        "host": host(),
        "threads": args.sweep.threads()?,
        "cells": plan.cells.len(),
        "cells_finished": course.finished,
        "interrupted": course.interrupted,
        "policies": policies,
        "frames": args.sweep.frames.to_string(),
        "tau": args.sweep.tau.to_string(),
        "warmup": args.sweep.warmup,
        "filter": plan.settings.filter,
        "tlb": plan.settings.tlb.map(|tlb| tlb.to_string()),
        "machine": machine(plan),
        "costs": costs,
        "on_segfault": plan.settings.space.on_segfault.name(),
        "commit_limit": plan.settings.space.commit_limit,
        "allocation": plan.settings.allocation.name(),
        "accessed_bit": plan.settings.accessed.name(),
        "traces": traces,
        "failed_traces": inputs.errors,
    });
    let text =
        serde_json::to_string_pretty(&manifest).expect("the manifest has no odd keys") + "\n";
    Ok(write_file(&folder.join("manifest.json"), text.as_bytes())?)
}

/// An illegal reference, with its position in the trace.
fn illegal(one: &Illegal, pids: &[u32]) -> serde_json::Value {
    let fault = match one.segmentation {
        true => "segmentation",
        false => "protection",
    };
    json!({
        "reference": one.position,
        "pid": pids[one.process as usize],
        "page": format!("{:#x}", one.page),
        "kind": one.kind.letter().to_string(),
        "fault": fault,
    })
}

/// The machine whose TLBs are modelled, with what each page size of the run sees of it.
fn machine(plan: &Plan<'_>) -> serde_json::Value {
    let Some(Hardware::Machine(preset)) = plan.settings.tlb else {
        return serde_json::Value::Null;
    };
    let sizes: BTreeSet<_> = plan.facts.iter().map(|facts| facts.page_size).collect();
    let seen = sizes.into_iter().map(|size| {
        let tlb = preset.geometry(size).to_string();
        json!({ "page_size": size.bytes(), "tlb": tlb })
    });
    json!({
        "name": preset.name,
        "about": preset.about,
        "confirmed": preset.confirmed,
        "source": preset.source,
        "tlbs": seen.collect::<Vec<_>>(),
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
