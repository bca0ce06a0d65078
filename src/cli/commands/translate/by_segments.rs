//! `pagebench translate --model`: addresses of segments, by a table of segments alone, with a page table
//! for each, or flat over the pages of x86.

use super::{TranslateArgs, heading, show, with_state, without_state};
use crate::cli::setup::failure::Failure;
use crate::trace::model::access::Kind;
use crate::units::Printable;
use crate::vm::models::choices::Model;
use crate::vm::walkthrough::segments::{Located, SegmentEntry, SegmentState, address, number};
use std::fmt::Write;

/// The bits of an address: those of x86 with the flat model.
fn bits(model: Model) -> u32 {
    match model {
        Model::Flat => 32,
        _ => 63,
    }
}

/// A segment of the flat model.
const FLAT: SegmentEntry = SegmentEntry {
    base: 0,
    limit: 1 << 32,
    rights: crate::trace::model::event::Protection {
        read: true,
        write: true,
        execute: true,
    },
};

/// Translates the addresses. Returns what is printed.
pub fn translated(args: &TranslateArgs, model: Model) -> Result<String, Failure> {
    let kind = match args.ifetch {
        true => Kind::Ifetch,
        false => Kind::Read,
    };
    let state = state(args, model)?;
    let mut out = String::new();
    match model {
        Model::Segmentation | Model::SegmentedPaging => {
            for text in &args.addresses {
                let (segment, offset) = address(text).map_err(Failure::usage)?;
                by_table(&mut out, &state, (segment, offset), (kind, model))?;
            }
        }
        Model::BaseLimit => {
            for text in &args.addresses {
                let offset = number(text).map_err(Failure::usage)?;
                by_table(&mut out, &state, (0, offset), (kind, model))?;
            }
        }
        Model::Physical => {
            for text in &args.addresses {
                let place = number(text).map_err(Failure::usage)?;
                let _ = writeln!(out, "{text}: physical address {place}, as it is");
            }
        }
        Model::Flat => flat(&mut out, args, &state, kind)?,
        Model::Paging => {
            return Err(Failure::usage("--model paging: leave --model out"));
        }
    }
    Ok(out)
}

/// Reads the state, which only physical and flat addresses do not need.
fn state(args: &TranslateArgs, model: Model) -> Result<SegmentState, Failure> {
    let Some(path) = &args.state else {
        if matches!(model, Model::Physical | Model::Flat) {
            return SegmentState::parse("", bits(model)).map_err(|e| Failure::usage(e.to_string()));
        }
        let what = format!(
            "--model {} needs --state FILE, with lines such as: segment 2 base=4300 limit=400 rw-",
            model.name()
        );
        return Err(Failure::usage(what));
    };
    let text = std::fs::read_to_string(path).map_err(|e| Failure::unreadable(path, e))?;
    let wrong =
        |line: usize, what: &str| Failure::usage(format!("{}:{line}: {what}", path.printed()));
    let state = SegmentState::parse(&text, bits(model)).map_err(|e| wrong(e.line, &e.what))?;
    let is_code = |line: &str| !line.split('#').next().unwrap_or_default().trim().is_empty();
    if model != Model::Flat
        && let Some(at) = state.rest.lines().position(is_code)
    {
        let form = "write segment 2 base=4300 limit=400 rw-, page BYTES, pte 2:VPN PPN";
        return Err(wrong(at + 1, form));
    }
    if model == Model::BaseLimit && !state.segments.contains_key(&0) {
        return Err(wrong(
            1,
            "base and limit are those of segment 0: segment 0 base=16384 limit=4096",
        ));
    }
    Ok(state)
}

