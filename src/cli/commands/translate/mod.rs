//! `pagebench translate`: the translation hardware at work on single addresses.

mod by_segments;

use crate::cli::args;
use crate::cli::args::words;
use crate::cli::setup::failure::Failure;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::units::{PageSize, Printable, show_bytes};
use crate::vm::hardware::Hardware;
use crate::vm::hardware::layout;
use crate::vm::hardware::layout::Layout;
use crate::vm::hardware::tlb_shapes::Geometry;
use crate::vm::models::choices::Model;
use crate::vm::walkthrough::{Entry, Found, State, Step, Translator};
use clap::Args;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Walk single addresses through TLBs and page tables, step by step.
///
/// Without --state memory is empty and endless: the first touch of a page faults and takes the
/// next frame.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench translate --machine zen3 7f1234567abc 7f1234567fff 7f1234568000
  pagebench translate --machine csapp --state csapp.state 03d4 0b8f 0020
  pagebench translate --model segmentation --state segments.state 2:53 0:1222
  pagebench translate --model flat --layout two-level 0x23:0x8048123

A state is a text: bits va=14 pa=12 page=64 [index=4/4] [tlb=16x4], then lines tlb SET TAG PPN,
pte VPN PPN, table INDEX/… PPN, byte ADDRESS VALUE, in hexadecimal; # begins a comment.
With --model it has lines segment NUMBER base=4300 limit=400 rw- (decimal unless 0x), with
segmented-paging also page BYTES and pte NUMBER:VPN PPN, with flat also those above.")]
pub struct TranslateArgs {
    /// Virtual addresses, hexadecimal with 0x or without; with --model SEGMENT:OFFSET, decimal unless 0x
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,

    /// A machine of the table (see: pagebench machines)
    #[arg(long, value_name = "NAME", conflicts_with = "tlb")]
    machine: Option<String>,

    /// TLBs and page-walk caches, as in run
    #[arg(long, value_name = "GEOMETRY")]
    tlb: Option<String>,

    /// Page tables: two-level, pae, four-level, five-level, arm-16k, linear-32, linear-48, csapp
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,

    /// Page size that the layout has; its smallest if absent
    #[arg(long, value_name = "BYTES", conflicts_with = "state")]
    page_size: Option<PageSize>,

    /// Initial contents of TLB, page table and memory
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Translate by a model with segments: segmentation, segmented-paging (a page table for each), flat
    /// (SELECTOR:OFFSET on 32-bit x86), base-limit (OFFSET, in segment 0), physical
    #[arg(long, value_name = "MODEL", value_parser = words(Model::ALL), hide_possible_values = true)]
    model: Option<Model>,

    /// The addresses are instructions, not data
    #[arg(long)]
    ifetch: bool,
}

/// Runs `translate`.
pub fn translate(args: TranslateArgs) -> Result<ExitCode, Failure> {
    if let Some(model) = args.model {
        print(by_segments::translated(&args, model)?.trim_start_matches('\n'))?;
        return Ok(exit::OK);
    }
    if args.state.is_some() && args.layout.is_some() {
        let what = "--layout: a --state gives the layout itself";
        return Err(Failure::usage(what));
    }
    let translator = match &args.state {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| Failure::unreadable(path, e))?;
            with_state(&args, path, &text)?
        }
        None => without_state(&args, args.layout.as_deref())?,
    };
    let addresses = args.addresses.iter().map(|text| parse_address(text));
    let addresses = addresses.collect::<Result<Vec<u64>, Failure>>()?;
    let steps = translator
        .run(&addresses, args.ifetch)
        .map_err(Failure::usage)?;
    let mut out = heading(&translator);
    for step in &steps {
        show(&mut out, step);
    }
    print(&out)?;
    Ok(exit::OK)
}

fn parse_address(text: &str) -> Result<u64, Failure> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|_| {
        let what = format!("{text:?} is no address: write 7f12a000 or 0x7f12a000");
        Failure::usage(what)
    })
}

/// Returns the hardware that the arguments name; `None` if they name none.
fn hardware(args: &TranslateArgs) -> Result<Option<Hardware>, Failure> {
    match (args.machine.as_deref(), args.tlb.as_deref()) {
        (None, None) => Ok(None),
        (None, Some(tlb)) if tlb.trim() == "none" => Err(Failure::usage(
            "--tlb none: translate shows look-ups; describe the TLBs or leave the option out",
        )),
        (machine, tlb) => args::hardware(machine, tlb.unwrap_or_default()).map(Some),
    }
}

