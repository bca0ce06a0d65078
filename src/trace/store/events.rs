//! The events of a `.pbt`: lines of text, each with the position and the process id of an event.
//!
//! Knows neither the columns that hold the text nor what the event itself is written as (see
//! `format::event_text`), nor whether events make sense.

use crate::trace::dense::Dictionary;
use crate::trace::event::EventAt;
use crate::trace::format::event_text;
use crate::trace::format::number::{decimal, word};
use crate::trace::record::Addressing;
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::io::Write;

/// The text of all events; empty if there are none.
pub fn encode(events: &[EventAt], dictionary: &Dictionary) -> Vec<u8> {
    let mut text = Vec::new();
    for event in events {
        let told = event.told(dictionary, 0);
        let line = writeln!(text, "{} {} {}", event.position, told.pid, told.event);
        line.expect("memory takes everything");
    }
    text
}

/// The events that a text says, for a trace of so many references. Nothing is assumed of the text;
/// errors say which of its lines breaks which rule.
pub fn decode(
    text: &[u8],
    dictionary: &Dictionary,
    addressing: Addressing,
    refs: u64,
) -> Result<Vec<EventAt>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let Some(text) = text.strip_suffix(b"\n") else {
        return Err("the events are cut short".into());
    };
    let pids = dictionary.pids.iter().zip(0..);
    let processes: FxHashMap<u32, u32> = pids.map(|(&pid, process)| (pid, process)).collect();
    if processes.len() != dictionary.pids.len() {
        return Err("two processes have the same id".into());
    }
    let mut events: Vec<EventAt> = Vec::new();
    for (line, number) in text.split(|&b| b == b'\n').zip(1..) {
        let earliest = events.last().map_or(0, |event| event.position);
        let event = event(line, &processes, addressing)
            .and_then(|event| match event.position {
                position if position < earliest => Err("it stands before the one before it".into()),
                position if position > refs => Err("it stands behind the end of the trace".into()),
                _ => Ok(event),
            })
            .map_err(|what| format!("event {number} is corrupt: {what}"))?;
        events.push(event);
    }
    Ok(events)
}

/// One line, without its end. `processes` are by id.
fn event(
    line: &[u8],
    processes: &FxHashMap<u32, u32>,
    addressing: Addressing,
) -> Result<EventAt, Cow<'static, str>> {
    let process = |pid: u64| {
        let known = u32::try_from(pid).ok().and_then(|pid| processes.get(&pid));
        known.copied().ok_or("its process is unknown")
    };
    let (position, rest) = word(line);
    let (pid, rest) = word(rest);
    let position = decimal(position).map_err(|_| "its position is no number")?;
    let pid = decimal(pid).map_err(|_| "its process id is no number")?;
    let parsed = event_text::parse(rest, addressing)?;
    let mut event = parsed.ok_or("its kind is unknown")?;
    if let Some(child) = event.child_mut() {
        *child = process(u64::from(*child))?;
    }
    Ok(EventAt {
        position,
        process: process(pid)?,
        event,
        line: 0,
    })
}
