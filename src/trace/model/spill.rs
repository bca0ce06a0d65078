//! A sink that keeps a stream in memory while it fits, and in a temporary file from then on. The file is
//! a `.pbt` without a name: it goes with the program, however that ends.

use super::collector::Collector;
use super::dense::Trace;
use super::event::{Event, EventAt};
use super::refs::{Dictionary, KindCode, Meta, Ref, References};
use super::sink::Sink;
use crate::trace::TraceError;
use crate::trace::store::{Store, Writer};
use std::io::{self, BufWriter};
use tempfile::NamedTempFile;

/// Memory that one reference takes in a replay, in bytes.
const REFERENCE_BYTES: u64 = 8;
/// The zstd level of the file: fast, since the user waits.
const LEVEL: i32 = 1;

/// A [`Sink`] that takes bounded memory.
#[derive(Default)]
pub struct Spill {
    /// What is in memory: all of it, or after a spill the events only.
    collector: Collector,
    /// Memory for references and events, in bytes; `None` for no limit.
    limit: Option<u64>,
    /// Bytes that the events take.
    event_bytes: u64,
    file: Option<Writer<BufWriter<NamedTempFile>>>,
    failed: Option<io::Error>,
}

/// A stream that was kept.
pub enum Kept {
    /// In memory.
    InMemory(Box<Trace>),
    /// In a temporary file. The events are those of the file, with their lines.
    InFile(Box<Store>, Vec<EventAt>),
}

impl Sink for Spill {
    fn references(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        if let Some(file) = &mut self.file {
            return file.references(refs, kinds);
        }
        self.collector.references(refs, kinds);
        self.spill_if_full();
    }

    fn event(&mut self, event: EventAt) {
        if let Some(file) = &mut self.file {
            Sink::event(file, event.clone());
        }
        self.event_bytes += bytes_of(&event);
        self.collector.event(event);
        self.spill_if_full();
    }

    fn wants_more(&self) -> bool {
        self.failed.is_none() && self.file.as_ref().is_none_or(Sink::wants_more)
    }
}

impl Spill {
    /// Creates a sink that keeps `limit` bytes of references and events in memory; all with `None`.
    pub fn new(limit: Option<u64>) -> Spill {
        Spill {
            limit,
            ..Spill::default()
        }
    }

    #[inline]
    fn spill_if_full(&mut self) {
        let references = self.collector.references.len() as u64 * REFERENCE_BYTES;
        let is_full = |limit| references + self.event_bytes > limit;
        if self.file.is_none() && self.failed.is_none() && self.limit.is_some_and(is_full) {
            self.failed = self.spill().err();
        }
    }

    /// Begins the file with what is in memory. The references are no longer there then.
    #[cold]
    fn spill(&mut self) -> io::Result<()> {
        let out = BufWriter::with_capacity(1 << 18, NamedTempFile::new()?);
        let mut writer = Writer::new(out, LEVEL)?;
        let References { refs, kinds } = std::mem::take(&mut self.collector.references);
        let mut from = 0;
        for event in &self.collector.events {
            let to = event.position as usize;
            writer.push_all(&refs[from..to], &kinds[from..to])?;
            writer.event(event.clone());
            from = to;
        }
        writer.push_all(&refs[from..], &kinds[from..])?;
        self.file = Some(writer);
        Ok(())
    }

    /// Returns what was kept.
    ///
    /// # Errors
    /// Errors if the file could not be written, or cannot be read.
    pub fn finish(self, meta: Meta, dictionary: Dictionary) -> Result<Kept, TraceError> {
        if let Some(error) = self.failed {
            return Err(cannot_spill(error));
        }
        let Some(writer) = self.file else {
            let trace = self.collector.into_trace(meta, dictionary);
            return Ok(Kept::InMemory(Box::new(trace)));
        };
        let (out, _) = writer.finish(&meta, &dictionary).map_err(cannot_spill)?;
        let file = out.into_inner().map_err(|e| cannot_spill(e.into_error()))?;
        // The store holds the file open; its name goes here.
        let store = Store::open(file.path())?;
        Ok(Kept::InFile(Box::new(store), self.collector.events))
    }
}

fn cannot_spill(error: io::Error) -> TraceError {
    let what =
        "the trace does not fit into memory, and cannot be kept in the folder of temporary files";
    TraceError::io(&std::env::temp_dir(), what, error)
        .help("raise --mem-limit, or name a folder with more room by TMPDIR")
}

/// Returns about how many bytes an event takes: in memory, and once more in the writer of the file.
fn bytes_of(event: &EventAt) -> u64 {
    let more = match &event.event {
        Event::Map(mapping) => size_of_val(&**mapping) + mapping.name.len() + 32,
        Event::Move(moves) => size_of_val(&**moves) + 16,
        _ => 0,
    };
    2 * (size_of::<EventAt>() + more) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::model::access::{Addressing, TraceKind};
    use crate::trace::model::refs::{PageKey, pack};
    use crate::units::PageSize;

    /// Feeds 3000 references in pieces, with an event before each piece.
    fn fed(limit: Option<u64>) -> Kept {
        let mut spill = Spill::new(limit);
        for piece in 0..30u64 {
            spill.event(EventAt {
                position: piece * 100,
                process: 0,
                event: Event::Brk {
                    end: (piece + 1) << 12,
                },
                line: piece + 1,
            });
            let refs: Vec<Ref> = (0..100)
                .map(|at| pack((piece as u32 * at) % 97, false))
                .collect();
            spill.references(&refs, &[1; 100]);
        }
        let meta = Meta {
            name: "t".into(),
            format: "plain".into(),
            kind: TraceKind::Full,
            addressing: Addressing::Bytes,
            page_size: PageSize::DEFAULT,
            skipped: 0,
        };
        let pages = (0..97).map(|number| PageKey { process: 0, number });
        let dictionary = Dictionary {
            pids: vec![7],
            pages: pages.collect(),
        };
        spill.finish(meta, dictionary).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_the_same_in_a_file() {
        let Kept::InMemory(whole) = fed(None) else {
            panic!("without limit")
        };
        assert!(matches!(fed(Some(1 << 20)), Kept::InMemory(_)));
        for limit in [0, 5000, 20_000] {
            let Kept::InFile(store, events) = fed(Some(limit)) else {
                panic!("{limit}: 3000 references and 30 events take more")
            };
            assert!(!store.path().exists(), "the file has no name");
            assert_eq!(events, whole.events, "with their lines");
            let loaded = Trace::load(*store).unwrap();
            assert_eq!(loaded.digest(), whole.digest());
            assert_eq!(loaded.len(), 3000);
        }
    }
}
