//! Lists of single pages at a position: the entries of a process, and the frames with their pages.

use super::picture::{Picture, Place};
use crate::cli::setup::terminal::Align::{Left, Right};
use crate::cli::setup::terminal::table;
use crate::space::{Binding, NONE, ProcessView};
use crate::vm::PageState;
use std::fmt::Write;

/// The most frames that are listed without `--list-frames`.
pub const FRAMES_SHOWN: usize = 64;

fn mark(set: bool, word: &str) -> String {
    if set { word } else { "-" }.to_owned()
}

/// Appends every entry of a process that is bound to a page.
pub fn entries(out: &mut String, picture: &Picture<'_>, process: &ProcessView) {
    if process.bound.is_empty() {
        return;
    }
    let titles = [
        ("page", Left),
        ("state", Left),
        ("slot", Right),
        ("binding", Left),
        ("owners", Right),
        ("dirty", Left),
        ("ref", Left),
    ];
    let mut lines = Vec::new();
    for &(number, entry, object, binding) in &process.bound {
        let place = picture.place(object);
        let (state, (dirty, referenced)) = match place {
            Place::Frame(frame) => {
                let present = picture.snapshot.present[entry as usize];
                let absent = if present { "" } else { ", not in this table" };
                let bits = picture.snapshot.bits[frame as usize];
                let bits = (bits.dirty, bits.referenced);
                (format!("frame {frame}{absent}"), bits)
            }
            Place::Slot(_) => ("swapped".to_owned(), (false, false)),
            Place::Dropped => ("dropped".to_owned(), (false, false)),
            Place::NeverLoaded => ("never loaded".to_owned(), (false, false)),
        };
        let slot = picture.snapshot.slots[object as usize];
        lines.push(vec![
            picture.address(number),
            state,
            slot.map_or("-".to_owned(), |slot| slot.to_string()),
            bound_how(binding).to_owned(),
            picture.view.owners[object as usize].to_string(),
            mark(dirty, "dirty"),
            mark(referenced, "ref"),
        ]);
    }
    out.push('\n');
    table(out, "  ", &titles, lines);
}

fn bound_how(binding: Binding) -> &'static str {
    match binding {
        Binding::Private => "private",
        Binding::Cow => "cow",
        Binding::CowFile => "cow file",
        Binding::Shared => "shared",
    }
}

/// Appends every frame: its bits, and the entries that are bound to the page in it.
pub fn frames(out: &mut String, picture: &Picture<'_>) {
    let frames = picture.snapshot.bits.len();
    let mut object_in = vec![NONE; frames];
    for (object, state) in (0..).zip(&picture.snapshot.objects) {
        if let PageState::Resident(frame) = state {
            object_in[*frame as usize] = object;
        }
    }
    let mut pages_in = vec![Vec::new(); frames];
    for process in &picture.view.processes {
        let pid = picture.pid(process.process);
        for &(number, entry, object, _) in &process.bound {
            if let Place::Frame(frame) = picture.place(object) {
                let page = format!("{pid}:{}", picture.address(number));
                let present = picture.snapshot.present[entry as usize];
                let page = if present { page } else { format!("({page})") };
                pages_in[frame as usize].push(page);
            }
        }
    }
    for (object, page) in &picture.view.unowned {
        if let Place::Frame(frame) = picture.place(*object) {
            pages_in[frame as usize].push(format!("[{page}]"));
        }
    }
    let titles = [
        ("frame", Right),
        ("dirty", Left),
        ("ref", Left),
        ("pages", Left),
    ];
    let each = object_in.iter().zip(&pages_in).enumerate();
    let lines = each.map(|(frame, (&object, pages))| {
        let bits = picture.snapshot.bits[frame];
        match object {
            NONE => [&frame.to_string(), "-", "-", "free"]
                .map(str::to_owned)
                .to_vec(),
            _ => vec![
                frame.to_string(),
                mark(bits.dirty, "dirty"),
                mark(bits.referenced, "ref"),
                pages.join(" "),
            ],
        }
    });
    let _ = writeln!(
        out,
        "\nframes, with the pages pid:address of what is in each; (in parentheses) if not in that page table{}",
        match picture.view.unowned.is_empty() {
            true => "",
            false => ", [in brackets] a page of a file or of shared memory that no process has",
        }
    );
    table(out, "  ", &titles, lines);
}
