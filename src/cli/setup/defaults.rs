//! The defaults that `pagebench run` used, each with the option that changes it, for a first run.

use super::progress::note;
use crate::cli::args::SweepArgs;
use crate::space::Resolved;
use crate::sweep::Plan;
use crate::units::{Printable, show_bytes, show_count};
use std::collections::BTreeSet;
use std::path::Path;

/// Prints the defaults in use. Prints nothing with --quiet, or if -p, -m, --tau or --seed differ from
/// their defaults.
pub fn report(sweep: &SweepArgs, plan: &Plan<'_>, folder: &Path) {
    if sweep.axes_given() {
        return;
    }
    note("defaults, each with the option that changes it:");
    let cells = &plan.cells;
    let labels: BTreeSet<String> = cells.iter().map(|cell| cell.choice.to_string()).collect();
    let labels: Vec<String> = labels.into_iter().collect();
    let machine = match (plan.settings.tlb, &sweep.machine) {
        (None, _) => "no TLBs".to_owned(),
        (_, Some(name)) => name.clone(),
        (Some(_), None) => format!("TLBs {}", sweep.tlb),
    };
    let facts = plan.facts.iter();
    let sizes: BTreeSet<u64> = facts.map(|facts| facts.page_size.bytes()).collect();
    let sizes: Vec<String> = sizes.into_iter().map(show_bytes).collect();
    let frames = cells.iter().filter_map(|cell| cell.frames.map(u64::from));
    let windows = cells.iter().filter_map(|cell| cell.tau);
    let is_string = |resolved: &&Resolved| resolved.trace.meta.format == "string";
    let sizes_of_memory = match plan.traces.iter().all(is_string) {
        true => "every number up to all pages",
        false => "powers of two up to all pages",
    };
    let lines = [
        ("policies", labels.join(", "), "-p"),
        ("frames", span(frames, sizes_of_memory), "-m"),
        (
            "windows",
            span(windows, "mean working sets like the frames"),
            "--tau",
        ),
        ("page size", sizes.join(", "), "--page-size"),
        (
            "machine",
            format!("{machine}, {} behind memory", sweep.device),
            "--machine, --tlb, --device",
        ),
        ("results in", folder.printed().to_string(), "-o"),
    ];
    for (what, value, option) in lines.iter().filter(|line| !line.1.is_empty()) {
        note(&format!("  {what:<11} {value}  [{option}]"));
    }
}

/// Returns the least and the greatest value, and `how` they were chosen; empty without values.
fn span(values: impl Iterator<Item = u64>, how: &str) -> String {
    let values: BTreeSet<u64> = values.collect();
    match (values.first(), values.last()) {
        (Some(first), Some(last)) if first < last => {
            format!("{} to {}, {how}", show_count(*first), show_count(*last))
        }
        (Some(one), _) => show_count(*one),
        _ => String::new(),
    }
}
