//! The whole machine a second time, from the text of a trace to its counts: address spaces, pages,
//! frames, swap and files, as the guide and Linux have them.
//!
//! Written from the guide, from the definitions of the columns and from what Linux does, by somebody
//! who had not seen the program. Nothing of the crate is used: `lines` reads the plain format by itself.
//! An address space is a list of mappings and a list of page-table entries, memory is a vector of
//! frames, and everything is found by looking through all of it. Not modelled: TLBs, pages other than
//! those of 4 KiB, frames for each process, and policies other than those of `replacement`.

mod end;
mod events;
mod faults;
mod files;
pub mod lines;
mod machine;
mod replacement;
mod space;

pub use lines::{Line, parse};
use machine::Stop;
pub use machine::{Counts, Machine, OnSegfault, Refused, Settings};

/// Replays a trace. Errors if the trace cannot be, whatever the memory.
pub fn replay(text: &str, settings: &Settings) -> Result<Counts, Refused> {
    let unlimited = Settings {
        swap_slots: None,
        ..settings.clone()
    };
    let counts = replay_until_full(text, &unlimited)?;
    match settings.swap_slots {
        None => Ok(counts),
        Some(_) => replay_until_full(text, settings),
    }
}

fn replay_until_full(text: &str, settings: &Settings) -> Result<Counts, Refused> {
    let lines = parse(text);
    let has_mappings = lines
        .iter()
        .any(|line| matches!(line, Line::Map(_) | Line::Brk { .. }));
    let mut machine = Machine::new(settings, has_mappings);
    for line in &lines {
        match machine.step(line) {
            Ok(()) => {}
            Err(Stop::Refused(why)) => return Err(why),
            Err(Stop::SwapFull) => {
                machine.counts.swap_full = true;
                return Ok(machine.end());
            }
        }
    }
    Ok(machine.end())
}
