//! `manifest.json`: what a run was, so that it can be repeated and its times understood.

use super::failure::Failure;
use super::host::{cores, cpu, timestamp};
use super::input::{Inputs, Loaded};
use super::job::Job;
use crate::report::results::columns::SCHEMA;
use crate::report::results::plan_file::TOOL;
use crate::report::results::results_csv::write_file;
use crate::space::{Illegal, Resolved};
use crate::sweep::{Part, Plan};
use crate::trace::model::dense::Trace;
use crate::trace::model::digest;
use crate::units::printed_json;
use crate::vm::hardware::Hardware;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the file.
pub const MANIFEST: &str = "manifest.json";

/// How a run went.
pub struct RunSummary {
    /// When it began.
    pub started: String,
    /// The cells to take: all, or the part of `--partition`.
    pub cells: usize,
    /// Of these, finished or failed.
    pub finished: usize,
    /// Of the finished ones, those whose counts a curve gave.
    pub by_curve: usize,
    /// Of the finished ones, those kept from an earlier run.
    pub resumed: usize,
    /// Whether a signal ended the run.
    pub interrupted: bool,
}

/// Writes the manifest of a run.
pub fn write_manifest(
    folder: &Path,
    job: &Job<'_>,
    inputs: &Inputs<Resolved>,
    plan: &Plan<'_>,
    summary: &RunSummary,
) -> Result<(), Failure> {
    let (checked, settings) = (&job.checked, &plan.settings);
    let policies = checked.axes.policies.iter();
    let policies: Vec<String> = policies.map(ToString::to_string).collect();
    let experiment = job.config.experiment.as_ref();
    let manifest = json!({
        "schema": SCHEMA,
        "tool": TOOL,
        "command": command_line(),
        "experiment": experiment.map(|e| e.text.path().to_string_lossy()),
        "name": experiment.and_then(|e| e.name.as_deref()),
        "settings": job.config.settings(),
        "partition": checked.partition.map(|partition| partition.to_string()),
        "started": summary.started,
        "ended": timestamp(),
        "host": host_json(),
        "threads": checked.threads,
        "cells": summary.cells,
        "cells_finished": summary.finished,
        "cells_by_curve": summary.by_curve,
        "cells_resumed": summary.resumed,
        "interrupted": summary.interrupted,
        "policies": policies,
        "counts": checked.counts.names(),
        "frames": checked.axes.frames.to_string(),
        "tau": checked.axes.tau.to_string(),
        "warmup": job.config.settings().get("warmup"),
        "filter": settings.filter,
        "tlb": settings.tlb.map(|tlb| tlb.to_string()),
        "tlb_by_page_size": settings.tlb.as_ref().map(|tlb| tlbs_json(plan, tlb)),
        "machine": machine_json(plan),
        "costs": checked.costs,
        "on_segfault": settings.space.on_segfault.name(),
        "commit_limit": settings.space.commit_limit,
        "swap_in": settings.choices.swap_in.name(),
        "pin_cow_source": settings.choices.cow_source.name(),
        "fork_file_ptes": settings.space.fork_file_ptes.name(),
        "free_frames": settings.choices.free_frames.name(),
        "layout": settings.space.layout.name(),
        "page_cache": part_json(plan, Part::PageCache),
        "file_io": settings.space.file_io.name(),
        "beyond_eof": settings.space.beyond_eof.name(),
        "models": models_json(plan),
        "allocation": part_json(plan, Part::Allocation),
        "accessed_bit": part_json(plan, Part::AccessedBit),
        "traces": traces_json(inputs),
        "failed_traces": inputs.errors,
    });
    write_json(folder, &manifest)
}

/// Writes the manifest of merged results, which holds those of all parts.
pub fn write_merged_manifest(folder: &Path, parts: &[PathBuf]) -> Result<(), Failure> {
    let part = |part: &PathBuf| {
        let text = fs::read(part.join(MANIFEST)).ok();
        let manifest = text.and_then(|text| serde_json::from_slice(&text).ok());
        json!({
            "folder": part.to_string_lossy(),
            // A part that was killed has none.
            "manifest": manifest.unwrap_or(Value::Null),
        })
    };
    let manifest = json!({
        "schema": SCHEMA,
        "tool": TOOL,
        "command": command_line(),
        "ended": timestamp(),
        "merged": parts.iter().map(part).collect::<Vec<_>>(),
    });
    write_json(folder, &manifest)
}

