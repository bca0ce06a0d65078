//! The run folder: made before any work, so that a bad path fails early; its files are written
//! whole or not at all.

use super::failure::Failure;
use super::input::Inputs;
use super::run::RunArgs;
use crate::exit;
use crate::report::columns::{Row, SCHEMA};
use crate::report::csv::{table_to_csv, write_file};
use crate::report::distributions::{KEY_COLUMNS, key_fields};
use crate::report::rows::key_of;
use crate::sweep::{CellResult, Plan};
use crate::trace::digest;
use crate::vm::cost::CostTable;
use crate::vm::geometry::Hardware;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes the folder of a run: the one asked for, or a fresh one under `reports/runs`.
pub fn make_folder(asked: Option<&Path>, force: bool) -> Result<PathBuf, Failure> {
    let folder = match asked {
        Some(folder) => folder.to_path_buf(),
        None => fresh_folder(),
    };
    if folder.join("results.csv").exists() && !force {
        let message = format!(
            "{}: holds results already; choose another folder, or --force",
            folder.display()
        );
        return Err(Failure::usage(message));
    }
    let fail = |e: std::io::Error| {
        Failure::new(
            exit::FAILURE,
            format!(
                "{}: cannot write to the output folder: {e}",
                folder.display()
            ),
        )
    };
    fs::create_dir_all(&folder).map_err(fail)?;
    // A folder that exists may still refuse files.
    tempfile::tempfile_in(&folder).map_err(fail)?;
    Ok(folder)
}

fn fresh_folder() -> PathBuf {
    let base = Path::new("reports/runs").join(
        timestamp()
            .replace(['-', ':'], "")
            .replace('T', "-")
            .replace('Z', ""),
    );
    (1..)
        .map(|n| {
            if n == 1 {
                base.clone()
            } else {
                base.with_file_name(format!("{}-{n}", name(&base)))
            }
        })
        .find(|folder| !folder.exists())
        .expect("some number is free")
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
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
            Some((
                key_of(plan, cell),
                result.as_ref()?,
                plan.traces[cell.trace].len() as u64,
            ))
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
    inputs: &Inputs,
    plan: &Plan<'_>,
    costs: &CostTable,
    course: &Course,
) -> Result<(), Failure> {
    let traces: Vec<_> = inputs
        .loaded
        .iter()
        .flat_map(|loaded| loaded.traces.iter().map(move |trace| (loaded, trace)))
        .map(|(loaded, trace)| {
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
                "pages": trace.distinct(),
                "processes": trace.dictionary.pids.len(),
                "skipped_records": trace.meta.skipped,
                "digest": digest::show(trace.digest()),
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
        "command": std::env::args().collect::<Vec<_>>(),
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
        "mappings": "none: every page is private to its process",
        "traces": traces,
        "failed_traces": inputs.errors,
    });
    let text =
        serde_json::to_string_pretty(&manifest).expect("the manifest has no odd keys") + "\n";
    Ok(write_file(&folder.join("manifest.json"), text.as_bytes())?)
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
