//! The events of a `.pbt`: lines of text, each with the position and the process id of an event.
//!
//! Knows neither the columns that hold the text nor the text of an event itself (see
//! `format::event_text`), nor whether events make sense.

use crate::trace::format::event_text;
use crate::trace::format::tokens::{decimal, word};
use crate::trace::model::access::Addressing;
use crate::trace::model::event::EventAt;
use crate::trace::model::refs::Dictionary;
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::io::Write;

/// Returns the text of all events; empty if there are none.
pub fn encode(events: &[EventAt], dictionary: &Dictionary) -> Vec<u8> {
    let mut text = Vec::new();
    for event in events {
        let (pid, stated) = event.with_pids(&dictionary.pids);
        let line = writeln!(text, "{} {pid} {stated}", event.position);
        line.expect("memory takes everything");
    }
    text
}

/// Parses the events of a trace of `refs` references. Any text may be passed. Errors name the line and
/// the rule that it breaks.
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

/// Parses one line, without its end. `processes` maps process ids to indices.
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
    let mut event = parsed.ok_or("its kind is unknown; a newer pagebench may read it")?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::model::event::Event;

    const GOOD: &str = "0 5 map 1000 8192 rw- shared name=a\n1 5 move 1000 8192 9000 4096 fixed\n\
                        1 5 populate 9000 1 write\n2 5 read 4 0 9\n2 5 length 4 0\n2 5 unlink 4\n\
                        3 5 vfork 9\n3 9 exec\n7 5 exit\n";

    fn decode_for(pids: &[u32], text: &[u8]) -> Result<Vec<EventAt>, String> {
        let dictionary = Dictionary {
            pids: pids.to_vec(),
            pages: Vec::new(),
        };
        let events = decode(text, &dictionary, Addressing::Bytes, 7)?;
        let again = encode(&events, &dictionary);
        assert_eq!(
            decode(&again, &dictionary, Addressing::Bytes, 7).as_ref(),
            Ok(&events)
        );
        Ok(events)
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let events = decode_for(&[5, 9], GOOD.as_bytes()).unwrap();
        assert_eq!(events[6].event, Event::Vfork { child: 1 });
        let at: Vec<_> = events.iter().map(|e| (e.position, e.process)).collect();
        assert_eq!(at[5..], [(2, 0), (3, 0), (3, 1), (7, 0)]);
        assert_eq!(decode_for(&[], b""), Ok(Vec::new()));
    }

    #[test]
    fn every_rule_that_is_broken_is_named() {
        for (text, what) in [
            ("0 5 exec", "cut short"),
            ("\n", "event 1 is corrupt: its position is no number"),
            ("0 5 exec\n\n", "event 2 is corrupt: its position"),
            ("-1 5 exec\n", "its position"),
            ("1\n", "its process id is no number"),
            ("1 5\n", "its kind is unknown"),
            ("1 5 R 1000\n", "its kind is unknown; a newer pagebench may"),
            ("1 6 exec\n", "its process is unknown"),
            ("1 4294967301 exec\n", "its process is unknown"),
            ("1 5 fork 6\n", "its process is unknown"),
            ("1 5 vfork 6\n", "its process is unknown"),
            (
                "2 5 exec\n1 5 exit\n",
                "event 2 is corrupt: it stands before the one before",
            ),
            ("8 5 exec\n", "it stands behind the end"),
            ("1 5 unmap 1000 0\n", "the length is 0"),
            ("1 5 exec 1\n", "unexpected `1`"),
        ] {
            let error = decode_for(&[5, 9], text.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{text:?}: {error}");
        }
        let error = decode_for(&[5, 5], GOOD.as_bytes()).unwrap_err();
        assert!(error.contains("the same id"), "{error}");
        let ids = decode(GOOD.as_bytes(), &Dictionary::default(), Addressing::Ids, 7);
        assert!(ids.unwrap_err().contains("page ids"));
    }

    /// Texts that no checksum has kept away.
    #[test]
    fn no_change_of_the_text_panics() {
        let good = GOOD.as_bytes();
        for at in 0..good.len() {
            for byte in *b" \n\x000-=,5fx\xff" {
                let mut text = good.to_vec();
                text[at] = byte;
                let _ = decode_for(&[5, 9], &text);
                text.truncate(at + 1);
                let _ = decode_for(&[5, 9], &text);
            }
            let mut text = good.to_vec();
            text.remove(at);
            let _ = decode_for(&[5, 9], &text);
        }
    }
}