fn write_json(folder: &Path, manifest: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(manifest).expect("every key is a string") + "\n";
    let text = printed_json(text);
    Ok(write_file(&folder.join(MANIFEST), text.as_bytes())?)
}

/// Returns the models of memory of the cells, and how those without frames use it.
fn models_json(plan: &Plan<'_>) -> Value {
    json!({
        "model": part_json(plan, Part::Model),
        "segments": part_json(plan, Part::Segments),
        "fit": part_json(plan, Part::Fit),
        "swap_unit": part_json(plan, Part::SwapUnit),
        "relief": part_json(plan, Part::Relief),
        "idle": plan.settings.segments.idle,
    })
}

fn command_line() -> Vec<String> {
    let args = std::env::args_os();
    args.map(|arg| arg.to_string_lossy().into_owned()).collect()
}

fn traces_json(inputs: &Inputs<Resolved>) -> Vec<Value> {
    let each = |loaded: &Loaded<Resolved>| -> Vec<Value> {
        let traces = loaded.traces.iter();
        traces
            .map(|resolved| trace_json(loaded, resolved))
            .collect()
    };
    inputs.loaded.iter().flat_map(each).collect()
}

fn trace_json(loaded: &Loaded<Resolved>, resolved: &Resolved) -> Value {
    let (trace, tally) = (&resolved.trace, &resolved.tally);
    let illegal = tally.illegal.iter().map(|one| illegal_json(one, trace));
    json!({
        "name": trace.meta.name,
        "path": loaded.path.to_string_lossy(),
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
        "bus_errors": tally.bus_errors,
        "references_dropped": tally.dropped,
        "events_without_effect": tally.idle_events,
        "file_io_ignored": tally.ignored_io,
        "refused": tally.refused,
        "illegal": illegal.collect::<Vec<_>>(),
    })
}

/// An illegal reference: its position in the trace, from 0, and the address of its page.
fn illegal_json(illegal: &Illegal, trace: &Trace) -> Value {
    json!({
        "position": illegal.position,
        "pid": trace.dictionary.pid(illegal.process),
        "page": format!("{:#x}", illegal.page << trace.meta.page_shift()),
        "kind": illegal.kind.letter().to_string(),
        "fault": illegal.fault.name(),
    })
}

/// A part of the cells' identities: one text, or a list if cells differ.
fn part_json(plan: &Plan<'_>, part: Part) -> Value {
    let texts = plan.cells.iter().map(|cell| plan.identity(cell).text(part));
    let texts: BTreeSet<String> = texts.collect();
    match texts.len() {
        1 => json!(texts.first()),
        _ => json!(texts),
    }
}

/// The TLBs and page tables as each page size of the run sees them.
fn tlbs_json(plan: &Plan<'_>, hardware: &Hardware) -> Vec<Value> {
    let sizes: BTreeSet<_> = plan.facts.iter().map(|facts| facts.page_size).collect();
    let seen = sizes.into_iter().map(|size| {
        let tlb = plan.settings.geometry(hardware, size).to_string();
        json!({ "page_size": size.bytes(), "tlb": tlb })
    });
    seen.collect()
}

/// The machine whose TLBs are modelled; null if none is named.
fn machine_json(plan: &Plan<'_>) -> Value {
    let Some(hardware @ Hardware::Machine(preset)) = &plan.settings.tlb else {
        return Value::Null;
    };
    json!({
        "name": preset.name,
        "about": preset.about,
        "confirmed": preset.confirmed,
        "source": preset.source,
        "tlbs": tlbs_json(plan, hardware),
    })
}

fn host_json() -> Value {
    json!({
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "cpu": cpu(),
        "cores": cores(),
    })
}
