//! `pagebench machines`: the machines whose TLBs are known.

use super::lists::{NameArgs, listing};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::terminal::{field, print};
use crate::exit::{self, ExitCode};
use crate::units::{PageSize, show_bytes};
use crate::vm::hardware::processors;
use crate::vm::hardware::processors::{Arrays, MACHINES, ProcessorModel};
use crate::vm::hardware::tlb_shapes::{Second, Shape};

/// Runs `machines`.
pub fn machines(args: NameArgs) -> Result<ExitCode, Failure> {
    let text = match args.name {
        Some(name) => describe(processors::find(&name).map_err(Failure::usage)?),
        None => listing(
            &MACHINES
                .iter()
                .map(|preset| (preset.name.to_owned(), in_one_line(preset)))
                .collect::<Vec<_>>(),
        ),
    };
    print(&text)?;
    Ok(exit::OK)
}

fn size_of(arrays: &Arrays) -> PageSize {
    PageSize::from_shift(arrays.page_bits).expect("a page size of the table")
}

fn in_one_line(preset: &ProcessorModel) -> String {
    let reach = data_reach(&preset.arrays[0]);
    let doubt = if preset.confirmed {
        ""
    } else {
        " (unconfirmed)"
    };
    format!("{}; maps {reach} of data{doubt}", preset.about)
}

/// Returns the bytes that the largest data TLB for a page size maps.
fn data_reach(arrays: &Arrays) -> String {
    let [_, second] = arrays.l2.parts();
    let largest = second.map_or(arrays.l1d.entries, |s| s.entries.max(arrays.l1d.entries));
    show_bytes(Shape::full(largest).reach(size_of(arrays).bytes()))
}

fn describe(preset: &ProcessorModel) -> String {
    let mut out = format!("{}: {}\n", preset.name, preset.about);
    let confirmed = if preset.confirmed {
        "confirmed"
    } else {
        "unconfirmed: not every number is read from the hardware or from source"
    };
    field(&mut out, "numbers", confirmed);
    field(&mut out, "source", preset.source);
    if !preset.remark.is_empty() {
        field(&mut out, "remark", preset.remark);
    }
    let layout = preset.layout();
    let tables = format!("{}: {}", layout.name, layout.about);
    field(&mut out, "page tables", tables);
    let caches: Vec<String> = preset
        .pwc
        .iter()
        .zip(layout.entries)
        .map(|(shape, entry)| format!("{entry} {shape}"))
        .collect();
    let caches = if caches.is_empty() {
        "none known".to_owned()
    } else {
        caches.join(", ")
    };
    field(&mut out, "walk caches", caches);
    let replacement = "least recently used in each set, for every machine";
    field(&mut out, "replacement", replacement);
    field(&mut out, "costs", costs(preset));
    for arrays in preset.arrays {
        describe_arrays(&mut out, preset, arrays);
    }
    out
}

/// Returns the option that gives the machine's costs, and the cycles that they come from.
fn costs(preset: &ProcessorModel) -> String {
    let costs = &preset.costs;
    format!(
        "--cost tlb-l2={}ns,walk-ref={}ns,fault={}ns ({} and {} cycles at {} MHz)",
        costs.tlb_l2_ns(),
        costs.walk_ref_ns(),
        costs.fault_ns,
        costs.tlb_l2_cycles,
        costs.walk_ref_cycles,
        costs.clock_mhz,
    )
}

/// Appends the TLBs for one page size.
fn describe_arrays(out: &mut String, preset: &ProcessorModel, arrays: &Arrays) {
    let page = size_of(arrays);
    out.push_str(&format!("pages of {page}\n"));
    let mut line = |name: &str, text: String| out.push_str(&format!("  {name:27}{text}\n"));
    let tlb = |shape: Option<Shape>| match shape {
        None => "none".to_owned(),
        Some(shape) => {
            let reach = show_bytes(shape.reach(page.bytes()));
            format!("{shape}, maps {reach}")
        }
    };
    line("first level, instructions", tlb(Some(arrays.l1i)));
    line("first level, data", tlb(Some(arrays.l1d)));
    match arrays.l2 {
        Second::Split { instructions, data } => {
            line("second, instructions", tlb(instructions));
            line("second, data", tlb(data));
        }
        Second::Absent => line("second level", tlb(None)),
        Second::Shared(shape) => line("second level, shared", tlb(Some(shape))),
    }
    let geometry = preset.geometry(page);
    line("a walk reads", format!("{} entries", geometry.levels));
    if page == PageSize::DEFAULT {
        line("the same as", format!("--tlb {geometry}"));
    }
}
