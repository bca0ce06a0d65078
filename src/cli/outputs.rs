//! What is written into the folder of a run: tables and the manifest, each file whole or not at all.
//! `folder` has which folder that may be.

use super::experiment::Config;
use super::failure::Failure;
use super::input::Inputs;
use super::job::Asked;
use crate::report::columns::{Row, SCHEMA};
use crate::report::csv::{read_rows, to_csv, write_file};
use crate::report::plan_file::TOOL;
use crate::report::records::{self, Record};
use crate::space::{Illegal, Resolved};
use crate::sweep::{Part, Plan};
use crate::trace::dense::Meta;
use crate::trace::digest;
use crate::vm::geometry::Hardware;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of the file that says what a run was.
pub const MANIFEST: &str = "manifest.json";

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
        "allocation": done(plan, Part::Allocation),
        "accessed_bit": done(plan, Part::AccessedBit),
        "traces": traces,
        "failed_traces": inputs.errors,
    });
    write_json(folder, &manifest)
}

/// What was done in the cells, as their rows have it: one word, or a list where they differ.
fn done(plan: &Plan<'_>, part: Part) -> serde_json::Value {
    let texts = plan.cells.iter().map(|cell| plan.identity(cell).text(part));
    let texts: BTreeSet<String> = texts.collect();
    match texts.len() {
        1 => json!(texts.first()),
        _ => json!(texts),
    }
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
