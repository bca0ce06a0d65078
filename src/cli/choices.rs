//! What `pagebench run` chose because nothing was said, and which options change it: for those who run
//! it for the first time.

use super::progress::note;
use super::run::RunArgs;
use crate::sweep::Plan;
use crate::units::{show_bytes, show_count};
use std::collections::BTreeSet;
use std::path::Path;

/// Says what was chosen, unless any of policies, frames and windows was asked for or `--quiet`.
pub fn tell(args: &RunArgs, plan: &Plan<'_>, folder: &Path) {
    if args.job.sweep.axes_given() {
        return;
    }
    note("chosen, since nothing else was asked for (behind it the option that changes it):");
    let cells = &plan.cells;
    let labels: BTreeSet<String> = cells.iter().map(|cell| cell.choice.to_string()).collect();
    let labels: Vec<String> = labels.into_iter().collect();
    let machine = match (plan.settings.tlb, &args.job.sweep.machine) {
        (None, _) => "no TLBs".to_owned(),
        (_, Some(name)) => name.clone(),
        (Some(_), None) => format!("TLBs {}", args.job.sweep.tlb),
    };
    let sizes: BTreeSet<u64> = plan
        .facts
        .iter()
        .map(|facts| facts.page_size.bytes())
        .collect();
    let sizes: Vec<String> = sizes.into_iter().map(show_bytes).collect();
    let frames = cells.iter().filter_map(|cell| cell.frames.map(u64::from));
    let windows = cells.iter().filter_map(|cell| cell.tau);
    let lines = [
        ("policies", labels.join(", "), "-p"),
        (
            "frames",
            span(frames, "powers of two up to all pages"),
            "-m",
        ),
        (
            "windows",
            span(windows, "mean working sets like the frames"),
            "--tau",
        ),
        ("page size", sizes.join(", "), "--page-size"),
        (
            "machine",
            format!("{machine}, {} behind memory", args.job.sweep.device),
            "--machine, --tlb, --device",
        ),
        ("results in", folder.display().to_string(), "-o"),
    ];
    for (what, value, option) in lines.iter().filter(|line| !line.1.is_empty()) {
        note(&format!("  {what:<11} {value}  [{option}]"));
    }
}

/// From the least to the greatest value; nothing where there is none.
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