fn with_state(args: &TranslateArgs, path: &Path, text: &str) -> Result<Translator, Failure> {
    let state = State::parse(text)
        .map_err(|e| Failure::usage(format!("{}:{}: {}", path.printed(), e.line, e.what)))?;
    let page = PageSize::from_shift(state.layout.page_bits as u8).unwrap_or(PageSize::MIN);
    let given = hardware(args)?.map_or(Geometry::default(), |hardware| hardware.geometry(page));
    Ok(Translator {
        geometry: state.geometry(given),
        layout: state.layout.clone(),
        page_bits: state.layout.page_bits,
        state: Some(state),
    })
}

fn without_state(args: &TranslateArgs, layout: Option<&str>) -> Result<Translator, Failure> {
    let hardware = hardware(args)?.unwrap_or(Geometry::default().into());
    let layout = match (layout, &hardware) {
        (Some(name), _) => layout::find(name).map_err(Failure::usage)?,
        (None, Hardware::Machine(preset)) => preset.layout(),
        (None, Hardware::Geometry(geometry)) => layout_of(geometry.levels)?,
    };
    let page_bits = args
        .page_size
        .map_or(layout.page_bits, |page| u32::from(page.shift()));
    if !layout.page_sizes().any(|bits| bits == page_bits) {
        let sizes: Vec<String> = layout.page_sizes().map(|b| show_bytes(1 << b)).collect();
        return Err(Failure::usage(format!(
            "--page-size {}: layout {} has pages of {}",
            show_bytes(1 << page_bits),
            layout.name,
            sizes.join(", ")
        )));
    }
    let page = PageSize::from_shift(page_bits as u8).unwrap_or(PageSize::MAX);
    Ok(Translator {
        geometry: hardware.over(layout, page),
        layout: layout.clone(),
        page_bits,
        state: None,
    })
}

/// Returns the usual layout with `levels` levels.
fn layout_of(levels: u32) -> Result<&'static Layout, Failure> {
    let name = match levels {
        1 => "linear-48",
        2 => "two-level",
        3 => "pae",
        4 => "four-level",
        5 => "five-level",
        _ => {
            let why = format!("no usual page table has {levels} levels; name one with --layout");
            return Err(Failure::usage(why));
        }
    };
    Ok(layout::find(name).expect("a layout of the table"))
}

fn heading(translator: &Translator) -> String {
    let layout = &translator.layout;
    // A large page is found above the last level: the indices below are part of its offset.
    let walked = &layout.index_bits[..layout.walk_levels(translator.page_bits)];
    let bits: Vec<String> = walked.iter().map(u32::to_string).collect();
    format!(
        "{}-bit addresses: {} index bits, {} offset bits; tlb {}\n",
        layout.address_bits(),
        bits.join(" + "),
        translator.page_bits,
        translator.geometry
    )
}

fn show(out: &mut String, step: &Step) {
    let _ = writeln!(
        out,
        "\n{:#x}: VPN {:#x}, offset {:#x}",
        step.address, step.page, step.offset
    );
    for look in &step.looks {
        let word = if look.hit { "hit" } else { "miss" };
        let _ = writeln!(
            out,
            "  {:6} set {:#x}, tag {:#x}: {word}",
            look.level, look.set, look.tag
        );
    }
    for level in &step.walk {
        let found = match level.entry {
            Entry::Cached => "not read, page-walk cache".to_owned(),
            Entry::Present(Some(frame)) => format!("present, frame {frame:#x}"),
            Entry::Present(None) => "present".to_owned(),
            Entry::Absent => "not present".to_owned(),
        };
        let _ = writeln!(out, "  {:6} index {:#x}: {found}", level.name, level.index);
    }
    let _ = match step.found {
        Found::Fault => writeln!(out, "  page fault"),
        Found::Mapped {
            frame,
            physical,
            value,
            faulted,
        } => {
            let fault = if faulted { "page fault, then " } else { "" };
            let value = value.map_or(String::new(), |value| format!(", byte {value:#04x}"));
            writeln!(
                out,
                "  {fault}PFN {frame:#x}, physical address {physical:#x}{value}"
            )
        }
    };
}