/// Appends base, limit and whether an offset is inside. Returns where it is, if it is anywhere.
fn look_up(out: &mut String, entry: &SegmentEntry, offset: u64, kind: Kind) -> Option<u64> {
    let SegmentEntry {
        base,
        limit,
        rights,
    } = entry;
    let _ = writeln!(out, "  base {base}, limit {limit}, {rights}");
    match entry.locate(offset, kind) {
        Located::At(at) => {
            let _ = writeln!(out, "  offset {offset} < limit {limit}: inside");
            Some(at)
        }
        Located::Outside => {
            let _ = writeln!(
                out,
                "  offset {offset} >= limit {limit}: outside: segmentation fault, a trap"
            );
            None
        }
        Located::Forbidden => {
            let letter = kind.letter();
            let _ = writeln!(
                out,
                "  {letter} is not among the rights {rights}: protection fault"
            );
            None
        }
    }
}

fn by_table(
    out: &mut String,
    state: &SegmentState,
    (segment, offset): (u64, u64),
    (kind, model): (Kind, Model),
) -> Result<(), Failure> {
    let entry = state.find(segment).map_err(Failure::usage)?;
    let _ = match model {
        Model::BaseLimit => writeln!(out, "\n{offset}:"),
        _ => writeln!(
            out,
            "\n{segment}:{offset}: segment {segment}, offset {offset}"
        ),
    };
    let paged = model == Model::SegmentedPaging;
    let Some(at) = look_up(out, entry, offset, kind) else {
        return Ok(());
    };
    if !paged {
        let _ = writeln!(out, "  physical address {} + {offset} = {at}", entry.base);
        return Ok(());
    }
    let (page, within, frame) = state.page_of(segment, offset);
    let _ = writeln!(
        out,
        "  page table of segment {segment}: page {page}, offset {within}"
    );
    let _ = match frame {
        None => writeln!(out, "  page {page} is not present: page fault"),
        Some(frame) => {
            let physical = u128::from(frame) * u128::from(state.page) + u128::from(within);
            writeln!(
                out,
                "  frame {frame}, physical address {physical} ({physical:#x})"
            )
        }
    };
    Ok(())
}

/// Appends the way of flat addresses: selector and offset, linear address, page table.
fn flat(
    out: &mut String,
    args: &TranslateArgs,
    state: &SegmentState,
    kind: Kind,
) -> Result<(), Failure> {
    let has_pages = state
        .rest
        .lines()
        .any(|line| line.trim_start().starts_with("bits"));
    let translator = match &args.state {
        Some(path) if has_pages => with_state(args, path, &state.rest)?,
        _ => {
            let layout = args.layout.clone().or(Some("two-level".into()));
            without_state(args, layout.as_deref())?
        }
    };
    if translator.layout.address_bits() != 32 {
        return Err(Failure::usage(format!(
            "--model flat is that of 32-bit x86: the layout {} has {} bits; take --layout two-level",
            translator.layout.name,
            translator.layout.address_bits()
        )));
    }
    let mut linear = Vec::new();
    let mut heads = Vec::new();
    for text in &args.addresses {
        let (selector, offset) = address(text).map_err(Failure::usage)?;
        let index = selector / 8;
        let mut head = String::new();
        let _ = writeln!(
            head,
            "\n{text}: selector {selector:#x}, index {index}, offset {offset:#x}"
        );
        let entry = match state.segments.is_empty() {
            true => FLAT,
            false => *state.find(index).map_err(Failure::usage)?,
        };
        let at = match index {
            0 if !state.segments.contains_key(&0) => {
                let _ = writeln!(head, "  the null selector: general protection fault");
                None
            }
            _ => look_up(&mut head, &entry, offset, kind),
        };
        if let Some(at) = at {
            let same = if entry.base == 0 {
                ", as the offset"
            } else {
                ""
            };
            let _ = writeln!(head, "  linear address {at:#x}{same}");
            linear.push(at);
        }
        heads.push((head, at.is_some()));
    }
    let steps = translator
        .run(&linear, args.ifetch)
        .map_err(Failure::usage)?;
    let mut steps = steps.iter();
    out.push_str(&heading(&translator));
    for (head, goes_on) in heads {
        out.push_str(&head);
        if goes_on && let Some(step) = steps.next() {
            show(out, step);
        }
    }
    Ok(())
}
