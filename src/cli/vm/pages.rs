//! Lists of single pages at a position: the entries of a process, and the frames with what is in
//! them. Does not know mappings.

use super::at::Picture;
use crate::report::table::columns;
use crate::space::{Binding, NONE, ObjectId, ProcessView};
use crate::vm::PageState;
use std::fmt::Write;

/// So many frames are shown unasked.
pub const FRAMES_SHOWN: usize = 64;

/// Where a page is that an entry is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In this frame.
    Frame(u32),
    /// Only in this slot of the swap device.
    Slot(u32),
    /// It left memory and has no slot.
    Dropped,
    /// It never came in: full swap ended the replay before.
    NeverLoaded,
}

impl Picture<'_> {
    /// Where an object is.
    pub fn place(&self, object: ObjectId) -> Place {
        match self.snapshot.objects[object as usize] {
            PageState::Resident(frame) => Place::Frame(frame),
            PageState::Swapped(slot) => Place::Slot(slot),
            PageState::Dropped => Place::Dropped,
            PageState::Unallocated => Place::NeverLoaded,
        }
    }

    /// The frames in use, in ascending order.
    pub fn taken(&self) -> Vec<usize> {
        let objects = self.snapshot.objects.iter();
        let mut taken: Vec<usize> = objects
            .filter_map(|state| match state {
                PageState::Resident(frame) => Some(*frame as usize),
                _ => None,
            })
            .collect();
        taken.sort_unstable();
        taken
    }
}

fn titles<const N: usize>(titles: [&str; N]) -> Vec<String> {
    titles.map(str::to_owned).to_vec()
}

fn mark(set: bool, word: &str) -> String {
    if set { word } else { "-" }.to_owned()
}

/// Every entry of a process that is bound to something.
pub fn entries(out: &mut String, picture: &Picture<'_>, process: &ProcessView) {
    if process.bound.is_empty() {
        return;
    }
    let mut lines = vec![titles([
        "page", "state", "slot", "binding", "owners", "dirty", "ref",
    ])];
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
    columns(out, "  ", "<<><><<", &lines);
}

fn bound_how(binding: Binding) -> &'static str {
    match binding {
        Binding::Private => "private",
        Binding::Cow => "cow",
        Binding::CowFile => "cow file",
        Binding::Shared => "shared",
    }
}

/// Every frame: its bits, and the entries that are bound to the page in it.
pub fn frames(out: &mut String, picture: &Picture<'_>) {
    let frames = picture.snapshot.bits.len();
    let mut object_in = vec![NONE; frames];
    for (object, state) in (0..).zip(&picture.snapshot.objects) {
        if let PageState::Resident(frame) = state {
            object_in[*frame as usize] = object;
        }
    }
    let mut shown_by = vec![Vec::new(); frames];
    for process in &picture.view.processes {
        let pid = picture.pid(process.process);
        for &(number, entry, object, _) in &process.bound {
            if let Place::Frame(frame) = picture.place(object) {
                let page = format!("{pid}:{}", picture.address(number));
                let present = picture.snapshot.present[entry as usize];
                shown_by[frame as usize].push(match present {
                    true => page,
                    false => format!("({page})"),
                });
            }
        }
    }
    let mut lines = vec![titles(["frame", "dirty", "ref", "pages"])];
    let each = object_in.iter().zip(&shown_by).enumerate();
    lines.extend(each.map(|(frame, (&object, pages))| {
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
    }));
    let _ = writeln!(
        out,
        "\nframes, with the pages pid:address of what is in each; (in parentheses) if not in that page table"
    );
    columns(out, "  ", "><<<", &lines);
}
